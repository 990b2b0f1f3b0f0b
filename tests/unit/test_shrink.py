"""A case is shrunk to what still breaks, events that belong together among it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replay.exploration.case import Case, Fault, Lag, Redelivery, Write
from replay.exploration.shrink import shrink


def late(case: Case) -> dict[tuple[str, int], int]:
    return {(lag.group, lag.change + after): lag.steps for lag in case.lags for after in range(lag.changes)}


def test_what_is_not_needed_is_left_out() -> None:
    faults = tuple(Fault(1, call, "throttle") for call in range(1, 9))
    case = Case(rows=(), records=(), mapping={}, cuts=(1, 2, 3), faults=faults)
    shrunk = shrink(case, lambda tried: any(fault.call >= 3 for fault in tried.faults))
    assert [fault.call for fault in shrunk.faults] == [3]
    assert shrunk.cuts == ()


@pytest.mark.parametrize(
    ("lags", "smallest"),
    [
        ((Lag("g", 1, 9), Lag("g", 2, 4)), (Lag("g", 1, 4, changes=2),)),
        ((Lag("g", 0, 9), Lag("g", 1, 9), Lag("h", 0, 3), Lag("g", 2, -1)), (Lag("g", 1, -1, changes=2),)),
    ],
)
def test_late_changes_that_are_needed_together_become_one_spell(
    lags: tuple[Lag, ...], smallest: tuple[Lag, ...]
) -> None:
    def breaks(tried: Case) -> bool:
        return all(late(tried).get(("g", change), 0) not in range(4) for change in (1, 2))

    assert shrink(Case(rows=(), records=(), mapping={}, lags=lags), breaks).lags == smallest


def test_what_happens_at_a_step_moves_up_with_the_record_that_goes() -> None:
    records = tuple({"dynamodb": {"SequenceNumber": str(number)}} for number in range(4))
    write = Write(12, "join", "g", "ana", time="2026")
    shrunk = shrink(
        Case(rows=(), records=records, mapping={}, writes=(write, replace(write, at=13))),
        lambda tried: [each.at for each in tried.writes] == [3 * len(tried.records), 3 * len(tried.records) + 1],
    )
    assert (len(shrunk.records), [each.at for each in shrunk.writes]) == (0, [0, 1])


def test_a_fault_moves_up_with_the_invocation_that_does_not_fail() -> None:
    faults = (*(Fault(number, 1, "throttle") for number in range(1, 4)), Fault(4, 2, "crash-after"))
    shrunk = shrink(
        Case(rows=(), records=(), mapping={}, faults=faults),
        lambda tried: bool(tried.faults) and tried.faults[-1] == Fault(len(tried.faults), 2, "crash-after"),
    )
    assert shrunk.faults == (Fault(1, 2, "crash-after"),)


def test_a_redelivery_moves_up_with_the_record_that_goes() -> None:
    records = tuple({"dynamodb": {"SequenceNumber": str(number)}} for number in range(4))
    shrunk = shrink(
        Case(rows=(), records=records, mapping={}, redeliveries=(Redelivery(4, ("3",)),)),
        lambda tried: [each.after for each in tried.redeliveries] == [len(tried.records)],
    )
    assert len(shrunk.records) == 0


def test_late_changes_of_two_groups_stay_two() -> None:
    lags = (Lag("g", 0, 1), Lag("h", 0, 1))
    shrunk = shrink(
        Case(rows=(), records=(), mapping={}, lags=lags), lambda tried: {"g", "h"} == {g for g, _ in late(tried)}
    )
    assert len(shrunk.lags) == 2
