"""What the pages say about exploring: options, arguments and names that exist, all of them."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from replay.checks.oracle import Kind
from replay.exploration.any_schema.ground import FREE_RULES
from replay.exploration.case import FAULT_KINDS, NEEDED, Case, Fault, Lag, Redelivery, Turn, Twin, Write
from replay.exploration.features import Features
from replay.exploration.invariants import Invariants
from replay.exploration.limits import LIMITS
from replay.exploration.outcome import RULES
from replay.exploration.situations import SITUATIONS
from replay.explore_fixture import Explore
from replay.pytest_plugin import OPTIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "explore.md").read_text(encoding="utf-8")
ENTRIES = {"faults": Fault, "lags": Lag, "redeliveries": Redelivery, "twins": Twin, "turns": Turn, "writes": Write}


def test_every_argument_of_the_fixture_is_on_the_page() -> None:
    arguments = set(inspect.signature(Explore.__call__).parameters) - {"self", "handler", "engine"}
    assert set(re.findall(r"`([a-z_]+)=[A-Za-z]*`", PAGE)) == arguments


def test_every_option_of_the_plugin_is_on_the_page_with_its_default() -> None:
    rows = {name: row for row in PAGE.splitlines() for name in re.findall(r"`--explore-([a-z]+)`", row)}
    assert rows.keys() == OPTIONS.keys()
    for name, option in OPTIONS.items():
        assert (f"`explore_{name}`" in rows[name]) != option.is_momentary
    assert f"({OPTIONS['schedules'].default})" in rows["schedules"]
    assert f"(`{OPTIONS['folder'].default}`)" in rows["folder"]


@pytest.mark.parametrize("situation", re.findall(r'--reach "([^"]+)"', README))
def test_situations_that_the_readme_asks_for_exist(situation: str) -> None:
    assert situation in SITUATIONS


def test_the_pages_rule_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```python\n(def always_.+?)```", PAGE, re.DOTALL)
    (tmp_path / "rules.py").write_text(shown, encoding="utf-8")
    assert len(Invariants.load(tmp_path / "rules.py").names) == 1


def test_the_example_explores_as_the_page_says() -> None:
    suite = (ROOT / "examples" / "stream-handler" / "tests" / "test_stream.py").read_text(encoding="utf-8")
    assert re.search(r'def test_\w+\(explore\):\n    explore\("app.stream:handler"', suite)


def names_in(section: str) -> set[str]:
    """Names in the first column of a section's table."""
    body = REFERENCE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", body, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_reference_has_every_feature_rule_and_situation() -> None:
    assert names_in("What may happen") == set(Features.__slots__)
    assert names_in("What must hold") == {*RULES, *FREE_RULES}
    assert names_in("What a limit explains") == {limit.removeprefix("limit: ") for limit in LIMITS}
    assert names_in("What was reached") == set(SITUATIONS) - set(FAULT_KINDS)


def test_the_reference_has_every_key_of_a_case_and_of_its_entries() -> None:
    assert names_in("The case file") == {field.name for field in fields(Case)}
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (.*?) \|", REFERENCE, re.MULTILINE))
    for name, entry in ENTRIES.items():
        assert re.findall(r"`([a-z]+)`", rows[name]) == [field.name for field in fields(entry)], name


def test_the_reference_has_every_kind_of_write() -> None:
    told = REFERENCE.partition("Kinds of writes:")[2].partition(". What")[0]
    assert set(NEEDED) <= set(re.findall(r"`([a-z-]+)`", told))


def test_the_reference_has_every_kind_of_fault() -> None:
    assert re.findall(r"`([a-z-]+)`", REFERENCE.partition("Kinds of faults:")[2]) == list(FAULT_KINDS)


def test_the_reference_has_every_kind_of_finding_that_a_run_may_give() -> None:
    told = REFERENCE.partition("by the oracle's rules among these:")[2].partition(". Rules")[0]
    assert set(re.findall(r"`([a-z-]+)`", told)) == set(get_args(Kind))
