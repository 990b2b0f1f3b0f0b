"""Situations: a run that never came to one that it was asked for is no pass, in every report."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from xml.etree.ElementTree import fromstring

import pytest
from rich.console import Console

from replay.checks.scenarios import TIMES, pair, row, said
from replay.cli import EXIT_RIGHT, EXIT_WRONG_USE, main
from replay.exploration.campaign import Result, in_memory
from replay.exploration.case import Fault, Lag
from replay.exploration.situations import SITUATIONS, seen_at_quiet
from replay.reports.exploration import Exploration
from replay.reports.exploration_html import html_page
from replay.reports.exploration_json import as_json
from replay.reports.exploration_text import print_exploration
from replay.reports.junit import junit_xml
from replay.rows.said import said_by
from tests.explored import case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.rows.reading import Item


def explored(*asked: str, stopped: bool = False) -> Exploration:
    result = Result(stopped=stopped)
    result.count(0, in_memory(case(faults=(Fault(1, 1, "throttle"),))))
    return Exploration(result, None, asked=frozenset(asked))


def test_what_was_reached_is_a_pass() -> None:
    assert explored("throttle").word == "right"


def test_what_was_never_reached_is_none() -> None:
    exploration = explored("throttle", "conflict", "discarded")
    assert exploration.word == "incomplete"
    assert exploration.verdict == "incomplete, never reached: conflict, discarded: 1 case, no rule broken"
    assert explored("conflict", stopped=True).verdict.startswith("incomplete, stopped early; never reached: conflict")


def test_every_report_says_what_was_never_reached() -> None:
    exploration = explored("conflict")
    told = as_json(exploration)
    assert (told["verdict"], told["unreached"]) == ("incomplete", ["conflict"])
    suite = fromstring(junit_xml(exploration))  # noqa: S314 - what was written here
    assert suite.get("failures") == "1"
    assert [failure.get("message") for failure in suite.iter("failure")] == [exploration.verdict]
    assert b">0, asked for<" in html_page(exploration)
    stream = io.StringIO()
    print_exploration(exploration, Console(file=stream, width=200))
    assert any(line.split() == ["conflict", "0", "asked", "for"] for line in stream.getvalue().splitlines())


def test_every_report_lists_every_situation() -> None:
    exploration = explored()
    stream = io.StringIO()
    print_exploration(exploration, Console(file=stream, width=200))
    page = html_page(exploration).decode()
    for situation in SITUATIONS:
        assert f"  {situation} " in stream.getvalue()
        assert f">{situation}<" in page
    assert set(as_json(exploration)["situations"]) == set(SITUATIONS)
    assert all(failure is None for failure in [fromstring(junit_xml(exploration)).find(".//failure")])  # noqa: S314


def test_the_command_does_not_pass_without_what_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explore", "--schedules", "3", "--jobs", "1", "--only", "batches", "--json", "--reach"]
    assert main([*words, "answer success"]) == EXIT_RIGHT
    assert main([*words, "throttle"]) == EXIT_WRONG_USE
    assert [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()] == ["right", "incomplete"]


def test_an_unknown_situation_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--reach", "trottle"]) == EXIT_WRONG_USE
    written = capsys.readouterr()
    assert written.err == "replay: --reach: there is no situation 'trottle'; did you mean 'throttle'?\n"
    assert written.out == ""


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ((row("ana", "g", TIMES[1]), row("ana", "h", TIMES[1].replace("T", " "))), 1),
        ((row("ana", "g", TIMES[1]), row("ana", "h", TIMES[2])), 0),
        ((row("ana", "g", TIMES[1]), row("ben", "h", TIMES[1])), 0),
        ((row("ana", "g", "never"), row("ana", "h", "no time")), 0),
    ],
)
def test_two_groups_meet_where_one_member_has_both_at_one_instant(rows: Sequence[Item], seen: int) -> None:
    assert seen_at_quiet(rows, ())["two groups in one key"] == seen


@pytest.mark.parametrize(("group", "time", "text", "seen"), [
    ("g", "2026-03-01T10:00:05Z", "b", 1), ("g", TIMES[5], "a", 0), ("h", TIMES[5], "b", 0), ("g", TIMES[6], "b", 0),
])  # fmt: skip
def test_instants_are_equal_where_two_texts_have_one(group: str, time: str, text: str, seen: int) -> None:
    told = [said_by(record, 0) for record in (said("g", TIMES[5], "a", "ana", 1), said(group, time, text, "ana", 2))]
    assert seen_at_quiet((), told)["equal instants"] == seen


def test_a_batch_is_cut_down_where_a_record_comes_alone_after_it_came_with_others() -> None:
    records = tuple(said("g", TIMES[5 + number], "x", "ana", number) for number in range(4))
    failing = tuple(Fault(number, 1, "crash-before") for number in range(1, 4))
    mapping = {"BatchSize": 4, "MaximumRetryAttempts": 9, "BisectBatchOnFunctionError": True}
    cut = in_memory(case(records=records, faults=failing, mapping=mapping)).situations
    assert cut["batch cut down to one record"] >= 1
    alone = in_memory(case(records=records, faults=failing, mapping={**mapping, "BatchSize": 1})).situations
    assert alone["batch cut down to one record"] == 0


def test_the_index_is_behind_where_it_is_asked_before_it_shows() -> None:
    late = tuple(Lag("g", change, 20) for change in range(4))
    records = (said("g", TIMES[5], "x", "ana", 1), said("g", TIMES[6], "y", "ana", 2))
    given = case(rows=pair("g", TIMES[0]), records=records, cuts=(1, 1))
    assert in_memory(given).situations["index behind when asked"] == 0
    behind = case(rows=pair("g", TIMES[0]), records=records, cuts=(1, 1), lags=late)
    assert in_memory(behind).situations["index behind when asked"] >= 1
