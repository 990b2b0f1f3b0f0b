"""Many cases, seed by seed, over several processes, until one is broken; that one is made small and told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from typing import TYPE_CHECKING, Protocol

from replay.exploration.draw import draw
from replay.exploration.execution import execute
from replay.exploration.invariants import Invariants
from replay.exploration.ours import OurHandler
from replay.exploration.outcome import PLAIN, Execution, Manner
from replay.exploration.shrink import shrink
from replay.tables.memory import MemoryTable
from stream_processor.group import GroupWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from replay.exploration.case import Case
    from replay.exploration.features import Features
    from replay.exploration.given import Given
    from replay.exploration.handler import Handler
    from replay.tables.dynamo import DynamoStore

NOT_SHRUNK = frozenset({"an invocation comes to an end"})
"""Each try would have to wait until an invocation's time is over."""
CHUNK = 200
"""Cases a process carries out before it reports: about a second."""


@dataclass(frozen=True, slots=True)
class BrokenCase:
    """A case that broke a rule, as it was drawn and as small as it could be made, with the small one's story."""

    seed: int
    drawn: Case
    smallest: Case
    execution: Execution


class Stoppable(Protocol):
    """What can say that somebody ended it before its time."""

    stopped: bool


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
    stopped: bool = False
    """Whether somebody ended it before its time, by Ctrl-C."""

    @property
    def found(self) -> int:
        """How many cases broke a rule."""
        return len(self.broken)

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


def in_memory(case: Case, make_work: type[GroupWork] = GroupWork, manner: Manner = PLAIN) -> Execution:
    """Carry a case out with the project's own function on a table in memory."""
    store = MemoryTable(page_items=case.page_items) if case.page_items > 0 else MemoryTable()
    return execute(case, store, OurHandler(store, make_work=make_work), manner)


def on_store(case: Case, store: DynamoStore, handler: Handler | None = None, manner: Manner = PLAIN) -> Execution:
    """Carry a case out on a table of an endpoint, with a handler or the project's own; leave no row behind."""
    try:
        return execute(case, store, handler or OurHandler(store), manner)
    finally:
        store.wipe()


def one_by_one(
    cases: Iterable[tuple[int, Case]],
    carry_out: Callable[[Case], Execution],
    *,
    time_s: float | None = None,
    progress: Callable[[Result], None] = lambda _: None,
) -> Result:
    """Carry out cases in this process, until one is broken, `time_s` is over or somebody presses Ctrl-C."""
    started = time.monotonic()
    result = Result()
    with until_stopped(result):
        for seed, case in cases:
            result.count(seed, carry_out(case))
            result.duration_s = time.monotonic() - started
            progress(result)
            if result.broken or (time_s is not None and result.duration_s >= time_s):
                break
    return result


def campaign(  # noqa: PLR0913 - settings, each by its name
    first_seed: int,
    count: int,
    *,
    jobs: int = 1,
    time_s: float | None = None,
    features: Features | None = None,
    ignored: frozenset[str] = frozenset(),
    invariants: Path | None = None,
    given: Given | None = None,
    progress: Callable[[Result], None] = lambda _: None,
) -> Result:
    """Carry out cases in memory; `progress` hears after each chunk.

    Ends early when a case broke, `time_s` is over or somebody presses Ctrl-C.
    """
    started = time.monotonic()
    result = Result()
    work = _Work(features, ignored, invariants, given)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context, initializer=_end_with_the_starter) as pool:
        running: set[Future[Result]] = set()
        with until_stopped(result):
            for seeds in _chunks(first_seed, count):
                with _deaf():
                    running.add(pool.submit(_run_chunk, seeds, work))
                if len(running) < 2 * jobs:
                    continue
                done, running = wait(running, return_when=FIRST_COMPLETED)
                _collect(done, result, started, progress)
                if result.broken or (time_s is not None and result.duration_s >= time_s):
                    break
            done, running = wait(running)
            _collect(done, result, started, progress)
        done, _ = wait([future for future in running if not future.cancel()])
        _collect(done, result, started, progress)
    return result


def explain(seed: int, carry_out: Callable[[Case, Manner], Execution], drawn: Case, manner: Manner) -> BrokenCase:
    """Make a seed's broken case as small as it gets and tell its story.

    What breaks before the faults end is looked for before the faults end.
    """
    first = carry_out(drawn, manner)
    silent = replace(manner, tells=False, calmed=first.was_calm)
    if not first.broken or first.rules & NOT_SHRUNK:  # nor would anything smaller break for certain, or soon
        return BrokenCase(seed, drawn, drawn, carry_out(drawn, replace(silent, tells=True)))
    smallest = shrink(drawn, lambda candidate: bool(carry_out(candidate, silent).rules & first.rules))
    execution = carry_out(smallest, replace(silent, tells=True))
    return BrokenCase(seed, drawn, replace(smallest, name=f"seed {seed}, shrunk"), execution)


@contextmanager
def until_stopped(result: Stoppable) -> Iterator[None]:
    """Take Ctrl-C for the end of the work, not of the process: what was found so far is told."""
    try:
        yield
    except KeyboardInterrupt:
        result.stopped = True


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that are started here never hear Ctrl-C: they finish their chunk, and the starter collects it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hears = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, hears)


def _end_with_the_starter() -> None:
    """Let this process end where the one that started it is gone: nobody would give it work any more, or an end."""
    starter = multiprocessing.parent_process()
    if starter is not None:
        threading.Thread(target=_end_after, args=(starter.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _chunks(first_seed: int, count: int) -> Iterator[range]:
    end = first_seed + count
    for start in range(first_seed, end, CHUNK):
        yield range(start, min(start + CHUNK, end))


@dataclass(frozen=True, slots=True)
class _Work:
    """What a process needs to know to carry out cases; rules of a user's own travel as their file."""

    features: Features | None
    ignored: frozenset[str]
    invariants: Path | None
    given: Given | None


def _run_chunk(seeds: range, work: _Work) -> Result:
    result = Result()
    watch = Invariants.load(work.invariants) if work.invariants else None
    for seed in seeds:
        case = work.given.case(seed, work.features) if work.given else draw(seed, features=work.features)
        result.count(seed, in_memory(case, manner=Manner(ignored=work.ignored, watch=watch)))
    return result


def _collect(done: set[Future[Result]], result: Result, started: float, progress: Callable[[Result], None]) -> None:
    for future in done:
        result.add(future.result())
    result.duration_s = time.monotonic() - started
    progress(result)
