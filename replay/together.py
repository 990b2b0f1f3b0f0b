"""Drives an event source with several handlers at once: invocations that may overlap do.

The clock is virtual and moves only while nothing runs, so retries wait for nobody; what overlaps is up to the machine.
"""

from __future__ import annotations

import math
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from replay.event_source.virtual import AHEAD_MAX, PULL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from replay.event_source.answers import FunctionResult
    from replay.event_source.invocations import Invocation
    from replay.event_source.records import StreamRecord
    from replay.event_source.source import EventSource

Worker = TypeVar("Worker")
Ended = TypeVar("Ended")


class Together(Generic[Worker, Ended]):
    """Delivers with as many workers as there are.

    `begin` is told each invocation before it starts, `call` has a worker do it, in a thread of its own, and `end` turns
    how it went into what the event source understands. Only `call` runs in other threads.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        begin: Callable[[Invocation], None],
        call: Callable[[Worker, Invocation], Ended],
        end: Callable[[Invocation, Ended], FunctionResult],
    ) -> None:
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            self._free.put(worker)
        self._count = len(workers)
        self._begin, self._call, self._end = begin, call, end

    def deliver(self, source: EventSource, records: Iterable[StreamRecord]) -> None:
        """Deliver everything there is, then end the source."""
        left: Iterator[StreamRecord] | None = iter(records)
        running: dict[Future[Ended], Invocation] = {}
        now = 0.0
        with ThreadPoolExecutor(self._count, thread_name_prefix="delivery") as executor:
            while True:
                left = _pull(source, left, now)
                source.advance(now)
                for invocation in source.starts(now):
                    self._begin(invocation)
                    running[executor.submit(self._work, invocation)] = invocation
                if not running:
                    at_s = source.next_at()
                    if at_s == math.inf:
                        break
                    now = max(now, at_s)
                    continue
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    invocation = running.pop(done)
                    source.finish(invocation, self._end(invocation, done.result()), now)
        source.end(now)

    def _work(self, invocation: Invocation) -> Ended:
        worker = self._free.get()
        try:
            return self._call(worker, invocation)
        finally:
            self._free.put(worker)


def _pull(source: EventSource, left: Iterator[StreamRecord] | None, now: float) -> Iterator[StreamRecord] | None:
    """Offer records as far as may be held, or as many as it takes for something to happen."""
    while left is not None and (source.backlog < AHEAD_MAX or source.next_at() > now):
        pulled = list(islice(left, PULL))
        source.offer(pulled)
        if len(pulled) < PULL:
            source.finish_offering()
            return None
    return left
