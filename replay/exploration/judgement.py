"""What must hold while a case is carried out, and what breaks it.

At every moment each member has a row, and the greatest of a reader's rows never moves back. At quiet the table is what
the applied messages say. Rules from outside hold when they say so. The first rule broken ends the case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from replay.checks.oracle import Oracle
from replay.exploration.limits import LIMITS, REMOVED, Limits
from replay.exploration.outcome import Broken
from replay.exploration.situations import seen_at_quiet
from replay.rows.keys import GROUP_PREFIX, membership_of
from replay.rows.reading import value_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from replay.checks.oracle import Finding
    from replay.checks.store import Store
    from replay.event_source.records import StreamRecord
    from replay.exploration.case import Case
    from replay.exploration.handler import NextCall
    from replay.exploration.invariants import Moment
    from replay.exploration.outcome import Execution, Manner
    from replay.exploration.story import Storyteller
    from replay.exploration.torn import View
    from replay.rows.reading import Item, Value
    from replay.rows.said import Said
    from replay.tables.memory import Address, Change


class Stop(Exception):
    """Something is broken: the rest of the history would only repeat it."""


class Judgement:
    """Knows what the table must hold; `said` is what each record of the case says, by its sequence number.

    Every method that looks at the table raises `Stop` where something is broken that may not be.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that it works with
        self,
        store: Store,
        case: Case,
        said: Mapping[str, Said | None],
        manner: Manner,
        execution: Execution,
        story: Storyteller | None,
    ) -> None:
        self._store = store
        self._said = said
        self._ignored = manner.ignored
        self._watch = manner.watch
        self._execution = execution
        self._story = story
        self._oracle = Oracle()
        self._limits = Limits(case, store, said, self._members)
        self.is_watching = self._limits.is_watching
        """Whether calls must be told."""
        self._greatest: dict[tuple[str, str], Value] = {}
        self._groups_of: dict[str, set[str]] = {}

    # What happens.

    def row_put(self, item: Item) -> None:
        """Take note of a row that the application put."""
        self._oracle.row_put(item)

    def began_with(self, item: Item) -> None:
        """Take note of a row that is there before the first delivery."""
        self.row_put(item)
        membership = membership_of(item)
        if membership is not None:
            group, member = membership
            value = value_of(item)
            self._greatest[membership] = max(value, self._greatest.get(membership, value))
            self._groups_of.setdefault(member, set()).add(group)

    def attribute_set(self, group: str, member: str, name: str, value: Mapping[str, str]) -> None:
        """Take note of another owner's update."""
        self._oracle.attribute_set(group, member, name, value)

    def member_left(self, group: str, member: str) -> None:
        """Take note that the application removed a member's rows for good."""
        self._oracle.member_left(group, member)
        del self._greatest[group, member]
        self._limits.member_left(group, member)

    def joined(self, item: Item, group: str, member: str) -> None:
        """Take note of a row that the application put during the history."""
        self.began_with(item)
        self._limits.joined(group, member)

    def message_removed(self, item: Item) -> None:
        """Take note that the application removed a message."""
        self._execution.situations["message removed"] += 1
        self._oracle.message_removed((item["pk"]["S"], item["sk"]["S"]))
        self._limits.message_removed(item)

    def invocation_began(self, invocation: int, records: Iterable[StreamRecord]) -> None:
        """Take note of an invocation and its batch."""
        self._limits.began(invocation, records)

    def called(self, invocation: int, call: NextCall, how: str, torn: View | None, changes: Sequence[Change]) -> None:
        """Look at what a call has shown to its invocation, or changed."""
        self._limits.called(invocation, call, how, torn, changes)

    def invocation_ended(self, invocation: int, counted: Iterable[StreamRecord]) -> None:
        """Take note of the end of an invocation, and of the records that the event source takes for applied by it."""
        self._limits.ended(invocation, counted)

    # What must hold.

    def has(self, group: str, member: str) -> bool:
        """Whether a member should have a row of a group: they had one, and have not left."""
        return (group, member) in self._greatest

    def rows(self, group: str, member: str) -> list[Item]:
        """Read a member's rows of a group."""
        return [item for item in self._store.partition(GROUP_PREFIX + member) if membership_of(item) == (group, member)]

    def look_at_members(self, touches: Sequence[Address]) -> None:
        """Look at the members whom a write touched."""
        members = {address[0].removeprefix(GROUP_PREFIX) for address in touches if address[0].startswith(GROUP_PREFIX)}
        for member in members:
            for group in self._groups_of.get(member, ()):
                if self.has(group, member):
                    self._look_at_member(group, member)

    def _look_at_member(self, group: str, member: str) -> None:
        rows = self.rows(group, member)
        if not rows:
            self.broke("a member always has a row", f"{member} has none of {group}")
            return
        before, now = self._greatest[group, member], max(map(value_of, rows))
        if now < before:
            shown = f"{before[1].isoformat()} {before[2]!r} to {now[1].isoformat()} {now[2]!r}"
            self.broke("a list never moves back", f"{member}'s row of {group} went from {shown}")
        self._greatest[group, member] = now

    def at_quiet(self, succeeded: Collection[str]) -> None:
        """Compare with what was applied: a discarded record may have been applied or not."""
        for text, said in self._said.items():
            if said is not None:
                self._oracle.said(said if text in succeeded else replace(said, delivery=-1))
        rows = list(self._store.scan())
        situations = self._execution.situations
        situations.update(seen_at_quiet(rows, self._said.values()))
        left: list[Finding] = []
        for finding in self._oracle.judge(rows):
            limit = self._limits.explains(finding, self._oracle)
            if limit is None:
                left.append(finding)
            else:
                situations[limit] += 1
                self._execution.limited += 1
        situations[REMOVED] += self._limits.texts_left(rows)
        situations["stated limit"] += any(situations[limit] for limit in LIMITS)
        self._found(left, "with faults")

    def everything_is_owed(self) -> None:
        """From now on every message counts as applied."""
        for said in self._said.values():
            if said is not None:
                self._oracle.said(said)

    def at_calm(self) -> None:
        """Compare with what every message says, without exception."""
        self._found(self._oracle.judge(self._store.scan()), "after everything was delivered again without faults")

    def ask(self, moment: Moment, delivered: Iterable[StreamRecord]) -> None:
        """Hold the table to rules from outside."""
        if self._watch is not None:
            for rule, text in self._watch.broken(moment, self._store, [record.wire for record in delivered]):
                self.broke(rule, text)

    # What is broken.

    def broke(self, rule: str, text: str) -> None:
        """Take note that a rule is broken, unless it may be."""
        if rule not in self._ignored:
            self._keep(Broken(rule, text))
            raise Stop

    def _found(self, findings: Sequence[Finding], when: str) -> None:
        counted = [finding for finding in findings if finding.kind not in self._ignored]
        for finding in counted:
            due, found = finding.expected or "no row", finding.found or "no row"
            text = f"{finding.member or ''} in {finding.group}: expected {due}, found {found}, {when}"
            self._keep(Broken(finding.kind, text.strip(), finding))
        if counted:
            raise Stop

    def _keep(self, broken: Broken) -> None:
        self._execution.broken.append(broken)
        if self._story:
            self._story.broke(broken.rule, broken.text)

    def _members(self, group: str) -> list[str]:
        return [member for of, member in self._greatest if of == group]
