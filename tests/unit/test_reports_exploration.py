"""Reports of an exploration: text, JSON and JUnit say which record, which call, which rows, and why that is wrong."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints, is_typeddict
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from replay.checks.scenarios import TIMES, pair, row, said
from replay.exploration.any_schema.ground import FREE_RULES
from replay.exploration.campaign import Result, explain, in_memory
from replay.exploration.case_file import parse
from replay.exploration.draw import draw
from replay.exploration.outcome import RULES, Broken, Manner
from replay.exploration.story import Called, Ended, PhaseBegan, RowChange
from replay.reports.exploration import anomalies, figures, moves, versions
from replay.reports.exploration_json import ExplorationJson, as_json
from replay.reports.exploration_text import print_exploration, told
from replay.reports.junit import junit_xml
from replay.reports.markup import element, plain
from replay.reports.reasons import REASONS, TITLES
from replay.reports.rows import record_line, shown
from replay.wording import counted
from stream_processor.group import GroupWork, Transact
from stream_processor.message import MemberId
from stream_processor.table import ReadIndex
from stream_processor.transaction import Key, Put, Unchanged
from tests.explored import MAPPING, broken, case, right, wrong
from tests.handlers.wrong_works import DeletesThenPuts, DropsOtherAttributes, HasNoOrder, TakesTheOldest

if TYPE_CHECKING:
    from collections.abc import Generator

    from replay.exploration.campaign import BrokenCase
    from stream_processor.group import Request, Response

HOSTILE = "</script><script>alert(1)</script> ]]> &amp; \x1b[31m \x00 \u202e"
"""What a text may hold to break out of a page, a file or a terminal."""


class Idle(GroupWork):
    """It does nothing and says that all is done."""

    def requests(self) -> Generator[Request, Response, None]:
        yield from ()


class Restless(GroupWork):
    """It does its work, and then puts a row once more as it is."""

    def requests(self) -> Generator[Request, Response, None]:
        yield from super().requests()
        item = (yield from self._pages(ReadIndex(self.group)))[0]
        key = Key(MemberId(item["pk"]["S"][4:]), item["sk"]["S"])
        yield Transact((Put(key, item, Unchanged((("message_group_uuid", {"S": self.group}),), ()), 100),))


def text_of(exploration: Any, *, is_terminal: bool = False) -> str:  # noqa: ANN401 - an exploration
    stream = io.StringIO()
    print_exploration(
        exploration,
        Console(file=stream, force_terminal=is_terminal, color_system=None, highlight=False, soft_wrap=True, width=200),
    )
    return stream.getvalue()


def read_xml(written: bytes) -> Element:
    return fromstring(written)  # noqa: S314 - what was written here


# What is wrong, and where.


def test_every_rule_has_its_reason() -> None:
    assert sorted(REASONS) == sorted((*RULES, *FREE_RULES))
    assert TITLES.keys() < REASONS.keys()


def test_a_row_that_is_gone_is_blamed_on_the_call_that_removed_it() -> None:
    (anomaly,) = anomalies(broken())
    assert anomaly.rule == "a member always has a row"
    assert isinstance(anomaly.culprit, Called)
    assert anomaly.culprit.text == f"TransactWriteItems Delete ana {TIMES[1]}"
    assert anomaly.changes == (RowChange(("GRP#ana", TIMES[1]), pair("g", TIMES[1])[0], None),)
    assert anomaly.records == ("100000000000000000001",)
    assert anomaly.why


def test_of_two_writes_the_one_after_which_the_row_is_wrong_is_blamed() -> None:
    records = (said("g", TIMES[3], "newer", "ana", 1), said("g", TIMES[2], "older", "ana", 2))
    found = broken(case(records=records, mapping={**MAPPING, "BatchSize": 1}), HasNoOrder)
    anomaly = anomalies(found)[0]
    assert anomaly.rule == "a list never moves back"
    assert isinstance(anomaly.culprit, Called)
    assert anomaly.culprit.invocation == 2
    assert anomaly.records == ("100000000000000000002",)


def test_a_row_that_stays_behind_names_the_record_it_lacks() -> None:
    records = tuple(said("g", TIMES[at], f"message {at}", "ana", at) for at in (2, 3))
    found = anomalies(broken(case(records=records), TakesTheOldest))
    assert [anomaly.rule for anomaly in found] == ["behind", "behind"]
    assert {anomaly.records for anomaly in found} == {("100000000000000000003",)}
    assert [anomaly.changes[0].address[0] for anomaly in found] == ["GRP#ana", "GRP#ben"]


def test_an_altered_row_is_blamed_on_the_call_that_altered_it() -> None:
    rows = (row("ana", "g", TIMES[1], other="ben", mood="fine"), row("ben", "g", TIMES[1], other="ana"))
    (anomaly,) = anomalies(broken(case(rows=rows), DropsOtherAttributes))
    assert anomaly.rule == "altered"
    (move,) = moves(anomaly.changes)
    assert move.before == rows[0]
    assert move.after is not None
    assert "mood" not in move.after


def test_what_nobody_wrote_has_no_culprit() -> None:
    found = anomalies(broken(case(), Idle))
    assert [anomaly.rule for anomaly in found] == ["behind", "behind"]
    assert [(anomaly.culprit, anomaly.changes) for anomaly in found] == [(None, ()), (None, ())]
    assert {anomaly.records for anomaly in found} == {("100000000000000000001",)}


def test_a_redelivery_that_writes_is_blamed_on_its_first_write() -> None:
    found = broken(case(), Restless)
    (anomaly,) = anomalies(found)
    assert anomaly.rule == "redelivery changes nothing"
    assert isinstance(anomaly.culprit, Called)
    (change,) = anomaly.changes
    assert change.before == change.after
    later = found.execution.story.index(anomaly.culprit)
    assert max(place for place, event in enumerate(found.execution.story) if isinstance(event, PhaseBegan)) < later


def test_an_invocation_that_never_ends_is_named_with_its_seconds_and_no_row_is_blamed() -> None:
    found = broken()
    found.execution.broken[:] = [Broken("an invocation comes to an end", "no call and no answer")]
    found.execution.story.append(Ended(3, 0.0, 1, "timed out", None))
    (anomaly,) = anomalies(found)
    assert anomaly.evidence == "invocation 1, given 10 s: no call and no answer"
    assert anomaly.culprit is None
    assert anomaly.changes == ()
    assert anomaly.records == ("100000000000000000001",)


def test_a_row_removed_and_put_in_one_call_has_moved() -> None:
    old, new = pair("g", TIMES[1])[0], pair("g", TIMES[2])[0]
    other = row("ana", "h", TIMES[2])
    removed, put = RowChange(("GRP#ana", TIMES[1]), old, None), RowChange(("GRP#ana", TIMES[2]), None, new)
    stranger = RowChange(("GRP#ana", TIMES[2]), None, other)
    assert moves([removed, put]) == moves([put, removed]) == [RowChange(("GRP#ana", TIMES[1]), old, new)]
    assert moves([removed, stranger]) == [removed, stranger]


def test_versions_follow_a_row_from_the_beginning() -> None:
    view = versions(broken())[0]
    assert (view.group, view.member) == ("g", "ana")
    assert [(version.by, version.item is None) for version in view.versions] == [
        ("the application", False),
        ("invocation 1", True),
    ]


def test_a_long_story_loses_its_middle_and_says_so() -> None:
    story = broken().execution.story * 100
    lines = list(told(story, 10))
    assert lines[:5] == story[:5]
    assert lines[-5:] == story[-5:]
    assert lines[5] == f"... {len(story) - 10:,} events left out; --json has all"


# Text.


@pytest.mark.parametrize("is_terminal", [False, True])
def test_the_text_tells_record_call_row_and_reason(*, is_terminal: bool) -> None:
    text = text_of(wrong(case_file="a case.json"), is_terminal=is_terminal)
    for part in (
        "wrong: a member always has a row",
        "record 100000000000000000001: INSERT MSG#g",
        f"TransactWriteItems Delete ana {TIMES[1]} -> done",
        "row of GRP#ana",
        "no row",
        "why that is wrong: A reader",
        "-> throttle",
        "python -m replay explore --case 'a case.json'",
    ):
        assert part in text


def test_the_text_in_a_pipe_has_no_escape_and_on_a_terminal_a_table() -> None:
    moved = wrong(broken(case(records=tuple(said("g", TIMES[at], "m", "ana", at) for at in (2, 3))), TakesTheOldest))
    assert "\x1b" not in text_of(moved)
    assert "│" in text_of(moved, is_terminal=True)
    assert "│" not in text_of(moved)


def test_the_text_of_a_right_exploration_gives_verdict_situations_and_limits() -> None:
    text = text_of(right())
    assert text.startswith("right: 1 case, no rule broken\n")
    assert "3 findings explained by a stated limit" in text
    assert "answer success" in text
    assert "again" not in text


def test_the_text_of_a_wrong_exploration_lists_only_the_situations_that_occurred() -> None:
    exploration = wrong()
    reached = [name for name, count in exploration.situations.items() if count]
    lines = text_of(exploration).partition("situations reached:\n")[2].splitlines()
    assert [line.rsplit(maxsplit=1)[0].strip() for line in lines[: len(reached)]] == reached
    never = len(exploration.situations) - len(reached)
    assert lines[len(reached)] == f"  and {never} others that never occurred; --json has all"


@pytest.mark.parametrize(("number", "words"), [(0, "0 cases"), (1, "1 case"), (2000, "2,000 cases")])
def test_a_number_agrees_with_its_noun(number: int, words: str) -> None:
    assert counted(number, "case") == words


def test_a_rate_is_told_of_many_cases_only() -> None:
    result = Result(cases=1_000, calls=2, writes=1, duration_s=2.0)
    assert figures(result) == "1,000 cases, 2 calls, 1 write; 500 cases a second"
    assert figures(replace(result, cases=2)) == "2 cases, 2 calls, 1 write"
    assert figures(replace(result, duration_s=0.0)) == "1,000 cases, 2 calls, 1 write"


# JSON.


def test_the_json_is_of_its_schema() -> None:
    for exploration in (right(), wrong(), wrong(case_file="case.json", test="pytest a.py::b")):
        assert_is(json.loads(json.dumps(as_json(exploration))), ExplorationJson)


def test_the_json_holds_the_case_as_a_file_holds_it() -> None:
    exploration = wrong()
    report = as_json(exploration)
    assert report["broken"] is not None
    assert exploration.broken is not None
    assert parse(report["broken"]["case"]) == exploration.broken.smallest
    assert report["broken"]["anomalies"][0]["changes"][0]["after"] is None
    assert report["verdict"] == "wrong"


def test_the_json_tells_every_event_with_its_fields() -> None:
    exploration = wrong()
    report = as_json(exploration)
    assert report["broken"] is not None
    assert exploration.broken is not None
    story = report["broken"]["story"]
    assert [event["kind"] for event in story] == [event.kind for event in exploration.broken.execution.story]
    assert [event["line"] for event in story] == [str(event).strip() for event in exploration.broken.execution.story]
    call = next(event for event in story if event["kind"] == "call")
    assert (call["invocation"], call["call"], call["fault"], call["outcome"]) == (1, 1, "throttle", "throttle")


def test_the_json_writes_bytes_in_base64() -> None:
    found = broken()
    item = {**pair("g", TIMES[1])[0], "pictures": {"M": {"small": {"BS": [b"\x00\xff"]}}}}
    with_bytes(found, RowChange(("GRP#ana", TIMES[1]), item, None))
    report = as_json(wrong(found))
    assert report["broken"] is not None
    before = report["broken"]["anomalies"][0]["changes"][0]["before"]
    assert before is not None
    assert before["pictures"] == {"M": {"small": {"BS": ["AP8="]}}}
    json.dumps(report)


def with_bytes(found: BrokenCase, change: RowChange) -> None:
    """Let the story's last write have changed this row, as it is told of a table on an endpoint."""
    story = found.execution.story
    place = max(place for place, event in enumerate(story) if isinstance(event, Called) and event.changes)
    story[place] = replace(story[place], changes=(change,))  # type: ignore[call-arg] # it is a call


def assert_is(value: Any, kind: Any, where: str = "report") -> None:  # noqa: ANN401 - any JSON, any type
    """Check a value against a type of the schema."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        assert value.keys() == hints.keys(), where
        for name, hint in hints.items():
            assert_is(value[name], hint, f"{where}.{name}")
    elif origin is list:
        for number, each in enumerate(value):
            assert_is(each, arguments[0], f"{where}[{number}]")
    elif origin is dict:
        for name, each in value.items():
            assert_is(each, arguments[1], f"{where}.{name}")
    elif kind is Any:
        return
    elif origin is None:
        assert isinstance(value, kind), f"{where}: {value!r}"
    elif origin in {Union, type(int | None)}:
        chosen = type(None) if value is None else next(each for each in arguments if each is not type(None))
        assert_is(value, chosen, where)
    else:
        assert value in arguments, where


# JUnit.


def test_the_junit_file_has_a_test_case_for_the_campaign_and_each_broken_case() -> None:
    exploration = wrong(command="python -m replay explore --handler app:handler")
    exploration.result.broken = [7, 9]
    suite = read_xml(junit_xml(exploration))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("3", "2", "2.000")
    assert [test.get("name") for test in suite] == ["campaign", "seed 7", "seed 9"]
    assert [test.find("failure") is None for test in suite] == [True, False, False]
    failure = suite[1].find("failure")
    assert failure is not None
    assert failure.get("type") == "a member always has a row"
    assert "TransactWriteItems Delete ana" in (failure.text or "")
    assert "--handler app:handler --seed 9 --schedules 1" in "".join(suite[2].itertext())


def test_the_junit_file_of_a_right_exploration_passes_and_has_its_figures() -> None:
    suite = read_xml(junit_xml(right()))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    values = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert values["handler"] == "app:handler"
    assert values["cases"] == "1"
    assert values["findings explained by a stated limit"] == "3"
    assert "answer success" in "".join(suite.itertext())


# Texts that nobody checked.


def test_no_text_of_a_record_reaches_a_terminal_or_a_file_as_control() -> None:
    hostile = wrong(broken(case(group=HOSTILE, text=HOSTILE)), command=f"explore {HOSTILE} \ud800")
    text = text_of(hostile)
    assert "\x1b" not in text
    assert "\\u001b[31m" in text
    assert "\\ud800" in text
    text.encode()
    root = read_xml(junit_xml(hostile))
    assert "</script>" in "".join(root.itertext())
    assert root.find(".//script") is None


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_written_and_read_as_xml(text: str) -> None:
    written = tostring(element("a", text, title=text), encoding="utf-8")
    read = read_xml(written)
    assert (read.text or "", read.get("title")) == (plain(text), plain(text))
    plain(text).encode()


def test_what_can_be_shown_stays_as_it_is() -> None:
    assert plain("tab\t, line\n, ümlaut, 漢字, 👍🏽, العربية") == "tab\t, line\n, ümlaut, 漢字, 👍🏽, العربية"


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (said("g", TIMES[1], "hi", "ana", 1), f'INSERT MSG#g {TIMES[1]}, message "hi" by ana'),
        ({}, "? ? ?, no new image"),
        ({"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": "MSG#g"}}}}, "REMOVE MSG#g ?, no new image"),
        ({"dynamodb": {"Keys": [], "NewImage": {"message": {"N": "1"}, "user_uuid": 5}}}, "? ? ?, message 1"),
        ({"dynamodb": {"Keys": {"pk": "MSG#g", "sk": {"S": 3}}, "NewImage": {}}}, "? ? ?, message absent"),
    ],
)
def test_a_record_of_any_form_has_a_line(record: dict[str, Any], line: str) -> None:
    assert record_line(record) == line


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        (None, "absent"),
        ({"S": 'a "b"'}, '"a \\"b\\""'),
        ({"N": "1.50"}, "1.50"),
        ({"BOOL": True}, '{"BOOL": true}'),
        ({"S": "x" * 1000}, '"' + "x" * 79 + "… (1,002 characters)"),
        ({}, "{}"),
    ],
)
def test_a_value_is_shown_short(attribute: dict[str, Any] | None, text: str) -> None:
    assert shown(attribute) == text


def test_a_seed_explained_is_reported_whole() -> None:
    seed = next(seed for seed in range(100) if in_memory(draw(seed), DeletesThenPuts).broken)
    found = explain(seed, lambda one, manner: in_memory(one, DeletesThenPuts, manner), draw(seed), Manner())
    exploration = wrong(found)
    assert f"--seed {seed} --schedules 1" in text_of(exploration)
    assert f"the story of seed {seed}, shrunk" in text_of(exploration)
    assert_is(json.loads(json.dumps(as_json(exploration))), ExplorationJson)


def test_a_case_that_breaks_only_once_says_so() -> None:
    carried_out = [in_memory(draw(0))]
    found = explain(0, lambda *_: carried_out[0], draw(0), Manner())
    assert found.execution.broken == []
    told_once = replace(wrong(), broken=found)
    assert "does not do the same on the same input" in told_once.verdict
    assert "does not do the same on the same input" in text_of(told_once)
