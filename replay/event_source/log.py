"""One shard's records in order, and how far they are finished.

The checkpoint is the highest sequence number up to which everything is finished: processed, given up, filtered out or
gone from the stream. What has been read beyond it is kept, for after a restart it is read again.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING

from replay.event_source.records import gone_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from replay.event_source.records import StreamRecord

FILTERED_KEPT_MAX = 10_000
"""Filtered records that wait for a batch to advance the checkpoint; beyond it they advance it by themselves, so that
a filter that matches nothing needs no memory. Where all records are remembered anyway, all of them wait."""


class ShardLog:
    """The records of one shard: upcoming, read, finished."""

    def __init__(self, *, remembers: bool) -> None:
        self.checkpoint: StreamRecord | None = None
        self._upcoming: deque[StreamRecord] = deque()
        """Known, not read yet."""
        self._read: deque[StreamRecord] = deque()
        """Read, beyond the checkpoint."""
        self._finished: set[int] = set()
        """The sequence numbers of those among them that are finished."""
        self._history: list[StreamRecord] | None = [] if remembers else None

    def offer(self, record: StreamRecord) -> None:
        """Add a record; sequence numbers must ascend."""
        self._upcoming.append(record)
        if self._history is not None:
            self._history.append(record)

    def read(self, now: float, skipped_up_to_s: float) -> list[StreamRecord]:
        """Give what is available now; pass over what was available before the mapping."""
        upcoming, available = self._upcoming, []
        while upcoming and upcoming[0].available_at_s <= now:
            record = upcoming.popleft()
            if record.available_at_s > skipped_up_to_s:
                available.append(record)
        self._read += available
        return available

    def finish(self, records: Sequence[StreamRecord]) -> None:
        """Take note that nothing more happens to these records, and move the checkpoint."""
        self._finished.update([record.sequence for record in records])
        self.commit()

    def filter_out(self, record: StreamRecord) -> None:
        """Take note that nothing happens to this record; the checkpoint moves with a batch before or after it."""
        self._finished.add(record.sequence)
        if self._history is None and len(self._finished) > FILTERED_KEPT_MAX:
            self.commit()

    def commit(self) -> None:
        """Move the checkpoint over everything finished in a row."""
        read, finished = self._read, self._finished
        while read and read[0].sequence in finished:
            self.checkpoint = read.popleft()
            finished.discard(self.checkpoint.sequence)

    def go_back(self) -> None:
        """Read again from the checkpoint."""
        self._upcoming.extendleft(reversed(self._read))
        self._read.clear()
        self._finished.clear()

    def go_back_to_start(self) -> None:
        """Read again from the oldest record offered; it must have been remembered."""
        self._upcoming = deque(self._history or ())
        self._read.clear()
        self._finished.clear()
        self.checkpoint = None

    def abandon(self, skipped_up_to_s: float) -> None:
        """Count everything as finished; what was available before the mapping it never knew."""
        self._read.extend(record for record in self._upcoming if record.available_at_s > skipped_up_to_s)
        self._upcoming.clear()
        self.finish(tuple(self._read))

    def upcoming_before(self, created_s: int) -> Iterator[StreamRecord]:
        """Give the records created before then that are known but not yet read."""
        return takewhile(lambda record: record.created_at_s < created_s, self._upcoming)

    @property
    def next_available_at(self) -> float:
        """When the next record can be read; infinite: none is known."""
        return self._upcoming[0].available_at_s if self._upcoming else math.inf

    @property
    def all_gone_at(self) -> float:
        """When the last record known will have gone from the stream; infinite: none is known."""
        last = self._upcoming or self._read
        return gone_at(last[-1]) if last else math.inf

    @property
    def is_drained(self) -> bool:
        """Whether every record known is finished."""
        return not self._upcoming and len(self._finished) == len(self._read)

    @property
    def backlog(self) -> int:
        """How many records it holds that something is still to happen to."""
        return len(self._upcoming) + len(self._read) - len(self._finished)
