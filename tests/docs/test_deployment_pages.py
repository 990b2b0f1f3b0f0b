"""What the pages about deployment say is what the template, the log schema, the Makefile and the function say."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import cfn_flip
import jmespath
import pytest

from tests.template.permissions import OWN_ACTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Give a text's table rows as stripped cells, heads and rules apart."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if not all(set(cell) <= {"-"} for cell in row)]


def section(text: str, heading: str) -> str:
    _, _, rest = text.partition(f"\n{heading}\n")
    assert rest, f"no heading {heading}"
    return re.split(r"\n#+ ", rest)[0]


def log_table(schema: dict[str, Any]) -> str:
    """Write the log schema as the one table of the page."""
    lines = ["| line | level | key | what it says |", "|---|---|---|---|"]
    lines += [f"| every line | | `{key}` | {entry['meaning']} |" for key, entry in schema["logger_keys"].items()]
    for name, line in schema["lines"].items():
        lines.append(f"| **`{name}`** | {line['level']} | | {line['when']} |")
        lines += [f"| | | `{key}` | {entry['meaning']} |" for key, entry in line["keys"].items()]
    return "\n".join(lines)


def test_log_table_is_the_schema() -> None:
    schema = json.loads((ROOT / "tests/golden/log_schema.json").read_text(encoding="utf-8"))
    found = re.search(r"<!-- log schema[^>]*-->\n\n(.*?)\n\n<!-- end -->", page("operate.md"), flags=re.DOTALL)
    assert found
    assert found[1] == log_table(schema)


def test_metrics_named_are_the_schemas() -> None:
    schema = json.loads((ROOT / "tests/golden/log_schema.json").read_text(encoding="utf-8"))["metrics"]
    named = set(re.findall(r"`(\w+)`", section(page("operate.md"), "## Metrics")))
    assert named == {*schema["units"], schema["namespace"], *schema["dimensions"]}


def test_parameters_and_defaults_are_the_templates() -> None:
    template = json.loads(cfn_flip.to_json((ROOT / "template.yaml").read_text(encoding="utf-8")))
    said = {row[0].strip("`"): row[1].strip("`") for row in rows(section(page("deploy.md"), "## Parameters"))[1:]}
    assert said == {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}


def test_permissions_said_are_those_granted() -> None:
    said = {
        row[0].strip("`") for row in rows(section(page("security.md"), "## What the function's own code may do"))[1:]
    }
    assert said == set(OWN_ACTIONS)


def test_reasons_for_quarantine_are_the_functions() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "stream_processor").glob("*.py"))
    used = set(re.findall(r'(?:PermanentError\(\s*|Quarantined\([^")]*)"(\w+)"', sources))
    said = {
        name
        for row in rows(section(page("operate.md"), "### Quarantine"))[1:]
        for name in re.findall(r"`(\w+)`", row[0])
    }
    assert used
    assert said == used


def test_arithmetic_of_the_cost_is_right() -> None:
    table = rows(section(page("cost.md"), "## A million messages"))[1:]
    *parts, total = table
    for _, arithmetic, result in parts:
        assert product(arithmetic) == pytest.approx(float(result), abs=0.005), arithmetic
    assert math.fsum(float(result) for _, _, result in parts) == pytest.approx(float(total[2].strip("*")), abs=0.001)


def product(arithmetic: str) -> float:
    """Evaluate a line of factors and divisors, from left to right; units are passed over."""
    value = 1.0
    for operator, number in re.findall(r"(^|[\u00d7/]) ?([\d,]+(?:\.\d+)?)", arithmetic):
        amount = float(number.replace(",", ""))
        value = value / amount if operator == "/" else value * amount
    return value


def test_write_units_follow_from_the_plan() -> None:
    # Two members; a move is a delete and a put; a transaction counts twice; the index takes a delete and a put each.
    members, writes = 2, 2
    base, index, usual = members * writes * 2, members * writes, members * writes * 2
    table = {row[0]: row[1:] for row in rows(section(page("cost.md"), "## Write units"))}
    assert table["**a group and batch**"] == [f"**{base + index}**"]
    for messages in (1, 2, 10):
        assert table[str(messages)] == [f"{(base + index) / messages:g}", str(usual)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_make_targets_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_parameters_in_commands_exist(path: Path) -> None:
    template = json.loads(cfn_flip.to_json((ROOT / "template.yaml").read_text(encoding="utf-8")))
    for assignments in re.findall(r'PARAMETERS="([^"]*)"', path.read_text(encoding="utf-8")):
        for assignment in assignments.split():
            assert assignment.partition("=")[0] in template["Parameters"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_queries_of_the_command_line_compile(path: Path) -> None:
    for query in re.findall(r"--query '([^']*)'", path.read_text(encoding="utf-8")):
        jmespath.compile(query)
