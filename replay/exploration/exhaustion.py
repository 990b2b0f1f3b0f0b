"""Every history of a small case: all cuts, all orders of two invocations' calls, a crash at every point.

The records come in every cut into batches, each with the first batch delivered twice at once; and split over two shards
at every place, so that two batches are at work side by side. Of each of these arrangements every order of the calls is
carried out; and each order without a crash, with a crash before and after each of its calls. What comes after a crash
is as much explored as what comes before it. A run tells which calls there were; what else could have been chosen at
each is a run of its own (stateless model checking), so each history is carried out once and none is left out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse
from replay.exploration.campaign import Result, until_stopped
from replay.exploration.case import Fault, Turn, Twin
from replay.exploration.story import Called, Delivered, Ended, PhaseBegan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from replay.exploration.case import Case, FaultKind
    from replay.exploration.ground import CarryOut
    from replay.exploration.outcome import Execution, Manner
    from replay.exploration.story import Event

RECORDS_MAX: Final = 6
"""Cuts double with each record, orders grow faster still."""
CRASHES: Final[tuple[FaultKind, ...]] = ("crash-before", "crash-after")
MAPPING: Final = {"BatchSize": 100, "MaximumRetryAttempts": 2, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
SHARDS: Final = ("shardId-A", "shardId-B")


@dataclass(slots=True)
class Exhausted:
    """What was covered: arrangements begun, and whether every history of each was carried out."""

    arrangements: int = 0
    whole: bool = False
    first_broken: Case | None = None

    def __str__(self) -> str:
        arrangements = f"{self.arrangements} arrangement{'' if self.arrangements == 1 else 's'}"
        extent = "every history" if self.whole else "not every history"
        return f"{extent} of {arrangements}: all orders of the calls, with a crash before and after each"


def exhaust(  # noqa: PLR0913 - settings, each by its name
    base: Case,
    carry_out: CarryOut,
    manner: Manner,
    *,
    runs_max: int,
    seed: int = 0,
    time_s: float | None = None,
    tell: Callable[[Result], None] = lambda _: None,
) -> tuple[Result, Exhausted]:
    """Carry out every history of a small case until one breaks a rule.

    A broken one is counted under `seed`. Ends early, not whole, after `runs_max` histories or `time_s`, or when
    somebody presses Ctrl-C.

    Raises:
        WrongUse: there are more than `RECORDS_MAX` records.
    """
    started = time.monotonic()
    result, covered = Result(), Exhausted()
    with until_stopped(result):
        for arranged in arrangements(base):
            covered.arrangements += 1
            for case, execution in _histories(arranged, lambda case: carry_out(case, replace(manner, tells=True))):
                result.count(seed, execution)
                result.duration_s = time.monotonic() - started
                tell(result)
                if execution.broken:
                    covered.first_broken = case
                    return result, covered
                if result.cases >= runs_max or (time_s is not None and result.duration_s >= time_s):
                    result.stopped = True
                    return result, covered
        covered.whole = True
    return result, covered


def arrangements(base: Case) -> Iterator[Case]:
    """Arrange a case's records in every way: cuts with a twin of the first batch, then splits over two shards.

    Raises:
        WrongUse: there are too many records, or none.
    """
    count = len(base.records)
    if not 1 <= count <= RECORDS_MAX:
        raise WrongUse(f"--exhaustive takes 1 to {RECORDS_MAX} records, not {count}: name a smaller history")
    plain = replace(base, mapping=MAPPING, faults=(), redeliveries=(), twins=(), turns=())
    for cuts in compositions(count):
        yield replace(plain, cuts=cuts, twins=(Twin(0, 1),), name=f"{base.name}, batches of {_listed(cuts)}")
    for place in range(1, count):
        if not _keys(base.records[:place]) & _keys(base.records[place:]):
            split = tuple({**record, "shardId": SHARDS[number >= place]} for number, record in enumerate(base.records))
            yield replace(plain, records=split, cuts=(), name=f"{base.name}, two shards split at {place}")


def compositions(count: int) -> Iterator[tuple[int, ...]]:
    """Cut a number into parts in every way, in order."""
    if count == 0:
        yield ()
    for first in range(1, count + 1):
        for rest in compositions(count - first):
            yield (first, *rest)


@dataclass(frozen=True, slots=True)
class _Step:
    """One call that was made: how many invocations it could have been of, and of which it was."""

    running: int
    invocation: int
    call: int


def _histories(arranged: Case, run: Callable[[Case], Execution]) -> Iterator[tuple[Case, Execution]]:
    """Carry out every history of an arrangement.

    A history is what was decided, step by step, up to the last decision that is not the first branch; from there on the
    first branch is taken. Its children are the other branches that it has met behind that decision.
    """
    waiting: list[tuple[tuple[int, ...], Fault | None]] = [((), None)]
    while waiting:
        turns, fault = waiting.pop()
        case = _decided(arranged, turns, fault)
        execution = run(case)
        yield case, execution
        steps = _steps(execution.story)
        for place in range(len(turns), len(steps)):
            begun = (*turns, *(0,) * (place - len(turns)))
            waiting.extend(((*begun, other), fault) for other in range(1, steps[place].running))
        if fault is None:
            for place in range(max(len(turns) - 1, 0), len(steps)):
                begun = (*turns, *(0,) * (place + 1 - len(turns)))
                step = steps[place]
                waiting.extend((begun, Fault(step.invocation, step.call, kind)) for kind in CRASHES)


def _decided(arranged: Case, turns: Sequence[int], fault: Fault | None) -> Case:
    """Make the case of what was decided; behind it the first invocation at work goes on."""
    ordered = (*(Turn(at, which) for at, which in enumerate(turns)), Turn(len(turns), 0))
    return replace(arranged, turns=ordered, faults=() if fault is None else (fault,))


def _steps(story: Sequence[Event]) -> list[_Step]:
    """Find the calls that were made while faults were on, and how many invocations were at work at each."""
    steps: list[_Step] = []
    running: set[int] = set()
    for event in story:
        if isinstance(event, PhaseBegan) and event.phase != "faults on":
            break
        if isinstance(event, Delivered):
            running.add(event.invocation)
        elif isinstance(event, Called):
            steps.append(_Step(len(running), event.invocation, event.call))
        elif isinstance(event, Ended):
            running.discard(event.invocation)
    return steps


def _keys(records: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(record["dynamodb"].get("Keys")) for record in records}


def _listed(cuts: Sequence[int]) -> str:
    return " and ".join(map(str, cuts))
