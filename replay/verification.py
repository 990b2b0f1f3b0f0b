"""A real table looked at twice, and mended where that is wanted.

The first look is a scan, eventually consistent and cheap; it may suspect too much. What it suspects is looked at again
after a while, consistently and thoroughly, and counts only if both looks have it: what was under way in between is no
fault. After a repair the same groups are looked at once more.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from replay.checks.audit import Audit, Fault, confirmed
from replay.errors import WrongUse
from replay.repair import Repair
from replay.tables.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from contextlib import AbstractContextManager

    from replay.checks.audit import FaultKind
    from replay.rows.reading import Value
    from replay.tables.messages import MessagesTable

    Bar = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]

MENDED: Final[frozenset[FaultKind]] = frozenset({"behind", "doubled"})
"""What the function mends; it makes no row, moves none back, and respells a key only when its row moves."""
TOLD_EVERY: Final = 1000
"""Rows between two looks at the bar."""
FAILURES_SAID_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at, and what is done: `groups` empty for the whole table, `wait_s` between the looks."""

    groups: tuple[str, ...] = ()
    ignored: frozenset[str] = frozenset()
    wait_s: float = 0.0
    repair: bool = False


@dataclass(slots=True)
class Verified:
    """What came out; `faults` are those that are left."""

    first: Audit
    suspected: int = 0
    """Groups that the second look was for."""
    faults: list[Fault] = field(default_factory=list)
    repaired: list[Fault] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Groups that could not be repaired, and the code of why."""
    moved: int = 0
    removed: int = 0


class Verification:
    """One table under judgement; `bar` shows how far a look is, `sleep` waits seconds."""

    def __init__(
        self, table: MessagesTable, asked: Asked, bar: Bar, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._table = table
        self._asked = asked
        self._bar = bar
        self._sleep = sleep

    def run(self) -> Verified:
        """Look, look again at what is suspected, repair if asked, and look once more.

        Raises:
            WrongUse: a group asked for has neither a message nor a row.
        """
        first = self._asked_groups() if self._asked.groups else self._scanned()
        verified = Verified(first)
        suspicions = self._counted(first.faults())
        if not suspicions:
            return verified
        members = {group: first.members(group) for group in sorted({fault.group for fault in suspicions})}
        verified.suspected = len(members)
        if self._asked.wait_s:
            say(f"{len(members)} groups are suspected; looking again in {self._asked.wait_s:g} s")
            self._sleep(self._asked.wait_s)
        second = self._looked_at("looking again", members, first.newest)
        verified.faults = confirmed(suspicions, self._counted(second.faults()))
        if self._asked.repair:
            self._repair(verified, members, second)
        return verified

    def _scanned(self) -> Audit:
        audit = Audit()
        with self._bar("looking", self._table.approximate_rows or None) as told:
            for done, item in enumerate(self._table.scan()):
                audit.see(item)
                if done % TOLD_EVERY == 0:
                    told(done)
        return audit

    def _asked_groups(self) -> Audit:
        """Find the members of the groups asked for by the index, and look at them."""
        members: dict[str, set[str]] = {}
        for group in self._asked.groups:
            shown = Audit()
            for item in self._table.entries(group):
                shown.see(item)
            members[group] = shown.members(group)
        audit = self._looked_at("looking", members)
        for group in self._asked.groups:
            if not audit.knows(group):
                raise WrongUse(f"table {self._table.name} has no message and no row of group {group}")
        return audit

    def _looked_at(
        self, what: str, members: Mapping[str, Iterable[str]], settled: Mapping[str, Value] | None = None
    ) -> Audit:
        """Look at groups and these of their members, and whoever else turns up.

        All rows come before the messages, so that it is known what fits them.
        """
        look = _Look(self._table, Audit(thorough=True, settled=settled))
        with self._bar(what, 2 * len(members)) as told:
            for done, (group, known) in enumerate(members.items()):
                look.at_members(group, known)
                told(done)
            for done, group in enumerate(members, start=len(members)):
                look.at_messages(group)
                told(done)
        return look.audit

    def _counted(self, faults: Iterable[Fault]) -> list[Fault]:
        """Leave out what is not to be told, and what was not asked for."""
        asked = self._asked
        return [
            fault
            for fault in faults
            if fault.kind not in asked.ignored and (not asked.groups or fault.group in asked.groups)
        ]

    def _repair(self, verified: Verified, members: Mapping[str, Iterable[str]], second: Audit) -> None:
        """Mend what can be, then look again.

        Of the last look counts what was found before, and how lists are ordered now that rows have moved.
        """
        groups = sorted({fault.group for fault in verified.faults if fault.kind in MENDED})
        if not groups:
            return
        repair = Repair(self._table)
        with self._bar("repairing", len(groups)) as told:
            for done, group in enumerate(groups):
                code = _mended(repair, group, second.due(group))
                if code is not None:
                    verified.failed[group] = code
                    _say_failure(group, code, len(verified.failed))
                told(done)
        verified.moved, verified.removed = repair.moved, repair.removed
        third = self._counted(self._looked_at("looking at the end", members, verified.first.newest).faults())
        left = confirmed(verified.faults, third)
        gone = _without(verified.faults, left)
        verified.repaired = [fault for fault in gone if fault.kind in MENDED | {"out-of-order"}]
        verified.faults = left + [fault for fault in _without(third, left) if fault.kind == "out-of-order"]


class _Look:
    """A look at groups by their partitions; each member's is read once."""

    def __init__(self, table: MessagesTable, audit: Audit) -> None:
        self.audit = audit
        self._table = table
        self._read: set[str] = set()

    def at_members(self, group: str, known: Iterable[str]) -> None:
        """Read the rows of a group's members, and of whom these name."""
        waiting = (set(known) | self.audit.members(group)) - self._read
        while waiting:  # ends: whoever turns up is a member, and read once
            self._read |= waiting
            for member in sorted(waiting):
                for item in self._table.rows_of(member):
                    self.audit.see(item)
            waiting = self.audit.members(group) - self._read

    def at_messages(self, group: str) -> None:
        """Read a group's messages, then the rows of their senders."""
        for item in self._table.messages(group):
            self.audit.see(item)
        self.at_members(group, ())


def counts(faults: Iterable[Fault]) -> Counter[str]:
    """Count faults by kind, the most frequent first."""
    return Counter(fault.kind for fault in faults)


def _mended(repair: Repair, group: str, due: Collection[Value]) -> str | None:
    """Mend a group; a refusal is its code, and no reason to stop."""
    try:
        return repair.mend(group, due)
    except ClientError as error:
        return str(error.response.get("Error", {}).get("Code"))


def _say_failure(group: str, code: str, number: int) -> None:
    if number <= FAILURES_SAID_MAX:
        say(f"group {group} is not repaired: {code}")
    elif number == FAILURES_SAID_MAX + 1:
        say("further groups are not repaired either; the report counts them")


def _without(faults: Iterable[Fault], others: Collection[Fault]) -> list[Fault]:
    named = {(fault.kind, fault.group, fault.member) for fault in others}
    return [fault for fault in faults if (fault.kind, fault.group, fault.member) not in named]
