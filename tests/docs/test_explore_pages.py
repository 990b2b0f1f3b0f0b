"""What the pages say about exploring: options, arguments and names that exist, all of them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from replay.exploration.invariants import Invariants
from replay.exploration.situations import SITUATIONS
from replay.explore_fixture import Explore
from replay.pytest_plugin import OPTIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")


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
