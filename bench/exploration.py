"""How many random cases a second are carried out in memory, faults among them, in one process and in two."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from bench.simulation import UNTIMED, Speed
from replay.exploration.campaign import in_memory
from replay.exploration.draw import draw
from replay.exploration.features import Features, Size

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = 400
TINY_CASES = 4
SIZE = Size(groups=3, messages=20, is_fixed=True)
ONE, TWO = "cases, one process", "cases, two processes"
RUNS = {ONE: 1, TWO: 2}


def measure(rounds: int, *, tiny: bool, done: Callable[[], None]) -> list[Speed]:
    """Run the same cases in one process, then in each of two at once, in turn; the first turn is not timed."""
    cases = TINY_CASES if tiny else CASES
    speeds = []
    with ProcessPoolExecutor(max(RUNS.values()), mp_context=multiprocessing.get_context("spawn")) as pool:
        for number in range(rounds + UNTIMED):
            for name, processes in RUNS.items():
                speeds.append(Speed(number - UNTIMED, name, processes * cases, _timed(pool, processes, cases)))
                done()
    return [speed for speed in speeds if speed.round >= 0]


def runs_in(rounds: int) -> int:
    """Count the runs `measure` will make."""
    return (rounds + UNTIMED) * len(RUNS)


def _timed(pool: ProcessPoolExecutor, processes: int, cases: int) -> float:
    started_s = time.perf_counter()
    running = [pool.submit(_carry_out, cases) for _ in range(processes)]
    wait(running)
    wall_s = time.perf_counter() - started_s
    if any(future.result() for future in running):
        raise AssertionError("a case is broken")
    return wall_s


def _carry_out(cases: int) -> int:
    """Carry out the first cases, each with faults; how many of them broke a rule."""
    return sum(bool(in_memory(draw(seed, SIZE, features=_features(seed))).broken) for seed in range(cases))


def _features(seed: int) -> Features:
    return replace(Features.drawn(Random(seed)), faults=True)  # noqa: S311 - repeatable on purpose
