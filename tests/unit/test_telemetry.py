"""Log lines and metrics have the names that saved queries and alarms rely on, and never a private text."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from freezegun import freeze_time

from replay.tables.memory import MemoryTable
from stream_processor.batch import BatchProcessor, Invocation
from stream_processor.errors import RefusedError, StreamProcessorError, TransientError
from stream_processor.settings import SERVICE_DEFAULT, Settings
from stream_processor.telemetry import (
    NAMESPACE,
    BatchReport,
    CloudWatchTelemetry,
    FailureReport,
)
from tests.builders import ANN, BOB, START, event, group_item, message_item, record, text
from tests.driver import Fault
from tests.recording import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stream_processor.quarantine import Quarantine
    from stream_processor.table import GroupTable, Page, Read
    from stream_processor.transaction import Transaction

Lines = list[dict[str, Any]]

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "log_schema.json").read_text("utf-8"))
KINDS: dict[str, dict[str, Any]] = SCHEMA["lines"]
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}

REPORT = BatchReport(
    request_id="r",
    first_sequence="1",
    last_sequence="2",
    records=11,
    ignored=12,
    messages=13,
    groups=14,
    moved=15,
    unchanged=16,
    failed=17,
    re_reads=18,
    healed_rows=19,
    untimed_rows=20,
    unchecked_attributes=21,
    transaction_retries=22,
    orphans=23,
    quarantined=24,
    future_dated=25,
    lag_ms=26,
    duration_ms=27,
    cold_start=True,
    outcome="done",
    answer=None,
)


# Scenarios: together they write every kind of line.


class Faulty:
    """A table whose requests fail in order, as long as faults are left."""

    def __init__(self, table: MemoryTable, faults: Iterable[Fault]) -> None:
        self._table = table
        self._faults = list(faults)

    def _fail(self) -> None:
        if self._faults:
            raise self._faults.pop(0).error

    def read(self, request: Read) -> Page:
        self._fail()
        return self._table.read(request)

    def transact(self, actions: Transaction) -> None:
        self._fail()
        self._table.transact(actions)


def pair() -> list[dict[str, Any]]:
    return [group_item(ANN, other=BOB), group_item(BOB, other=ANN)]


def broken() -> dict[str, Any]:
    textless = record(number=2)
    textless["dynamodb"]["NewImage"]["message"] = {"N": "1"}
    return textless


class Buggy:
    """A table whose errors nobody expects."""

    def read(self, request: Read) -> Page:
        raise ZeroDivisionError(text(f"a bug may quote anything: {request}"))

    def transact(self, actions: Transaction) -> None:
        raise ZeroDivisionError(text(f"a bug may quote anything: {actions}"))


def scenario(
    *records: dict[str, Any],
    table: Callable[[], GroupTable] = lambda: MemoryTable(pair()),
    quarantine: Callable[[], Quarantine | None] = lambda: None,
) -> Callable[[], None]:
    def run() -> None:
        batch = BatchProcessor(
            table=table(),
            quarantine=quarantine(),
            settings=Settings("messages", workers=1),
            telemetry=CloudWatchTelemetry(SERVICE_DEFAULT),
            jitter=float,
            sleep=lambda _: None,
            now=lambda: START.timestamp() + 5,
        )
        try:
            batch.process(event(*records), Invocation("request-1", lambda: 60_000, cold_start=True))
        except StreamProcessorError as raised:
            assert "PRIVATE" not in str(raised)  # noqa: PT017 - some scenarios raise

    return run


SCENARIOS: dict[str, Callable[[], None]] = {
    "empty": scenario(),
    "moved": scenario(record("hi", at=1)),
    "ignored": scenario(record(event_name="REMOVE"), record(item=group_item(), number=2)),
    "orphan": scenario(record(), table=lambda: MemoryTable([message_item()])),
    "healed": scenario(record(at=-9), table=lambda: MemoryTable([*pair(), group_item(ANN, at=-5)])),
    "untimed": scenario(record("hi"), table=lambda: MemoryTable([group_item(ANN, at="PRIVATE-odd", other=ANN)])),
    "future": scenario(record(at=500, created_at_s=START.timestamp())),
    "quarantined": scenario(broken(), quarantine=Shelf),
    "too large": scenario(record("x" * 410_000, at=1), quarantine=Shelf),
    "raised": scenario(broken()),
    "failed": scenario(
        record(at=1), table=lambda: Faulty(MemoryTable(pair()), [Fault(RefusedError("AccessDeniedException"))])
    ),
    "retried": scenario(
        record(at=1), table=lambda: Faulty(MemoryTable(pair()), [Fault(TransientError("Throttling"))] * 3)
    ),
    "bug": scenario(record(at=1), table=Buggy),
}


def logged(lines: Lines) -> Lines:
    return [line for line in lines if "_aws" not in line]


def metrics(lines: Lines) -> Lines:
    return [line for line in lines if "_aws" in line]


@pytest.mark.parametrize("run", SCENARIOS.values(), ids=SCENARIOS)
def test_every_line_has_the_keys_types_and_level_of_the_schema(
    run: Callable[[], None], told: Callable[[], Lines]
) -> None:
    run()
    for line in logged(told()):
        kind = KINDS[line["message"]]
        assert line["level"] == kind["level"]
        known = SCHEMA["logger_keys"] | kind["keys"]
        assert line.keys() <= known.keys()
        assert {name for name, key in known.items() if not key.get("optional")} <= line.keys()
        for name, value in line.items():
            assert has_type(value, known[name]), f"{name} is {value!r}"


def has_type(value: object, key: dict[str, Any]) -> bool:
    return type(value) in TYPES[key["type"]] and ("enum" not in key or value in key["enum"])


def test_the_scenarios_write_every_kind_of_line(told: Callable[[], Lines]) -> None:
    for run in SCENARIOS.values():
        run()
    assert {line["message"] for line in logged(told())} == set(KINDS)


@pytest.mark.parametrize("run", SCENARIOS.values(), ids=SCENARIOS)
def test_a_batch_is_one_line_the_last_and_one_set_of_metrics(
    run: Callable[[], None], told: Callable[[], Lines]
) -> None:
    run()
    lines = told()
    assert [line["message"] for line in logged(lines)].count("batch") == 1
    assert logged(lines)[-1]["message"] == "batch"
    assert len(metrics(lines)) == 1


@pytest.mark.parametrize("run", SCENARIOS.values(), ids=SCENARIOS)
def test_metrics_have_the_names_units_and_dimensions_of_the_schema(
    run: Callable[[], None], told: Callable[[], Lines]
) -> None:
    run()
    lines = told()
    (embedded,) = metrics(lines)
    (directive,) = embedded["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == SCHEMA["metrics"]["namespace"]
    assert directive["Dimensions"] == [list(SCHEMA["metrics"]["dimensions"])]
    assert {name: embedded[name] for name in SCHEMA["metrics"]["dimensions"]} == SCHEMA["metrics"]["dimensions"]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    without_lag = {name: unit for name, unit in SCHEMA["metrics"]["units"].items() if name != "LagMs"}
    assert units == (SCHEMA["metrics"]["units"] if "lag_ms" in logged(lines)[-1] else without_lag)
    assert all(name in embedded for name in units)
    assert embedded.keys() == {"_aws", *units, *SCHEMA["metrics"]["dimensions"]}


def test_metrics_count_what_the_batchs_line_says(told: Callable[[], Lines]) -> None:
    with freeze_time("2026-01-01T00:00:00Z"):
        CloudWatchTelemetry(SERVICE_DEFAULT).batch(REPORT)
    line, embedded = told()
    values = {name: embedded[name] for name in SCHEMA["metrics"]["units"]}
    assert values == {
        "Received": [11],
        "Ignored": [12],
        "Messages": [13],
        "Moved": [15],
        "Unchanged": [16],
        "Failed": [17],
        "ReReads": [18],
        "HealedRows": [19],
        "TransactionRetries": [22],
        "Orphans": [23],
        "Quarantined": [24],
        "FutureDated": [25],
        "LagMs": [26],
    }
    assert {each.name: line.get(each.name) for each in fields(REPORT)} == asdict(REPORT)
    assert embedded["_aws"]["Timestamp"] == 1_767_225_600_000


def test_batches_are_counted_each_for_itself(told: Callable[[], Lines]) -> None:
    telemetry = CloudWatchTelemetry(SERVICE_DEFAULT)
    telemetry.batch(REPORT)
    telemetry.batch(REPORT)
    assert [line["Moved"] for line in metrics(told())] == [[15], [15]]


def test_reports_have_exactly_the_keys_of_the_schema() -> None:
    assert [each.name for each in fields(BatchReport)] == list(KINDS["batch"]["keys"])
    assert [each.name for each in fields(FailureReport)] == list(KINDS["failure"]["keys"])


def test_the_names_of_service_and_namespace_are_the_schemas() -> None:
    assert SCHEMA["metrics"]["namespace"] == NAMESPACE
    assert SCHEMA["metrics"]["dimensions"] == {"service": SERVICE_DEFAULT}


def test_a_line_names_its_service_and_its_time(told: Callable[[], Lines]) -> None:
    with freeze_time("2026-01-01T00:00:00Z"):
        CloudWatchTelemetry(SERVICE_DEFAULT).orphan("g1", "5")
    (line,) = told()
    assert line["service"] == SERVICE_DEFAULT
    assert line["timestamp"].startswith("2026-01-01")
    assert (line["group"], line["sequence"]) == ("g1", "5")
