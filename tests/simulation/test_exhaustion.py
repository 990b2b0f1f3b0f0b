"""Every history of a small case: each is carried out once, none is left out, and what is broken is found."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.checks.scenarios import TIMES, said
from replay.cli import EXIT_RIGHT, EXIT_WRONG_USE, main
from replay.exploration.campaign import Result, in_memory
from replay.exploration.case import Turn
from replay.exploration.case_file import dump
from replay.exploration.exhaustion import RECORDS_MAX, Exhausted, arrangements, compositions, exhaust
from replay.exploration.outcome import PLAIN
from replay.exploration.story import Called, PhaseBegan
from stream_processor.group import GroupWork
from tests.explored import TELLING, case
from tests.handlers.wrong_works import DeletesThenPuts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from replay.exploration.case import Case
    from replay.exploration.outcome import Execution, Manner
    from replay.exploration.story import Event

History = tuple[tuple[int, int, str | None], ...]


def small(messages: int) -> Case:
    return case(records=tuple(said("g", TIMES[5 + n], f"text {n}", "ana", n + 1) for n in range(messages)))


def history(story: Sequence[Event]) -> History:
    """The calls in order while faults were on: whose, which, with what crash."""
    calls: list[tuple[int, int, str | None]] = []
    for event in story:
        if isinstance(event, PhaseBegan) and event.phase != "faults on":
            break
        if isinstance(event, Called):
            calls.append((event.invocation, event.call, event.fault))
    return tuple(calls)


def every(
    base: Case, work: type[GroupWork] = GroupWork, runs_max: int = 10_000
) -> tuple[Result, Exhausted, list[tuple[str, History]]]:
    seen: list[tuple[str, History]] = []

    def carry_out(arranged: Case, manner: Manner) -> Execution:
        execution = in_memory(arranged, work, manner)
        seen.append((arranged.name, history(execution.story)))
        return execution

    return *exhaust(base, carry_out, PLAIN, runs_max=runs_max), seen


@pytest.mark.parametrize("messages", [1, 2])
def test_each_history_is_carried_out_once_and_ours_is_right_in_all(messages: int) -> None:
    result, covered, seen = every(small(messages))
    assert result.broken == []
    assert covered.whole
    assert len(seen) == len(set(seen)) == result.cases
    assert covered.arrangements == len({name for name, _ in seen}) == 2 ** (messages - 1) + messages - 1


def test_no_order_of_calls_is_left_out() -> None:
    _, _, seen = every(small(2))
    chance = Random(1)  # noqa: S311 - repeatable on purpose
    for arranged in arrangements(small(2)):
        covered = {told for name, told in seen if name == arranged.name}
        for _ in range(200):
            turns = tuple(Turn(at, chance.randrange(2)) for at in range(12))
            drawn = replace(arranged, turns=turns)
            assert history(in_memory(drawn, manner=TELLING).story) in covered


def test_a_crash_stands_before_and_after_each_call_of_each_order() -> None:
    _, _, seen = every(small(1))
    for crash in ("crash-before", "crash-after"):
        for _, told in seen:
            if any(fault for *_, fault in told):
                continue
            for place, (invocation, call, _) in enumerate(told):
                begun = (*told[:place], (invocation, call, crash))
                assert any(other[: place + 1] == begun for _, other in seen)


def test_a_handler_that_is_wrong_in_one_history_only_is_found() -> None:
    result, covered, _ = every(small(1), DeletesThenPuts)
    assert result.broken
    assert not covered.whole
    assert covered.first_broken is not None
    assert in_memory(covered.first_broken, DeletesThenPuts).broken


def test_a_bound_that_is_met_proves_nothing() -> None:
    result, covered, _ = every(small(2), runs_max=50)
    assert result.cases == 50
    assert result.stopped
    assert not covered.whole
    assert str(covered).startswith("not every history of 1 arrangement: ")


@given(st.integers(0, 7))
def test_a_number_is_cut_in_every_way_once(count: int) -> None:
    found = list(compositions(count))
    assert len(set(found)) == len(found) == 2 ** max(count - 1, 0)
    assert all(sum(cuts) == count for cuts in found)


def test_the_records_of_one_item_are_never_split_over_shards() -> None:
    first = said("g", TIMES[5], "one", "ana", 1)
    again = {**said("g", TIMES[5], "two", "ana", 2), "eventName": "MODIFY"}
    assert not any("two shards" in arranged.name for arranged in arrangements(case(records=(first, again))))


def test_the_command_says_how_much_was_covered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--exhaustive", "--seed", "2", "--json"]) == EXIT_RIGHT
    told = json.loads(capsys.readouterr().out)
    assert told["cases"] > 50
    assert told["about"]["exhaustive"].startswith("every history of 3 arrangements")


def test_the_command_bounded_is_incomplete(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--exhaustive", "--schedules", "10", "--json"]) == EXIT_WRONG_USE
    assert json.loads(capsys.readouterr().out)["verdict"] == "incomplete"


def test_too_many_records_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "case.json"
    path.write_text(dump(small(RECORDS_MAX + 1)), encoding="utf-8")
    assert main(["explore", "--exhaustive", "--case", str(path)]) == EXIT_WRONG_USE
    assert "--exhaustive takes 1 to 6 records, not 7" in capsys.readouterr().err


def test_the_command_says_where_it_stopped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("def finally_never(rows, records):\n    return 'never'\n", encoding="utf-8")
    assert main(["explore", "--exhaustive", "--json", "--invariants", str(rules)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["about"]["exhaustive"] == "stopped at the first broken one, in arrangement 1"
