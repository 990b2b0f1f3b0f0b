"""What a batch tells of itself, word for word and number for number: its counts, its failures, why an event is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from replay.tables.memory import MemoryTable
from stream_processor.batch import BatchProcessor, Invocation
from stream_processor.errors import NotAStreamEvent, PermanentError, QuarantineError, RefusedError
from stream_processor.settings import RESERVE_MS, Settings
from tests.builders import ANN, BOB, GROUP, event, group_item, instant, record, sequence
from tests.recording import Recorder, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_processor.quarantine import Quarantine
    from stream_processor.table import GroupTable

PAIR = (group_item(ANN, other=BOB), group_item(BOB, other=ANN))
TOO_LARGE = "x" * 410_000
PLENTY_MS = 60_000


def processor(
    table: GroupTable, quarantine: Quarantine | None = None, max_future_s: float | None = None, workers: int = 1
) -> BatchProcessor:
    return BatchProcessor(
        table=table,
        quarantine=quarantine,
        settings=Settings(table_name="messages", workers=workers, max_future_s=max_future_s),
        telemetry=Recorder(),
        jitter=float,
        sleep=lambda _: None,
        now=lambda: instant(100).timestamp(),
    )


def told(
    batch: BatchProcessor, *records: dict[str, Any], remaining_ms: Callable[[], float] = lambda: PLENTY_MS
) -> Recorder:
    """What is told of one delivery."""
    batch.process(event(*records), Invocation("request-1", remaining_ms))
    assert isinstance(batch.telemetry, Recorder)
    return batch.telemetry


def without_text(number: int) -> dict[str, Any]:
    broken = record(number=number)
    del broken["dynamodb"]["NewImage"]["message"]
    return broken


class Refusing(MemoryTable):
    """A table that shows nothing to anybody."""

    def read(self, request: Any) -> Any:  # noqa: ANN401, ARG002 - as `GroupTable`
        raise RefusedError("AccessDeniedException", "not allowed")


# Counts.


def test_every_record_that_is_no_message_is_counted() -> None:
    edited = [record(number=number, event_name="MODIFY") for number in (1, 2, 3)]
    assert told(processor(MemoryTable()), *edited).report.ignored == 3


def test_every_record_set_aside_for_the_first_time_is_counted() -> None:
    shelf = Shelf()
    assert (
        told(processor(MemoryTable(), shelf), without_text(1), without_text(2), without_text(3)).report.quarantined == 3
    )
    assert told(processor(MemoryTable(), shelf), without_text(1), without_text(4)).report.quarantined == 1


def test_a_group_that_failed_is_not_counted_as_unchanged_and_one_with_nothing_due_is() -> None:
    assert told(processor(Refusing()), record(at=1)).report.unchanged == 0
    assert told(processor(MemoryTable(PAIR)), record(at=-1)).report.unchanged == 1


# Threads.


def test_one_group_is_driven_where_the_batch_is_and_two_by_threads() -> None:
    alone, together = processor(MemoryTable(), workers=4), processor(MemoryTable(), workers=4)
    told(alone, record(number=1))
    told(together, record(number=1), record(number=2, group="g2"))
    assert "_executor" not in vars(alone)
    assert "_executor" in vars(together)


# What a failure's line says.


def test_a_message_dated_too_far_ahead_says_how_far_and_how_far_it_may_be() -> None:
    shelf = Shelf()
    told(processor(MemoryTable(), shelf, max_future_s=30), record(at=90, created_at_s=instant(0).timestamp()))
    (kept,) = shelf.kept.values()
    assert kept.detail == "dated 90 s after the record's creation; 30 s are allowed"


def test_a_record_set_aside_keeps_why_in_words() -> None:
    shelf = Shelf()
    told(processor(MemoryTable(), shelf), without_text(1))
    (kept,) = shelf.kept.values()
    assert kept.detail == "the attribute 'message' is missing or no string"


def test_a_record_whose_time_is_none_keeps_that_in_words() -> None:
    shelf = Shelf()
    told(processor(MemoryTable(), shelf), record(at="noon"))
    (kept,) = shelf.kept.values()
    assert kept.detail == "the sort key is no time in any spelling of the table"


def test_a_record_of_a_group_without_an_id_keeps_that_in_words() -> None:
    shelf = Shelf()
    told(processor(MemoryTable(), shelf), record(group=""))
    (kept,) = shelf.kept.values()
    assert kept.detail == "the partition key is 'MSG#' with nothing behind it"


def test_a_record_without_its_image_keeps_that_in_words() -> None:
    shelf, bare = Shelf(), record()
    del bare["dynamodb"]["NewImage"]
    told(processor(MemoryTable(), shelf), bare)
    (kept,) = shelf.kept.values()
    assert kept.detail == "the record has no NewImage although its view type has one"


def test_a_poisoned_record_without_a_quarantine_is_told_in_words() -> None:
    batch = processor(MemoryTable())
    with pytest.raises(PermanentError, match="the attribute 'message' is missing or no string"):
        told(batch, without_text(1))
    assert isinstance(batch.telemetry, Recorder)
    (failure,) = batch.telemetry.failures
    assert failure.reason == "the attribute 'message' is missing or no string"


@pytest.mark.parametrize(
    "quarantine", [None, Shelf({sequence(2): QuarantineError("X", "x")})], ids=["none", "refusing"]
)
def test_a_text_too_large_that_cannot_be_set_aside_is_told_with_its_group(quarantine: Shelf | None) -> None:
    recorder = told(processor(MemoryTable(PAIR), quarantine), record(at=1), record(TOO_LARGE, at=2, number=2))
    assert [(failure.group, failure.sequence) for failure in recorder.failures] == [(GROUP, sequence(2))]


def test_what_time_does_not_allow_is_told_with_the_time_left() -> None:
    recorder = told(processor(MemoryTable()), record(), remaining_ms=lambda: 1234.4)
    (failure,) = recorder.failures
    assert failure.reason == f"1234 ms are left and one request may take {RESERVE_MS} ms"


def test_a_refused_request_is_told_in_the_tables_words() -> None:
    (failure,) = told(processor(Refusing()), record()).failures
    assert failure.reason == "not allowed"


# Events that are none.


@pytest.mark.parametrize(
    ("other", "found"),
    [
        pytest.param(5, "got int: is", id="number"),
        pytest.param([], "got list: is", id="list"),
        pytest.param(dict.fromkeys("gfedcba", 1), r"got keys \['a', 'b', 'c', 'd', 'e'\]: is", id="seven keys"),
        pytest.param({"Records": ["text"]}, "got 'str': is", id="text as record"),
        pytest.param({"Records": [{"eventSource": "aws:sqs"}]}, "got 'aws:sqs': is", id="queue"),
    ],
)
def test_an_event_of_no_stream_is_told_by_what_it_is(other: object, found: str) -> None:
    with pytest.raises(NotAStreamEvent, match=found):
        processor(MemoryTable()).process(other, Invocation(None, lambda: PLENTY_MS))
