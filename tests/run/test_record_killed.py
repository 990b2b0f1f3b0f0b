"""A recording killed without warning, twenty times while writes run: each record is in the file once, in order.

`WRITES=10000 python -m pytest tests/run/test_record_killed.py`, or `make record-killed`, is the whole of it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT: Final = Path(__file__).parents[2]
KILLS: Final = 20
WRITES: Final = int(os.environ.get("WRITES", "1000"))
DEADLINE_S: Final = 120
LOOK_S: Final = 0.002
LATER_MAX_S: Final = 0.05


class Writer:
    """Writes in a thread, so that there is something to write until the last kill: a portion for each."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.kills = 0
        self.done = 0
        self.failed: list[BaseException] = []
        self._client = client
        self._table = table
        self._thread = threading.Thread(target=self._write)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        self._thread.join()
        assert self.failed == []
        assert self.done == WRITES

    def _write(self) -> None:
        try:
            for number in range(WRITES):
                while number >= (self.kills + 1) * WRITES // (KILLS + 1):
                    time.sleep(LOOK_S)
                item = {"pk": {"S": "MSG#g"}, "sk": {"S": f"{number:06d}"}, "message": {"S": "x" * (number % 700)}}
                self._client.put_item(TableName=self._table, Item=item)
                self.done += 1
        except BaseException as error:  # noqa: BLE001 - told when it is waited for
            self.failed.append(error)


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def record(endpoint: str, table: str, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "replay",
        "record",
        "--table",
        table,
        "--endpoint-url",
        endpoint,
        "--out",
        str(out),
    ]
    return subprocess.Popen([*command, *more], cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.timeout(1200)
def test_nothing_is_lost_or_doubled(dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path) -> None:
    out, chance = tmp_path / "events.jsonl", random.Random(20)  # noqa: S311 - chance, no secret
    writer = Writer(dynamodb, table)
    writer.start()
    sizes = [0]
    for _ in range(KILLS):
        process = record(engine_endpoint, table, out, "--follow")
        deadline = time.monotonic() + DEADLINE_S
        while size(out) <= sizes[-1]:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(LOOK_S)
        time.sleep(chance.random() * LATER_MAX_S)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        sizes.append(size(out))
        writer.kills += 1
    writer.finish()
    last = record(engine_endpoint, table, out)
    said = last.communicate()[1]
    assert last.returncode == 0, said
    assert "gap" not in said
    keys = [json.loads(line)["dynamodb"]["Keys"]["sk"]["S"] for line in out.read_bytes().splitlines()]
    assert keys == [f"{number:06d}" for number in range(WRITES)]
