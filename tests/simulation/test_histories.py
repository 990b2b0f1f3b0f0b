"""Random histories: a sample in memory, a smaller one over botocore on DynamoDB Local; wrong works do not survive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.checks.campaign import on_store
from replay.checks.histories import Reached, explore
from replay.checks.world import Diverged
from replay.tables.dynamo import DynamoStore
from tests.handlers.wrong_works import DropsOtherAttributes, HasNoOrder, MovesWithoutConditions, TrustsTheIndex

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SITUATIONS = (
    "another owner's update",
    "consistent reading",
    "crash",
    "index entry late",
    "lost-answer",
    "lost-request",
    "member left",
    "orphan",
    "redelivery after success",
    "row healed",
    "stated limit",
    "transaction repeated",
    "two rows of one member",
    "work failed",
)


def test_a_sample_of_histories_ends_right_and_reaches_every_situation() -> None:
    reached = Reached()
    for seed in range(1500):
        reached.add(explore(seed))
    assert [situation for situation in SITUATIONS if not reached.situations[situation]] == []


def test_a_history_is_the_same_for_the_same_seed() -> None:
    assert explore(7) == explore(7)


@pytest.mark.parametrize("wrong", [HasNoOrder, MovesWithoutConditions, TrustsTheIndex, DropsOtherAttributes])
def test_a_wrong_work_is_convicted_by_some_history(wrong: type) -> None:
    assert any(_diverges(seed, wrong) for seed in range(500))


@pytest.mark.engine
def test_histories_over_botocore_end_right(dynamodb: DynamoDBClient, shared_table: str) -> None:
    for part in on_store(0, 40, lambda: DynamoStore(dynamodb, shared_table, "message-group-sk-index")):
        assert part.diverged == []


def _diverges(seed: int, wrong: type) -> bool:
    try:
        explore(seed, wrong)
    except Diverged:
        return True
    return False
