"""Two handlers under the same schedules: where their tables end differently, and what each took for it.

Tables are compared where both handlers were told that every record is taken, before anything is delivered again: what
a fault made one of them give up is no difference. A fault meets the n-th call of an invocation, whichever that is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from replay.checks.compare import Difference, differences
from replay.event_source.sizes import item_bytes
from replay.exploration.campaign import until_stopped
from replay.exploration.outcome import RULES, Manner
from replay.exploration.shrink import shrink
from replay.exploration.story import Called

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from replay.exploration.case import Case
    from replay.exploration.ground import CarryOut
    from replay.exploration.invariants import Moment, Scanned
    from replay.exploration.outcome import Execution
    from replay.exploration.story import Event, RowChange
    from replay.rows.reading import Item

    Compare = Callable[[Iterable[Item], Iterable[Item]], list[Difference]]

UNIT_BYTES: Final = 1024
"""AWS: DynamoDB developer guide, read-write-operations: a write unit is 1 KB of an item."""
TRANSACTION_PRICE: Final = 2
"""The same page: a transaction writes each item twice."""
NO_RULES: Final = frozenset(RULES)


@dataclass(slots=True)
class Side:
    """What one handler took: requests by their names, write units of the table, cases in which it gave records up."""

    requests: int = 0
    writes: int = 0
    write_units: int = 0
    unfinished: int = 0

    def count(self, carried: _Carried) -> None:
        """Add a case."""
        self.requests += carried.execution.calls
        self.writes += carried.execution.writes
        self.write_units += write_units(carried.execution.story)
        self.unfinished += carried.rows is None


@dataclass(frozen=True, slots=True)
class Divergence:
    """The smallest case that two handlers end differently, and what happened with each."""

    seed: int
    smallest: Case
    differences: tuple[Difference, ...]
    stories: tuple[Sequence[Event], Sequence[Event]]


@dataclass(slots=True)
class Differential:
    """What was compared: `compared` cases of all were taken whole by both, `different` of these ended differently."""

    cases: int = 0
    compared: int = 0
    different: int = 0
    sides: tuple[Side, Side] = field(default_factory=lambda: (Side(), Side()))
    divergence: Divergence | None = None
    duration_s: float = 0.0
    stopped: bool = False

    @property
    def found(self) -> int:
        """How many cases ended differently."""
        return self.different


def differ(
    cases: Iterable[tuple[int, Case]],
    grounds: tuple[CarryOut, CarryOut],
    compare: Compare = differences,
    *,
    time_s: float | None = None,
    tell: Callable[[Differential], None] = lambda _: None,
) -> Differential:
    """Carry out every case with both handlers; the first that they end differently is made small.

    Ends early when `time_s` is over or somebody presses Ctrl-C.
    """
    started = time.monotonic()
    result = Differential()
    first: tuple[int, Case] | None = None
    with until_stopped(result):
        for seed, case in cases:
            different = _count(result, case, grounds, compare)
            first = first or ((seed, case) if different else None)
            result.duration_s = time.monotonic() - started
            tell(result)
            if time_s is not None and result.duration_s >= time_s:
                break
    if first is not None:
        result.divergence = _diverged(*first, grounds, compare)
    return result


def write_units(story: Iterable[Event]) -> int:
    """Reckon the write units that a handler's writes of rows took, in the table; those of its index are the same again.

    A write is paid for by the larger of the row before and after, in a transaction twice.
    """
    return sum(_units(event) for event in story if isinstance(event, Called))


def _units(call: Called) -> int:
    price = TRANSACTION_PRICE if call.text.startswith("TransactWriteItems") else 1
    return price * sum(_row_units(change) for change in call.changes if change.before != change.after)


def _row_units(change: RowChange) -> int:
    return max(-(-item_bytes(item) // UNIT_BYTES) for item in (change.before, change.after) if item is not None)


def _count(result: Differential, case: Case, grounds: tuple[CarryOut, CarryOut], compare: Compare) -> bool:
    """Carry out one case with both and count it; whether the ends differ."""
    carried = [_carry_out(ground, case) for ground in grounds]
    result.cases += 1
    for side, each in zip(result.sides, carried, strict=True):
        side.count(each)
    different = _differences(carried, compare)
    result.compared += different is not None
    result.different += bool(different)
    return bool(different)


def _diverged(seed: int, case: Case, grounds: tuple[CarryOut, CarryOut], compare: Compare) -> Divergence:
    def still(candidate: Case) -> bool:
        return bool(_differences([_carry_out(ground, candidate) for ground in grounds], compare))

    smallest = replace(shrink(case, still), name=f"seed {seed}, shrunk")
    carried = [_carry_out(ground, smallest) for ground in grounds]
    one, other = (each.execution.story for each in carried)
    return Divergence(seed, smallest, tuple(_differences(carried, compare) or ()), (one, other))


@dataclass(frozen=True, slots=True)
class _Carried:
    """A case carried out: its rows at the end, or nothing where not every record was taken."""

    execution: Execution
    rows: list[Item] | None


def _carry_out(ground: CarryOut, case: Case) -> _Carried:
    end = _End()
    execution = ground(case, Manner(tells=True, ignored=NO_RULES, calmed=False, watch=end))
    return _Carried(execution, end.rows)


def _differences(carried: Sequence[_Carried], compare: Compare) -> list[Difference] | None:
    """Compare both ends; nothing where one handler gave records up."""
    one, other = (each.rows for each in carried)
    return None if one is None or other is None else compare(one, other)


class _End:
    """A watch that keeps the rows once every record was taken."""

    def __init__(self) -> None:
        self.rows: list[Any] | None = None

    def broken(self, moment: Moment, store: Scanned, records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        del records
        if moment == "finally":
            self.rows = list(store.scan())
        return iter(())
