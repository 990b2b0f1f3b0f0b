"""Drives an event source on a virtual clock: a generator of invocations that is sent their results.

    run = deliver(source, records)
    invocation = next(run)
    while True: invocation = run.send(Returned(handler(invocation.event), takes_s=0.2))     # until StopIteration

`drive` does that with a function. Nothing sleeps: the clock jumps to whatever happens next.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from replay.event_source.answers import Meaning
from replay.event_source.records import RETENTION_S
from replay.event_source.rules import later

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from replay.event_source.answers import FunctionResult, Verdict
    from replay.event_source.invocations import Invocation
    from replay.event_source.records import StreamRecord
    from replay.event_source.source import EventSource

AHEAD_MAX = 10_000
"""Records pulled from an iterator before they are needed. With more than that waiting, a shard whose next record lies
further ahead in the iterator begins later than it might, and where all that wait expire at one instant, the batch
behind them is shorter than it might be."""
PULL = 500
"""Records pulled at a time."""

Deed = Literal["disable", "enable", "restart", "recreate", "redeliver", "delete_table"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something done to the mapping or the table at an instant."""

    at_s: float
    do: Deed
    records: tuple[StreamRecord, ...] = ()
    """Of `redeliver`: the batch. What the function has not had by then, or is gone from the stream, is left out."""


def drive(
    source: EventSource,
    function: Callable[[Invocation], FunctionResult],
    records: Iterable[StreamRecord] = (),
    actions: Sequence[Action] = (),
) -> None:
    """Deliver everything to a function."""
    run = deliver(source, records, actions)
    try:
        invocation = next(run)
        while True:
            invocation = run.send(function(invocation))
    except StopIteration:
        return


def deliver(
    source: EventSource,
    records: Iterable[StreamRecord] = (),
    actions: Sequence[Action] = (),
    *,
    now: float = 0.0,
    ahead: int = AHEAD_MAX,
) -> Generator[Invocation, FunctionResult, None]:
    """Deliver everything there is, then end the source.

    Args:
        source: Records may be offered to it directly too, before and between invocations.
        records: Pulled as needed, never all at once; within a shard in order of sequence number.
        actions: In order of time.
        now: When the clock begins.
        ahead: Records held at most before they are needed.

    Yields:
        Each invocation in order of start, to be sent its result. The clock is the invocation's `at_s`.

    Raises:
        RunEnded: An answer nobody can read, or a record too large.
    """
    yield from _Run(source, iter(records), deque(actions), now, ahead).invocations()


class _Run:
    """One delivery under way."""

    def __init__(
        self, source: EventSource, records: Iterator[StreamRecord], actions: deque[Action], now: float, ahead: int
    ) -> None:
        self._source = source
        self._records: Iterator[StreamRecord] | None = records
        self._actions = actions
        self._now = now
        self._ahead = max(ahead, 2 * source.mapping.batch_size * source.mapping.lanes)
        """Enough for a batch in every lane, and the next one."""
        self._ends: list[tuple[float, int, int, Invocation, Verdict]] = []
        """When, the shard's turn, the invocation's number: at one instant the shards act in their order."""
        self._wanted = {record.sequence for action in actions for record in action.records}
        """What is to be redelivered."""
        self._had: set[int] = set()
        """What of it the function has had."""
        self._doomed: Invocation | None = None
        """Its answer nobody can read: the run ends with it, so nothing starts after it."""

    def invocations(self) -> Generator[Invocation, FunctionResult, None]:
        """Go from instant to instant."""
        source = self._source
        while True:
            self._pull()
            instant = self._next_instant()
            if instant == math.inf:
                break
            self._now = max(self._now, instant)
            self._end_invocations()
            self._act()
            self._pull()
            source.advance(self._now)
            while self._pull():  # filters made room: what is available too may belong to the same batch
                source.advance(self._now)
            if self._doomed and source.is_running(self._doomed):
                continue
            self._doomed = None
            for invocation in source.starts(self._now):
                result = yield invocation
                verdict = source.judge(invocation, result)
                ends_at = later(self._now, result.takes_s)
                heapq.heappush(
                    self._ends, (ends_at, source.turn_of(invocation), invocation.number, invocation, verdict)
                )
                if self._wanted and verdict.meaning is not Meaning.THROTTLED:
                    self._had |= self._wanted.intersection(record.sequence for record in invocation.records)
                if verdict.meaning is Meaning.UNREADABLE:
                    self._doomed = invocation
                    break
        source.end(self._now)

    def _next_instant(self) -> float:
        ends_at = self._ends[0][0] if self._ends else math.inf
        acts_at = self._actions[0].at_s if self._actions else math.inf
        return min(ends_at, acts_at, self._source.next_at(reading_only=self._doomed is not None))

    def _pull(self) -> bool:
        """Take records from the iterator, if any: as many as may be held, or as it takes for something to happen."""
        has_pulled = False
        while self._records and (self._source.backlog < self._ahead or self._next_instant() == math.inf):
            count = min(PULL, self._ahead)
            pulled = list(itertools.islice(self._records, count))
            self._source.offer(pulled)
            has_pulled = has_pulled or bool(pulled)
            if len(pulled) < count:
                self._records = None
                self._source.finish_offering()
        return has_pulled

    def _end_invocations(self) -> None:
        while self._ends and self._ends[0][0] <= self._now:
            _, _, _, invocation, verdict = heapq.heappop(self._ends)
            self._source.finish(invocation, verdict, self._now)

    def _act(self) -> None:
        source, now = self._source, self._now
        while self._actions and self._actions[0].at_s <= now:
            action = self._actions.popleft()
            match action.do:
                case "disable":
                    source.disable(now)
                case "enable":
                    source.enable(now)
                case "restart":
                    source.restart(now)
                case "recreate":
                    source.recreate(now)
                case "redeliver":
                    self._redeliver(action.records)
                case "delete_table":
                    source.end(now)
                    self._actions.clear()
                    self._records = None

    def _redeliver(self, records: Sequence[StreamRecord]) -> None:
        had = [record for record in records if record.sequence in self._had]
        batch = [record for record in had if self._now - record.created_at_s <= RETENTION_S]
        if batch:
            self._source.redeliver(batch)
