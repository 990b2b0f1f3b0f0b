"""DynamoDB Local as an embedded engine: fetched on first use, run on a Java from a package, ended with its starter.

`engine()` gives one for the length of a `with` block. Any number run at once, each on a port of its own. A running
engine is ready: it has answered `ListTables`. It listens on every interface of the machine and has no option to
change that; the line it is announced with says so.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, overload

import boto3.session
from botocore.config import Config

from replay.tables.artifact import VERSION
from replay.tables.launch import Engine, launch
from replay.tables.process import Watched
from replay.tables.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

__all__ = ["CREDENTIAL", "REGION", "Engine", "client", "engine", "started_line"]

REGION = "us-east-1"
"""Any will do: there is one set of tables, and streams' names carry `ddblocal` in the region's place."""

CREDENTIAL = "local"
"""Letters and digits, as DynamoDB Local wants. Nobody's own credentials ever travel to a local endpoint."""

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
CLIENT_ATTEMPTS = 3
CONNECTIONS_MAX = 50


@contextmanager
def engine(port: int | None = None, data: Path | None = None, *, tell: Callable[[str], None] = say) -> Iterator[Engine]:
    """Run DynamoDB Local until the block ends or this process does, even by SIGKILL.

    `port` None is any free one. `data` None keeps everything in memory; a folder keeps it over restarts. `tell` gets
    one line when it is ready. `WrongUse`: no Java, unsupported platform, nothing cached and no network, port taken.
    """
    running, process = launch(port, data, Watched)
    try:
        tell(started_line(running, data))
        yield running
    finally:
        process.stop()


def started_line(running: Engine, data: Path | None) -> str:
    """Say where an engine is, what it keeps, and who can reach it."""
    where = "in memory" if data is None else f"in {data}"
    return (
        f"DynamoDB Local {VERSION} on {running.endpoint} ({where}, process {running.pid}; "
        "it listens on every interface of this machine)"
    )


@overload
def client(endpoint: str, service: Literal["dynamodb"] = "dynamodb") -> DynamoDBClient: ...


@overload
def client(endpoint: str, service: Literal["dynamodbstreams"]) -> DynamoDBStreamsClient: ...


def client(
    endpoint: str, service: Literal["dynamodb", "dynamodbstreams"] = "dynamodb"
) -> DynamoDBClient | DynamoDBStreamsClient:
    """Make a client of a local endpoint, with dummy credentials whatever the environment holds."""
    session = boto3.session.Session(aws_access_key_id=CREDENTIAL, aws_secret_access_key=CREDENTIAL, region_name=REGION)
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": CLIENT_ATTEMPTS},
        max_pool_connections=CONNECTIONS_MAX,
        proxies={},  # or HTTP_PROXY would get what is meant for this machine
    )
    if service == "dynamodb":
        return session.client("dynamodb", endpoint_url=endpoint, config=config)
    return session.client("dynamodbstreams", endpoint_url=endpoint, config=config)
