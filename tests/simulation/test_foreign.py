"""Handlers that are not ours, stepped inside botocore: the usual function is convicted of each fault it can show."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from replay.checks.scenarios import TIMES, pair, said
from replay.exploration.campaign import explain, in_memory, one_by_one
from replay.exploration.case import Case, Lag
from replay.exploration.draw import draw
from replay.exploration.features import Features, Size
from replay.exploration.outcome import Manner
from tests.simulation.stepped import HANDLERS, carried_out, forked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.exploration.outcome import Execution
    from replay.function.forked import ForkedFunction
    from replay.rows.reading import Item

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("foreign")]

USUAL = f"{HANDLERS / 'usual.py'}:lambda_handler"
OURS = "stream_processor.handler:lambda_handler"
SMALL = Size(groups=2, messages=4)
MANY = Size(groups=2, messages=8)
MOMENTARY = "a member always has a row"
"""The usual function deletes before it puts, so this breaks at once; the hunts look for what stays."""
BACK = "a list never moves back"
GIVEN_UP = "healthy records are not given up"


@dataclass(frozen=True)
class Hunt:
    """What may happen, which rules are not looked at, which one must be found broken."""

    features: tuple[str, ...]
    ignored: tuple[str, ...]
    rule: str
    size: Size = SMALL


HUNTS = {
    "H1": Hunt(("batches",), (MOMENTARY,), "behind"),
    "H2": Hunt(("faults",), (MOMENTARY, BACK), "missing"),
    "H3": Hunt(("lag",), (MOMENTARY, BACK, GIVEN_UP), "doubled"),
    "H5": Hunt(("redelivery",), (MOMENTARY,), BACK),
    "H6": Hunt(("edits",), (MOMENTARY, BACK), "ahead"),
    "H7": Hunt(("collisions",), (MOMENTARY, BACK, "behind"), "missing", MANY),
    "H9": Hunt(("owners",), (MOMENTARY, BACK), "altered"),
    "H10": Hunt(("poison", "batches"), (MOMENTARY, BACK, "behind"), GIVEN_UP),
    "H14": Hunt((), (MOMENTARY, BACK), "out-of-order"),
}
QUICK = ("H1", "H5", "H9")
"""Hunted at every test run; the others take longer and are hunted by `make hunts`."""
HUNTED = HUNTS if "REPLAY_EVERY_HUNT" in os.environ else QUICK
SEEDS = 300


@pytest.fixture(scope="module")
def usual(engine_endpoint: str, shared_table: str) -> Iterator[ForkedFunction]:
    with forked(engine_endpoint, shared_table, USUAL) as function:
        yield function


@pytest.mark.parametrize("fault", HUNTED)
def test_the_usual_function_is_convicted_of(
    fault: str, usual: ForkedFunction, dynamodb: DynamoDBClient, shared_table: str
) -> None:
    hunt = HUNTS[fault]
    manner = Manner(ignored=frozenset(hunt.ignored), calmed=False)

    def hunted(case: Case, manner: Manner) -> Execution:
        execution, _ = carried_out(case, dynamodb, shared_table, usual, manner)
        execution.broken = [broken for broken in execution.broken if broken.rule == hunt.rule]
        return execution

    cases = {seed: draw(seed, hunt.size, features=Features.only(hunt.features)) for seed in range(SEEDS)}
    result = one_by_one(cases.items(), lambda case: hunted(case, manner))
    assert result.broken, f"{fault} was not found"
    seed = result.broken[0]
    broken = explain(seed, hunted, cases[seed], manner)
    events, records, _ = broken.smallest.weight
    assert broken.execution.rules == {hunt.rule}
    assert records <= 3
    assert events <= 1


def one_message(group: str = "g", at: str = TIMES[10], rows: tuple[Item, ...] = (), lags: tuple[Lag, ...] = ()) -> Case:
    """Two people and one message; `rows` beside theirs."""
    record = said(group, at, "new", "ana", 1)
    return Case((*pair(group, TIMES[5]), *rows), (record,), {"BatchSize": 1}, lags=lags)


STRAY = {**said("g", TIMES[1], "stray", "ana", 9)["dynamodb"]["NewImage"], "message_group_uuid": {"S": "g"}}
NEITHER = tuple(Lag("g", change, 50) for change in (1, 3))
"""The index has let go of both rows' old entries and does not show the new ones."""
GIVEN = {
    "H4": (
        replace(one_message(lags=NEITHER), records=tuple(said("g", TIMES[10 * n], "new", "ana", n) for n in (1, 2))),
        "behind",
    ),
    "H8": (one_message(at=TIMES[5]), MOMENTARY),
    "H13": (
        one_message(rows=(STRAY | {name: {"S": name} for name in ("user_display_name", "user_handle")},)),
        "message-touched",
    ),
    "H14": (one_message(at="2026-03-01T11:00:00+05:30"), BACK),
    "H14, over two groups": (
        Case(
            (*pair("g", TIMES[1]), *pair("h", TIMES[2])),
            (said("g", "2026-03-01T15:30:05+05:30", "new", "ana", 1), said("h", TIMES[30], "new", "ana", 2)),
            {"BatchSize": 1},
        ),
        "out-of-order",
    ),
    "H15": (one_message(group="a MSG#b"), "behind"),
}
"""Faults for which nothing is drawn: a history each, and the rule that it breaks."""


@pytest.mark.parametrize("fault", GIVEN)
def test_the_usual_function_is_convicted_by_a_history_of(
    fault: str, usual: ForkedFunction, dynamodb: DynamoDBClient, shared_table: str
) -> None:
    case, rule = GIVEN[fault]
    ignored = frozenset({MOMENTARY, BACK} - {rule})
    execution, _ = carried_out(case, dynamodb, shared_table, usual, Manner(ignored=ignored, calmed=False))
    assert execution.rules == {rule}
    assert in_memory(case).broken == []


def test_ours_survives_as_any_other_handler(engine_endpoint: str, dynamodb: DynamoDBClient, shared_table: str) -> None:
    with forked(engine_endpoint, shared_table, OURS) as function:
        cases = ((seed, draw(seed, SMALL)) for seed in range(4))
        result = one_by_one(cases, lambda case: carried_out(case, dynamodb, shared_table, function)[0])
    assert result.broken == []
    assert result.calls > 20
