"""An index that is late is as late as the case says, and no later."""

from __future__ import annotations

import pytest

from replay.checks.scenarios import TIMES, pair, said
from replay.exploration.campaign import in_memory
from replay.exploration.case import Case, Lag
from replay.exploration.outcome import Manner
from replay.exploration.story import Called

MESSAGES = tuple(said("g", TIMES[10 * number], "new", "ana", number) for number in range(1, 6))


def queries_behind(lag: Lag) -> list[bool]:
    """For each of five batches, whether the index was behind when it was asked."""
    case = Case(pair("g", TIMES[0]), MESSAGES, {"BatchSize": 1}, lags=(lag,))
    story = in_memory(case, manner=Manner(tells=True, calmed=False)).story
    return [bool(event.behind) for event in story if isinstance(event, Called) and event.does == "index"]


@pytest.mark.parametrize("change", range(4))
def test_a_change_that_waits_for_the_end_of_the_faults_waits_whatever_is_written_meanwhile(change: int) -> None:
    assert queries_behind(Lag("g", change, -1)) == [False, True, True, True, True]


@pytest.mark.parametrize("change", range(4))
def test_a_change_that_is_one_call_late_is_shown_after_that_call(change: int) -> None:
    assert queries_behind(Lag("g", change, 1)) == [False, True, False, False, False]


@pytest.mark.parametrize(
    ("changes", "behind"), [(4, [False, True, False, False, False]), (5, [False, True, True, False, False])]
)
def test_a_spell_covers_as_many_changes_as_it_says(changes: int, behind: list[bool]) -> None:
    assert queries_behind(Lag("g", 0, 1, changes=changes)) == behind
