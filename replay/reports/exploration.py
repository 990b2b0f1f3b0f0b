"""What an exploration came to, for whoever reports it: figures, and where a case broke, what happened to which row."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from replay.exploration.ground import HANDLER_TIMEOUT_S
from replay.exploration.situations import SITUATIONS
from replay.exploration.story import Called, Delivered, Ended, PhaseBegan, RowChange, Wrote
from replay.reports.reasons import headline, reason
from replay.rows.keys import GROUP_PREFIX, membership_of
from replay.rows.said import said_by
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from replay.checks.oracle import Finding
    from replay.exploration.campaign import BrokenCase, Result
    from replay.exploration.case import Case
    from replay.exploration.outcome import Broken
    from replay.exploration.story import Event
    from replay.rows.reading import Item
    from replay.tables.memory import Address


CASES_FOR_A_RATE: Final = 20
ENDLESS: Final = "an invocation comes to an end"
TEST: Final = """\
def test_the_case_is_right(explore):
    explore({arguments})
"""
"""For pytest, where this package is installed."""

NOT_AGAIN = (
    "a rule was broken, and not when the same case came again: the handler does not do the same on the same input"
)


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was explored and what came of it.

    `about` says it in words. `command` explores the same way, with cases to be named, `given` what the cases of seeds
    are drawn from, if not from nothing; `case_file` holds the smallest broken case, if it was saved. `arguments` are
    those of the pytest fixture that carries out the same; `test` is the pytest line of the test that explored, if one
    did. `is_exhaustive` is every history of one case, that of the seed. Situations in `asked` had to occur. Rules in
    `ignored` were not looked at.
    """

    result: Result
    broken: BrokenCase | None
    about: Mapping[str, str] = field(default_factory=dict)
    command: str = "python -m replay explore"
    given: str = ""
    case_file: str | None = None
    arguments: str = ""
    test: str | None = None
    is_exhaustive: bool = False
    asked: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    def again(self) -> dict[str, str]:
        """Say how to see the broken case once more: what to copy, each under its title."""
        if self.broken is None:
            return {}
        if self.case_file is None:
            return {"on the command line": self.seed_again(self.broken.seed)}
        arguments = ", ".join(filter(None, [self.arguments, f"case={self.case_file!r}"]))
        case_file = shlex.quote(self.case_file)
        return {
            **({"with pytest": f"{self.test} --explore-case {case_file}"} if self.test else {}),
            "on the command line": f"{self.command} --case {case_file}",
            "in a test": TEST.format(arguments=arguments),
        }

    def seed_again(self, seed: int) -> str:
        """Say how to see one seed's case once more."""
        extent = "--exhaustive" if self.is_exhaustive else "--schedules 1"
        return f"{self.command}{self.given} --seed {seed} {extent}"

    @property
    def is_wrong(self) -> bool:
        """Whether a case broke a rule."""
        return self.broken is not None or bool(self.result.broken)

    @property
    def is_right(self) -> bool:
        """Whether no case broke a rule, and everything was explored that was asked for."""
        return not (self.is_wrong or self.result.stopped or self.unreached)

    @property
    def unreached(self) -> tuple[str, ...]:
        """Situations that were asked for and never occurred."""
        return tuple(sorted(name for name in self.asked if not self.result.situations[name]))

    @property
    def situations(self) -> dict[str, int]:
        """How often each situation occurred, those that never did included."""
        return {name: self.result.situations[name] for name in SITUATIONS}

    @property
    def word(self) -> Literal["right", "wrong", "incomplete"]:
        """The verdict in a word."""
        if self.is_wrong:
            return "wrong"
        return "right" if self.is_right else "incomplete"

    @property
    def verdict(self) -> str:
        """The verdict in a sentence."""
        if self.is_wrong:
            rules = sorted(self.broken.execution.rules) if self.broken else ()
            return f"wrong: {'; '.join(map(headline, rules)) or NOT_AGAIN}"
        explored = f"{counted(self.result.cases, 'case')}, no rule broken"
        return f"right: {explored}" if self.is_right else f"incomplete, {self._missing()}: {explored}"

    def _missing(self) -> str:
        stopped = ["stopped early"] if self.result.stopped else []
        return "; ".join(stopped + ([f"never reached: {', '.join(self.unreached)}"] if self.unreached else []))


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One broken rule.

    `culprit` is the call, or the application's write, after which the row is as it is; `changes` are those of
    its rows that the evidence speaks of. `records` are the sequence numbers of the messages that this is about.
    """

    rule: str
    evidence: str
    why: str
    culprit: Called | Wrote | None
    changes: tuple[RowChange, ...]
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """A row as it was after an event: its place in the story, its step, whose it was; no item: it was removed."""

    place: int | None
    step: int
    by: str
    sort_key: str
    item: Item | None


@dataclass(frozen=True, slots=True)
class View:
    """Every version of a member's rows of a group, in order."""

    group: str
    member: str
    versions: tuple[Version, ...]


def anomalies(broken: BrokenCase) -> tuple[Anomaly, ...]:
    """Say for each broken rule of the smallest case which records, which call and which rows it is about."""
    return tuple(_anomaly(each, broken.smallest, broken.execution.story) for each in broken.execution.broken)


def moves(changes: Sequence[RowChange]) -> list[RowChange]:
    """Take a row removed and a row put by one call, of one member and group, for a row that moved."""
    found: list[RowChange] = []
    halves: dict[tuple[str, str | None, bool], int] = {}
    for change in changes:
        if (change.before is None) == (change.after is None):
            found.append(change)
            continue
        is_put, whose = change.before is None, (change.address[0], _group(change.before or change.after))
        place = halves.pop((*whose, not is_put), None)
        if place is None:
            halves[*whose, is_put] = len(found)
            found.append(change)
        else:
            removed, put = (found[place], change) if is_put else (change, found[place])
            found[place] = RowChange(removed.address, removed.before, put.after)
    return found


def versions(broken: BrokenCase) -> tuple[View, ...]:
    """Follow every group row of the smallest case from the beginning, by group and member."""
    views: dict[tuple[str, str], list[Version]] = {}
    for item in broken.smallest.rows:
        if "pk" not in item:  # of another table, whose rows are in no group
            continue
        _add_version(views, (item["pk"]["S"], item["sk"]["S"]), None, item, (None, 0, "the application"))
    for place, event in enumerate(broken.execution.story):
        if isinstance(event, Called | Wrote):
            by = f"invocation {event.invocation}" if isinstance(event, Called) else "the application"
            for change in _real(event.changes):
                _add_version(views, change.address, change.before, change.after, (place, event.step, by))
    return tuple(View(group, member, tuple(found)) for (group, member), found in sorted(views.items()))


def figures(result: Result) -> str:
    """Say how much was explored, and how fast where that means something."""
    amounts = counted(result.cases, "case"), counted(result.calls, "call"), counted(result.writes, "write")
    rate = round(result.cases / result.duration_s) if result.duration_s and result.cases >= CASES_FOR_A_RATE else 0
    return ", ".join(amounts) + (f"; {counted(rate, 'case')} a second" if rate else "")


def invocations(story: Sequence[Event]) -> dict[int, Delivered]:
    """Find the delivery of each invocation."""
    return {event.invocation: event for event in story if isinstance(event, Delivered)}


def _add_version(
    views: dict[tuple[str, str], list[Version]],
    address: Address,
    before: Item | None,
    after: Item | None,
    origin: tuple[int | None, int, str],
) -> None:
    """Keep a version with the group that the row belongs to; one that goes to another group is gone from the first."""
    if not address[0].startswith(GROUP_PREFIX):
        return
    member, sort_key = address[0].removeprefix(GROUP_PREFIX), address[1]
    old, new = _group(before), _group(after)
    if old is not None and old != new:
        views.setdefault((old, member), []).append(Version(*origin, sort_key, None))
    if new is not None:
        views.setdefault((new, member), []).append(Version(*origin, sort_key, after))


def _anomaly(broken: Broken, case: Case, story: Sequence[Event]) -> Anomaly:
    if broken.rule == ENDLESS:
        return _endless(broken, story)
    is_calm = broken.rule == "redelivery changes nothing"
    culprit, changes = _first_write(story) if is_calm else _last_change(story, _concerned(broken.finding))
    records = _meant(broken.finding, case)
    if not records and isinstance(culprit, Called):
        records = invocations(story)[culprit.invocation].sequences
    return Anomaly(broken.rule, broken.text, reason(broken.rule), culprit, changes, records)


def _endless(broken: Broken, story: Sequence[Event]) -> Anomaly:
    """Say of which invocation it is that nothing came: no row is as it is by that."""
    last = next((event for event in reversed(story) if isinstance(event, Ended)), None)
    if last is None:
        return Anomaly(broken.rule, broken.text, reason(broken.rule), None, (), ())
    text = f"invocation {last.invocation}, given {HANDLER_TIMEOUT_S:.0f} s: {broken.text}"
    delivered = invocations(story).get(last.invocation)
    return Anomaly(broken.rule, text, reason(broken.rule), None, (), delivered.sequences if delivered else ())


def _first_write(story: Sequence[Event]) -> tuple[Called | None, tuple[RowChange, ...]]:
    """Find the first write of the last phase, also one that put what was there."""
    start = max((place for place, event in enumerate(story) if isinstance(event, PhaseBegan)), default=0)
    for event in story[start:]:
        if isinstance(event, Called) and event.does == "write" and event.outcome == "done":
            return event, event.changes
    return None, ()


def _last_change(
    story: Sequence[Event], concerned: Callable[[RowChange], bool]
) -> tuple[Called | Wrote | None, tuple[RowChange, ...]]:
    """Find the write after which the rows concerned are as they are, and what it did to them."""
    for event in reversed(story):
        if isinstance(event, Called | Wrote):
            changes = tuple(filter(concerned, _real(event.changes)))
            if changes:
                return event, changes
    return None, ()


def _concerned(finding: Finding | None) -> Callable[[RowChange], bool]:
    """Tell the rows that a finding speaks of: a member's of a group, or one address; any where there is no finding."""
    if finding is None:
        return lambda _change: True
    if finding.member is None:
        return lambda change: change.address == finding.address
    partition_key = GROUP_PREFIX + finding.member
    return lambda change: (
        change.address[0] == partition_key and finding.group in {_group(change.before), _group(change.after)}
    )


def _real(changes: Sequence[RowChange]) -> list[RowChange]:
    return [change for change in changes if change.before != change.after]


def _meant(finding: Finding | None, case: Case) -> tuple[str, ...]:
    """Find the records whose message a row should show and does not."""
    if finding is None or finding.kind != "behind" or finding.expected is None:
        return ()
    start = finding.expected.rstrip("…")
    found = []
    for record in case.records:
        said = said_by(record, 0)
        if said is None or said.group != finding.group:
            continue
        _, instant, text = said.value
        if f"{instant.isoformat(timespec='microseconds')}+00:00 {text!r}".startswith(start):
            found.append(record["dynamodb"]["SequenceNumber"])
    return tuple(found)


def _group(item: Item | None) -> str | None:
    membership = membership_of(item) if item and "pk" in item else None  # of another table, whose rows are in no group
    return membership[0] if membership else None
