"""Whole cases drawn by seeds: a sample in memory, a smaller one over botocore; wrong works are convicted and shrunk."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from replay.errors import WrongUse
from replay.exploration.campaign import explain, in_memory, on_store
from replay.exploration.case import Case, Fault, Lag, dump, load, parse
from replay.exploration.draw import draw
from replay.exploration.outcome import PLAIN, Manner
from replay.exploration.situations import OF_WRONG_ANSWERS, SITUATIONS
from replay.tables.dynamo import DynamoStore
from tests.handlers.wrong_works import (
    DeletesThenPuts,
    DropsOtherAttributes,
    HasNoOrder,
    MovesWithoutConditions,
    TrustsTheIndex,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

    from stream_processor.group import GroupWork

TELLING = Manner(tells=True)


def test_a_sample_of_cases_is_right_and_reaches_every_situation() -> None:
    situations: Counter[str] = Counter()
    for seed in range(1500):
        execution = in_memory(draw(seed))
        assert execution.broken == [], f"seed {seed}"
        situations.update(execution.situations)
    assert {name for name, count in situations.items() if count} == set(SITUATIONS) - OF_WRONG_ANSWERS


def test_a_seed_always_makes_the_same_case_and_the_same_history() -> None:
    assert draw(7) == draw(7)
    assert in_memory(draw(7), manner=TELLING).story == in_memory(draw(7), manner=TELLING).story


@pytest.mark.parametrize(
    "wrong", [DeletesThenPuts, HasNoOrder, MovesWithoutConditions, TrustsTheIndex, DropsOtherAttributes]
)
def test_a_wrong_work_is_convicted_and_its_case_made_small(wrong: type[GroupWork]) -> None:
    seed = next(seed for seed in range(1000) if in_memory(draw(seed), wrong).broken)
    broken = explain(seed, lambda case, manner: in_memory(case, wrong, manner), draw(seed), PLAIN)
    events, records, _ = broken.smallest.weight
    assert broken.execution.broken
    assert records <= 5
    assert events <= 6
    assert in_memory(broken.smallest).broken == [], "the right function survives the same case"


@pytest.mark.engine
def test_cases_over_botocore_are_right(dynamodb: DynamoDBClient, shared_table: str) -> None:
    for seed in range(40):
        store = DynamoStore(dynamodb, shared_table, "message-group-sk-index")
        assert on_store(draw(seed, tag=f"case-{os.getpid()}-{seed}-"), store).broken == [], f"seed {seed}"


def test_a_case_survives_its_file(tmp_path: Path) -> None:
    case = draw(3)
    (tmp_path / "case.json").write_text(dump(case), encoding="utf-8")
    assert load(tmp_path / "case.json") == case


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no JSON"),
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
    with pytest.raises(WrongUse, match=said):
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


def test_a_case_weighs_what_disturbs_it() -> None:
    case = Case(rows=(), records=(), mapping={})
    assert case.weight == (0, 0, 0)
    assert replace(case, faults=(Fault(1, 1, "throttle"),), lags=(Lag("g", 0, 3),)).weight == (2, 0, 0)
    assert parse({"rows": [], "records": [], "mapping": {}}) == case
