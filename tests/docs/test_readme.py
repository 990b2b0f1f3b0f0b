"""What the README says: commands, targets, options and files that exist, figures that are true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from replay.checks.scenarios import scenarios
from replay.cli import COMMANDS, LazyCommands

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECORDING = ROOT / "fixtures" / "conversation" / "events.jsonl"


def test_every_command_is_listed() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", README, re.MULTILINE)) == set(COMMANDS)


def test_every_target_is_listed() -> None:
    told = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", README)) == told


@pytest.mark.parametrize("line", re.findall(r"^python -m replay .+$", README, re.MULTILINE))
def test_examples_name_options_that_exist(line: str) -> None:
    words = line.split()[3:]
    command = LazyCommands().get_command(click.Context(click.Group()), words[0])
    assert command is not None
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(1))
        assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_figures_of_the_replay_are_those_of_the_recording() -> None:
    records = [json.loads(line) for line in RECORDING.read_text(encoding="utf-8").splitlines()]
    messages = [
        record
        for record in records
        if record["eventName"] == "INSERT" and record["dynamodb"]["Keys"]["pk"]["S"].startswith("MSG#")
    ]
    assert f"records     {len(records)} ({len(records) - len(messages)} dropped by the filter)" in README
    assert f"messages    {len(messages)}\n" in README


def test_the_number_of_scenarios_is_told() -> None:
    assert f"{len(scenarios())} scenarios" in README


def test_ci_runs_what_the_readme_says() -> None:
    block = README.split("## Test it")[1].split("```")[1].strip().splitlines()
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in script if line.startswith("make ")] == block


def test_the_log_line_shown_is_one_the_function_writes() -> None:
    found = re.search(r"```json\n(.*?)\n```", README, re.DOTALL)
    assert found
    schema = json.loads((ROOT / "tests" / "golden" / "log_schema.json").read_text(encoding="utf-8"))
    known = schema["logger_keys"].keys() | schema["lines"]["batch"]["keys"].keys()
    assert json.loads(found[1]).keys() == known - {"answer", "xray_trace_id"}
