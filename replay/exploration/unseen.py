"""Members to whom nothing pointed when the index was asked: the precise condition of two stated limits.

A member counts as unseen by an invocation where no visible index entry, no row reached from there, and no sender of the
batch led to them (rows are reached only where the index left a reason to read on); where nobody is seen at all, the
senders of the group's newest twenty messages are asked too. Unseen is also a row that was put after the invocation had
asked; by messages that are no newer, one that was put in the place of a newer row that the index still shows; and one
that two readings of the invocation met on its way from one key to another. What a row lacks is explained where every
message of it was applied by invocations that did not see the row, as far as the event source counted their ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from replay.checks.reached import named, reached, senders_of
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX, membership_of
from replay.rows.reading import fits, room, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from replay.checks.oracle import Finding, Oracle
    from replay.checks.store import Store
    from replay.rows.keys import Membership
    from replay.rows.reading import Item, Value
    from replay.rows.said import Said


@dataclass(frozen=True, slots=True)
class _Pointed:
    """To whom the index and the batch led; `is_whole` is whether each of them has exactly one row in the index.

    Then the function has no reason to read on, and rows that only the base table shows lead to nobody.
    """

    members: set[str]
    is_whole: bool


@dataclass(slots=True)
class _Sight:
    """What an invocation had to go by for a group of its batch.

    `there` are members with a row when the index was last asked, or at the beginning; `seen` those of them to whom
    something led, each time it was asked; `pointed` to whom it led each time that the index was behind; `newer` what
    it showed of members whose rows are older than that.
    """

    senders: set[str]
    there: set[str]
    seen: set[str]
    asked: bool = False
    pointed: list[_Pointed] = field(default_factory=list)
    newer: dict[str, Value] = field(default_factory=dict)


class Unseen:
    """Takes note of whom an invocation could find.

    `members` lists those of a group who have a row; `come_back` is whether one may be put in the place of a newer one.
    """

    def __init__(self, store: Store, members: Callable[[str], Sequence[str]], *, come_back: bool) -> None:
        self._store = store
        self._members = members
        self._come_back = come_back
        self._at_work: dict[int, dict[str, _Sight]] = {}
        self._owed: dict[Membership, set[Value]] = defaultdict(set)
        """Messages applied by an invocation that saw the row."""
        self._late: dict[Membership, set[Value]] = defaultdict(set)
        """Messages applied by an invocation for which the row came too late."""
        self._applied: dict[str, set[Value]] = defaultdict(set)

    def began(self, invocation: int, told: Iterable[tuple[Said | None, Item]]) -> None:
        """Take note of an invocation's batch: what each record says, and the message's row."""
        sights: dict[str, _Sight] = {}
        for said, item in told:
            if said is not None:
                if said.group not in sights:
                    there = set(self._members(said.group))
                    sights[said.group] = _Sight(set(), there, set(there))
                sights[said.group].senders.update(named(item))
        self._at_work[invocation] = sights

    def asked(self, invocation: int, group: str) -> None:
        """Look at the index as an invocation was shown it; without a group, for each of its batch."""
        sights = self._at_work[invocation]
        for each in [group] if group in sights else () if group else sights:
            sight = sights[each]
            sight.there = set(self._members(each))
            found = sight.there
            if self._store.waiting():
                sight.pointed.append(self._pointed(each, sight.senders))
                found = self._found(each, sight.pointed[-1])
                if self._come_back:
                    sight.newer.update(self._set_back(each))
            sight.seen = sight.seen & found if sight.asked else set(found)
            sight.asked = True

    def missed(self, invocation: int, group: str, member: str) -> None:
        """Take note that an invocation met a row on its way each time it looked; without a group, a row of each."""
        sights = self._at_work[invocation]
        for each in [group] if group in sights else () if group else sights:
            sights[each].seen.discard(member)

    def changed(self, group: str) -> None:
        """Look again for every invocation at work: what led to somebody may be gone."""
        for sights in self._at_work.values():
            if group in sights:
                for pointed in sights[group].pointed:
                    sights[group].seen &= self._found(group, pointed)

    def joined(self, group: str, member: str) -> None:
        """Take note of a row that was put after what was applied so far."""
        self._late[group, member] |= self._applied[group]
        self.changed(group)

    def member_left(self, group: str, member: str) -> None:
        """Forget a row that is gone; whom it named, nothing may point to any more."""
        self._owed.pop((group, member), None)
        self._late.pop((group, member), None)
        for sights in self._at_work.values():
            if group in sights:
                sights[group].seen.discard(member)
        self.changed(group)

    def ended(self, invocation: int, counted: Iterable[Said]) -> None:
        """Take note of what an invocation applied, as the event source counts it."""
        sights = self._at_work.pop(invocation)
        for said in counted:
            sight = sights[said.group]
            self._applied[said.group].add(said.value)
            for member in self._members(said.group):
                shown = sight.newer.get(member)
                if member not in sight.there or (shown is not None and said.value <= shown):
                    self._late[said.group, member].add(said.value)
                elif member in sight.seen:
                    self._owed[said.group, member].add(said.value)

    def explains(self, finding: Finding, oracle: Oracle) -> bool:
        """Whether every message that a row lacks was applied while nothing pointed to the row, or it was not there."""
        return (
            bool(self._lacking(finding, oracle))
            and not self._lacking(finding, oracle) & self._owed[_membership(finding)]
        )

    def came_late(self, finding: Finding, oracle: Oracle) -> bool:
        """Whether one of the messages that a row lacks was applied before the row was there."""
        return bool(self._lacking(finding, oracle) & self._late[_membership(finding)])

    def _lacking(self, finding: Finding, oracle: Oracle) -> set[Value]:
        if finding.kind != "behind":
            return set()
        group, member = _membership(finding)
        rows = self._rows(group, member)
        return {
            value
            for value in oracle.owed_in(group)
            if all(value > value_of(row) and fits(row, room(row), value) for row in rows)
        }

    def _found(self, group: str, pointed: _Pointed) -> set[str]:
        base = {member: self._rows(group, member) for member in self._members(group)}
        if pointed.is_whole:
            return base.keys() & pointed.members
        found = reached(pointed.members, base)
        if not found & base.keys():
            found = reached(senders_of(self._store.partition(MESSAGE_PREFIX + group)), base)
        return found & base.keys()

    def _pointed(self, group: str, senders: set[str]) -> _Pointed:
        """Say whom the group's index entries and the batch lead to: owners, whom their rows name, and who wrote."""
        rows = [item for item in self._store.indexed(group) if membership_of(item) is not None]
        owners = [item["pk"]["S"].removeprefix(GROUP_PREFIX) for item in rows]
        members = senders.union(owners, *map(named, rows))
        return _Pointed(members, is_whole=bool(owners) and sorted(members) == sorted(owners))

    def _set_back(self, group: str) -> Iterator[tuple[str, Value]]:
        """Find members whom the index shows with a newer row than they have."""
        for item in self._store.indexed(group):
            membership = membership_of(item)
            rows = self._rows(*membership) if membership else []
            if membership and rows and value_of(item) > max(map(value_of, rows)):
                yield membership[1], value_of(item)

    def _rows(self, group: str, member: str) -> list[Item]:
        return [item for item in self._store.partition(GROUP_PREFIX + member) if membership_of(item) == (group, member)]


def _membership(finding: Finding) -> Membership:
    return finding.group or "", finding.member or ""
