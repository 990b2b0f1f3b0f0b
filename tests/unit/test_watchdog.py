"""The watchdog, with `sleep` in the place of an engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from replay.tables.process import Background, Watched, command_line, end

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEADLINE_S = 60
SLEEP = ("sleep", "1000")

STARTER = """
import os, sys, time
from pathlib import Path
from replay.tables.process import Watched
started = Watched(("sleep", "1000"), Path(sys.argv[1]))
child = os.fork() if sys.argv[2] == "forks" else 0
if child or sys.argv[2] != "forks":
    print(started.pid, child, flush=True)
time.sleep(1000)
"""


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_gone(pid: int | None) -> bool:
    assert pid is not None
    return not command_line(pid)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    return made


def test_a_watched_process_ends_when_it_is_told_to(folder: Path) -> None:
    watched = Watched(SLEEP, folder)
    assert watched.pid is not None
    assert command_line(watched.pid) == "sleep 1000"
    watched.stop()
    assert is_gone(watched.pid)
    assert not folder.exists()
    watched.stop()


@pytest.mark.parametrize("starter", ["alone", "forks"])
def test_a_watched_process_ends_with_its_killed_starter(folder: Path, starter: str) -> None:
    command = [sys.executable, "-c", STARTER, str(folder), starter]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        watched, child = (int(number) for number in process.stdout.readline().split())
        assert not is_gone(watched)
        process.kill()
        until(lambda: is_gone(watched) and not folder.exists())
        if child:
            assert not is_gone(child)  # it still held the pipe
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_watched_process_ends_with_its_killed_watchdog(folder: Path) -> None:
    watched = Watched(SLEEP, folder)
    watched._watchdog.kill()
    until(lambda: is_gone(watched.pid))
    watched.stop()


def test_a_process_that_ends_by_itself_leaves_its_log_until_it_is_stopped(folder: Path) -> None:
    watched = Watched(("sh", "-c", "echo said; echo so >&2"), folder)
    until(lambda: is_gone(watched.pid))
    assert (folder / "log").read_text() == "said\nso\n"
    watched.stop()
    assert not folder.exists()


@pytest.mark.parametrize("kind", [Watched, Background])
def test_a_command_that_cannot_be_started_has_no_number_and_says_why(
    folder: Path, kind: type[Watched | Background]
) -> None:
    started = kind((str(folder / "nothing"),), folder)
    assert started.pid is None
    assert "No such file" in (folder / "log").read_text()
    started.stop()


def test_a_process_in_the_background_outlives_its_starter_and_ends_by_its_number(folder: Path) -> None:
    code = f"from pathlib import Path; from replay.tables.process import Background; import sys\n\
print(Background({SLEEP}, Path(sys.argv[1])).pid)"
    told = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, timeout=DEADLINE_S, check=True
    )
    number = int(told.stdout)
    assert command_line(number) == "sleep 1000"
    assert os.getsid(number) != os.getsid(0)  # a closed terminal does not end it
    end(number)
    assert is_gone(number)
    until(lambda: not folder.exists())


def test_what_does_not_end_when_asked_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.tables.process.END_WITHIN_S", 0.2)
    stubborn = Background(("sh", "-c", "trap '' TERM; echo ready; while true; do sleep 0.1; done"), folder)
    until(lambda: "ready" in (folder / "log").read_text())
    assert stubborn.pid is not None
    end(stubborn.pid)
    assert is_gone(stubborn.pid)


def test_ending_a_number_that_nobody_has_is_nothing(folder: Path) -> None:
    watched = Watched(("true",), folder)
    until(lambda: is_gone(watched.pid))
    assert watched.pid is not None
    end(watched.pid)
    watched.stop()
