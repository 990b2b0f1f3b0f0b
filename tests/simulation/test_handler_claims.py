"""Claims about the function at the write side of DynamoDB, through the simulated event source.

The marker rows and tokens some handlers keep do not exist here: the row itself says what has been applied.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

from replay.event_source.answers import Raised, Returned
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import StreamRecord
from replay.event_source.source import EventSource
from replay.event_source.template_mappings import choose_mapping
from replay.event_source.virtual import drive
from replay.tables.memory import MemoryTable
from replay.tables.schema import locate_template
from replay.template import Template
from stream_processor.batch import BatchProcessor, Invocation
from stream_processor.errors import TransientError
from stream_processor.settings import RESERVE_MS, Settings
from stream_processor.table import DynamoGroupTable
from tests.builders import ANN, BOB, START, event, group_item, record, sequence, text, time_text
from tests.recording import Recorder, Shelf
from tests.wire import Answer, Answered, Wire, cancelled, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.event_source.answers import FunctionResult
    from replay.event_source.invocations import Invocation as Call
    from stream_processor.row import Item
    from stream_processor.table import GroupTable, Page, Read
    from stream_processor.transaction import Transaction

NOW_S = START.timestamp() + 100
MOVED = {(time_text(1), text("new"))}
TWO_ROWS = (group_item(ANN, other=BOB, at=0), group_item(BOB, other=ANN, at=0))
ONE_TRY = Config(retries={"mode": "standard", "total_max_attempts": 1})
"""As the function's own client: it tries again itself, watching the time."""
TRANSACTION_BYTES = 400 * 1024


@dataclass
class Function:
    """The function around a table; its clock moves only while it pauses."""

    table: GroupTable
    shelf: Shelf = field(default_factory=Shelf)
    remaining_ms: float = 60_000

    def answer(self, *records: dict[str, Any]) -> list[str]:
        """Deliver a batch once and give the identifiers reported."""
        processor = BatchProcessor(
            table=self.table,
            quarantine=self.shelf,
            settings=Settings(table_name="messages", workers=1),
            telemetry=Recorder(),
            jitter=float,
            sleep=self._pause,
            now=lambda: NOW_S,
        )
        answered = processor.process(event(*records), Invocation("request", lambda: self.remaining_ms))
        return [failure["itemIdentifier"] for failure in answered["batchItemFailures"]]

    def _pause(self, seconds: float) -> None:
        self.remaining_ms -= 1000 * seconds


class Watched:
    """A table that keeps every transaction; `before` and `after` may meddle with the one numbered."""

    def __init__(self, *items: Item) -> None:
        self.rows = MemoryTable(items)
        self.written: list[Transaction] = []
        self.before: Callable[[int, Transaction], None] = lambda _number, _actions: None
        self.after: Callable[[int], None] = lambda _number: None

    def read(self, request: Read) -> Page:
        return self.rows.read(request)

    def transact(self, actions: Transaction) -> None:
        number = len(self.written)
        self.written.append(actions)
        self.before(number, actions)
        self.rows.transact(actions)
        self.after(number)

    @property
    def shown(self) -> set[tuple[str, str]]:
        rows = (item for item in self.rows.scan() if item["pk"]["S"].startswith("GRP#"))
        return {(item["sk"]["S"], item["message"]["S"]) for item in rows}


def said(name: str = "new", *, at: float = 1, number: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as `record`
    return record(name, at=at, number=number, **more)


def on_the_wire(write: Answer) -> Function:
    """A function whose writes are answered like this by DynamoDB."""

    def respond(operation: str, body: dict[str, Any]) -> Answer:
        if operation == "TransactWriteItems":
            return write
        wanted = body["ExpressionAttributeValues"].values()
        return Answered({"Items": [item for item in TWO_ROWS if any(value in item.values() for value in wanted)]})

    return Function(DynamoGroupTable(Wire(respond).client(ONE_TRY), "messages", "message-group-sk-index"))


@pytest.mark.conformance("T-M1")
def test_condition_that_fails_because_it_is_done_already_is_no_failure() -> None:
    table = Watched(*TWO_ROWS)

    def applied_by_another(number: int, actions: Transaction) -> None:
        if number == 0:
            table.rows.transact(actions)

    table.before = applied_by_another
    assert Function(table).answer(said()) == []
    assert table.shown == MOVED
    assert len(table.written) == 1


@pytest.mark.conformance("T-M2")
@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_cancellation_for_a_passing_reason_is_reported(reason: str) -> None:
    function = on_the_wire(cancelled("None", reason))
    assert function.answer(said(number=7)) == [sequence(7)]
    assert function.shelf.kept == {}


@pytest.mark.conformance("T-M3")
def test_validation_error_alone_is_not_permanent() -> None:
    function = on_the_wire(cancelled("None", "ValidationError"))
    assert function.answer(said(number=7)) == [sequence(7)]
    assert function.shelf.kept == {}


@pytest.mark.conformance("T-M3")
def test_item_over_a_limit_is_permanent_and_quarantined() -> None:
    table = Watched(*TWO_ROWS)
    function = Function(table)
    assert function.answer(said("x" * TRANSACTION_BYTES, number=7)) == []
    assert [kept.identifier for kept in function.shelf.kept.values()] == [sequence(7)]
    assert table.written == []


@pytest.mark.conformance("T-M4")
def test_conflict_with_a_transaction_is_reported() -> None:
    assert on_the_wire(failed("TransactionConflictException")).answer(said(number=7)) == [sequence(7)]


@pytest.mark.conformance("T-M5")
def test_write_that_happened_in_spite_of_its_error_has_no_second_effect() -> None:
    table = Watched(*TWO_ROWS)

    def lost(number: int) -> None:
        if number == 0:
            raise TransientError("InternalServerError")

    table.after = lost
    function = Function(table)
    first = function.answer(said())
    changes = len(table.rows.stream)
    assert first == []
    assert table.shown == MOVED
    assert function.answer(said()) == []
    assert len(table.rows.stream) == changes


@pytest.mark.conformance("T-M6")
def test_redelivery_after_the_request_token_has_ended_changes_nothing() -> None:
    table = Watched(*TWO_ROWS)
    function = Function(table)
    stream = [StreamRecord.of(said(), created_at_s=0)]  # type: ignore[arg-type] # a wire record
    source = EventSource(EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON"}), remembers=True)
    changes: list[int] = []

    def deliver(call: Call) -> FunctionResult:
        reported = function.answer(*call.event["Records"])
        changes.append(len(table.rows.stream))
        if len(changes) == 1:
            source.redeliver(stream)
            return Returned({"batchItemFailures": []}, takes_s=20 * 60)
        return Returned({"batchItemFailures": [{"itemIdentifier": text} for text in reported]})

    drive(source, deliver, stream)
    assert len(changes) == 2
    assert changes[0] == changes[1]
    assert table.shown == MOVED


@pytest.mark.conformance("T-M7")
def test_no_transaction_names_an_item_twice() -> None:
    same_instant = [
        group_item(ANN, other=BOB, at=0),
        group_item(BOB, other=ANN, at=0),
        group_item(ANN, other="cat", at=0.5, group="g2"),
        group_item("cat", other=ANN, at=0.5, group="g2"),
        group_item(ANN, other=BOB, at=0.25, name="doubled"),
    ]
    table = Watched(*same_instant)
    batch = [said(number=1, at=1), said(number=2, at=1, group="g2"), said("greater", number=3, at=1)]
    assert Function(table).answer(*batch) == []
    assert table.written
    for actions in table.written:
        named = [str(action.key) for action in actions]
        assert len(named) == len(set(named))


@pytest.mark.conformance("T-M8")
def test_hot_partition_is_waited_for_within_the_time_left_and_then_reported() -> None:
    hot = {"reason": "TableWriteKeyRangeThroughputExceeded", "resource": "arn:aws:dynamodb:eu-west-1:1:table/messages"}
    function = on_the_wire(failed("ThrottlingException", throttlingReasons=[hot]))
    function.remaining_ms = RESERVE_MS + 700
    assert function.answer(said(number=7)) == [sequence(7)]
    assert RESERVE_MS - 1 <= function.remaining_ms < RESERVE_MS + 700


@pytest.mark.conformance("T-M9")
def test_own_writes_come_back_and_end_there() -> None:
    """With the template's filter they are not even delivered; without it they are ignored."""
    for filtered in (True, False):
        table = Watched(*TWO_ROWS)
        function = Function(table)
        numbers = itertools.count(100)
        parameters = dict(choose_mapping(Template.load(locate_template())).parameters)
        if not filtered:
            del parameters["FilterCriteria"]
        source = EventSource(EventSourceMapping.from_api(parameters))
        seen_changes = len(table.rows.stream)

        def deliver(call: Call, table: Watched = table, source: EventSource = source) -> FunctionResult:
            nonlocal seen_changes
            reported = function.answer(*call.event["Records"])  # noqa: B023 - called within the loop
            for change in table.rows.stream[seen_changes:]:
                item = change.new or change.old
                assert item is not None
                wire = record(item=item, event_name=change.name, number=next(numbers))  # noqa: B023 - the same
                source.offer([StreamRecord.of(wire, available_at_s=call.at_s, created_at_s=call.at_s)])  # type: ignore[arg-type] # a wire record
            seen_changes = len(table.rows.stream)
            return Raised() if reported else Returned({"batchItemFailures": []})

        drive(source, deliver, [StreamRecord.of(said(), created_at_s=0)])  # type: ignore[arg-type] # a wire record
        assert table.shown == MOVED
        assert len(table.written) == 1
        assert source.metrics.failed_invoke == 0
        assert source.metrics.filtered_out == (4 if filtered else 0)
