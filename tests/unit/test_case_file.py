"""A case's file: what it holds survives it, and what no history can have is refused in one line."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from replay.checks.scenarios import TIMES, pair, said
from replay.errors import WrongUse
from replay.exploration.case_file import dump, load, parse
from replay.exploration.draw import draw

if TYPE_CHECKING:
    from pathlib import Path


def test_a_case_survives_its_file(tmp_path: Path) -> None:
    case = draw(3)
    (tmp_path / "case.json").write_text(dump(case), encoding="utf-8")
    assert load(tmp_path / "case.json") == case


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is empty"),
        ("[", "it is no JSON (line 1, column 2)"),
        ("[]", "a case is an object"),
        ('{"rows": [], "records": []}', "'mapping' is missing"),
        ('{"rows": [], "records": [], "mapping": {}, "fault": []}', "unknown key 'fault'"),
        ('{"rows": {}, "records": [], "mapping": {}}', "'rows' is a list"),
        ('{"rows": [], "records": [], "mapping": {}, "faults": [{"call": 1}]}', "'faults'"),
    ],
)
def test_a_broken_case_file_is_refused_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "case.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(WrongUse, match=re.escape(said)):
        load(path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("faults", [{"invocation": 1, "call": 1, "kind": "explode"}], "'faults.kind' is none of crash-before"),
        ("faults", [{"invocation": True, "call": 1, "kind": "throttle"}], "'faults.invocation' is a whole number"),
        ("faults", [7], "'faults' holds objects, not int"),
        ("lags", [{"group": "g", "change": 0, "steps": 1, "changes": "2"}], "from -1 to 1,000,000, not '2'"),
        ("lags", [{"group": "g", "change": 0, "steps": 1, "changes": 10**11}], "'lags.changes' is a whole number"),
        ("lags", [{"group": 1, "change": 0, "steps": 1}], "'lags.group' is a text, not 1"),
        ("redeliveries", [{"after": 1, "sequences": "1"}], "'redeliveries.sequences' is a list of texts"),
        ("cuts", ["a"], "'cuts' is a whole number"),
        (
            "writes",
            [{"at": 1, "kind": "vanish", "group": "g"}],
            "is none of set, leave, join, remove-message: 'vanish'",
        ),
        (
            "writes",
            [{"at": 1, "kind": "leave", "group": "g"}],
            "'writes.member' is missing; 'leave' needs group, member",
        ),
        (
            "writes",
            [{"at": 1, "kind": "join", "group": "g", "member": "ana"}],
            "'writes.time' is missing; 'join' needs",
        ),
        ("writes", [{"at": 1, "kind": "remove-message", "group": "g", "time": 1}], "'writes.time' is a text, not 1"),
        (
            "faults",
            [{"invocation": 1, "call": 1, "kind": "torn"}],
            "lost-answer, little-time, torn-read, torn-read-puts",
        ),
        ("rows", [1], "'rows' holds objects, not int"),
        ("records", [{}], "'records' holds stream records"),
        ("mapping", [], "'mapping' is an object, not list"),
        ("mapping", {"BatchSize": "x"}, "'mapping': BatchSize must be a whole number"),
        ("name", 7, "'name' is a text, not int"),
    ],
)
def test_a_case_with_a_value_of_another_kind_is_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse({"rows": [], "records": [], "mapping": {}, key: value})


def plain(**parts: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a case
    return {"rows": [dict(row) for row in pair("g", TIMES[0])], "records": [], "mapping": {}, **parts}


def record(number: str = "5", **change: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a record
    told = said("g", TIMES[1], "hi", "ana", 1)
    return {**told, "dynamodb": {**told["dynamodb"], "SequenceNumber": number, **change}}


def write(name: str = "unread", value: str = "5") -> dict[str, Any]:
    return {"at": 0, "kind": "set", "group": "g", "member": "ana", "name": name, "value": value}


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"rows": [{"pk": {"S": "GRP#ana"}, "sk": {"S": "1"}, "n": 1}]}, "'rows': n is 1, which is no value"),
        ({"rows": [{"pk": {"S": "GRP#ana"}, "sk": {"S": "\ud800"}}]}, "'rows': sk is {'S': '\\ud800'}"),
        (
            {"rows": [*pair("g", TIMES[0]), *pair("h", TIMES[0])]},
            "two rows stand under the key GRP#ana, 2026-03",
        ),
        ({"records": [record("9" * 5000)]}, "a sequence number has 40 digits at most, not 5000"),
        ({"records": [record("7"), record("7")]}, "record 7 comes behind 7; a shard's numbers rise"),
        ({"records": [record("10"), record("9")]}, "record 9 comes behind 10"),
        ({"records": [{**record(), "shardId": {}}]}, "record 5: shardId is a text, not {}"),
        ({"records": [record(NewImage={"pk": {"S": {}}})]}, "record 5: NewImage: pk is {'S': {}}"),
        ({"records": [record(Keys={"pk": {"S": [1]}})]}, "record 5: Keys: pk is {'S': [1]}"),
        ({"lags": [{"group": "g", "change": 0, "steps": 1, "changes": 600_000}] * 2}, "more than 1,000,000 changes"),
        ({"writes": [write(name="sk")]}, "'writes': a set gives what is no key a number or a value of DynamoDB's JSON"),
        ({"writes": [write(value='{"S": 1}')]}, """not unread '{"S": 1}'"""),
        ({"writes": [write(value='{"S": ')]}, """not unread '{"S": '"""),
        ({"writes": [write(value="many")]}, "not unread 'many'"),
    ],
)
def test_what_no_table_or_stream_holds_is_refused(parts: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse(plain(**parts))


def test_a_file_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(WrongUse, match="nested too deep"):
        load(tmp_path / "case.json")


def test_shards_have_numbers_of_their_own() -> None:
    records = [{**record("10"), "shardId": "A"}, {**record("9"), "shardId": "B"}]
    assert len(parse(plain(records=records)).records) == 2


def test_everything_that_is_drawn_may_stand_in_a_file() -> None:
    for seed in range(150):
        drawn = draw(seed)
        writes = [asdict(each) for each in drawn.writes]
        read = parse(plain(rows=list(drawn.rows), records=list(drawn.records), writes=writes))
        assert (read.records, read.writes) == (drawn.records, drawn.writes)
