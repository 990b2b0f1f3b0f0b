"""Who runs against whom: ours, the floor, the usual function, and its looped variant.

Each is opened on a table of its own and then handles a scenario's batches by number. All run in this process, over
clients that boto3 makes, against one engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004 - botocore's names

from bench.errors import Disturbed
from bench.wire import TOKEN, Sent
from stream_processor import handler
from stream_processor.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, WORKERS_DEFAULT
from tests.handlers import usual

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.scenarios import Scenario

Handle = Callable[[int], None]
Groups = tuple[tuple[tuple[Sent, ...], ...], ...]
"""A scenario's requests as ours sent them: for each batch, for each group, in order."""

OURS, USUAL, LOOPED, FLOOR = "ours", "usual", "looped", "floor"
CONTESTANTS = (OURS, FLOOR, USUAL, LOOPED)
LOOPED_BATCH_SIZE = 10
"""It takes as long for each message whatever the batch; small ones need fewer messages to be timed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a contestant is given: a table that holds the scenario's rows, and for the floor what ours sent."""

    table: str
    scenario: Scenario
    recorded: Groups = ()


def share(name: str, scenario: Scenario, one_by_one: int) -> Scenario:
    """Cut a scenario to what a contestant is given: those that take message after message get fewer of them."""
    if name == USUAL:
        return scenario.first(one_by_one, batch_size=1)
    if name == LOOPED:
        return scenario.first(one_by_one, batch_size=min(LOOPED_BATCH_SIZE, len(scenario.batches[0])))
    return scenario


def open_stage(name: str, stage: Stage) -> Handle:
    """Make a contestant ready on its table; the result handles a batch by its number.

    What it returns raises `Disturbed` where a request was not answered in time.
    """
    return _OPEN[name](stage)


def open_ours(stage: Stage, workers: int = WORKERS_DEFAULT) -> Handle:
    """Set the function up as Lambda does, by environment variables."""
    os.environ["TABLE_NAME"] = stage.table
    os.environ["WORKERS"] = str(workers)
    handler._processor.cache_clear()  # noqa: SLF001 - as in a new environment

    def handle(number: int) -> None:
        answer = handler.lambda_handler({"Records": list(stage.scenario.batches[number])}, None)
        if answer["batchItemFailures"]:
            raise Disturbed("the function reported a record")

    return handle


def open_floor(stage: Stage, workers: int = WORKERS_DEFAULT) -> Handle:
    """Make the calls that ours made, in as many threads, and look at nothing that comes back."""
    client = boto3.client("dynamodb", config=_config(workers))
    executor = ThreadPoolExecutor(workers)
    calls: Mapping[str, Callable[..., object]] = {
        "Query": client.query,
        "TransactWriteItems": client.transact_write_items,
    }
    prepared = [
        [[(calls[sent.operation], _aimed(sent, stage.table)) for sent in group] for group in batch]
        for batch in stage.recorded
    ]

    def send(group: Iterable[tuple[Callable[..., object], dict[str, Any]]]) -> None:
        for call, parameters in group:
            call(**parameters)

    def handle(number: int) -> None:
        try:
            if len(prepared[number]) == 1:
                send(prepared[number][0])
            else:
                list(executor.map(send, prepared[number]))
        except (HTTPClientError, ConnectionError) as error:
            raise Disturbed(type(error).__name__) from error

    return handle


def _open_usual(stage: Stage) -> Handle:
    """Hand over whole batches, of which it takes the first record: they must be batches of one."""
    usual.table = boto3.resource("dynamodb").Table(stage.table)
    return lambda number: usual.lambda_handler({"Records": list(stage.scenario.batches[number])}, None)


def _open_looped(stage: Stage) -> Handle:
    """The same with a loop around it."""
    usual.table = boto3.resource("dynamodb").Table(stage.table)

    def handle(number: int) -> None:
        for record in stage.scenario.batches[number]:
            usual.lambda_handler({"Records": [record]}, None)

    return handle


_OPEN: Mapping[str, Callable[[Stage], Handle]] = {
    OURS: open_ours,
    FLOOR: open_floor,
    USUAL: _open_usual,
    LOOPED: _open_looped,
}


def _config(workers: int) -> Config:
    """The function's own, so that only the code around the calls differs."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 1},
        max_pool_connections=workers,
    )


def _aimed(sent: Sent, table: str) -> dict[str, Any]:
    """Turn a request into a call's parameters, on another table and with a token of its own."""
    parameters = {name: value for name, value in sent.parameters.items() if name != TOKEN}
    for action in parameters.get("TransactItems", ()):
        for arguments in action.values():
            arguments["TableName"] = table
    return {**parameters, "TableName": table} if "TableName" in parameters else parameters
