"""Handlers that are wrong in one sentence of the contract are convicted, each by a history in which ours is right."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from replay.checks.exhaustive import fault_points
from replay.checks.scenarios import TIMES, Scenario, pair, row, said
from replay.checks.world import Diverged
from replay.exploration.campaign import in_memory
from replay.exploration.draw import draw
from replay.exploration.execution import execute
from replay.exploration.ours import OurHandler
from replay.tables.memory import MemoryTable
from stream_processor.group import GroupWork, Transact
from stream_processor.row import group_row
from stream_processor.table import ReadIndex
from stream_processor.transaction import Check, Key, unchanged
from tests.explored import case
from tests.handlers.wrong_batches import WRONG_BATCHES, StripsEveryPrefix
from tests.handlers.wrong_works import (
    WRONG_ELSEWHERE,
    HealsOnlyWhatIsDue,
    MovesEverybodyOrNobody,
    ReadsOnePage,
    TriesTheNewestAlone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from replay.checks.store import Store
    from replay.exploration.case import Case
    from replay.exploration.outcome import Execution
    from stream_processor.batch import BatchProcessor
    from stream_processor.group import Request, Response

SEEDS = 400

# A group's work.

KB = 1024
FULL = "x" * (300 * KB)
LONG = "y" * (200 * KB)
DOUBLED = (
    row("ana", "g", TIMES[0], "older", "ben"),
    row("ana", "g", TIMES[5], "newer", "ben"),
    row("ben", "g", TIMES[5], "newer", "ana"),
)
CROWDED = (row("ana", "g", TIMES[0], other="ben", note=FULL), row("ben", "g", TIMES[0], other="ana"))


def paged(scenario: Scenario) -> MemoryTable:
    """The same table, one row a page."""
    return MemoryTable(scenario.rows, page_items=1)


OLD_ON_DOUBLED = Scenario(
    "messages older than two rows",
    DOUBLED,
    (said("g", TIMES[3], "x", "ana", 1),),
    (said("g", TIMES[4], "y", "ben", 2),),
)
TOO_LONG_FOR_ONE = Scenario(
    "a text too long for one member's row, and one that fits both",
    CROWDED,
    (said("g", TIMES[10], "short", "ana", 1), said("g", TIMES[20], LONG, "ana", 2)),
    (said("g", TIMES[10], "short", "ana", 1), said("g", TIMES[20], LONG, "ana", 2)),
)
TWO_PAGES = Scenario(
    "two members on two pages, of whom the first names nobody else",
    (row("ana", "g", TIMES[0], other="ana"), row("ben", "g", TIMES[0], other="ana")),
    (said("g", TIMES[10], "one", None, 1),),
    (said("g", TIMES[20], "two", None, 2),),
)
HISTORIES: dict[type[GroupWork], tuple[Scenario, Callable[[Scenario], Store]]] = {
    HealsOnlyWhatIsDue: (OLD_ON_DOUBLED, Scenario.table),
    MovesEverybodyOrNobody: (TOO_LONG_FOR_ONE, Scenario.table),
    TriesTheNewestAlone: (TOO_LONG_FOR_ONE, Scenario.table),
    ReadsOnePage: (TWO_PAGES, paged),
}


@pytest.mark.parametrize("wrong", WRONG_ELSEWHERE, ids=lambda wrong: wrong.__name__)
def test_a_wrong_work_is_convicted_by_a_history_of_its_own(wrong: type[GroupWork]) -> None:
    scenario, table = HISTORIES[wrong]
    with pytest.raises(Diverged):
        fault_points(scenario, wrong, lambda: table(scenario))
    assert fault_points(scenario, GroupWork, lambda: table(scenario)).limits == 0


# A batch.


class AsksWhatIsDone(GroupWork):
    """Right, and before it says that nothing is to be done it has the table confirm the rows, in a transaction."""

    def requests(self) -> Generator[Request, Response, None]:
        yield from super().requests()
        if not (self.tally.moved or self.tally.healed or self.tally.orphan):
            page = yield ReadIndex(self.group)
            rows = [group_row(item, self.group) for item in (page.items if page else ())]
            yield Transact(
                tuple(Check(Key(row.member, row.sort_key), unchanged(row.item, ()), 0) for row in rows if row)
            )


def test_a_transaction_that_only_checks_changes_nothing() -> None:
    assert in_memory(case(), AsksWhatIsDone).broken == []


def with_batch(wrong: type[BatchProcessor], case: Case) -> Execution:
    """Carry a case out with another batch processor, given the same as the right one."""
    store = MemoryTable()
    handler = OurHandler(store)
    right = handler._processor
    handler._processor = wrong(**{each.name: getattr(right, each.name) for each in fields(right)})
    return execute(case, store, handler)


def cases(wrong: type[BatchProcessor]) -> Iterator[Case]:
    if wrong is StripsEveryPrefix:
        yield replace(draw(0), rows=pair("MSG#g", TIMES[0]), records=(said("MSG#g", TIMES[10], "one", "ana", 1),))
    for seed in range(SEEDS):
        yield draw(seed)


@pytest.mark.parametrize("wrong", WRONG_BATCHES, ids=lambda wrong: wrong.__name__)
def test_a_wrong_batch_is_convicted_where_ours_is_right(wrong: type[BatchProcessor]) -> None:
    convicting = next((case for case in cases(wrong) if with_batch(wrong, case).broken), None)
    assert convicting is not None, f"nothing convicts: {wrong.__doc__}"
    assert in_memory(convicting).broken == []
