"""How many records in memory the simulated event source delivers a second, to a function that does nothing."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from bench.scenarios import stream
from replay.event_source.answers import Returned
from replay.event_source.filters import compile_pattern
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import StreamRecord, WireRecord
from replay.event_source.source import EventSource
from replay.event_source.virtual import drive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.scenarios import Record
    from replay.event_source.invocations import Invocation

RECORDS = 50_000
SINGLES = 20_000
TINY_RECORDS = 500
BATCH_SIZE = 100
UNTIMED = 1
BATCHED, SINGLE, FILTER = "batches", "singles", "filter"
PATTERN = '{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"MSG#"}]}}}}'
"""The template's own."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One timed run: what was counted, how many of it, in how long."""

    round: int
    name: str
    count: int
    wall_s: float


def measure(rounds: int, *, tiny: bool, done: Callable[[], None]) -> list[Speed]:
    """Run each in turn, so many times, after once untimed; `done` is called after each run."""
    records = stream(TINY_RECORDS if tiny else RECORDS)
    speeds = []
    for number in range(rounds + UNTIMED):
        for name, run in RUNS.items():
            taken = records[:SINGLES] if name == SINGLE else records
            gc.collect()
            speeds.append(Speed(number - UNTIMED, name, len(taken), run(taken)))
            done()
    return [speed for speed in speeds if speed.round >= 0]


def runs_in(rounds: int) -> int:
    """Count the runs `measure` will make."""
    return (rounds + UNTIMED) * len(RUNS)


def _deliver(records: Sequence[Record], batch_size: int) -> float:
    mapping = EventSourceMapping("TRIM_HORIZON", batch_size=batch_size, partial_responses=True)
    on_stream = [StreamRecord.of(cast("WireRecord", record), created_at_s=0.0) for record in records]
    delivered = 0

    def function(invocation: Invocation) -> Returned:
        nonlocal delivered
        delivered += len(invocation.records)
        return Returned({"batchItemFailures": []})

    started_s = time.perf_counter()
    drive(EventSource(mapping), function, on_stream)
    wall_s = time.perf_counter() - started_s
    if delivered != len(records):
        raise AssertionError(f"{delivered} of {len(records)} records were delivered")
    return wall_s


def _filter(records: Sequence[Record]) -> float:
    accepts: Callable[[Mapping[str, Any]], bool] = compile_pattern(PATTERN)
    started_s = time.perf_counter()
    accepted = sum(map(accepts, records))
    wall_s = time.perf_counter() - started_s
    if accepted != len(records):
        raise AssertionError(f"{accepted} of {len(records)} records were accepted")
    return wall_s


RUNS: Mapping[str, Callable[[Sequence[Record]], float]] = {
    BATCHED: lambda records: _deliver(records, BATCH_SIZE),
    SINGLE: lambda records: _deliver(records, 1),
    FILTER: _filter,
}
