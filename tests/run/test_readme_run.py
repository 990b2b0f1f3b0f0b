"""What the README shows of a run is what a run prints, figures and all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from replay.cli import main

README = Path(__file__).parents[2] / "README.md"


def figures(printed: str) -> list[str]:
    """The report without what differs from run to run: where the table is, its name, how long it took."""
    lines = printed.partition("The table is")[2].partition("```")[0].splitlines()
    return [line for line in lines if not re.match(r"(table|endpoint|duration) ", line)]


@pytest.mark.engine
def test_the_report_that_the_readme_shows_is_the_one_that_is_printed(
    engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--endpoint-url", engine_endpoint, "--env", "WORKERS=1"]) == 0
    printed = capsys.readouterr().out
    assert figures(printed) == figures(README.read_text(encoding="utf-8"))
    assert len(figures(printed)) > 5
