"""The conformance cases as tests see them, and builders for cases said in the test itself."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replay.event_source.answers import Returned
from replay.event_source.case_run import run_case
from replay.event_source.cases import parse_case
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import StreamRecord
from replay.event_source.virtual import drive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.event_source.answers import FunctionResult
    from replay.event_source.invocations import Invocation
    from replay.event_source.source import EventSource

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


def mapping(**parameters: Any) -> EventSourceMapping:  # noqa: ANN401 - JSON
    return EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON", **parameters})


def item(
    number: int, key: str, sort_key: str = "x", *, at_s: float = 0, created_at_s: float | None = None
) -> StreamRecord:
    """A record of one item."""
    change: Any = {"SequenceNumber": seq(number), "Keys": {"pk": {"S": key}, "sk": {"S": sort_key}}}
    return StreamRecord.of({"dynamodb": change}, available_at_s=at_s, created_at_s=created_at_s)


def deliveries(source: EventSource, stream: Iterable[StreamRecord]) -> list[Invocation]:
    """Every invocation of a function that succeeds at once."""
    heard: list[Invocation] = []

    def function(invocation: Invocation) -> FunctionResult:
        heard.append(invocation)
        return Returned()

    drive(source, function, stream)
    return heard
