"""`live` while another process writes a hundred messages a second: none is lost over a kill, and rows follow.

`make live-pace` writes for a minute (`SECONDS_WRITTEN=60`) and tells how long rows took; nothing here asserts a time.
"""

from __future__ import annotations

import itertools
import os
import signal
import statistics
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.run.conftest import at, message, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT: Final = Path(__file__).parents[2]
RATE: Final = 100
SECONDS: Final = int(os.environ.get("SECONDS_WRITTEN", "2"))
MESSAGES: Final = RATE * SECONDS
GROUPS: Final = 20
LOOK_S: Final = 0.02
DEADLINE_S: Final = 120

NOTING = """
    from stream_processor.handler import lambda_handler
    def handler(event, context):
        answer = lambda_handler(event, context)
        if answer == {"batchItemFailures": []}:
            with open("LOG", "a") as log:
                log.writelines(r["dynamodb"]["NewImage"]["message"]["S"] + "\\n" for r in event["Records"])
        return answer
"""
"""The project's function; what it has finished is noted."""


class Watcher:
    """Notes when each group row first shows each text."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.shown: dict[tuple[str, int], float] = {}
        self._client = client
        self._table = table
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def rows(self) -> dict[str, int]:
        """The number of the message that each group row shows."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, IndexName="message-group-sk-index")
        return {item["pk"]["S"]: int(item["message"]["S"]) for page in pages for item in page["Items"]}

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S):
            rows = self.rows()
            now_s = time.monotonic()
            for member, number in rows.items():
                self.shown.setdefault((member, number), now_s)


def follow(endpoint: str, table: str, folder: Path) -> subprocess.Popen[bytes]:
    handler = folder / "noting.py"
    handler.write_text(textwrap.dedent(NOTING.replace("LOG", str(folder / "done"))))
    command = [sys.executable, "-m", "replay", "live", "--endpoint-url", endpoint, "--table", table]
    command += ["--handler", f"{handler}:handler", "--checkpoint", str(folder / "checkpoint")]
    with (folder / "live.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=subprocess.DEVNULL)


def write(client: DynamoDBClient, table: str, numbers: range) -> dict[int, float]:
    """Write messages of these numbers at the rate; gives when each was written."""
    written: dict[int, float] = {}
    began_s = time.monotonic()
    for place, number in enumerate(numbers):
        time.sleep(max(0.0, began_s + place / RATE - time.monotonic()))
        group, instant = number % GROUPS, at(0).replace(".000000", f".{number:06d}")
        client.put_item(TableName=table, Item=message(f"g{group}", instant, str(number), sender=f"a{group}"))
        written[number] = time.monotonic()
    return written


def until(holds: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds() and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
    return holds()


def done(folder: Path) -> set[int]:
    log = folder / "done"
    return set(map(int, log.read_text().split())) if log.exists() else set()


def newest_rows(numbers: range) -> dict[str, int]:
    """What each group row shows when all of these messages are applied."""
    newest = {number % GROUPS: number for number in numbers}
    return {f"GRP#{member}{group}": number for group, number in newest.items() for member in "ab"}


def latencies(written: dict[int, float], shown: dict[tuple[str, int], float]) -> list[float]:
    """Seconds from each message until its group's rows showed it, or a later one."""
    of_member: dict[str, list[tuple[int, float]]] = {}
    for (member, number), when_s in shown.items():
        of_member.setdefault(member, []).append((number, when_s))
    return [
        min(when_s for later, when_s in seen if later >= number) - written_s
        for member, seen in of_member.items()
        for number, written_s in written.items()
        if f"{number % GROUPS}" == member.removeprefix("GRP#")[1:]
    ]


@pytest.mark.timeout(600)
def test_nothing_is_lost_over_a_kill_and_rows_follow(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path
) -> None:
    for group, (member, other) in itertools.product(range(GROUPS), (("a", "b"), ("b", "a"))):
        item = row(f"{member}{group}", f"g{group}", at(0), "0", user_uuid={"S": f"{other}{group}"})
        dynamodb.put_item(TableName=table, Item=item)
    first = follow(engine_endpoint, table, tmp_path)
    steady = range(1, 1 + MESSAGES)
    over_a_kill = range(1 + MESSAGES, 1 + 2 * MESSAGES)
    try:
        assert write(dynamodb, table, range(1))
        assert until(lambda: done(tmp_path) == {0})
        watcher = Watcher(dynamodb, table)
        written = write(dynamodb, table, steady)
        assert until(lambda: set(steady) <= done(tmp_path))
        assert until(lambda: newest_rows(steady).items() <= watcher.shown.keys())
        watcher.end()
        killing = threading.Timer(SECONDS / 2, first.send_signal, [signal.SIGKILL])
        killing.start()
        write(dynamodb, table, over_a_kill)
        killing.join()
        first.wait()
        second = follow(engine_endpoint, table, tmp_path)
        try:
            assert until(lambda: set(over_a_kill) <= done(tmp_path))
            assert until(lambda: watcher.rows() == newest_rows(over_a_kill))
            second.send_signal(signal.SIGINT)
            assert second.wait() == 0
        finally:
            second.kill()
            second.wait()
    finally:
        first.kill()
        first.wait()
    seconds = statistics.quantiles(latencies(written, watcher.shown), n=100)
    figures = ", ".join(f"p{part} {seconds[part - 1]:.3f} s" for part in (50, 95, 99))
    rate = len(written) / (max(written.values()) - min(written.values()))
    print(f"{len(written)} messages at {rate:.0f} a second, load {os.getloadavg()[0]:.1f}: {figures}")  # noqa: T201
