"""DynamoDB Local as an embedded engine: fetched on first use, run on a Java from a package, ended with its starter.

`engine()` gives one for the length of a `with` block. Any number run at once, each on a port of its own. A running
engine is ready: it has answered `ListTables`. It listens on every interface of the machine and has no option to
change that; the line it is announced with says so.
"""

from __future__ import annotations

import http.client
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, overload

import boto3.session
from botocore.config import Config

from replay.errors import WrongUse
from replay.tables.artifact import VERSION, installed, remove_damaged
from replay.tables.cache import cache_folder
from replay.tables.java import Platform, check_platform, find_java
from replay.tables.port import HOST, held, taken
from replay.tables.process import Watched, command_line
from replay.tables.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

REGION = "us-east-1"
"""Any will do: there is one set of tables, and streams' names carry `ddblocal` in the region's place."""

CREDENTIAL = "local"
"""Letters and digits, as DynamoDB Local wants. Nobody's own credentials ever travel to a local endpoint."""

MAIN_CLASS = "software.amazon.dynamodb.services.local.main.ServerRunner"

READY_WITHIN_S = 60
"""It takes under a second on an idle machine and some seconds on a busy one."""

PROBE_EVERY_S = 0.03
PROBE_TIMEOUT_S = 5
LOG_LINES = 3
PORT_TAKEN = "Address already in use"

ATTEMPTS = 3
"""Starts before giving up: one, one more after damaged jars were fetched again, one more after a free port was lost."""

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
CLIENT_ATTEMPTS = 3
CONNECTIONS_MAX = 50

JVM_OPTIONS = (
    "-XX:TieredStopAtLevel=1",  # compile once, quickly: half the CPU time over a few thousand requests, never slower
    "-XX:+UseSerialGC",  # a third less memory than the parallel collectors, and no threads of its own
    "-XX:-UsePerfData",  # no files in the shared temporary folder
    "--enable-native-access=ALL-UNNAMED",  # it loads its SQLite library; later Javas refuse that without this
)


@dataclass(frozen=True, slots=True)
class Engine:
    """A running DynamoDB Local: where it answers, and the number of its process."""

    port: int
    pid: int

    @property
    def endpoint(self) -> str:
        """The address for `--endpoint-url` and the SDK's `AWS_ENDPOINT_URL_DYNAMODB`."""
        return f"http://{HOST}:{self.port}"


class Process(Protocol):
    """A process started through `replay.tables.process`; without a number it could not be started."""

    @property
    def pid(self) -> int | None:
        """The process's number."""

    def stop(self) -> None:
        """End the process and wait for it; again is nothing."""


P = TypeVar("P", bound=Process)


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


def launch(port: int | None, data: Path | None, start: Callable[[Sequence[str], Path], P]) -> tuple[Engine, P]:
    """Start an engine, wait until it answers, and return it with its process.

    `start` makes the process from a command line and a folder for its log and temporary files. A free port that
    somebody took meanwhile is replaced by another; jars that prove damaged are fetched again.
    """
    check_platform(Platform.here())
    cache = cache_folder()
    log = ""
    for _ in range(ATTEMPTS):
        jars = installed(cache)
        with held(port, cache) as chosen:
            folder = Path(tempfile.mkdtemp(prefix=f"engine-{chosen}-", dir=cache))
            process = start(_command(jars, chosen, data, folder), folder)
            if process.pid is not None and _ready(chosen, process.pid):
                return Engine(chosen, process.pid), process
        log = _after_failure(process, folder)
        if PORT_TAKEN in log and port is not None:
            raise taken(port)
        if PORT_TAKEN not in log and not remove_damaged(cache):
            break
    raise WrongUse(f"DynamoDB Local did not start: {_last_lines(log)}")


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
    )
    if service == "dynamodb":
        return session.client("dynamodb", endpoint_url=endpoint, config=config)
    return session.client("dynamodbstreams", endpoint_url=endpoint, config=config)


def _command(jars: Path, port: int, data: Path | None, folder: Path) -> list[str]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    return [
        str(find_java()),
        *JVM_OPTIONS,
        f"-Djava.io.tmpdir={folder}",
        "-cp",
        f"{jars / f'DynamoDBLocal-{VERSION}.jar'}{os.pathsep}{jars / '*'}",
        MAIN_CLASS,
        *("-port", str(port)),
        *(("-inMemory",) if data is None else ("-dbPath", str(data.absolute()))),
        "-sharedDb",  # one set of tables whatever the caller's credentials and region
        "-disableTelemetry",
    ]


def _ready(port: int, pid: int) -> bool:
    """Wait until the engine answers; false when it ended or took too long."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and is_engine(pid, port):
        if answers(port) and is_engine(pid, port):
            return True
        time.sleep(PROBE_EVERY_S)
    return False


def is_engine(pid: int, port: int) -> bool:
    """Whether the process of this number is an engine on this port: numbers are used again."""
    line = command_line(pid)
    return MAIN_CLASS in line and f"-port {port} " in line


def answers(port: int) -> bool:
    """Whether a DynamoDB answers `ListTables` on this port of this machine."""
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.ListTables",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    connection = http.client.HTTPConnection(HOST, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("POST", "/", b"{}", headers)
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK and b"TableNames" in answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _after_failure(process: Process, folder: Path) -> str:
    """Read what a process that did not get ready has printed, and clear it away."""
    try:
        log = (folder / "log").read_text(errors="replace")
    except OSError:
        log = ""
    process.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return log


def _last_lines(log: str) -> str:
    """Condense a log for a one-line error: its exceptions, else its last lines."""
    lines = [
        line.strip() for line in log.splitlines() if line.strip() and not line.startswith(("\t", "SLF4J", "WARNING"))
    ]
    return " | ".join(lines[-LOG_LINES:]) or "it printed nothing"
