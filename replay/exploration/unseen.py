"""Members to whom nothing pointed when the index was asked: the precise condition of the function's stated limits.

A member counts as unseen by a batch where no visible index entry, no row reached from there, and no sender of the batch
led to them; where nobody is seen at all, the senders of the group's newest twenty messages are asked too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from replay.checks.reached import named, reached
from replay.checks.reading import fits, room, value_of
from stream_processor.message import GroupId
from stream_processor.table import SENDERS_MESSAGES_MAX, ReadIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from replay.checks.oracle import Finding, Oracle, Said
    from replay.checks.reading import Item, Value
    from replay.checks.store import Store
    from replay.event_source.records import StreamRecord


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an invocation had to go by when it asked the index for a group: its messages, and who was pointed to."""

    group: str
    values: set[Value]
    pointed: set[str]


class Unseen:
    """Takes note of what a batch could not find."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._missed: dict[tuple[str, str], set[Value]] = {}
        self._asked: dict[int, list[_Asked]] = {}

    def note(
        self,
        invocation: int,
        told: Iterable[tuple[Said | None, StreamRecord]],
        members: Callable[[str], Sequence[str]],
    ) -> None:
        """Look at the index as an invocation is about to ask it; `told` is its batch, with what each record says."""
        if not self._store.waiting():
            return
        batch: dict[str, set[Value]] = {}
        senders: dict[str, set[str]] = {}
        for said, record in told:
            if said is not None:
                batch.setdefault(said.group, set()).add(said.value)
                senders.setdefault(said.group, set()).update(named(record.wire["dynamodb"].get("NewImage", {})))
        for group, values in batch.items():
            asked = _Asked(group, values, senders[group] | self._shown(group))
            self._asked.setdefault(invocation, []).append(asked)
            self._look(asked, members)

    def member_left(self, members: Callable[[str], Sequence[str]]) -> None:
        """Look again for every invocation at work: whom the leaver's row named, nothing may point to any more."""
        for asked in (each for several in self._asked.values() for each in several):
            self._look(asked, members)

    def ended(self, invocation: int) -> None:
        """Forget what an invocation asked."""
        self._asked.pop(invocation, None)

    def _look(self, asked: _Asked, members: Callable[[str], Sequence[str]]) -> None:
        base = {member: self._rows(asked.group, member) for member in members(asked.group)}
        found = reached(asked.pointed, base)
        if not found & base.keys():
            newest = self._store.partition(f"MSG#{asked.group}")[-SENDERS_MESSAGES_MAX:]
            found = reached({name for item in newest for name in named(item)}, base)
        for member in base.keys() - found:
            self._missed.setdefault((asked.group, member), set()).update(asked.values)

    def _shown(self, group: str) -> set[str]:
        """Owners of the group's index entries, and whom these rows name."""
        pointed: set[str] = set()
        read: ReadIndex | None = ReadIndex(GroupId(group))
        while read:
            page = self._store.read(read)
            for item in page.items:
                if item["pk"]["S"].startswith("GRP#"):
                    pointed |= {item["pk"]["S"][4:], *named(item)}
            read = replace(read, after=page.next) if page.next else None
        return pointed

    def explains(self, finding: Finding, oracle: Oracle) -> bool:
        """Whether every message that a row lacks, and has room for, was applied while nothing pointed to its member."""
        if finding.kind != "behind" or finding.group is None or finding.member is None:
            return False
        rows = self._rows(finding.group, finding.member)
        newer = {
            value
            for value in oracle.owed_in(finding.group)
            if all(value > value_of(item) and fits(item, room(item), value) for item in rows)
        }
        return newer <= self._missed.get((finding.group, finding.member), set())

    def _rows(self, group: str, member: str) -> list[Item]:
        return [
            item
            for item in self._store.partition(f"GRP#{member}")
            if item.get("message_group_uuid", {}).get("S") == group
        ]
