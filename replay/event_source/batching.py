"""How many of the waiting records make the next batch: size, payload, tumbling window."""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from replay.event_source.errors import Unspecified
from replay.event_source.records import gone_at
from replay.event_source.rules import later
from replay.event_source.sizes import PAYLOAD_BYTES_MAX, WRAPPER_BYTES
from replay.event_source.windows import window_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from replay.event_source.mapping import EventSourceMapping
    from replay.event_source.records import StreamRecord

COMMA_BYTES = 1
RATIO_DIGITS = 9
"""Enough for microseconds in windows of minutes, few enough to forget the error of a division."""


class Waiting:
    """The records one lane may deliver next, in order; it knows when they make a batch.

    AWS invokes when the first of these holds: the batching window has ended, BatchSize is reached, the payload
    reaches 6 MB (AWS: Lambda developer guide, invocation-eventsourcemapping). A batch never spans two tumbling
    windows. Sizes are reckoned only when a cheap bound says that the payload may matter. `beside` is what an event
    holds beside its records: a tumbling window's keys.
    """

    def __init__(self, mapping: EventSourceMapping) -> None:
        self._records: deque[StreamRecord] = deque()
        self._batch_size = mapping.batch_size
        self._window_s = mapping.window_s
        self._tumbling_s = mapping.tumbling_window_s
        self._bytes_at_most = WRAPPER_BYTES
        self._opened_at_s = 0.0
        self._window_end_s = math.inf
        """Of the batching window that the first record lies in; infinite while nothing waits."""

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[StreamRecord]:
        return iter(self._records)

    @property
    def first(self) -> StreamRecord:
        """The record delivered next; there must be one."""
        return self._records[0]

    def open_window(self, now: float) -> None:
        """Begin a batching window; empty ones follow it without a gap."""
        self._opened_at_s = now
        self._window_end_s = later(now, self._window_s) if self._records else math.inf

    def add(self, record: StreamRecord, now: float) -> None:
        """Put a record that is available now at the end."""
        self._records.append(record)
        self._bytes_at_most += record.json_bytes_at_most + COMMA_BYTES
        if self._window_s and self._window_end_s == math.inf:
            self._window_end_s = self._end_of_window_at(now)

    def clear(self) -> None:
        """Forget all of them."""
        self._records.clear()
        self._bytes_at_most = WRAPPER_BYTES
        self._window_end_s = math.inf

    def due_at(self, beside: int = 0) -> float:
        """Say when they become a batch, if none is under way; infinite while nothing waits."""
        if not self._records:
            return math.inf
        return self._window_end_s if self._window_s and not self.is_full(beside) else -math.inf

    def gone_at(self) -> float:
        """Say when the first of them will have gone from the stream; infinite while nothing waits."""
        return gone_at(self._records[0]) if self._records else math.inf

    def is_full(self, beside: int = 0) -> bool:
        """Say whether no further record could join a batch of these."""
        if len(self._records) >= self._batch_size:
            return True
        if self._tumbling_s and self._spans_windows():
            return True
        if self._bytes_at_most + beside < PAYLOAD_BYTES_MAX:
            return False
        self._bytes_at_most = WRAPPER_BYTES + sum(record.json_bytes + COMMA_BYTES for record in self._records)
        return self._bytes_at_most - COMMA_BYTES + beside >= PAYLOAD_BYTES_MAX

    def take(self, most: int | None = None, beside: int = 0) -> tuple[StreamRecord, ...]:
        """Take the next batch, as full as it goes, of at most so many records.

        Raises:
            Unspecified: The first record alone is more than an invocation carries.
        """
        count = min(len(self._records), self._batch_size if most is None else most)
        if self._tumbling_s:
            count = self._within_window(count)
        batch = self._pop(self._within_payload((), count, beside))
        self._window_end_s = math.inf
        if not batch:
            refuse_oversized((self.first,), beside)
        return batch

    def fill(self, records: tuple[StreamRecord, ...], beside: int = 0) -> tuple[StreamRecord, ...]:
        """Fill a batch up with what waits, as far as it goes."""
        count = min(len(self._records), self._batch_size - len(records))
        if self._tumbling_s and count > 0:
            same_window = window_index(records[0], self._tumbling_s) == window_index(self.first, self._tumbling_s)
            count = self._within_window(count) if same_window else 0
        return records + self._pop(self._within_payload(records, count, beside))

    def drop_first(self) -> StreamRecord:
        """Take the first record out."""
        record = self._pop(1)[0]
        if not self._records:
            self._window_end_s = math.inf
        return record

    def _pop(self, count: int) -> tuple[StreamRecord, ...]:
        records = self._records
        batch = tuple([records.popleft() for _ in range(count)])
        if records:
            self._bytes_at_most -= _bytes_at_most(batch)
        else:
            self._bytes_at_most = WRAPPER_BYTES
        return batch

    def _end_of_window_at(self, now: float) -> float:
        """Give the end of the batching window that `now` lies in; its end belongs to it."""
        windows = max(1, math.ceil(round((now - self._opened_at_s) / self._window_s, RATIO_DIGITS)))
        return later(self._opened_at_s, windows * self._window_s)

    def _spans_windows(self) -> bool:
        return window_index(self._records[0], self._tumbling_s) != window_index(self._records[-1], self._tumbling_s)

    def _within_window(self, count: int) -> int:
        """Count the first records that share the first one's tumbling window."""
        index = window_index(self.first, self._tumbling_s)
        for place, record in enumerate(islice(self._records, count)):
            if window_index(record, self._tumbling_s) != index:
                return place
        return count

    def _within_payload(self, before: tuple[StreamRecord, ...], count: int, beside: int) -> int:
        """Count the first records that fit into one event behind others."""
        if count == len(self._records):
            at_most = self._bytes_at_most
        else:
            at_most = WRAPPER_BYTES + _bytes_at_most(islice(self._records, count))
        if at_most + _bytes_at_most(before) + beside <= PAYLOAD_BYTES_MAX:
            return count
        total = WRAPPER_BYTES - COMMA_BYTES + beside + sum(record.json_bytes + COMMA_BYTES for record in before)
        for place, record in enumerate(islice(self._records, count)):
            total += record.json_bytes + COMMA_BYTES
            if total > PAYLOAD_BYTES_MAX:
                return place
        return count


def refuse_oversized(records: Sequence[StreamRecord], beside: int = 0) -> None:
    """Refuse records that are more than an invocation carries.

    Raises:
        Unspecified: So they are.
    """
    if WRAPPER_BYTES + _bytes_at_most(records) + beside <= PAYLOAD_BYTES_MAX:
        return
    commas = max(0, len(records) - 1) * COMMA_BYTES
    total = WRAPPER_BYTES + commas + beside + sum(record.json_bytes for record in records)
    if total > PAYLOAD_BYTES_MAX:
        what = f"record {', '.join(record.text for record in records[:1])}" if records else "a window's state"
        more = f" with {len(records) - 1} more" if len(records) > 1 else ""
        raise Unspecified(
            f"{what}{more} is {total} bytes of JSON as an event, more than {PAYLOAD_BYTES_MAX}; AWS does not say what "
            "happens to it"
        )


def _bytes_at_most(records: Iterable[StreamRecord]) -> int:
    return sum([record.json_bytes_at_most + COMMA_BYTES for record in records])
