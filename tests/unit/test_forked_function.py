"""A handler forked for each invocation: whatever it is busy with, it ends with the harness."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from replay.function import process
from replay.function.configuration import Configuration
from replay.function.forked import ForkedFunction
from replay.function.process import FunctionProcess, HandlerNotLoaded, Launch
from replay.function.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY = {
    "importing": "import time\nnote()\ntime.sleep(300)",
    "running": "import time\ndef handler(event, context):\n    note()\n    time.sleep(300)",
    "with a call that waits": "def handler(event, context):\n    note()\n    call()",
    "with a call that nobody has read of": """
        import threading, time
        def late():
            time.sleep(0.5)  # when the harness has what it waits for
            note()
            call()
        def handler(event, context):
            threading.Thread(target=late).start()
            call()
    """,
}
NOTES = """
import os, boto3
def note():
    with open({notes!r}, "a") as file:
        print(os.getppid(), os.getpid(), file=file)
def call():
    boto3.client("dynamodb").list_tables()
"""
HARNESS = """
import os, sys, time
sys.path.append({folder!r})
from replay.function.configuration import Configuration
from replay.function.environment import Surroundings, handler_environment
from replay.function.forked import ForkedFunction
from replay.function.process import Launch
from replay.function.target import Target
target, configuration = Target.parse({target!r}), Configuration("f", 300)
around = Surroundings("us-east-1", "http://127.0.0.1:9", inherited=os.environ)
environment = handler_environment(target, configuration, around)
with ForkedFunction(Launch(target, configuration, environment, None)) as function:
    invocation = function.begin({{}}, "1")
    time.sleep(300)
"""


@pytest.mark.parametrize("busy", BUSY)
def test_no_process_outlives_a_harness_that_is_killed(tmp_path: Path, busy: str) -> None:
    file, notes = tmp_path / "busy.py", tmp_path / "notes"
    file.write_text(NOTES.format(notes=str(notes)) + textwrap.dedent(BUSY[busy]))
    script = HARNESS.format(folder=str(Path(__file__).parents[2]), target=f"{file}:handler")
    with subprocess.Popen([sys.executable, "-c", script]) as harness:
        try:
            assert _within_30_s(lambda: notes.exists() and notes.read_text().endswith("\n"))
            time.sleep(0.5)  # so that the call behind the note is made
            started = {int(word) for word in notes.read_text().split()} - {harness.pid}
            assert all(map(_runs, started))
        finally:
            harness.kill()
    assert _within_30_s(lambda: not any(map(_runs, started)))


def test_an_import_that_takes_long_is_told_of_then_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "SAID_AFTER_S", 1)
    monkeypatch.setattr(process, "LOADED_WITHIN_S", 2)
    file = tmp_path / "slow.py"
    file.write_text("import time\ntime.sleep(300)")
    launch = Launch(Target(str(file), "handler"), Configuration(), dict(os.environ), None)
    with pytest.raises(HandlerNotLoaded) as forked, ForkedFunction(launch):
        pass
    with pytest.raises(HandlerNotLoaded) as alone:
        FunctionProcess(launch).start()
    told = f"handler {launch.target}: its import took longer than 2 s; Lambda's own limit is 10 s"
    assert [str(refused.value) for refused in (forked, alone)] == [told, told]
    said = f"replay: handler {launch.target} is still being imported after 1 s; it gets 2 s"
    assert capsys.readouterr().err.splitlines() == [said, said]


def _within_30_s(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


def _runs(pid: int) -> bool:
    """Whether a process is there and no mere exit code that nobody has asked for."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
