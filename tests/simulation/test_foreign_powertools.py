"""What Powertools' batch processor does to a stream whose order matters: each of its habits, as a finding.

AWS: Lambda developer guide, "Configuring partial batch response with DynamoDB and Lambda": everything from the lowest
number answered comes again, whatever was done behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from replay.checks.scenarios import TIMES, pair, said
from replay.exploration.campaign import explain, in_memory, one_by_one
from replay.exploration.case import Case, Fault
from replay.exploration.draw import draw
from replay.exploration.features import Features, Size
from replay.exploration.outcome import Manner
from replay.exploration.story import Ended
from tests.simulation.stepped import HANDLERS, carried_out, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.exploration.outcome import Execution

    CarryOut = Callable[[Case, Manner], Execution]

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("foreign")]

POWERTOOLS = HANDLERS / "powertools_batch.py"
BACK = "a list never moves back"
GIVEN_UP = "healthy records are not given up"
ONCE = Manner(calmed=False, tells=True)
MAPPING = {"BatchSize": 10, "MaximumRetryAttempts": 2, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
ONE, TWO, THREE = (said("g", TIMES[10 * number], text, "ana", number) for number, text in enumerate("abc", start=1))
SEEDS = 200


@pytest.fixture(scope="module")
def powertools(engine_endpoint: str, dynamodb: DynamoDBClient, shared_table: str) -> Iterator[CarryOut]:
    yield from stepped("lambda_handler", engine_endpoint, dynamodb, shared_table)


@pytest.fixture(scope="module")
def stopping(engine_endpoint: str, dynamodb: DynamoDBClient, shared_table: str) -> Iterator[CarryOut]:
    """The same record handler in a loop that ends at the first failure."""
    yield from stepped("stopping_handler", engine_endpoint, dynamodb, shared_table)


def stepped(function: str, endpoint: str, dynamodb: DynamoDBClient, table: str) -> Iterator[CarryOut]:
    with forked(endpoint, table, f"{POWERTOOLS}:{function}") as handler:
        yield lambda case, manner: carried_out(case, dynamodb, table, handler, manner)[0]


def history(*records: Any, faults: tuple[Fault, ...] = ()) -> Case:  # noqa: ANN401 - records as the wire has them
    return Case(pair("g", TIMES[0]), records, MAPPING, faults=faults)


def poisoned(record: dict[str, Any]) -> dict[str, Any]:
    """The same without its image: nobody can ever apply it."""
    return {**record, "dynamodb": {name: part for name, part in record["dynamodb"].items() if name != "NewImage"}}


def test_it_goes_on_behind_a_failure_so_that_the_retry_moves_the_list_back(
    powertools: CarryOut, stopping: CarryOut
) -> None:
    case = history(ONE, TWO, faults=(Fault(1, 1, "throttle"),))
    assert powertools(case, ONCE).rules == {BACK}
    assert stopping(case, ONCE).rules == set()
    assert in_memory(case, manner=ONCE).rules == set()


def test_that_is_found_by_exploring_and_made_small(powertools: CarryOut) -> None:
    features = Features.only(("batches", "faults"))
    manner = Manner(calmed=False, ignored=frozenset({"ahead", "behind", "missing", "doubled", "altered"}))

    def once_failed(case: Case, manner: Manner) -> Execution:
        execution = powertools(case, manner)
        execution.broken = [broken for broken in execution.broken if broken.rule == BACK]
        return execution

    cases = {seed: draw(seed, Size(groups=1, messages=5), features=features) for seed in range(SEEDS)}
    (seed,) = one_by_one(cases.items(), lambda case: once_failed(case, manner)).broken
    found = explain(seed, once_failed, cases[seed], manner)
    events, records, _ = found.smallest.weight
    assert found.execution.rules == {BACK}
    assert (events, records) <= (1, 3)


def test_one_poison_record_takes_the_healthy_ones_behind_it_out_of_the_stream(powertools: CarryOut) -> None:
    case = history(ONE, poisoned(TWO), THREE)
    assert powertools(case, ONCE).rules == {GIVEN_UP}
    assert in_memory(case, manner=ONCE).rules == set()


def test_it_raises_where_every_record_failed_instead_of_naming_the_first(
    powertools: CarryOut, stopping: CarryOut
) -> None:
    case = history(ONE, faults=(Fault(1, 1, "throttle"),))
    assert first_result(powertools(case, ONCE)).startswith("raised BatchProcessingError: All records failed")
    assert first_result(stopping(case, ONCE)).startswith("returned")


def test_it_reads_and_writes_for_every_record_where_one_message_a_group_would_do(powertools: CarryOut) -> None:
    case = history(ONE, TWO, THREE)
    moved = 3 * (1 + 2)  # an index query, and a transaction for each of two members, for each record
    assert calls_of_the_first(powertools(case, ONCE)) == moved
    assert calls_of_the_first(in_memory(case, manner=ONCE)) == 2


def first_result(execution: Execution) -> str:
    return next(event.result for event in execution.story if isinstance(event, Ended))


def calls_of_the_first(execution: Execution) -> int:
    return next(event.step for event in execution.story if isinstance(event, Ended))
