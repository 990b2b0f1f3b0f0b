"""Where `explore` puts its reports: files that were asked for, JSON on standard output, nothing after a refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import EXIT_RIGHT, EXIT_WRONG_USE, main
from replay.commands.explore_options import DEFAULTS
from replay.commands.explore_report import check_files, deliver_report
from replay.exploration.campaign import Result
from replay.exploration.case_file import dump
from replay.exploration.search import Found
from tests.explored import broken, case

if TYPE_CHECKING:
    from pathlib import Path

ASKED: dict[str, Any] = {**DEFAULTS, "html": None, "junit": None, "as_json": False}


def report(**options: object) -> None:
    found = broken()
    result = Result()
    result.count(found.seed, found.execution)
    deliver_report(Found(result, found), {**ASKED, **options})


def test_one_run_writes_every_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, page, junit = tmp_path / "case.json", tmp_path / "page.html", tmp_path / "junit.xml"
    given.write_text(dump(case()), encoding="utf-8")
    asked = ["explore", "--case", str(given), "--html", str(page), "--junit", str(junit), "--json"]
    assert main(asked) == EXIT_RIGHT
    assert json.loads(capsys.readouterr().out)["verdict"] == "right"
    assert "Right: 1 case" in page.read_text(encoding="utf-8")
    assert 'failures="0"' in junit.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--html", "--junit", "--save"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none/report", "there is no folder"),
        (".", "is a folder"),
        ("long" * 100, "cannot be written: File name too long; name another file"),
    ],
    ids=["no folder", "a folder", "refused by the system"],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str, said: str
) -> None:
    assert main(["explore", option, str(tmp_path / name)]) == EXIT_WRONG_USE
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith(f"replay: {option} {tmp_path}")
    assert said in written.err


def test_a_file_that_is_tried_before_the_work_stays_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, leads_nowhere = tmp_path / "kept.json", tmp_path / "link.html"
    kept.write_text("an earlier case", encoding="utf-8")
    leads_nowhere.symlink_to(tmp_path / "new.html")
    check_files({**ASKED, "save": kept, "html": leads_nowhere, "junit": tmp_path / "new.xml"})
    assert kept.read_text(encoding="utf-8") == "an earlier case"
    assert {path.name for path in tmp_path.iterdir()} == {"kept.json", "link.html"}
    assert capsys.readouterr() == ("", "")


def test_the_command_to_run_again_has_what_decides_a_case(capsys: pytest.CaptureFixture[str]) -> None:
    report(
        handler="my app.py:handler",
        variables=("TOKEN=secret", "B=c"),
        only=("faults", "ties"),
        ignore=("behind",),
        endpoint_url="http://127.0.0.1:8000",
        as_json=True,
    )
    written = capsys.readouterr().out
    assert json.loads(written)["again"]["on the command line"] == (
        "python -m replay explore --handler 'my app.py:handler' --endpoint-url http://127.0.0.1:8000 "
        '--only faults --only ties --ignore behind --env TOKEN="$TOKEN" --env B="$B" --seed 7 --schedules 1'
    )
    assert "secret" not in written


def test_a_saved_case_is_what_to_run_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report(save=tmp_path / "broken.json")
    written = capsys.readouterr().out
    assert f"python -m replay explore --case {tmp_path / 'broken.json'}\n" in written
    assert f"    explore(case='{tmp_path / 'broken.json'}')\n" in written
