"""Every pair under `fixtures/faults/`: the handler that has the fault falls as it says, the project's own stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.run.conftest import Ran

pytestmark = pytest.mark.engine

FOLDER = Path(__file__).parents[2] / "fixtures" / "faults"
PAIRS = sorted((folder.parent for folder in FOLDER.glob("*/expected.json")), key=lambda folder: int(folder.name[1:]))


def expected(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return content


def options(wanted: dict[str, Any]) -> list[str]:
    return ["--filter", wanted["filter"], *wanted["faults"], *wanted["options"]]


def figures(ran: Ran, wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: ran.summary[name] for name in wanted}


@pytest.mark.parametrize("folder", PAIRS, ids=lambda folder: folder.name)
def test_the_handler_with_the_fault_falls(run: Callable[..., Ran], folder: Path) -> None:
    wanted, falls = expected(folder), expected(folder)["falls"]
    ran = run(folder / "events.jsonl", "--handler", falls["handler"], *options(wanted))
    assert (ran.report["verdict"], sorted(ran.kinds)) == (falls["verdict"], falls["kinds"])
    assert figures(ran, falls["summary"]) == falls["summary"]


@pytest.mark.parametrize("folder", PAIRS, ids=lambda folder: folder.name)
def test_the_function_stands(run: Callable[..., Ran], folder: Path) -> None:
    wanted, stands = expected(folder), expected(folder)["stands"]
    ran = run(folder / "events.jsonl", *options(wanted))
    assert (ran.report["verdict"], ran.report["findings"]) == (stands["verdict"], [])
    assert figures(ran, stands["summary"]) == stands["summary"]


def test_every_fault_a_handler_can_show_has_its_pair() -> None:
    assert [folder.name for folder in PAIRS] == [f"H{number}" for number in range(1, 16)]
    for folder in PAIRS:
        assert expected(folder).keys() == {"fault", "made", "filter", "faults", "options", "falls", "stands"}
        assert expected(folder)["falls"]["kinds"] or expected(folder)["falls"]["summary"]
