"""A search for a case that breaks a rule: what to explore, on which ground, until one is found or all were right."""

from __future__ import annotations

import contextlib
import difflib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from replay.checks.compare import differences
from replay.errors import WrongUse
from replay.exploration.any_schema.ground import FREE_RULES, free_ground
from replay.exploration.campaign import BrokenCase, Result, campaign, explain, one_by_one
from replay.exploration.differential import differ
from replay.exploration.draw import draw
from replay.exploration.exhaustion import exhaust
from replay.exploration.features import Features, Size
from replay.exploration.ground import Subject, memory_ground, messages_ground, table_name
from replay.exploration.outcome import RULES, Manner
from replay.tables.endpoint import announce, confirm_writes, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.exploration.any_schema.table import FreeTable
    from replay.exploration.case import Case
    from replay.exploration.differential import Differential
    from replay.exploration.exhaustion import Exhausted
    from replay.exploration.given import Given
    from replay.exploration.ground import CarryOut
    from replay.exploration.invariants import Invariants

    Tell = Callable[[Result], None]

SMALL: Final = Size(groups=2, messages=6)
"""Cases for a handler whose every call crosses to another process."""
TWO_MESSAGES: Final = Size(groups=1, messages=2, is_fixed=True)
SCHEDULES: Final = 10_000
Engine = Literal["memory", "dynamodb"]


@dataclass(frozen=True, slots=True)
class Search:
    """What to explore.

    Seeds from `seed` on, `schedules` of them, or the one `case`. `engine` memory is for the project's own function;
    any other `subject` is explored on a table of `endpoint_url`, or of an engine started for it. `given` rows and
    records are explored instead of drawn ones; `table` is theirs where it is not the messages table.
    """

    subject: Subject = field(default_factory=Subject)
    schedules: int = SCHEDULES
    seed: int = 0
    jobs: int = 1
    time_s: float | None = None
    features: Features | None = None
    ignored: frozenset[str] = frozenset()
    invariants: Invariants | None = None
    given: Given | None = None
    table: FreeTable | None = None
    case: Case | None = None
    engine: Engine = "memory"
    endpoint_url: str | None = None
    exhaustive: bool = False
    """Every history of one small case instead of random histories of many."""
    yes: bool = False
    """Whether writing to what is not local was agreed to."""

    @property
    def is_in_memory(self) -> bool:
        """Whether there is neither an endpoint nor a process of the handler's own."""
        return self.engine == "memory" and self.subject.target is None

    @property
    def manner(self) -> Manner:
        """How cases are carried out while none is told."""
        return Manner(ignored=self.ignored, watch=self.invariants)

    def drawn(self, seed: int) -> Case:
        """Draw the case of a seed."""
        if self.given:
            return self.given.case(seed, self.features)
        return draw(seed, SMALL if self.subject.target else None, features=self.features)

    def small(self) -> Case:
        """Take the case whose every history is explored: the one that was named, or one of two messages."""
        if self.case is not None:
            return self.case
        features = self.features or Features.only(())
        if self.given:
            return replace(self.given.case(self.seed, features), name="the given records")
        return draw(self.seed, TWO_MESSAGES, features=features)

    def cases(self) -> Iterator[tuple[int, Case]]:
        """Draw every case, with its seed."""
        for seed in range(self.seed, self.seed + self.schedules):
            yield seed, self.drawn(seed)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search covered, and the smallest case that breaks a rule, if there is one."""

    result: Result
    broken: BrokenCase | None
    exhausted: Exhausted | None = None


def search(asked: Search, tell: Tell = lambda _: None) -> Found:
    """Explore; `tell` hears the result so far.

    Raises:
        WrongUse: the handler or the endpoint cannot be used.
    """
    with _ground(asked) as carry_out:
        if asked.exhaustive:
            return _exhausted(asked, carry_out, tell)
        if asked.case is not None:
            return _one(asked, asked.case, carry_out)
        result = _covered(asked, carry_out, tell)
        if not result.broken:
            return Found(result, None)
        seed = min(result.broken)
        return Found(result, explain(seed, carry_out, asked.drawn(seed), asked.manner))


def rule_named(name: str) -> str:
    """Find a rule.

    Raises:
        WrongUse: there is none of this name; the text has the nearest one.
    """
    rules = (*RULES, *FREE_RULES)
    if name in rules:
        return name
    near = difflib.get_close_matches(name, rules, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"rules are: {'; '.join(rules)}"
    raise WrongUse(f"there is no rule '{name}' to ignore; {hint}")


def search_both(asked: Search, other: Subject, tell: Callable[[Differential], None] = lambda _: None) -> Differential:
    """Explore two handlers by the same schedules and compare.

    Raises:
        WrongUse: a handler or the endpoint cannot be used.
    """
    with contextlib.ExitStack() as stack:
        if not asked.endpoint_url:
            endpoint = stack.enter_context(opened(None))
            asked = replace(asked, endpoint_url=endpoint.url)
        second = replace(asked, subject=other)
        grounds = stack.enter_context(_ground(asked)), stack.enter_context(_ground(second))
        cases = second.cases() if asked.case is None else iter([(0, asked.case)])
        compare = asked.table.differences if asked.table else differences
        return differ(cases, grounds, compare, time_s=asked.time_s, tell=tell)


@contextmanager
def _ground(asked: Search) -> Iterator[CarryOut]:
    if asked.is_in_memory:
        yield memory_ground
        return
    with opened(asked.endpoint_url) as endpoint:
        table = table_name()
        announce(endpoint, table)
        confirm_writes(endpoint, table, yes=asked.yes)
        if asked.table is None:
            ground = messages_ground(endpoint, asked.subject, table)
        else:
            ground = free_ground(endpoint, asked.subject, table, asked.table)
        with ground as carry_out:
            yield carry_out


def _covered(asked: Search, carry_out: CarryOut, tell: Tell) -> Result:
    if not asked.is_in_memory:
        return one_by_one(asked.cases(), lambda case: carry_out(case, asked.manner), time_s=asked.time_s, progress=tell)
    return campaign(
        asked.seed,
        asked.schedules,
        jobs=asked.jobs,
        time_s=asked.time_s,
        features=asked.features,
        ignored=asked.ignored,
        invariants=asked.invariants.path if asked.invariants else None,
        given=asked.given,
        progress=tell,
    )


def _exhausted(asked: Search, carry_out: CarryOut, tell: Tell) -> Found:
    result, exhausted = exhaust(
        asked.small(),
        carry_out,
        asked.manner,
        runs_max=asked.schedules,
        seed=asked.seed,
        time_s=asked.time_s,
        tell=tell,
    )
    if exhausted.first_broken is None:
        return Found(result, None, exhausted)
    return Found(result, explain(asked.seed, carry_out, exhausted.first_broken, asked.manner), exhausted)


def _one(asked: Search, case: Case, carry_out: CarryOut) -> Found:
    execution = carry_out(case, replace(asked.manner, tells=True))
    result = Result()
    result.count(0, execution)
    return Found(result, BrokenCase(0, case, case, execution) if execution.broken else None)
