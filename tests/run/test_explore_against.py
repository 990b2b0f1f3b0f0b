"""Two handlers under the same schedules: where they end differently, and what each takes for it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, get_type_hints

import pytest
from rich.console import Console

from replay.checks.scenarios import TIMES, pair, said
from replay.cli import EXIT_RIGHT, EXIT_WRONG_USE, main
from replay.exploration.campaign import in_memory
from replay.exploration.case import Fault
from replay.exploration.case_file import parse
from replay.exploration.differential import Differential, differ, write_units
from replay.exploration.draw import draw
from replay.exploration.features import Features
from replay.reports.differential import DifferentialJson, differential_json, print_differential, verdict_of
from stream_processor.group import GroupWork
from tests.explored import TELLING, case
from tests.handlers.wrong_works import DropsOtherAttributes, HasNoOrder

if TYPE_CHECKING:
    from replay.exploration.case import Case
    from replay.exploration.ground import CarryOut
    from replay.exploration.outcome import Execution, Manner

OURS = "stream_processor.handler:lambda_handler"
TWO = (said("g", TIMES[5], "newer", "ana", 1), said("g", TIMES[4], "older", "ana", 2))


def ground(work: type[GroupWork] = GroupWork) -> CarryOut:
    def carry_out(case: Case, manner: Manner) -> Execution:
        return in_memory(case, work, manner)

    return carry_out


def compared(work: type[GroupWork], *cases: Case) -> Differential:
    return differ(enumerate(cases), (ground(), ground(work)))


def test_the_same_handler_ends_the_same_and_takes_the_same() -> None:
    result = compared(GroupWork, *(draw(seed) for seed in range(30)))
    assert verdict_of(result) == "same"
    assert 0 < result.compared <= result.cases == 30
    assert result.sides[0] == result.sides[1]
    assert result.sides[0].unfinished == result.cases - result.compared


def test_handlers_that_end_differently_are_told_apart_by_a_small_case() -> None:
    features = Features.only(["batches"])
    many = tuple(draw(seed, features=features) for seed in range(5))
    one_each = case(mapping={"BatchSize": 1}, records=TWO)
    result = compared(HasNoOrder, one_each, *many)
    assert result.different >= 1
    assert result.divergence is not None
    assert len(result.divergence.smallest.records) == 2
    assert {(each.group, each.attribute) for each in result.divergence.differences} == {("g", "message")}
    assert "newer" in str(result.divergence.differences[0].first)
    assert "older" in str(result.divergence.differences[0].second)


def test_every_case_is_compared_though_one_differs() -> None:
    rows = tuple({**item, "unread": {"N": "1"}} for item in pair("g", TIMES[1]))
    result = compared(DropsOtherAttributes, case(rows=rows), case(), case(rows=rows))
    assert (result.cases, result.compared, result.different) == (3, 3, 2)
    assert result.divergence is not None
    assert result.divergence.seed == 0
    assert {each.attribute for each in result.divergence.differences} == {"unread"}


def test_what_a_fault_made_one_give_up_is_no_difference_and_no_proof() -> None:
    lost = case(faults=tuple(Fault(number, 1, "crash-before") for number in range(1, 9)))
    result = compared(GroupWork, lost)
    assert (result.compared, result.different) == (0, 0)
    assert (result.sides[0].unfinished, result.sides[1].unfinished) == (1, 1)
    assert verdict_of(result) == "incomplete"


def test_a_move_of_two_rows_takes_eight_write_units() -> None:
    assert write_units(in_memory(case(), manner=TELLING).story[:4]) == 2 * (2 + 2)


def test_a_large_row_takes_a_unit_for_each_kilobyte() -> None:
    large = tuple({**item, "bio": {"S": "x" * 1500}} for item in pair("g", TIMES[1]))
    assert write_units(in_memory(case(rows=large), manner=TELLING).story[:4]) == 2 * (2 + 2) * 2


def test_the_report_tells_both_stories() -> None:
    result = compared(HasNoOrder, case(mapping={"BatchSize": 1}, records=TWO))
    stream = io.StringIO()
    print_differential(result, {"handler": "a"}, Console(file=stream, width=300))
    text = stream.getvalue()
    assert text.startswith("different in 1 case: 1 compared of 1 case\nhandler: a\n")
    for heading in ("the story of the first", "the story of the second", "write units"):
        assert heading in text


def test_the_json_keeps_its_schema_and_its_case_can_be_carried_out() -> None:
    result = compared(HasNoOrder, case(mapping={"BatchSize": 1}, records=TWO))
    told = json.loads(json.dumps(differential_json(result, {})))
    assert told.keys() == get_type_hints(DifferentialJson).keys()
    assert parse(told["divergence"]["case"]) == result.divergence.smallest  # type: ignore[union-attr] # it differs


@pytest.mark.engine
def test_the_command_compares_ours_with_itself(engine_endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--schedules", "2", "--endpoint-url", engine_endpoint, "--only", "batches", "--json"]
    assert main(["explore", "--against", OURS, *words]) == EXIT_RIGHT
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "same"
    assert told["first"] == told["second"]
    assert told["about"]["against"] == OURS


@pytest.mark.parametrize("words", [["--html", "page.html"], ["--junit", "a.xml"], ["--ignore", "behind"]])
def test_what_does_not_go_with_a_comparison_is_refused(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["explore", "--against", OURS, *words]) == EXIT_WRONG_USE
    assert f"{words[0]} does not go with --against" in capsys.readouterr().err
