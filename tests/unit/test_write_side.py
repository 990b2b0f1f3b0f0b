"""The function against DynamoDB's write side: cases T-M1 to T-M9, by id in the tests' names."""
# ruff: noqa: N802 - the names carry the cases' ids

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from replay.tables.memory import MemoryTable
from stream_processor.batch import BatchProcessor, Invocation
from stream_processor.group import TRIES_MAX
from stream_processor.handler import _client_config
from stream_processor.plan import sort_key_attempt
from stream_processor.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Settings
from stream_processor.table import DynamoGroupTable, Page, Read
from tests.builders import (
    ANN,
    BOB,
    GROUP,
    START,
    event,
    group_item,
    instant,
    message_item,
    record,
    sequence,
    text,
    time_text,
)
from tests.recording import Recorder, Shelf
from tests.wire import Answer, Answered, Wire, cancelled, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.tables.memory import Change
    from stream_processor.row import Item
    from stream_processor.table import GroupTable
    from stream_processor.transaction import Transaction

HI = record("hi", at=1)
DONE: dict[str, list[Any]] = {"batchItemFailures": []}
REPORTED = {"batchItemFailures": [{"itemIdentifier": sequence(1)}]}


def pair(at: float = 0, name: str = "old") -> list[Item]:
    return [group_item(ANN, at=at, name=name, other=BOB), group_item(BOB, at=at, name=name, other=ANN)]


@dataclass
class Delivery:
    """Deliveries to one processor, on a clock that only requests and pauses move."""

    table: GroupTable
    quarantine: Shelf | None = None
    recorder: Recorder = field(default_factory=Recorder)
    clock_s: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.clock_s += seconds

    def deliver(self, *records: dict[str, Any], timeout_s: float = 60) -> Any:  # noqa: ANN401 - compared with an answer
        batch = BatchProcessor(
            table=self.table,
            quarantine=self.quarantine,
            settings=Settings("messages", workers=1),
            telemetry=self.recorder,
            jitter=float,
            sleep=self.sleep,
            now=START.timestamp,
        )
        deadline_s = self.clock_s + timeout_s
        return batch.process(event(*records), Invocation(None, lambda: (deadline_s - self.clock_s) * 1000))


def over(wire: Wire) -> DynamoGroupTable:
    return DynamoGroupTable(wire.client(_client_config(1)), "messages", "message-group-sk-index")


def rows_and(write: Callable[[], Answer]) -> Wire:
    """A table of two rows whose every write ends in one way."""
    return Wire(lambda operation, _: Answered({"Items": pair()}) if operation == "Query" else write())


def writes(wire: Wire) -> list[list[dict[str, Any]]]:
    """The actions of each transaction that was sent."""
    return [body["TransactItems"] for operation, body in wire.requests if operation == "TransactWriteItems"]


# T-M1. No marker rows: the group rows themselves say what was applied.


def test_T_M1_a_condition_that_fails_because_the_message_is_applied_already_is_no_failure() -> None:
    def respond(operation: str, body: dict[str, Any]) -> Answer:
        if operation == "TransactWriteItems":
            return cancelled(
                "None", {"Code": "ConditionalCheckFailed", "Item": pair(at=1, name="hi")[0]}, "None", "None"
            )
        if "IndexName" in body:
            return Answered({"Items": pair()})
        member = body["ExpressionAttributeValues"][":member"]["S"]
        return Answered({"Items": [item for item in pair(at=1, name="hi") if item["pk"]["S"] == member]})

    wire = Wire(respond)
    delivery = Delivery(over(wire))
    assert delivery.deliver(HI) == DONE
    assert len(writes(wire)) == 1
    assert delivery.recorder.failures == []


def test_T_M1_no_row_but_group_rows_is_ever_written() -> None:
    wire = rows_and(lambda: Answered({}))
    Delivery(over(wire)).deliver(HI)
    for (action,) in (item.values() for item in writes(wire)[0]):
        assert action.get("Key", action.get("Item"))["pk"]["S"].startswith("GRP#")


# T-M2.


@pytest.mark.parametrize(
    "reasons",
    [
        ["TransactionConflict", "None", "None", "None"],
        ["None", "ThrottlingError", "None", "None"],
        ["None", "None", "ProvisionedThroughputExceeded", "None"],
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "None"],
    ],
    ids=lambda reasons: "+".join(reason for reason in reasons if reason != "None"),
)
def test_T_M2_conflicts_and_throttles_are_tried_again_and_then_reported(reasons: list[str]) -> None:
    wire = rows_and(lambda: cancelled(*reasons))
    delivery = Delivery(over(wire))
    assert delivery.deliver(HI) == REPORTED
    assert len(writes(wire)) == TRIES_MAX
    (failure,) = delivery.recorder.failures
    assert failure.retryable
    assert failure.code in reasons


# T-M3. Permanent only where the planned item exceeds a limit of DynamoDB's, and then it is never sent.


def test_T_M3_a_validation_error_of_a_lawful_item_is_reported_and_not_quarantined() -> None:
    shelf = Shelf()
    wire = rows_and(lambda: cancelled("None", "ValidationError", "None", "None"))
    delivery = Delivery(over(wire), shelf)
    assert delivery.deliver(HI) == REPORTED
    assert len(writes(wire)) == 1
    assert shelf.kept == {}
    (failure,) = delivery.recorder.failures
    assert (failure.code, failure.retryable) == ("ValidationError", True)


def test_T_M3_an_item_beyond_400_kb_is_quarantined_before_it_is_sent() -> None:
    shelf = Shelf()
    wire = rows_and(lambda: cancelled("None", "ValidationError", "None", "None"))
    assert Delivery(over(wire), shelf).deliver(record("x" * 410_000, at=1)) == DONE
    assert writes(wire) == []
    assert shelf.reasons == {sequence(1): "RowTooLarge"}


# T-M4. The function makes no plain write; the code counts as transient wherever it comes.


@pytest.mark.parametrize("operation", ["Query", "TransactWriteItems"])
def test_T_M4_a_conflict_with_a_transaction_is_tried_again_and_then_reported(operation: str) -> None:
    def respond(asked: str, _: dict[str, Any]) -> Answer:
        return failed("TransactionConflictException") if asked == operation else Answered({"Items": pair()})

    wire = Wire(respond)
    delivery = Delivery(over(wire))
    assert delivery.deliver(HI) == REPORTED
    assert [asked for asked, _ in wire.requests].count(operation) == TRIES_MAX
    assert delivery.recorder.failures[0].retryable


def test_T_M4_a_conflict_that_passes_is_not_reported() -> None:
    answers = iter([failed("TransactionConflictException"), Answered({})])
    wire = rows_and(lambda: next(answers))
    assert Delivery(over(wire)).deliver(HI) == DONE


# T-M5.


class LostAnswers:
    """A table in memory that does every transaction and whose answers to them never come back."""

    def __init__(self, table: MemoryTable, lost: Answer) -> None:
        self.table = table
        self._lost = over(Wire(lambda _, __: lost))

    def read(self, request: Read) -> Page:
        return self.table.read(request)

    def transact(self, actions: Transaction) -> None:
        self.table.transact(actions)
        self._lost.transact(actions)


@pytest.mark.parametrize(
    "lost",
    [failed("InternalServerError", 500), Answered("<html>", 503), ReadTimeoutError(endpoint_url="https://dynamodb")],
    ids=["500", "503", "timeout"],
)
@pytest.mark.parametrize("held", [False, True], ids=["index up to date", "index behind"])
def test_T_M5_a_write_whose_answer_was_lost_has_no_second_effect(lost: Answer, held: bool) -> None:  # noqa: FBT001 - a case
    table = MemoryTable(pair())
    if held:
        table.hold_index()
    lossy = LostAnswers(table, lost)
    for _ in range(3):
        assert Delivery(lossy).deliver(HI) == DONE
    assert len(table.stream) == len(pair()) + 4
    assert [item["message"]["S"] for item in table.scan()] == [text("hi")] * 2


# T-M6. Tokens protect ten minutes; what the rows say protects for good.


def test_T_M6_a_redelivery_with_a_new_token_meets_the_condition() -> None:
    table = MemoryTable(pair())
    table.hold_index()
    assert Delivery(table).deliver(HI) == DONE
    moved = list(table.scan())
    written = len(table.stream)
    delivery = Delivery(table, clock_s=20 * 60)
    assert delivery.deliver(HI) == DONE
    assert delivery.recorder.report.transaction_retries == 1
    assert list(table.scan()) == moved
    assert len(table.stream) == written


def test_T_M6_no_token_is_carried_from_one_delivery_to_the_next() -> None:
    wire = rows_and(lambda: Answered({}))
    for _ in range(2):
        Delivery(over(wire)).deliver(HI)
    tokens = [body["ClientRequestToken"] for operation, body in wire.requests if operation == "TransactWriteItems"]
    assert len(set(tokens)) == 2


# T-M7.


@pytest.mark.parametrize(
    "rows",
    [
        pair(at=1, name="a"),
        [group_item(ANN, at=1, name="a", other=ANN)],
        [group_item(ANN, at="2026-01-01 15:30:01+0530", name="a", other=ANN)],
        [*pair(), group_item(ANN, at=-1, other=BOB)],
        [*pair(), group_item(ANN, at="2026-01-01T10:00:00", name="a", other=BOB)],
        [*pair(), group_item(ANN, at=1, name="a", other=BOB)],
        [*pair(), group_item(ANN, at=1, name="z", other=BOB)],
        [*pair(), group_item(ANN, at=sort_key_attempt(instant(1), GROUP, 1), name="a", other=BOB)],
        [*pair(), group_item(ANN, at="odd", other=BOB), group_item(BOB, at=-3, other=ANN)],
    ],
    ids=[
        "same instant",
        "with oneself",
        "same instant in another spelling",
        "doubled",
        "doubled in another spelling",
        "a loser at the new key",
        "a survivor at the new key",
        "a row at the next attempt",
        "doubled twice",
    ],
)
def test_T_M7_no_item_is_named_twice_in_a_transaction(rows: list[Item]) -> None:
    sent: list[list[dict[str, Any]]] = []

    class Sending(MemoryTable):
        """A table in memory that writes every transaction on a wire as well."""

        def transact(self, actions: Transaction) -> None:
            wire = Wire(lambda _, __: Answered({}))
            over(wire).transact(actions)
            sent.extend(writes(wire))
            super().transact(actions)

    table = Sending(rows)
    assert Delivery(table).deliver(HI) == DONE
    assert sent
    for actions in sent:
        keys = [named(action) for item in actions for action in item.values()]
        assert len(set(keys)) == len(keys)
    assert len({item["pk"]["S"] for item in table.scan()}) == len(list(table.scan()))


def named(action: dict[str, Any]) -> tuple[str, str]:
    key = action.get("Key") or action["Item"]
    return key["pk"]["S"], key["sk"]["S"]


# T-M8.

HOT = failed(
    "ProvisionedThroughputExceededException",
    ThrottlingReasons=[
        {"reason": "TableWriteKeyRangeThroughputExceeded", "resource": "arn:aws:dynamodb:::table/messages"}
    ],
)
SLOWEST_CALL_S = CONNECT_TIMEOUT_S + READ_TIMEOUT_S


@pytest.mark.parametrize("timeout_s", [1, 3, 4, 7, 12, 30, 60])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("call_s", [0.01, SLOWEST_CALL_S], ids=["fast", "as slow as may be"])
def test_T_M8_throttling_is_waited_out_within_the_remaining_time_and_then_reported(
    timeout_s: float, groups: int, call_s: float
) -> None:
    def respond(operation: str, _: dict[str, Any]) -> Answer:
        delivery.clock_s += call_s
        return Answered({"Items": pair()}) if operation == "Query" else HOT

    wire = Wire(respond)
    delivery = Delivery(over(wire))
    records = [record("hi", group=f"g{number}", at=1, number=number) for number in range(1, groups + 1)]
    records[0] = record("hi", group=GROUP, at=1, number=1)
    assert delivery.deliver(*records, timeout_s=timeout_s)["batchItemFailures"] == [{"itemIdentifier": sequence(1)}]
    assert delivery.clock_s <= timeout_s
    assert all(failure.retryable for failure in delivery.recorder.failures)


def test_T_M8_a_throttle_that_passes_is_not_reported() -> None:
    answers = iter([HOT, HOT, HOT, Answered({})])
    delivery = Delivery(over(rows_and(lambda: next(answers))))
    assert delivery.deliver(HI) == DONE
    assert delivery.clock_s == pytest.approx(0.05 + 0.1 + 0.2)
    assert delivery.recorder.report.transaction_retries == 3


# T-M9.


def told_of(number: int, change: Change) -> dict[str, Any]:
    """A change as the table's stream tells it."""
    item = change.old if change.new is None else change.new
    assert item is not None
    return record(item=item, number=number, event_name=change.name)


def test_T_M9_its_own_writes_come_back_and_are_done_without_a_request() -> None:
    table = MemoryTable([*pair(), group_item(ANN, at=-5, other=BOB), message_item("hi", at=1)])
    before = len(table.stream)
    assert Delivery(table).deliver(HI) == DONE
    own = [told_of(number, change) for number, change in enumerate(table.stream[before:])]
    assert {each["eventName"] for each in own} == {"INSERT", "REMOVE"}
    wire = Wire(lambda _, __: failed("AccessDeniedException"))
    delivery = Delivery(over(wire))
    assert delivery.deliver(*own) == DONE
    assert wire.requests == []
    assert delivery.recorder.report.ignored == len(own)


def test_T_M9_a_put_in_place_comes_back_as_a_change_and_is_done() -> None:
    table = MemoryTable(pair(at=1, name="a"))
    before = len(table.stream)
    Delivery(table).deliver(HI)
    own = [told_of(number, change) for number, change in enumerate(table.stream[before:])]
    assert [each["eventName"] for each in own] == ["MODIFY", "MODIFY"]
    assert Delivery(over(Wire(lambda _, __: failed("X")))).deliver(*own) == DONE


def test_T_M9_reading_the_written_rows_again_writes_nothing() -> None:
    table = MemoryTable(pair())
    Delivery(table).deliver(HI)
    quiet = len(table.stream)
    for _ in range(3):
        Delivery(table).deliver(HI, record("older", at=0.5, number=2))
    assert len(table.stream) == quiet
    assert {item["sk"]["S"] for item in table.scan()} == {time_text(1)}
