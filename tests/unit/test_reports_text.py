"""A run's report for people: every line stays one, and what differs can be seen."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from replay.checks.oracle import Finding
from replay.report import Failure, Report, Traced
from replay.reports.text import print_report
from replay.wording import visible

HOSTILE = "raised ValueError: half \ud800, \x1b[31mred\nsecond line"
PLAIN = r"raised ValueError: half \ud800, \x1b[31mred\nsecond line"


def printed(report: Report, *, is_terminal: bool = False, width: int = 80) -> str:
    """Print a report where nothing but UTF-8 can be written."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    console = Console(file=stream, width=width, force_terminal=is_terminal, highlight=False, soft_wrap=True)
    print_report(report, {"handler": "app.py:handler"}, console)
    stream.seek(0)
    return stream.read()


def test_what_a_handler_raises_stays_one_line_and_moves_no_cursor() -> None:
    report = Report(failed=1, failures=[Failure(1, 1, "7", HOSTILE, (HOSTILE,), (HOSTILE,))], ended=HOSTILE)
    out = printed(report)
    assert f"delivery 1 (1 record from 7) {PLAIN} ({PLAIN})\n" in out
    assert f"  it printed: {PLAIN}\n" in out
    assert f"The run could not go on: {PLAIN}\n" in out


@pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
def test_values_that_differ_at_their_ends_can_be_told_apart(*, is_terminal: bool) -> None:
    same = "2026-03-14T10:00:00.000000+00:00-the-same-beginning-of-both-"
    finding = Finding("behind", "group", "member", f"{same}EXPECTED", f"{same}FOUND")
    out = printed(Report(findings=(Traced(finding, 1),)), is_terminal=is_terminal)
    assert "…" not in out
    if is_terminal:
        framed = [line.split("│") for line in out.splitlines() if line.startswith("│")]
        out = " ".join("".join(cells[place].strip() for cells in framed) for place in (4, 5))
    assert f"{same}EXPECTED" in out
    assert f"{same}FOUND" in out


def test_a_findings_text_is_shown_without_what_moves_a_cursor() -> None:
    finding = Finding("behind", HOSTILE, "member", "one", "another")
    assert PLAIN in printed(Report(findings=(Traced(finding, None),)))


def test_what_can_be_shown_is_shown_as_it_is() -> None:
    assert visible("Zoë 😄  two blanks") == "Zoë 😄  two blanks"
