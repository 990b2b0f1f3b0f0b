"""Every conformance case that is data, through the library and through the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from replay import event_source
from replay.commands.simulate import simulate
from replay.event_source.case_compare import differences
from replay.event_source.case_run import run_case
from replay.event_source.cases import load_case
from replay.event_source.mapping import PARAMETERS
from replay.event_source.switches import QUESTIONS
from tests.simulation.conformance import case_files, claim_of, claims

FILES = case_files()


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.conformance(claim_of(path)), id=path.stem) for path in FILES],
)
def test_case_is_seen_as_expected(path: Path) -> None:
    case = load_case(path)
    assert case.expect is not None
    assert differences(case.expect, run_case(case)) == []
    assert case.name == path.stem


def test_case_names_a_claim_and_carries_its_grade() -> None:
    known = claims()
    for path in FILES:
        case = json.loads(path.read_text(encoding="utf-8"))
        if path.stem.startswith("T-"):
            grade, _ = known[claim_of(path)]
            assert case["grade"] == ("S" if "switches" in case else grade), path.stem
        else:
            assert path.stem.startswith("R-"), path.stem


def test_command_runs_all_of_them_and_prints_a_line_each() -> None:
    paths = [str(path) for path in FILES if path.stat().st_size < 100_000]
    result = CliRunner().invoke(simulate, ["--json", *paths], standalone_mode=False)
    assert result.exception is None
    assert result.return_value == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(paths)
    for path, line in zip(paths, lines, strict=True):
        assert list(line) == ["invocations", "destination", "checkpoint", "metrics", "error"], path
        assert not differences(load_case(FILES[0].parent / path).expect or {}, line), path


def test_every_switch_has_a_case_for_its_alternative() -> None:
    used: dict[str, set[str]] = {}
    for path in FILES:
        for number, value in json.loads(path.read_text(encoding="utf-8")).get("switches", {}).items():
            used.setdefault(number, set()).add(value)
    not_in_cases = {
        number for number, question in QUESTIONS.items() if not used.get(number, set()) & {*question.values[1:]}
    }
    assert not_in_cases == {
        "Q16",  # a schedule is never stated
        "Q17",  # request ids are not stated; see test_messages
        "Q18",  # six megabytes; see test_rules
        "Q19",  # seen in counts after a restart; see test_rules
        "Q20",  # a warning; see test_simulate
        "Q21",  # has one value
    }


def test_readme_names_every_switch_with_its_values_and_every_parameter() -> None:
    text = (Path(event_source.__file__).parent / "README.md").read_text(encoding="utf-8")
    for number, question in QUESTIONS.items():
        assert f"| {number} | " in text
        assert f"| {', '.join(question.values)} |" in text, number
    for name in (*PARAMETERS, "ProvisionedPollerConfig"):
        assert name in text or name in ("EventSourceArn", "FunctionName"), name
