from __future__ import annotations

import io
import sys

import pytest

from replay.exploration.campaign import Result
from replay.report import Failure, Report
from replay.reports.progress import cases_bar, deliveries_bar, records_bar
from replay.tables.progress import megabytes_bar, say


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


def test_on_a_terminal_records_are_counted_whether_their_number_is_known_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    for total in (None, 4_000):
        with records_bar("checking", total) as told:
            told(3_000)
    assert "3000/?" in terminal.getvalue()
    assert "3000/4000" in terminal.getvalue()


def test_in_a_pipe_a_long_exploration_says_a_line_after_ten_seconds_and_one_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with cases_bar(30_000) as told:
        for seconds in range(0, 150, 5):
            told(Result(cases=100 * seconds, broken=[7] * (seconds > 100), duration_s=seconds))
    assert capsys.readouterr().err.splitlines() == [
        "replay: 1,000 of 30,000 cases, 100/s, 0 broken; at most 5 min to go",
        "replay: 7,000 of 30,000 cases, 100/s, 0 broken; at most 4 min to go",
        "replay: 13,000 of 30,000 cases, 100/s, 1 broken; at most 3 min to go",
    ]


@pytest.mark.parametrize(("time_s", "left"), [(None, "1 h 23 min"), (3_611, "1 h 0 min"), (400, "6 min"), (30, "20 s")])
def test_a_slow_exploration_says_when_it_is_over_at_most(
    capsys: pytest.CaptureFixture[str], time_s: float | None, left: str
) -> None:
    with cases_bar(10_000, time_s=time_s) as told:
        told(Result(cases=20, duration_s=10))
    assert capsys.readouterr().err == f"replay: 20 of 10,000 cases, 2.0/s, 0 broken; at most {left} to go\n"


def test_a_slow_exploration_says_that_a_broken_case_is_made_small(capsys: pytest.CaptureFixture[str]) -> None:
    with cases_bar(10_000, is_slow=True) as told:
        told(Result(cases=20, duration_s=9))
        told(Result(cases=21, broken=[20], duration_s=11))
    said = "replay: case 21 breaks a rule; carrying it out again, as small as it gets\n"
    assert capsys.readouterr().err == said


def test_on_a_terminal_cases_are_counted_with_those_that_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with cases_bar(4_000, "different") as told:
        told(Result(cases=3_000, broken=[7], duration_s=100))
    assert "3000/4000" in terminal.getvalue()
    assert "30/s, 1 different" in terminal.getvalue()


def test_a_run_in_a_pipe_tells_its_first_failure_and_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter(range(0, 1000, 25))
    report = Report(records=9)
    with deliveries_bar("replaying", 9, lambda: float(next(clock))) as tell:
        for number in range(1, 7):
            report.deliveries = number
            tell(report)
            report.keep(Failure(number, 9, "1", "timed out after 3 s"))
    assert capsys.readouterr().err.splitlines() == [
        "replay: delivery 1 of 9 records timed out after 3 s; going on",
        "replay: 2 deliveries so far, 9 of 9 records read; 2 failed, the last one timed out after 3 s",
        "replay: 5 deliveries so far, 9 of 9 records read; 5 failed, the last one timed out after 3 s",
    ]
