"""Whole cases drawn by seeds: a sample in memory, a smaller one over botocore; wrong works are convicted and shrunk."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from replay.exploration.campaign import explain, in_memory, on_store
from replay.exploration.case import Case, Fault, Lag
from replay.exploration.case_file import parse
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
    seed = next(seed for seed in range(60, 1000) if in_memory(draw(seed), wrong).broken)
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


def test_a_case_weighs_what_disturbs_it() -> None:
    case = Case(rows=(), records=(), mapping={})
    assert case.weight == (0, 0, 0)
    assert replace(case, faults=(Fault(1, 1, "throttle"),), lags=(Lag("g", 0, 3),)).weight == (2, 0, 0)
    assert parse({"rows": [], "records": [], "mapping": {}}) == case
