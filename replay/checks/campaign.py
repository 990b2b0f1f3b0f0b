"""Many histories, seed by seed, over several processes; the first that diverges is kept with its story."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from replay.checks.histories import Reached, explore
from replay.checks.world import Diverged
from stream_processor.group import GroupWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from replay.checks.world import Store

CHUNK = 200
"""Histories a process runs before it reports: a second or two."""
DIVERGED_KEPT_MAX = 10


@dataclass(frozen=True, slots=True)
class DivergedHistory:
    """A seed whose history diverged, and its story."""

    seed: int
    story: str


@dataclass(slots=True)
class Result:
    """What a campaign covered and what diverged."""

    reached: Reached = field(default_factory=Reached)
    diverged: list[DivergedHistory] = field(default_factory=list)
    duration_s: float = 0.0

    def add(self, other: Result) -> None:
        """Add a part of the campaign."""
        self.reached.add(other.reached)
        self.diverged = (self.diverged + other.diverged)[:DIVERGED_KEPT_MAX]


def campaign(
    first_seed: int,
    count: int,
    *,
    jobs: int = 1,
    time_s: float | None = None,
    progress: Callable[[Result], None] = lambda _: None,
) -> Result:
    """Run histories in memory; `progress` hears after each chunk. Ends early when `time_s` is over or one diverged."""
    started = time.monotonic()
    result = Result()
    chunks = _chunks(first_seed, count)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        running: set[Future[Result]] = set()
        for seeds in chunks:
            running.add(pool.submit(_run_chunk, seeds))
            if len(running) < 2 * jobs:
                continue
            done, running = wait(running, return_when=FIRST_COMPLETED)
            _collect(done, result, started, progress)
            if result.diverged or (time_s is not None and result.duration_s >= time_s):
                break
        done, _ = wait(running)
        _collect(done, result, started, progress)
    return result


def on_store(first_seed: int, count: int, store: Callable[[], Store]) -> Iterator[Result]:
    """Run histories one after another on a store that they share; each is a result of its own."""
    for seed in range(first_seed, first_seed + count):
        yield _run(seed, lambda: explore(seed, GroupWork, store, f"h{seed}-"))  # noqa: B023 - called at once


def _chunks(first_seed: int, count: int) -> Iterator[range]:
    end = first_seed + count
    for start in range(first_seed, end, CHUNK):
        yield range(start, min(start + CHUNK, end))


def _run_chunk(seeds: range) -> Result:
    result = Result()
    for seed in seeds:
        result.add(_run(seed, lambda: explore(seed)))  # noqa: B023 - called at once
    return result


def _run(seed: int, history: Callable[[], Reached]) -> Result:
    try:
        return Result(history())
    except Diverged as diverged:
        return Result(Reached(histories=1), [DivergedHistory(seed, str(diverged))])


def _collect(done: set[Future[Result]], result: Result, started: float, progress: Callable[[Result], None]) -> None:
    for future in done:
        result.add(future.result())
    result.duration_s = time.monotonic() - started
    progress(result)
