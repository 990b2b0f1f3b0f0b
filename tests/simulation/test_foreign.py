"""Handlers that are not ours, stepped inside botocore: the usual function is convicted of each fault it can show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from replay.exploration.campaign import explain, on_store, one_by_one
from replay.exploration.draw import Features, Size, draw
from replay.exploration.execution import PLAIN, Manner
from replay.exploration.foreign import ForeignHandler
from replay.function.configuration import Configuration
from replay.function.environment import Surroundings, handler_environment
from replay.function.forked import ForkedFunction
from replay.function.process import Launch
from replay.function.target import Target
from replay.tables import local
from replay.tables.dynamo import DynamoStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.exploration.case import Case
    from replay.exploration.execution import Execution

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("foreign")]

INDEX = "message-group-sk-index"
USUAL = f"{Path(__file__).parents[1] / 'handlers' / 'usual.py'}:lambda_handler"
OURS = "stream_processor.handler:lambda_handler"
SMALL = Size(groups=2, messages=4)
MOMENTARY = "a member always has a row"
"""The usual function deletes before it puts, so this breaks at once; the hunts look for what stays."""
BACK = "a list never moves back"

HUNTS = {
    "H1": (("batches",), (MOMENTARY,), {"behind"}),
    "H2": (("faults",), (MOMENTARY, BACK), {"missing"}),
    "H3": (("lag",), (MOMENTARY, BACK, "healthy records are not given up"), {"doubled"}),
    "H5": (("redelivery",), (MOMENTARY,), {BACK}),
    "H6": (("edits",), (MOMENTARY, BACK), {"ahead"}),
    "H7": (("ties",), (MOMENTARY, BACK, "behind"), {"missing"}),
    "H9": (("owners",), (MOMENTARY, BACK), {"altered"}),
    "H10": (("poison", "batches"), (MOMENTARY, BACK, "behind"), {"healthy records are not given up"}),
}
"""By fault: what may happen, which rules are not looked at, which rule must be found broken."""


QUICK = ("H1", "H5", "H9")
"""Hunted at every test run; the others take longer and are hunted by `make hunts`."""
HUNTED = HUNTS if "REPLAY_EVERY_HUNT" in os.environ else QUICK


def _run_with(dynamodb: DynamoDBClient, table: str, function: ForkedFunction) -> Callable[[Case, Manner], Execution]:
    def carry_out(case: Case, manner: Manner) -> Execution:
        store = DynamoStore(dynamodb, table, INDEX)
        return on_store(case, store, ForeignHandler(function, store), manner)

    return carry_out


def _forked(endpoint: str, table: str, target: str) -> ForkedFunction:
    parsed = Target.parse(target)
    configuration = Configuration(timeout_s=10, variables={"TABLE_NAME": table, "WORKERS": "1"})
    around = Surroundings(local.REGION, endpoint, is_local=True, inherited=dict(os.environ), given={})
    return ForkedFunction(Launch(parsed, configuration, handler_environment(parsed, configuration, around), endpoint))


@pytest.fixture(scope="module")
def usual(engine_endpoint: str, shared_table: str) -> Iterator[ForkedFunction]:
    with _forked(engine_endpoint, shared_table, USUAL) as function:
        yield function


@pytest.mark.parametrize("fault", HUNTED)
def test_the_usual_function_is_convicted_of(
    fault: str, usual: ForkedFunction, dynamodb: DynamoDBClient, shared_table: str
) -> None:
    features, ignored, rules = HUNTS[fault]
    manner = Manner(ignored=frozenset(ignored), calmed=False)
    carry_out = _run_with(dynamodb, shared_table, usual)

    def hunted(case: Case, manner: Manner) -> Execution:
        execution = carry_out(case, manner)
        execution.broken = [broken for broken in execution.broken if broken.rule in rules]
        return execution

    cases = ((seed, draw(seed, SMALL, features=Features.only(features))) for seed in range(300))
    result = one_by_one(cases, lambda case: hunted(case, manner))
    assert result.broken, f"{fault} was not found"
    seed = result.broken[0]
    broken = explain(seed, hunted, draw(seed, SMALL, features=Features.only(features)), manner)
    events, records, _ = broken.smallest.weight
    assert broken.execution.rules <= rules
    assert records <= 3
    assert events <= 2


def test_ours_survives_as_any_other_handler(engine_endpoint: str, dynamodb: DynamoDBClient, shared_table: str) -> None:
    with _forked(engine_endpoint, shared_table, OURS) as function:
        carry_out = _run_with(dynamodb, shared_table, function)
        cases = ((seed, draw(seed, SMALL)) for seed in range(4))
        result = one_by_one(cases, lambda case: carry_out(case, PLAIN))
    assert result.broken == []
    assert result.calls > 20
