"""The command line as a whole: what holds for every command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from replay.cli import main


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["mapping", "show"], ["simulate", "fixtures/conformance/T-D5.json", "--json"]],
    ids=lambda arguments: arguments[0],
)
def test_a_reader_that_has_ended_is_no_verdict(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "replay", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 2
        assert process.stderr is not None
        assert process.stderr.read() == "replay: stopped: what reads the output has ended\n"


@pytest.mark.parametrize("option", ["--handler", "--against"])
@pytest.mark.parametrize("command", ["run", "explore"])
def test_an_empty_handler_is_refused(capsys: pytest.CaptureFixture[str], command: str, option: str) -> None:
    assert main([command, option, ""]) == 2
    assert capsys.readouterr().err.startswith("replay: handler '' names no function; write MODULE:FUNCTION")
