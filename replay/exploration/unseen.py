"""Members to whom nothing pointed when the index was asked: the precise condition of the function's stated limits.

A member counts as unseen by a batch where no visible index entry, no row reached from there, and no sender of the batch
led to them; where nobody is seen at all, the senders of the group's newest twenty messages are asked too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.checks.reading import value_of
from replay.checks.said import said_by
from stream_processor.message import GroupId, member_id
from stream_processor.table import SENDERS_MESSAGES_MAX, ReadIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from replay.checks.oracle import Finding, Oracle
    from replay.checks.reading import Item, Value
    from replay.checks.world import Store
    from replay.event_source.records import StreamRecord


class Unseen:
    """Takes note of what a batch could not find."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._missed: dict[tuple[str, str], set[Value]] = {}

    def note(self, records: Sequence[StreamRecord], members: Callable[[str], Sequence[str]]) -> None:
        """Look at the index as a batch is about to ask it."""
        if not self._store.waiting():
            return
        batch: dict[str, list[StreamRecord]] = {}
        for record in records:
            said = said_by(record.wire, 0)
            if said is not None:
                batch.setdefault(said.group, []).append(record)
        for group, own in batch.items():
            base = {member: self._rows(group, member) for member in members(group)}
            found = self._found(group, own, base)
            for member in base.keys() - found:
                values = (said_by(record.wire, 0) for record in own)
                self._missed.setdefault((group, member), set()).update(said.value for said in values if said)

    def explains(self, finding: Finding, oracle: Oracle) -> bool:
        """Whether every message that a row lacks was applied while nothing pointed to the row's member."""
        if finding.kind != "behind" or finding.group is None or finding.member is None:
            return False
        rows = self._rows(finding.group, finding.member)
        newer = {value for value in oracle.owed_in(finding.group) if all(value > value_of(item) for item in rows)}
        return newer <= self._missed.get((finding.group, finding.member), set())

    def _found(self, group: str, records: Sequence[StreamRecord], base: Mapping[str, Sequence[Item]]) -> set[str]:
        pointed = {name for record in records for name in _named(record.wire["dynamodb"].get("NewImage", {}))}
        for item in self._store.read(ReadIndex(GroupId(group))).items:
            if item["pk"]["S"].startswith("GRP#"):
                pointed |= {item["pk"]["S"][4:], *_named(item)}
        found = _closure(pointed, base)
        if not found & base.keys():
            newest = self._store.partition(f"MSG#{group}")[-SENDERS_MESSAGES_MAX:]
            found = _closure({name for item in newest for name in _named(item)}, base)
        return found

    def _rows(self, group: str, member: str) -> list[Item]:
        return [
            item
            for item in self._store.partition(f"GRP#{member}")
            if item.get("message_group_uuid", {}).get("S") == group
        ]


def _closure(pointed: set[str], base: Mapping[str, Sequence[Item]]) -> set[str]:
    """Members reached from these by following whom rows name."""
    reached: set[str] = set()
    waiting = set(pointed)
    while waiting:
        member = waiting.pop()
        reached.add(member)
        for item in base.get(member, ()):
            waiting |= _named(item) - reached
    return reached


def _named(item: Item) -> set[str]:
    member = member_id(item.get("user_uuid"))
    return set() if member is None else {str(member)}
