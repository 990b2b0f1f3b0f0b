"""Cold starts in fresh processes, and the memory they end with.

A process reads its event, starts the clock, imports, makes its client, sends its requests, and stops the clock:
what Lambda does between a new environment and the first answer. The interpreter's own start is outside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import surroundings
from bench.errors import BenchError
from bench.scenarios import cold_starts
from bench.tables import Tables
from replay.tables import local

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 60
BARE, OURS = "bare", "ours"
UNTIMED = 2
"""Starts of each before the first that counts: files in memory, bytecode written, the engine warm."""

FRAME = """
import json, sys, time
event = json.loads(sys.argv[1])
started = time.perf_counter()
%s
took_ms = (time.perf_counter() - started) * 1000
def peak_mb():
    try:
        with open("/proc/self/status") as status:
            (line,) = [line for line in status if line.startswith("VmHWM")]
            return int(line.split()[1]) / 1024
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print("\\n" + json.dumps([took_ms, peak_mb()]))
"""
"""On Linux `ru_maxrss` would begin with the size of the process that started this one."""

WORK = {
    BARE: """
import os, boto3
boto3.client("dynamodb").query(
    TableName=os.environ["TABLE_NAME"],
    IndexName="message-group-sk-index",
    KeyConditionExpression="message_group_uuid = :group",
    ExpressionAttributeValues={":group": {"S": event["Records"][0]["dynamodb"]["Keys"]["pk"]["S"][4:]}},
)
""",
    OURS: """
from stream_processor.handler import lambda_handler
assert lambda_handler(event, None) == {"batchItemFailures": []}
""",
}
"""The goal's own words: importing boto3, making a client and one query; against a first invocation with its write."""


@dataclass(frozen=True, slots=True)
class Start:
    """One process: whose, how long its work took, the most memory it ever had."""

    round: int
    name: str
    took_ms: float
    peak_mb: float


def measure(rounds: int, done: Callable[[], None]) -> list[Start]:
    """Start each in turn, so many times; `done` is called after each process.

    Raises:
        BenchError: a process failed.
    """
    with local.engine(tell=lambda _line: None) as running:
        scenario = cold_starts(rounds + UNTIMED)
        table = Tables(local.client(running.endpoint)).filled(scenario.rows)
        variables = surroundings.local_only(os.environ, running.endpoint) | {"TABLE_NAME": table}
        starts = []
        for number, batch in enumerate(scenario.batches):
            for name, work in WORK.items():
                took_ms, peak_mb = _start(work, {"Records": batch}, variables)
                starts.append(Start(number - UNTIMED, name, took_ms, peak_mb))
                done()
    return [start for start in starts if start.round >= 0]


def starts_in(rounds: int) -> int:
    """Count the processes `measure` will start."""
    return (rounds + UNTIMED) * len(WORK)


def _start(work: str, event: Mapping[str, object], variables: Mapping[str, str]) -> tuple[float, float]:
    ran = subprocess.run(  # noqa: S603 - the texts above
        [sys.executable, "-c", FRAME % work, json.dumps(event)],
        cwd=ROOT,
        env=variables,
        timeout=TIMEOUT_S,
        check=False,
        capture_output=True,
        text=True,
    )
    if ran.returncode != 0:
        raise BenchError(f"a cold start failed: {ran.stderr.strip().splitlines()[-1:]}")
    took_ms, peak_mb = json.loads(ran.stdout.splitlines()[-1])
    return took_ms, peak_mb
