"""Right handlers written otherwise than ours raise no alarm; what no handler without transactions can do does.

Two stream functions over plain boto3, row by row, each write on a condition. They keep every promise that single writes
can keep, of rows far below 400 KB. Three histories are beyond them, and are left out of what is drawn:

- a member leaves between reading and putting: whether a row that went was moved or left cannot be known;
- another owner writes between reading and putting, and the invocation dies or is not alone: which of two rows has the
  newer attribute is known to the invocation that copied the row, and to nobody else;
- an invocation dies between put and delete and nobody repeats it: two rows stay until the group's next delivery. While
  faults last, doubled rows are therefore no finding here; once everything was delivered again, they are.
"""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from replay.checks.scenarios import TIMES, pair, said
from replay.exploration.campaign import in_memory
from replay.exploration.case import TORN_READS, Case, Fault, Write
from replay.exploration.draw import draw
from replay.exploration.features import Features, Size
from replay.exploration.outcome import PLAIN, Manner
from tests.simulation.stepped import HANDLERS, carried_out, forked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.exploration.outcome import Execution
    from replay.function.forked import ForkedFunction

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("foreign")]

RIGHT = ("right_put_first", "right_row_by_row")
SAMPLE = 10
SCHEDULES = int(os.environ.get("REPLAY_RIGHT_SCHEDULES", SAMPLE))
"""How many seeds each handler meets; `make right-handlers` takes 5,000."""
SIZE = Size(groups=2, messages=6)
MAPPING = {"BatchSize": 10, "MaximumRetryAttempts": 2, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
CALLS = 14
"""The first invocation's calls among which a moment is looked for: index, two members, what is done to each."""


@pytest.fixture(scope="module", params=RIGHT)
def right(request: pytest.FixtureRequest, engine_endpoint: str, shared_table: str) -> Iterator[ForkedFunction]:
    with forked(engine_endpoint, shared_table, f"{HANDLERS / request.param}.py:lambda_handler") as function:
        yield function


def within_reach(seed: int) -> Features:
    """A seed's features without what single writes cannot meet."""
    drawn = replace(Features.drawn(Random(seed)), leavers=False, large=False)  # noqa: S311 - repeatable on purpose
    if not drawn.owners:
        return drawn
    return replace(drawn, faults=False, lanes=False, shards=False, redelivery=False, twins=False)


@pytest.mark.timeout(0 if SCHEDULES > SAMPLE else 300)
def test_a_right_handler_without_transactions_raises_no_alarm(
    right: ForkedFunction, dynamodb: DynamoDBClient, shared_table: str
) -> None:
    for seed in range(SCHEDULES):
        case = draw(seed, SIZE, features=within_reach(seed))
        is_disturbed = any(fault.kind not in TORN_READS for fault in case.faults)
        manner = Manner(ignored=frozenset({"doubled"}) if is_disturbed else frozenset())
        execution, doubled = carried_out(case, dynamodb, shared_table, right, manner)
        assert (execution.broken, doubled) == ([], []), f"seed {seed}"


def history(*, faults: tuple[Fault, ...] = (), writes: tuple[Write, ...] = (), retries: int = 2) -> Case:
    """Two people, unread counts, one message."""
    rows = tuple({**item, "unread": {"N": "0"}} for item in pair("g", TIMES[1]))
    mapping = {**MAPPING, "MaximumRetryAttempts": retries}
    return Case(rows, (said("g", TIMES[2], "new", "ana", 1),), mapping, faults=faults, writes=writes)


LEAVES = [history(writes=(Write(at, "leave", "g", "ana"),)) for at in range(1, CALLS)]
OWNER_AND_CRASH = [
    history(writes=(Write(at, "set", "g", "ana", "unread", "5"),), faults=(Fault(1, call, "crash-after"),))
    for at in range(1, CALLS)
    for call in (at + 1, at + 2)
]
LAST_TRY_DIES = [history(faults=(Fault(1, call, "crash-after"),), retries=0) for call in range(1, CALLS)]


@pytest.mark.parametrize(
    ("histories", "rule"),
    [
        pytest.param(LEAVES, "doubled", id="a member leaves meanwhile"),
        pytest.param(OWNER_AND_CRASH, "altered", id="an owner writes meanwhile and the invocation dies"),
        pytest.param(LAST_TRY_DIES, "doubled", id="the last try dies between put and delete"),
    ],
)
def test_what_single_writes_cannot_meet_is_found_and_ours_meets_it(
    histories: list[Case], rule: str, right: ForkedFunction, dynamodb: DynamoDBClient, shared_table: str
) -> None:
    def carry_out(case: Case) -> Execution:
        return carried_out(case, dynamodb, shared_table, right, PLAIN)[0]

    assert rule in next((execution.rules for execution in map(carry_out, histories) if execution.broken), ())
    assert not any(in_memory(case).broken for case in histories)
