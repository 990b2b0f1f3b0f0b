"""Whatever a batch holds: every group is tried, and the answer is the lowest record that is not finished."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.tables.memory import MemoryTable
from stream_processor.batch import FUTURE_NOTICED_S, BatchProcessor, Invocation
from stream_processor.errors import (
    ConfigurationError,
    NotAStreamEvent,
    PermanentError,
    QuarantineError,
    RefusedError,
    TransientError,
)
from stream_processor.group import TRIES_MAX
from stream_processor.settings import RESERVE_MS, Settings
from stream_processor.table import Page, Read, ReadIndex, ReadMember, ReadSenders
from stream_processor.telemetry import BatchReport, FailureReport
from tests.builders import START, event, group_item, instant, message_item, record, sequence, text, time_text
from tests.recording import Recorder, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stream_processor.answer import Answer
    from stream_processor.row import Item
    from stream_processor.table import GroupTable
    from stream_processor.transaction import Transaction

ONE_WORKER = Settings(table_name="messages", workers=1)
NOW_S = START.timestamp() + 100


# Batches: groups do not share members, so that one can be looked at without the others.


def conversation(*groups: str, at: float = 0) -> list[Item]:
    """Two rows of each group."""
    pairs = [(group, f"ann-{group}", f"bob-{group}") for group in groups]
    return [
        item
        for group, ann, bob in pairs
        for item in (group_item(ann, other=bob, group=group, at=at), group_item(bob, other=ann, group=group, at=at))
    ]


def said(group: str, number: int, name: str = "hi", at: float = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as `record`
    """A record of a member's message."""
    return record(name, group=group, sender=f"ann-{group}", number=number, at=at, **more)


def shows(table: MemoryTable, group: str) -> set[tuple[str, str]]:
    """What a group's rows show, and since when."""
    return {
        (item["sk"]["S"], item["message"]["S"])
        for item in table.scan()
        if item["pk"]["S"].startswith("GRP#") and item["message_group_uuid"] == {"S": group}
    }


MOVED = {(time_text(1), text("hi"))}
UNMOVED = {(time_text(0), text("old"))}


class Troubled:
    """A table on which requests about some groups fail; it keeps every request."""

    def __init__(self, table: MemoryTable, troubles: Mapping[str, Exception] | None = None) -> None:
        self.table = table
        self.requests: list[Read | Transaction] = []
        self._troubles = troubles or {}

    def read(self, request: Read) -> Page:
        self.requests.append(request)
        if request.group in self._troubles:
            raise self._troubles[request.group]
        return self.table.read(request)

    def transact(self, actions: Transaction) -> None:
        self.requests.append(actions)
        self.table.transact(actions)


@dataclass
class Outcome:
    """How a batch ended."""

    answer: Answer | None
    error: Exception | None
    recorder: Recorder
    sleeps: list[float]

    @property
    def identifiers(self) -> list[str]:
        assert self.answer is not None, self.error
        assert list(self.answer) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in self.answer["batchItemFailures"]]

    @property
    def report(self) -> BatchReport:
        return self.recorder.report

    @property
    def failures(self) -> list[FailureReport]:
        return self.recorder.failures


def processor(
    table: GroupTable,
    quarantine: Shelf | None = None,
    settings: Settings = ONE_WORKER,
    sleeps: list[float] | None = None,
) -> BatchProcessor:
    slept = [] if sleeps is None else sleeps
    return BatchProcessor(
        table=table,
        quarantine=quarantine,
        settings=settings,
        telemetry=Recorder(),
        jitter=float,
        sleep=slept.append,
        now=lambda: NOW_S,
    )


def process(
    records: Any,  # noqa: ANN401 - whatever may come in
    table: GroupTable,
    quarantine: Shelf | None = None,
    settings: Settings = ONE_WORKER,
    remaining_ms: Callable[[], float] = lambda: 60_000,
) -> Outcome:
    """Deliver records, or another event, to a processor; no private text may be told."""
    sleeps: list[float] = []
    batch = processor(table, quarantine, settings, sleeps)
    answer, error = None, None
    try:
        answer = batch.process(
            event(*records) if isinstance(records, list) else records, Invocation("request-1", remaining_ms)
        )
    except Exception as raised:  # noqa: BLE001 - a test looks at it
        error = raised
    assert isinstance(batch.telemetry, Recorder)
    assert "PRIVATE" not in repr(batch.telemetry.lines) + repr(error)
    return Outcome(answer, error, batch.telemetry, sleeps)


# The answer.


def test_an_empty_batch_is_done() -> None:
    outcome = process([], MemoryTable())
    assert outcome.answer == {"batchItemFailures": []}
    assert outcome.report.outcome == "done"


def test_a_batch_of_several_groups_is_done() -> None:
    table = MemoryTable(conversation("g1", "g2"))
    outcome = process([said("g1", 1), said("g2", 2), said("g1", 3, "older", at=0.5)], table)
    assert outcome.answer == {"batchItemFailures": []}
    assert shows(table, "g1") == shows(table, "g2") == MOVED


@pytest.mark.parametrize("failing", range(4))
def test_every_other_group_is_done_before_and_behind_a_failing_one(failing: int) -> None:
    groups = [f"g{number}" for number in range(4)]
    table = MemoryTable(conversation(*groups))
    trouble = {groups[failing]: RefusedError("AccessDeniedException")}
    outcome = process([said(group, number) for number, group in enumerate(groups)], Troubled(table, trouble))
    assert outcome.identifiers == [sequence(failing)]
    assert [shows(table, group) for group in groups] == [UNMOVED if number == failing else MOVED for number in range(4)]


def test_a_failing_group_is_answered_with_its_lowest_record_not_its_newest_message() -> None:
    records = [said("g1", 1), said("g2", 2, at=1), said("g2", 3, at=9), said("g2", 4, at=5)]
    outcome = process(records, Troubled(MemoryTable(conversation("g1", "g2")), {"g2": RefusedError("X")}))
    assert outcome.identifiers == [sequence(2)]


def test_of_several_failures_the_lowest_is_answered() -> None:
    trouble = {group: RefusedError("X") for group in ("g2", "g3")}
    records = [said("g3", 5), said("g1", 1), said("g2", 3)]
    outcome = process(records, Troubled(MemoryTable(conversation("g1")), trouble))
    assert outcome.identifiers == [sequence(3)]
    assert [failure.sequence for failure in outcome.failures] == [sequence(3), sequence(5)]


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
@pytest.mark.parametrize(
    ("lower", "higher"),
    [("9" * 21, "1" + "0" * 21), ("000000000000000000002", "10"), ("5", "00000000000000000000000000000000000000010")],
)
def test_sequence_numbers_are_compared_as_integers_and_answered_verbatim(lower: str, higher: str, order: int) -> None:
    records = []
    for group, number in (("g1", lower), ("g2", higher)):
        records.append(said(group, 0))
        records[-1]["dynamodb"]["SequenceNumber"] = number
    trouble = {group: RefusedError("X") for group in ("g1", "g2")}
    outcome = process(records[::order], Troubled(MemoryTable(), trouble))
    assert outcome.identifiers == [lower]


def test_one_groups_records_are_compared_as_integers_too() -> None:
    records = [said("g1", 0), said("g1", 0)]
    records[0]["dynamodb"]["SequenceNumber"] = "1" + "0" * 21
    records[1]["dynamodb"]["SequenceNumber"] = "9" * 21
    outcome = process(records, Troubled(MemoryTable(), {"g1": RefusedError("X")}))
    assert outcome.identifiers == ["9" * 21]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RefusedError("AccessDeniedException"), "AccessDeniedException"),
        (RefusedError("ResourceNotFoundException"), "ResourceNotFoundException"),
        (TransientError("ThrottlingException"), "ThrottlingException"),
        (TransientError("ReadTimeoutError"), "ReadTimeoutError"),
        (ZeroDivisionError(text("a bug may quote anything")), "ZeroDivisionError"),
    ],
    ids=["permission", "missing table", "throttle", "timeout", "bug"],
)
def test_a_retryable_failure_is_reported_with_its_code_and_never_raised(error: Exception, code: str) -> None:
    outcome = process([said("g1", 1)], Troubled(MemoryTable(), {"g1": error}))
    assert outcome.identifiers == [sequence(1)]
    (failure,) = outcome.failures
    assert (failure.code, failure.retryable, failure.group, failure.request_id) == (code, True, "g1", "request-1")
    assert outcome.report.outcome == "partial"
    assert outcome.report.answer == sequence(1)


def test_a_bug_in_one_group_is_told_by_its_place_alone() -> None:
    bug = ZeroDivisionError(text("a bug may quote anything"))
    outcome = process([said("g1", 1)], Troubled(MemoryTable(), {"g1": bug}))
    assert outcome.failures[0].reason.startswith("at test_batch.py:")


def test_transient_failures_pause_between_tries() -> None:
    outcome = process([said("g1", 1)], Troubled(MemoryTable(), {"g1": TransientError("ThrottlingException")}))
    assert outcome.sleeps == [0.05, 0.1, 0.2]
    assert len(outcome.sleeps) == TRIES_MAX - 1


# Other events, other records.


@pytest.mark.parametrize(
    "other",
    [
        None,
        "text",
        5,
        [{"eventSource": "aws:dynamodb"}],
        {},
        {"records": []},
        {"Records": None},
        {"Records": {}},
        {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": "{}"}]},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": "1"}}]},
        {"Records": [{"EventSource": "aws:sns", "Sns": {}}]},
        {"Records": [record(), {"eventSource": "aws:sqs"}]},
        {"Records": ["text"]},
        {"Records": [None]},
        {"Records": [[]]},
        {"Records": [{**record(), "eventSource": None}]},
        {"Records": [record(), {"eventSource": "aws:dynamodb"}]},
        {"Records": [{**record(), "dynamodb": None}]},
        {"source": "aws.events", "detail": {}},
    ],
    ids=lambda other: repr(other)[:60],
)
def test_an_event_of_no_stream_is_a_clear_error_and_nothing_is_tried(other: Any) -> None:  # noqa: ANN401
    table = Troubled(MemoryTable(conversation("g1")))
    batch = processor(table)
    with pytest.raises(NotAStreamEvent, match=r"is the trigger (a DynamoDB stream|right)\?$"):
        batch.process(other, Invocation(None, lambda: 60_000))
    assert table.requests == []


def test_a_record_without_a_source_is_taken_for_one_of_a_stream() -> None:
    sourceless = said("g1", 1)
    del sourceless["eventSource"]
    table = MemoryTable(conversation("g1"))
    assert process([sourceless], table).identifiers == []
    assert shows(table, "g1") == MOVED


OTHERS = {
    "MODIFY": record(event_name="MODIFY"),
    "REMOVE": record(event_name="REMOVE"),
    "unknown event name": record(event_name="UPSERT"),
    "group row": record(item=group_item()),
    "other prefix": record(item={**message_item(), "pk": {"S": "USER#1"}}),
    "lower case": record(item={**message_item(), "pk": {"S": "msg#g1"}}),
    "binary key": record(item={**message_item(), "pk": {"B": "TVNHI2cx"}}),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_every_other_record_is_done_without_a_request(other: dict[str, Any]) -> None:
    table = Troubled(MemoryTable())
    outcome = process([other], table, Shelf())
    assert outcome.identifiers == []
    assert table.requests == []
    assert (outcome.report.records, outcome.report.ignored, outcome.report.messages) == (1, 1, 0)


# Records that can never be applied.

BOUNDED = replace(ONE_WORKER, max_future_s=60.0)


def without_image(group: str, number: int) -> dict[str, Any]:
    broken = said(group, number)
    del broken["dynamodb"]["NewImage"]
    return broken


def without_text(group: str, number: int) -> dict[str, Any]:
    broken = said(group, number)
    del broken["dynamodb"]["NewImage"]["message"]
    return broken


POISONS: dict[str, Callable[[str, int], dict[str, Any]]] = {
    "NoNewImage": without_image,
    "NoMessageText": without_text,
    "InvalidTime": lambda group, number: said(group, number, at="PRIVATE-noon"),  # type: ignore[arg-type] # the point
    "EmptyGroupId": lambda _, number: said("", number),
    "RowTooLarge": lambda group, number: said(group, number, "x" * 410_000, at=9),
    "DatedInFuture": lambda group, number: said(group, number, at=9, created_at_s=instant(-60).timestamp()),
}
HEALTHY = 3


def around(position: int, poison: Callable[[str, int], dict[str, Any]], group: str) -> list[dict[str, Any]]:
    """Healthy records of groups of their own, and a poisoned one among them."""
    return [
        poison(group, number) if number == position else said(f"g{number}", number) for number in range(HEALTHY + 1)
    ]


def healthy_groups(position: int) -> list[str]:
    return [f"g{number}" for number in range(HEALTHY + 1) if number != position]


poisoned = pytest.mark.parametrize(("reason", "poison"), POISONS.items(), ids=POISONS)
in_every_position = pytest.mark.parametrize("position", range(HEALTHY + 1))


@poisoned
@in_every_position
def test_a_poisoned_record_is_quarantined_and_everything_else_done(
    reason: str, poison: Callable[[str, int], dict[str, Any]], position: int
) -> None:
    groups = healthy_groups(position)
    table, shelf = MemoryTable(conversation("poisoned", *groups)), Shelf()
    records = around(position, poison, "poisoned")
    outcome = process(records, table, shelf, BOUNDED)
    assert outcome.identifiers == []
    assert shelf.reasons == {sequence(position): reason}
    (kept,) = shelf.kept.values()
    assert kept.record == records[position]
    assert "PRIVATE" not in kept.detail
    assert outcome.report.quarantined == 1
    assert outcome.recorder.of("quarantined") == [(sequence(position), reason, kept.key)]
    assert all(shows(table, group) == MOVED for group in groups)
    assert shows(table, "poisoned") == UNMOVED
    assert outcome.failures == []


@poisoned
@in_every_position
def test_without_a_quarantine_the_answer_goes_up_to_the_poisoned_record_and_a_first_one_is_raised(
    reason: str, poison: Callable[[str, int], dict[str, Any]], position: int
) -> None:
    groups = healthy_groups(position)
    table = MemoryTable(conversation("poisoned", *groups))
    outcome = process(around(position, poison, "poisoned"), table, None, BOUNDED)
    assert all(shows(table, group) == MOVED for group in groups)
    (failure,) = outcome.failures
    assert (failure.sequence, failure.code, failure.retryable) == (sequence(position), reason, False)
    assert outcome.report.answer == (sequence(position) if position else None)
    if position == 0:
        assert isinstance(outcome.error, PermanentError)
        assert outcome.error.reason == reason
        assert outcome.report.outcome == "raised"
    else:
        assert outcome.identifiers == [sequence(position)]
        assert outcome.report.outcome == "partial"


@poisoned
def test_a_poisoned_record_does_not_keep_its_groups_next_newest_back(
    reason: str, poison: Callable[[str, int], dict[str, Any]]
) -> None:
    table, shelf = MemoryTable(conversation("g1")), Shelf()
    outcome = process([said("g1", 1), poison("g1", 2)], table, shelf, BOUNDED)
    assert outcome.identifiers == []
    assert shows(table, "g1") == MOVED
    assert shelf.reasons == {sequence(2): reason}


def test_a_poisoned_record_behind_records_that_are_done_anyway_is_not_raised() -> None:
    outcome = process([record(event_name="REMOVE", number=1), without_text("g1", 2)], MemoryTable())
    assert outcome.identifiers == [sequence(2)]


def test_the_first_record_is_the_lowest_wherever_it_stands_in_the_list() -> None:
    outcome = process([said("g2", 2), without_text("g1", 1)], MemoryTable(conversation("g2")))
    assert isinstance(outcome.error, PermanentError)


def test_a_retryable_failure_at_the_first_record_is_answered_although_a_poisoned_one_follows() -> None:
    trouble = Troubled(MemoryTable(), {"g1": RefusedError("X")})
    outcome = process([said("g1", 1), without_text("g2", 2)], trouble)
    assert outcome.identifiers == [sequence(1)]
    assert [failure.retryable for failure in outcome.failures] == [True, False]


def test_a_poisoned_first_record_is_raised_although_other_groups_failed() -> None:
    trouble = Troubled(MemoryTable(), {"g2": RefusedError("X")})
    outcome = process([without_text("g1", 1), said("g2", 2)], trouble)
    assert isinstance(outcome.error, PermanentError)
    assert len(outcome.failures) == 2


def test_several_poisoned_records_are_each_quarantined() -> None:
    shelf = Shelf()
    outcome = process(
        [poison("g1", number) for number, poison in enumerate(POISONS.values())], MemoryTable(), shelf, BOUNDED
    )
    assert outcome.identifiers == []
    assert list(shelf.reasons.values()) == [reason for reason in POISONS if reason != "RowTooLarge"]
    assert outcome.report.orphans == 1


def test_a_redelivered_record_is_quarantined_once() -> None:
    shelf = Shelf()
    assert process([without_text("g1", 1)], MemoryTable(), shelf).report.quarantined == 1
    again = process([without_text("g1", 1)], MemoryTable(), shelf)
    assert again.identifiers == []
    assert again.report.quarantined == 0
    assert (len(shelf.kept), shelf.puts) == (1, 2)


def test_a_text_that_fits_some_members_rows_is_quarantined_once_with_the_others_named() -> None:
    ann, bob = conversation("g1")
    table, shelf = MemoryTable([ann, {**bob, "blob": {"S": "x" * 300_000}}]), Shelf()
    outcome = process([said("g1", 1), said("g1", 2, "y" * 200_000, at=2)], table, shelf)
    assert outcome.identifiers == []
    (kept,) = shelf.kept.values()
    assert (kept.reason, kept.members, kept.identifier) == ("RowTooLarge", ("bob-g1",), sequence(2))
    assert kept.detail == "the row would exceed 400 KB for 1 of the group's members"
    assert {at for at, _ in shows(table, "g1")} == {time_text(1), time_text(2)}
    before = list(table.scan())
    again = process([said("g1", 1), said("g1", 2, "y" * 200_000, at=2)], table, shelf)
    assert again.report.quarantined == 0
    assert list(table.scan()) == before


def test_a_text_too_large_is_not_set_aside_while_its_group_is_not_done() -> None:
    class ReadOnly(Troubled):
        def transact(self, actions: Transaction) -> None:
            raise RefusedError(f"{len(actions)} actions")

    shelf = Shelf()
    records = [said("g1", 1), said("g1", 2, "x" * 410_000, at=2)]
    outcome = process(records, ReadOnly(MemoryTable(conversation("g1"))), shelf)
    assert outcome.identifiers == [sequence(1)]
    assert len(outcome.failures) == 1
    assert shelf.kept == {}


def test_without_a_quarantine_each_poisoned_record_is_told_and_the_lowest_answered() -> None:
    records = [said("g1", 1), said("g1", 2, "x" * 410_000, at=2), without_text("g2", 3), without_image("g3", 4)]
    outcome = process(records, MemoryTable(conversation("g1")))
    assert outcome.identifiers == [sequence(2)]
    assert [failure.code for failure in outcome.failures] == ["RowTooLarge", "NoMessageText", "NoNewImage"]


# A quarantine that fails.


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (QuarantineError("AccessDenied", "the bucket did not take the record"), "AccessDenied"),
        (ZeroDivisionError(text("a bug may quote anything")), "ZeroDivisionError"),
    ],
    ids=["refused", "bug"],
)
@in_every_position
def test_a_record_the_quarantine_could_not_take_is_not_done(refusal: Exception, code: str, position: int) -> None:
    table = MemoryTable(conversation(*healthy_groups(position)))
    outcome = process(around(position, without_text, "poisoned"), table, Shelf({sequence(position): refusal}))
    assert outcome.identifiers == [sequence(position)]
    assert all(shows(table, group) == MOVED for group in healthy_groups(position))
    (failure,) = outcome.failures
    assert (failure.code, failure.retryable) == (code, True)
    assert outcome.report.quarantined == 0


@pytest.mark.parametrize("refusal", [QuarantineError("X", "x"), ValueError()], ids=["refused", "bug"])
def test_a_refused_record_does_not_keep_the_next_one_from_the_quarantine(refusal: Exception) -> None:
    shelf = Shelf({sequence(1): refusal})
    outcome = process([without_text("g1", 1), without_text("g2", 2)], MemoryTable(), shelf)
    assert outcome.identifiers == [sequence(1)]
    assert shelf.reasons == {sequence(2): "NoMessageText"}


# A stream or a record set up wrongly.


@pytest.mark.parametrize("view_type", ["KEYS_ONLY", "OLD_IMAGE"])
@pytest.mark.parametrize("quarantine", [None, Shelf()], ids=["no bucket", "bucket"])
@in_every_position
def test_a_view_type_without_new_images_is_raised_last_of_all(
    view_type: str, quarantine: Shelf | None, position: int
) -> None:
    groups = healthy_groups(position)
    table = MemoryTable(conversation(*groups))
    records = around(position, without_image, "poisoned")
    records[position]["dynamodb"]["StreamViewType"] = view_type
    outcome = process(records, table, quarantine)
    assert isinstance(outcome.error, ConfigurationError)
    assert all(shows(table, group) == MOVED for group in groups)
    assert (outcome.failures[0].code, outcome.failures[0].retryable) == ("ConfigurationError", False)
    assert outcome.report.outcome == "raised"
    assert quarantine is None or quarantine.kept == {}


def test_a_wrong_set_up_is_raised_although_a_lower_record_failed() -> None:
    keys_only = without_image("g2", 2)
    keys_only["dynamodb"]["StreamViewType"] = "KEYS_ONLY"
    outcome = process([said("g1", 1), keys_only], Troubled(MemoryTable(), {"g1": RefusedError("X")}))
    assert isinstance(outcome.error, ConfigurationError)


def test_a_record_on_which_parsing_breaks_does_not_cost_the_others() -> None:
    odd = without_image("g1", 1)
    odd["dynamodb"]["StreamViewType"] = ["unhashable"]
    table = MemoryTable(conversation("g2"))
    outcome = process([odd, said("g2", 2)], table, Shelf())
    assert outcome.identifiers == [sequence(1)]
    assert shows(table, "g2") == MOVED
    assert (outcome.failures[0].code, outcome.failures[0].retryable) == ("TypeError", True)


# Time.


@dataclass
class Countdown:
    """Remaining time that a table's requests use up, and that falls below the reserve after so many of them."""

    requests_left: int
    asked: int = field(default=0)

    def __call__(self) -> float:
        self.asked += 1
        self.requests_left -= 1
        return RESERVE_MS if self.requests_left >= 0 else RESERVE_MS - 1


def test_what_cannot_be_finished_is_not_started_and_reported() -> None:
    groups = [f"g{number}" for number in range(4)]
    table = Troubled(MemoryTable(conversation(*groups)))
    records = [said(group, number) for number, group in enumerate(groups)]
    outcome = process(records, table, remaining_ms=Countdown(4))
    assert outcome.identifiers == [sequence(2)]
    assert [shows(table.table, group) for group in groups] == [MOVED, MOVED, UNMOVED, UNMOVED]
    assert len(table.requests) == 4
    assert [failure.code for failure in outcome.failures] == ["OutOfTime", "OutOfTime"]


@pytest.mark.parametrize("requests", range(6))
def test_nothing_is_requested_below_the_reserve(requests: int) -> None:
    groups = [f"g{number}" for number in range(3)]
    table = Troubled(MemoryTable(conversation(*groups)))
    outcome = process([said(group, n) for n, group in enumerate(groups)], table, remaining_ms=Countdown(requests))
    assert len(table.requests) == requests
    assert outcome.identifiers == [sequence(requests // 2)]
    assert all(failure.retryable for failure in outcome.failures)


def test_a_group_half_read_when_time_runs_out_is_written_by_nobody() -> None:
    table = MemoryTable(conversation("g1"))
    outcome = process([said("g1", 1)], table, remaining_ms=Countdown(1))
    assert outcome.identifiers == [sequence(1)]
    assert shows(table, "g1") == UNMOVED


def test_no_pause_is_begun_below_the_reserve() -> None:
    trouble = Troubled(MemoryTable(), {"g1": TransientError("ThrottlingException")})
    outcome = process([said("g1", 1)], trouble, remaining_ms=Countdown(1))
    assert outcome.sleeps == []
    assert outcome.failures[0].code == "OutOfTime"


def test_nothing_is_quarantined_below_the_reserve() -> None:
    shelf = Shelf()
    outcome = process([without_text("g1", 1)], MemoryTable(), shelf, remaining_ms=Countdown(0))
    assert outcome.identifiers == [sequence(1)]
    assert (outcome.failures[0].code, outcome.failures[0].retryable) == ("OutOfTime", True)
    assert shelf.kept == {}


def test_records_that_need_no_request_are_done_without_time() -> None:
    assert process([record(event_name="REMOVE")], MemoryTable(), remaining_ms=lambda: 0).identifiers == []


# Messages from the future.


@pytest.mark.parametrize(("ahead_s", "told"), [(FUTURE_NOTICED_S, []), (FUTURE_NOTICED_S + 1, [61]), (3600, [3600])])
def test_a_message_from_the_future_is_applied_counted_and_told(ahead_s: int, told: list[int]) -> None:
    table = MemoryTable(conversation("g1"))
    outcome = process([said("g1", 1, at=ahead_s, created_at_s=START.timestamp())], table)
    assert shows(table, "g1") == {(time_text(ahead_s), text("hi"))}
    assert outcome.recorder.of("future-dated") == [("g1", sequence(1), ahead) for ahead in told]
    assert outcome.report.future_dated == len(told)


@pytest.mark.parametrize(("ahead_s", "refused"), [(60, False), (60.000001, True), (3600, True)])
def test_a_bound_on_the_future_quarantines_what_is_beyond_it(ahead_s: float, refused: bool) -> None:  # noqa: FBT001
    table, shelf = MemoryTable(conversation("g1")), Shelf()
    outcome = process([said("g1", 1, at=ahead_s, created_at_s=START.timestamp())], table, shelf, BOUNDED)
    assert outcome.identifiers == []
    assert bool(shelf.kept) is refused
    assert (shows(table, "g1") == UNMOVED) is refused
    assert outcome.report.future_dated == 0


def test_a_bound_of_zero_is_a_bound() -> None:
    shelf = Shelf()
    process(
        [said("g1", 1, created_at_s=START.timestamp())], MemoryTable(), shelf, replace(ONE_WORKER, max_future_s=0.0)
    )
    assert shelf.reasons == {sequence(1): "DatedInFuture"}


@pytest.mark.parametrize("created", ["", [], True])
def test_a_record_that_does_not_say_when_it_was_made_has_no_future(created: Any) -> None:  # noqa: ANN401
    table = MemoryTable(conversation("g1"))
    outcome = process([said("g1", 1, at=10**8, created_at_s=created)], table, Shelf(), BOUNDED)
    assert shows(table, "g1") == {(time_text(10**8), text("hi"))}
    assert outcome.report.future_dated == 0


# What is told.


def test_a_batch_is_told_in_full() -> None:
    odd = [
        group_item("ann-g2", at="odd", other="bob-g2", group="g2"),
        group_item("ann-g2", at=-5, other="bob-g2", group="g2"),
    ]
    table = MemoryTable([*conversation("g1"), *odd, *conversation("g5", at=5)])
    records = [
        record(event_name="REMOVE", number=1),
        said("g1", 2),
        said("g2", 3),
        said("g3", 4),
        without_text("g4", 5),
        said("g5", 6),
        said("g6", 7, at=1, created_at_s=instant(40).timestamp()),
    ]
    outcome = process(records, Troubled(table, {"g6": TransientError("ThrottlingException")}), Shelf())
    assert outcome.report == BatchReport(
        request_id="request-1",
        first_sequence=sequence(1),
        last_sequence=sequence(7),
        records=7,
        ignored=1,
        messages=5,
        groups=5,
        moved=3,
        unchanged=1,
        failed=1,
        re_reads=2,
        healed_rows=1,
        untimed_rows=0,
        unchecked_attributes=0,
        transaction_retries=0,
        orphans=1,
        quarantined=1,
        future_dated=0,
        lag_ms=60_000,
        duration_ms=0,
        cold_start=False,
        outcome="partial",
        answer=sequence(7),
    )
    assert outcome.recorder.of("orphan") == [("g3", sequence(4))]
    assert outcome.recorder.of("healed") == [("g2", 1)]


def test_rows_moved_without_a_time_and_attributes_without_room_are_told() -> None:
    many: dict[str, Any] = {f"x{number}": {"N": "1"} for number in range(200)}
    row = {**group_item("ann-g1", at="odd", other="ann-g1", group="g1"), **many}
    report = process([said("g1", 1)], MemoryTable([row])).report
    assert report.untimed_rows == 1
    assert report.unchecked_attributes == 205 - 150


@pytest.mark.parametrize(
    ("created", "lag_ms"),
    [
        (NOW_S - 1.5, 1500),
        (int(NOW_S) - 2, 2000),
        (str(int(NOW_S) - 3), 3000),
        (NOW_S + 5, 0),
        ("soon", None),
        (float("nan"), None),
        (float("-inf"), None),
        (-1.0, None),
        (1e308, None),
        (10**400, None),
        (True, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_lag_is_the_age_of_the_last_record_where_it_says(created: Any, lag_ms: int | None) -> None:  # noqa: ANN401
    records = [said("g1", 1, created_at_s=0.0), record(event_name="REMOVE", number=2, created_at_s=created)]
    outcome = process(records, MemoryTable())
    assert outcome.identifiers == []
    assert outcome.report.lag_ms == lag_ms


def test_how_long_it_took_is_told() -> None:
    ticks = iter([NOW_S, NOW_S + 1.25])
    batch = replace(processor(MemoryTable()), now=lambda: next(ticks))
    batch.process(event(), Invocation(None, lambda: 60_000, cold_start=True))
    assert isinstance(batch.telemetry, Recorder)
    assert batch.telemetry.report.duration_ms == 1250
    assert batch.telemetry.report.cold_start
    assert batch.telemetry.report.request_id is None
    assert batch.telemetry.report.first_sequence is None


# Threads.


class Locked:
    """A table in memory for several threads; it keeps which of them came."""

    def __init__(self, table: MemoryTable) -> None:
        self.table = table
        self.threads: Counter[str] = Counter()
        self._lock = threading.Lock()

    def read(self, request: Read) -> Page:
        with self._lock:
            self.threads[threading.current_thread().name] += 1
            return self.table.read(request)

    def transact(self, actions: Transaction) -> None:
        with self._lock:
            self.table.transact(actions)


batches = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from("abc"), st.integers(0, 3), st.sampled_from(["said", "poison", "other"])
    ),
    min_size=1,
    max_size=20,
)


def records_of(batch: Iterable[tuple[int, str, int, str]]) -> list[dict[str, Any]]:
    made = []
    for number, (group, name, at, kind) in enumerate(batch):
        each = without_text(f"g{group}", number) if kind == "poison" else said(f"g{group}", number, name, at=at)
        made.append({**each, "eventName": "REMOVE"} if kind == "other" else each)
    return made


@given(batches)
def test_many_workers_do_what_one_does(batch: list[tuple[int, str, int, str]]) -> None:
    rows = conversation(*(f"g{group}" for group in range(4)))
    alone, together = Locked(MemoryTable(rows)), Locked(MemoryTable(rows))
    one = process(records_of(batch), alone, Shelf())
    many = process(records_of(batch), together, Shelf(), replace(ONE_WORKER, workers=8))
    assert list(together.table.scan()) == list(alone.table.scan())
    assert many.recorder.lines == one.recorder.lines
    assert many.answer == one.answer


def test_several_groups_are_driven_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=30)

    class Meeting(Locked):
        def read(self, request: Read) -> Page:
            if isinstance(request, ReadIndex):
                meeting.wait()
            return super().read(request)

    groups = [f"g{number}" for number in range(4)]
    table = Meeting(MemoryTable(conversation(*groups)))
    outcome = process(
        [said(group, number) for number, group in enumerate(groups)], table, None, replace(ONE_WORKER, workers=4)
    )
    assert outcome.identifiers == []
    assert len(table.threads) == 4


def test_one_worker_starts_no_thread() -> None:
    table = Locked(MemoryTable(conversation("g1", "g2")))
    process([said("g1", 1), said("g2", 2)], table)
    assert list(table.threads) == [threading.current_thread().name]


def test_one_worker_makes_the_same_requests_every_time() -> None:
    groups = ["g3", "g1", "g2"]
    stories = []
    for _ in range(2):
        table = Troubled(MemoryTable(conversation(*groups)))
        process([said(group, number) for number, group in enumerate(groups)], table)
        stories.append(table.requests)
    assert stories[0] == stories[1]
    asked = [request.group for request in stories[0] if isinstance(request, ReadIndex | ReadMember | ReadSenders)]
    assert asked == groups


def test_a_processor_serves_one_batch_after_the_other() -> None:
    table = Locked(MemoryTable(conversation("g1", "g2")))
    batch = processor(table, settings=replace(ONE_WORKER, workers=2))
    for at in (1, 2, 3):
        batch.process(event(said("g1", at, at=at), said("g2", at, at=at)), Invocation(None, lambda: 60_000))
    assert shows(table.table, "g1") == {(time_text(3), text("hi"))}
    assert len(table.threads) <= 2
