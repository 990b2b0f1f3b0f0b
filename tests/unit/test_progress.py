from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from replay.tables.progress import megabytes_bar, say

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_said_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("a line")
    assert capsys.readouterr() == ("", "replay: a line\n")


def test_in_a_pipe_a_fetch_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with megabytes_bar("fetching it", 45_101_703, "once") as arrived:
        arrived(1_000_000)
    assert capsys.readouterr() == ("", "replay: fetching it (45 MB, once)\n")


def test_on_a_terminal_a_fetch_shows_how_much_has_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with megabytes_bar("fetching it", 4_000_000, "once") as arrived:
        arrived(3_000_000)
        arrived(1_000_000)
    assert terminal.getvalue().startswith("replay: fetching it (4 MB, once)\n")
    assert "4.0/4.0 MB" in terminal.getvalue()
