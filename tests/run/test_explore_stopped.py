"""Ctrl-C ends an exploration, not the telling of it."""

from __future__ import annotations

import importlib
import json
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from replay.cli import EXIT_WRONG_USE, main
from replay.exploration.campaign import Result, campaign, in_memory, one_by_one
from replay.exploration.case import Fault
from replay.exploration.draw import draw
from replay.exploration.shrink import shrink
from tests.explored import case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

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
