"""Ctrl-C ends an exploration, not the telling of it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from replay.cli import EXIT_WRONG_USE, main
from replay.exploration.campaign import Result, campaign, in_memory, one_by_one
from replay.exploration.case import Fault
from replay.exploration.draw import draw
from replay.exploration.shrink import shrink
from tests.explored import case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.exploration.case import Case


def press_ctrl_c() -> Callable[[Result], None]:
    """Hear of progress, and press Ctrl-C the first time."""
    pressed: list[bool] = []

    def hear(_: Result) -> None:
        if not pressed:
            pressed.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    return hear


def test_processes_finish_what_they_are_at_and_it_is_collected() -> None:
    result = campaign(0, 1_000_000, jobs=2, progress=press_ctrl_c())
    assert result.stopped
    assert 200 <= result.cases <= 1_000


def test_one_process_stops_behind_the_case_it_is_at() -> None:
    result = one_by_one(((seed, draw(seed)) for seed in range(100)), in_memory, progress=press_ctrl_c())
    assert result.stopped
    assert result.cases == 1


def test_a_broken_case_stays_as_small_as_it_was_made() -> None:
    given = case(faults=tuple(Fault(1, call, "throttle") for call in range(1, 5)))
    attempts = iter((True, True))

    def breaks(_: Case) -> bool:
        answer = next(attempts, None)
        if answer is None:
            raise KeyboardInterrupt
        return answer

    assert shrink(given, breaks).weight < given.weight


def test_the_command_reports_what_it_has_and_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def presses_ctrl_c(_: int, **__: object) -> Iterator[Callable[[Result], None]]:
        yield press_ctrl_c()

    monkeypatch.setattr(importlib.import_module("replay.commands.explore"), "cases_bar", presses_ctrl_c)
    assert main(["explore", "--jobs", "1", "--schedules", "1000000", "--json"]) == EXIT_WRONG_USE
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "incomplete"
    assert told["cases"] >= 200


def exploring() -> tuple[subprocess.Popen[str], list[int]]:
    """An exploration in two processes, and their numbers once both are at work."""
    command = [sys.executable, "-m", "replay", "explore", "--jobs", "2", "--schedules", "1000000", "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    assert until(lambda: len(at_work := children.read_text().split()) >= 3 and all(map(is_alive, map(int, at_work))))
    return running, [int(number) for number in children.read_text().split()]


def is_alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(holds: Callable[[], bool], within_s: float = 30) -> bool:
    end = time.monotonic() + within_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc")
def test_a_request_to_end_is_like_ctrl_c() -> None:
    running, at_work = exploring()
    running.terminate()
    out, _ = running.communicate(timeout=60)
    assert (running.returncode, json.loads(out)["verdict"]) == (EXIT_WRONG_USE, "incomplete")
    assert until(lambda: not any(map(is_alive, at_work)))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc")
def test_nobody_goes_on_where_the_starter_is_killed() -> None:
    running, at_work = exploring()
    running.kill()
    running.communicate(timeout=60)
    assert until(lambda: not any(map(is_alive, at_work)))
