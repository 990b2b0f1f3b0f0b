"""What the function states that it does not do, recognised message by message, attribute by attribute.

Each limit has a precise condition, taken from what an invocation was shown and never from what a handler makes of it: a
handler that falls behind, or loses something, under any other condition is convicted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from replay.exploration.case import TORN_READS
from replay.exploration.overwritten import Overwritten
from replay.exploration.torn import shown
from replay.exploration.unseen import Unseen
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX, membership_of
from replay.rows.reading import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from replay.checks.oracle import Finding, Oracle
    from replay.checks.store import Store
    from replay.event_source.records import StreamRecord
    from replay.exploration.case import Case
    from replay.exploration.handler import NextCall
    from replay.exploration.torn import View
    from replay.rows.keys import Membership
    from replay.rows.reading import Item, Value
    from replay.rows.said import Said
    from replay.tables.memory import Change

UNSEEN: Final = "limit: member not seen"
LATE: Final = "limit: row put late"
NEW_NAME: Final = "limit: attribute of a new name"
REMOVED: Final = "limit: text of a removed message"
FIELDS: Final = frozenset(
    {"pk", "sk", "message_group_uuid", "message", "user_uuid", "user_display_name", "user_handle"}
)
"""What the application writes on every group row: whoever moves a row knows these names."""
LIMITS: Final = (UNSEEN, LATE, NEW_NAME, REMOVED)
"""Each by the name of its situation."""


class Limits:
    """Watches a history for what its case may bring about; `said` is what each record says, by sequence number."""

    def __init__(
        self, case: Case, store: Store, said: Mapping[str, Said | None], members: Callable[[str], Sequence[str]]
    ) -> None:
        self._store = store
        self._said = said
        is_torn = any(fault.kind in TORN_READS for fault in case.faults)
        kinds = {write.kind for write in case.writes}
        names = {write.name for write in case.writes if write.kind == "set"} - FIELDS
        if case.lags or is_torn:  # what is on one of two rows may be on neither for whoever sees half of their merging
            names |= _names_of_doubled(case.rows)
        joins = "join" in kinds
        self._unseen = Unseen(store, members, come_back=joins) if case.lags or joins or is_torn else None
        self._overwritten = Overwritten(store, names, has_pages=case.page_items > 0) if names else None
        self._removed: Counter[tuple[str, Value]] = Counter()
        self._halves: Counter[tuple[int, str]] = Counter()
        """How often an invocation's readings of a partition met half of a transaction."""

    @property
    def is_watching(self) -> bool:
        """Whether the case may come to a limit that depends on what a call shows."""
        return self._unseen is not None or self._overwritten is not None

    # What happens.

    def began(self, invocation: int, records: Iterable[StreamRecord]) -> None:
        """Take note of an invocation and its batch."""
        if self._unseen:
            told = ((self._said[record.text], record.wire["dynamodb"].get("NewImage", {})) for record in records)
            self._unseen.began(invocation, told)

    def called(self, invocation: int, call: NextCall, how: str, torn: View | None, changes: Sequence[Change]) -> None:
        """Look at what a call has shown, or changed; nothing where its answer was lost."""
        if torn is not None and self._unseen:
            self._halves[invocation, call.partition] += 1
            if self._halves[invocation, call.partition] > 1:
                self._unseen.missed(invocation, call.group, call.partition.removeprefix(GROUP_PREFIX))
        if call.kind == "index" and how == "done":
            if self._unseen:
                self._unseen.asked(invocation, call.group)
            if self._overwritten and call.group:
                self._overwritten.asked(invocation, call.group)
        elif self._overwritten and call.kind == "read" and how == "done" and call.partition:
            self._overwritten.read(invocation, call.group, shown(self._store.partition(call.partition), torn))
        elif self._overwritten and call.kind == "write":
            self._overwritten.wrote(invocation, changes)

    def ended(self, invocation: int, counted: Iterable[StreamRecord]) -> None:
        """Forget what an invocation was shown; `counted` are records that the event source takes for applied by it."""
        if self._unseen:
            said = (self._said[record.text] for record in counted)
            self._unseen.ended(invocation, (each for each in said if each is not None))
        if self._overwritten:
            self._overwritten.ended(invocation)

    def member_left(self, group: str, member: str) -> None:
        """Take note that a member's rows are gone."""
        if self._unseen:
            self._unseen.member_left(group, member)

    def joined(self, group: str, member: str) -> None:
        """Take note that a row was put."""
        if self._unseen:
            self._unseen.joined(group, member)

    def message_removed(self, item: Item) -> None:
        """Take note that a message's row is gone."""
        group = item["pk"]["S"].removeprefix(MESSAGE_PREFIX)
        self._removed[group, value_of(item)] += 1
        if self._unseen:
            self._unseen.changed(group)

    # What is explained.

    def explains(self, finding: Finding, oracle: Oracle) -> str | None:
        """Name the limit that explains a finding; an attribute that is lost by one is owed no longer."""
        if self._unseen and self._unseen.explains(finding, oracle):
            return LATE if self._unseen.came_late(finding, oracle) else UNSEEN
        name = self._overwritten.explains(finding) if self._overwritten else None
        if name is not None and finding.group is not None and finding.member is not None:
            oracle.attribute_lost(finding.group, finding.member, name)
            return NEW_NAME
        return None

    def texts_left(self, rows: Iterable[Item]) -> int:
        """Count group rows that show a message of which nothing else is left."""
        if not self._removed:
            return 0
        left = Counter((said.group, said.value) for said in self._said.values() if said is not None)
        gone = {said for said, count in self._removed.items() if count == left[said]}
        found = ((membership_of(item), value_of(item)) for item in rows)
        return sum(membership is not None and (membership[0], value) in gone for membership, value in found)


def _names_of_doubled(rows: Iterable[Item]) -> set[str]:
    """Name what others have set on several rows of one member: where these become one, it gets what it had not."""
    owned: dict[Membership, list[Item]] = defaultdict(list)
    for item in rows:
        membership = membership_of(item)
        if membership is not None:
            owned[membership].append(item)
    return {name for own in owned.values() if len(own) > 1 for item in own for name in item} - FIELDS
