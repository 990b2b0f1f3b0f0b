"""Starting DynamoDB Local: the command line, a port, a folder, and waiting until it answers."""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from replay.errors import WrongUse
from replay.tables.artifact import VERSION, installed, remove_damaged
from replay.tables.cache import cache_folder
from replay.tables.java import Platform, check_platform, find_java
from replay.tables.port import HOST, held, taken
from replay.tables.process import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAIN_CLASS = "software.amazon.dynamodb.services.local.main.ServerRunner"

READY_WITHIN_S = 60
"""It takes under a second on an idle machine and some seconds on a busy one."""

PROBE_EVERY_S = 0.03
PROBE_TIMEOUT_S = 5
LOG_LINES = 3
PORT_TAKEN = "Address already in use"
DATA_LOCK = ".engine.lock"

ATTEMPTS = 3
"""Starts before giving up: one, one more after damaged jars were fetched again, one more after a free port was lost."""

JVM_OPTIONS = (
    "-XX:TieredStopAtLevel=1",  # compile once, quickly: half the CPU over 2,000 transactions, less also over 12,000
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


P_co = TypeVar("P_co", bound=Process, covariant=True)


class Start(Protocol[P_co]):
    """Starts a process; what it needs to start it with."""

    def __call__(self, command: Sequence[str], folder: Path, inherited: Sequence[int]) -> P_co:
        """Start `command`, its log going to `folder`, with these open files handed on to its watchdog."""


def launch(port: int | None, data: Path | None, start: Start[P_co]) -> tuple[Engine, P_co]:
    """Start an engine, wait until it answers, and return it with its process.

    `start` decides what the process ends with. A free port that somebody took meanwhile is replaced by another; jars
    that prove damaged are fetched again.
    """
    check_platform(Platform.here())
    java = find_java()
    cache = cache_folder()
    log = ""
    for _ in range(ATTEMPTS):
        jars = installed(cache)
        with held(port, cache) as chosen, _claimed(data) as claim:
            folder = Path(tempfile.mkdtemp(prefix=f"engine-{chosen}-", dir=cache))
            process = start(_command(java, jars, chosen, data, folder), folder, claim)
            try:
                if process.pid is not None and _ready(chosen, process.pid):
                    return Engine(chosen, process.pid), process
            except BaseException:
                process.stop()
                raise
        log = _after_failure(process, folder)
        if PORT_TAKEN in log and port is not None:
            raise taken(port)
        if PORT_TAKEN not in log and not remove_damaged(cache):
            break
    raise WrongUse(f"DynamoDB Local did not start: {_last_lines(log)}")


@contextmanager
def _claimed(data: Path | None) -> Iterator[tuple[int, ...]]:
    """Claim a folder for one engine: yields the open lock, which the engine's watchdog inherits and holds on to."""
    if data is None:
        yield ()
        return
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / DATA_LOCK).open("a")
    except OSError as error:
        raise WrongUse(
            f"tables cannot be kept in {data} ({error.strerror}); name another folder with --data"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongUse(
                f"another engine keeps its tables in {data}; use that one, or name another folder"
            ) from error
        yield (lock.fileno(),)


def _command(java: Path, jars: Path, port: int, data: Path | None, folder: Path) -> list[str]:
    return [
        str(java),
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
