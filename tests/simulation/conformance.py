"""The conformance cases as tests see them, and builders for cases said in the test itself."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from replay.event_source.case_run import run_case
from replay.event_source.cases import parse_case

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "conformance"
FIRST = 10**20

ERROR = {"raise": "ValueError"}
PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
BISECT = {"BisectBatchOnFunctionError": True}


def claims() -> dict[str, tuple[str, str]]:
    """Every claim there is to be shown, by id: its grade and what it says."""
    with (FOLDER / "claims.csv").open(encoding="utf-8", newline="") as lines:
        return {row["id"]: (row["grade"], row["claim"]) for row in csv.DictReader(lines)}


def case_files() -> list[Path]:
    """The cases that are data."""
    return sorted(FOLDER.glob("*.json"))


def claim_of(path: Path) -> str:
    """The id in a file's name: `T-D1-null.json` is a case of T-D1."""
    return "-".join(path.stem.split("-")[:2])


def seq(number: int) -> str:
    return str(FIRST + number)


def records(count: int, **said: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return [record(number, **said) for number in range(1, count + 1)]


def record(number: int, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"sequence": seq(number), **said}


def failures(*numbers: int) -> dict[str, Any]:
    """What a function does that reports these records."""
    return {"return": {"batchItemFailures": [{"itemIdentifier": seq(number)} for number in numbers]}}


def seen(**case: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Run a case and give what it prints."""
    return run_case(parse_case(case))


def batches(printed: dict[str, Any]) -> list[list[int]]:
    """The invocations' records, by number."""
    return [[int(text) - FIRST for text in invocation["sequences"]] for invocation in printed["invocations"]]
