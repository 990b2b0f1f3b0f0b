"""Many cases, seed by seed, over several processes, until one is broken; that one is made small and told."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from replay.exploration.draw import draw
from replay.exploration.execution import Execution, execute
from replay.exploration.ours import OurHandler
from replay.exploration.shrink import shrink
from replay.tables.memory import MemoryTable
from stream_processor.group import GroupWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from replay.checks.world import Store
    from replay.exploration.case import Case

CHUNK = 200
"""Cases a process carries out before it reports: about a second."""


@dataclass(frozen=True, slots=True)
class BrokenCase:
    """A case that broke a rule, as it was drawn and as small as it could be made, with the small one's story."""

    seed: int
    drawn: Case
    smallest: Case
    execution: Execution


@dataclass(slots=True)
class Result:
    """What a campaign covered and what broke."""

    cases: int = 0
    calls: int = 0
    writes: int = 0
    limited: int = 0
    situations: Counter[str] = field(default_factory=Counter)
    broken: list[int] = field(default_factory=list)
    """Seeds."""
    duration_s: float = 0.0

    def add(self, other: Result) -> None:
        """Add a part of the campaign."""
        self.cases += other.cases
        self.calls += other.calls
        self.writes += other.writes
        self.limited += other.limited
        self.situations.update(other.situations)
        self.broken.extend(other.broken)

    def count(self, seed: int, execution: Execution) -> None:
        """Add one case."""
        self.cases += 1
        self.calls += execution.calls
        self.writes += execution.writes
        self.limited += execution.limited
        self.situations.update(execution.situations)
        if execution.broken:
            self.broken.append(seed)


def in_memory(case: Case, make_work: type[GroupWork] = GroupWork, *, tells: bool = False) -> Execution:
    """Carry a case out with the project's own function on a table in memory."""
    store = MemoryTable()
    return execute(case, store, OurHandler(store, make_work=make_work), tells=tells)


def on_store(case: Case, store: Store, *, tells: bool = False) -> Execution:
    """Carry a case out with the project's own function on a given store."""
    return execute(case, store, OurHandler(store), tells=tells)


def campaign(
    first_seed: int,
    count: int,
    *,
    jobs: int = 1,
    time_s: float | None = None,
    progress: Callable[[Result], None] = lambda _: None,
) -> Result:
    """Carry out cases in memory; `progress` hears after each chunk. Ends early when one broke or `time_s` is over."""
    started = time.monotonic()
    result = Result()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        running: set[Future[Result]] = set()
        for seeds in _chunks(first_seed, count):
            running.add(pool.submit(_run_chunk, seeds))
            if len(running) < 2 * jobs:
                continue
            done, running = wait(running, return_when=FIRST_COMPLETED)
            _collect(done, result, started, progress)
            if result.broken or (time_s is not None and result.duration_s >= time_s):
                break
        done, _ = wait(running)
        _collect(done, result, started, progress)
    return result


def explain(seed: int, carry_out: Callable[[Case], Execution], case: Case | None = None) -> BrokenCase:
    """Make a seed's broken case as small as it gets and tell its story; `carry_out` also tells stories."""
    drawn = draw(seed) if case is None else case
    rules = carry_out(drawn).rules
    smallest = shrink(drawn, lambda candidate: bool(carry_out(candidate).rules & rules))
    return BrokenCase(seed, drawn, replace(smallest, name=f"seed {seed}, shrunk"), carry_out(smallest))


def _chunks(first_seed: int, count: int) -> Iterator[range]:
    end = first_seed + count
    for start in range(first_seed, end, CHUNK):
        yield range(start, min(start + CHUNK, end))


def _run_chunk(seeds: range) -> Result:
    result = Result()
    for seed in seeds:
        result.count(seed, in_memory(draw(seed)))
    return result


def _collect(done: set[Future[Result]], result: Result, started: float, progress: Callable[[Result], None]) -> None:
    for future in done:
        result.add(future.result())
    result.duration_s = time.monotonic() - started
    progress(result)
