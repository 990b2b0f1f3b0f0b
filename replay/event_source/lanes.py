"""One lane of a shard: records in order, one outstanding batch, its tries, halves and remainders.

A shard has one lane, or as many as ParallelizationFactor says. Whatever a batch becomes (retried, halved, cut down to
a remainder), its parts are tried in order, and nothing newer is delivered before the last of them is finished.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from replay.event_source.answers import Meaning
from replay.event_source.batching import Waiting
from replay.event_source.destinations import AGE_EXCEEDED, RETRIES_EXHAUSTED, UNHANDLED, Discard
from replay.event_source.invocations import Part
from replay.event_source.outbox import Notice
from replay.event_source.records import RETENTION_S
from replay.event_source.rules import later
from replay.event_source.windows import EMPTY_STATE_BYTES, TumblingWindow, window_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.event_source.answers import Verdict
    from replay.event_source.invocations import Invocation
    from replay.event_source.records import StreamRecord
    from replay.event_source.rules import Rules


class Owner(Protocol):
    """What a lane asks of its shard."""

    name: str
    is_blocked: bool
    """A message cannot be delivered, and nothing goes on before it is."""
    window_bytes: int
    """What a tumbling window's keys, its state apart, add to an event."""

    def finish(self, records: Sequence[StreamRecord]) -> None:
        """Take note that nothing more happens to these records."""

    def give_up(self, discard: Discard) -> None:
        """Take note that these records are given up."""

    def send(self, discard: Discard, now: float) -> None:
        """Tell the destination of records given up."""

    def expects_before(self, created_s: int, lane: int) -> bool:
        """Say whether a record of this lane created before then is known but not yet read."""

    def event_keys(self, window: TumblingWindow, *, final: bool) -> dict[str, Any]:
        """Give what a tumbling window adds to an event."""

    def new_request_id(self) -> str:
        """Make a request id for a message about records that no invocation saw."""


class Lane:
    """Decides what is tried next and what its result leads to. Times are given, never looked up."""

    def __init__(self, number: int, owner: Owner, rules: Rules) -> None:
        self.number = number
        self.running: Invocation | None = None
        self.failing = False
        """Its batch has failed and is not finished yet."""
        self.suspends = False
        """A window's final invocation has failed: nothing else goes on in the shard before it succeeds."""
        self.window: TumblingWindow | None = None
        self._owner = owner
        self._rules = rules
        self._mapping = rules.mapping
        self._switches = rules.switches
        self._waiting = Waiting(rules.mapping)
        self._parts: list[Part] = []
        """Of the outstanding batch; the one tried next is last."""
        self._notice = Notice(rules, owner.send)
        self._looked_at_s = -math.inf
        """When it was last asked what to try."""

    # What comes in.

    def open(self, now: float) -> None:
        """Begin afresh at `now`: no batch, no attempts, new windows."""
        self.clear(now)
        self.running = None
        self._waiting.open_window(now)

    def clear(self, now: float) -> None:
        """Forget what waits and what is being tried (the shard reads it again), but tell what was given up."""
        self.tell(now)
        self._waiting.clear()
        self._parts.clear()
        self.window = None
        self.failing = self.suspends = False

    def tell(self, now: float) -> None:
        """Tell what was given up and is held back for its neighbours."""
        self._notice.close(now)

    def receive(self, record: StreamRecord, now: float) -> None:
        """Take a record that has become available and passed the filter."""
        self._waiting.add(record, now)

    # What goes out.

    def next_try(self, now: float) -> Part | None:
        """Give the records to invoke the function with now, if any; what has expired leaves here."""
        self._looked_at_s = now
        while not self._owner.is_blocked and (self._parts or self._begin(now)):
            part = self._parts[-1]
            if now < part.due_at_s:
                return None
            if part.final or now - part.records[0].created_at_s <= self._rules.expiry_s:
                return part
            self._expire(part, now)
            if part.records:
                return part
            self._parts.pop()
            self._after_part(now)
        return None

    def next_at(self) -> float:
        """Say when it has something to start, unless it gets or finishes something before; infinite: never."""
        if self.running:
            return math.inf
        if self._parts:
            return self._parts[-1].due_at_s
        if self.window and not self._waiting:
            is_over = self._looked_at_s >= self.window.end_s
            if not (is_over and self._expects_more(self.window)):
                return self.window.end_s
        gone_at = math.inf if self._rules.retention_is_told else self._waiting.gone_at()
        return min(self._waiting.due_at(self.beside_records), gone_at)

    @property
    def lowest_sequence(self) -> float:
        """The lowest sequence number it could start with."""
        if self._parts and self._parts[-1].records:
            return self._parts[-1].records[0].sequence
        return self._waiting.first.sequence if self._waiting else math.inf

    @property
    def beside_records(self) -> int:
        """The bytes its next event holds beside its records."""
        if not self._mapping.tumbling_window_s:
            return 0
        return self._owner.window_bytes + (self.window.state_bytes if self.window else EMPTY_STATE_BYTES)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way: no batch, no open tumbling window."""
        return not (self.running or self._parts or self._waiting or self.window)

    # What a try leads to.

    def settle(self, invocation: Invocation, verdict: Verdict, now: float) -> None:
        """Apply the result of the running invocation."""
        self.running = None
        part = self._parts[-1]
        if verdict.meaning is Meaning.THROTTLED:
            self._pause(part, now)
            return
        part.invokes += 1
        part.first_request = part.first_request or invocation
        part.last_request = invocation
        part.function_error = UNHANDLED if verdict.meaning is Meaning.ERROR else None
        if part.final:
            self._settle_final(part, verdict, now)
        elif verdict.meaning is Meaning.SUCCESS:
            self._keep_state(verdict)
            self._parts.pop()
            self._finish(part.records, now)
            self._after_part(now)
        else:
            self.failing = True
            self._settle_failure(part, verdict, now)

    def _settle_final(self, part: Part, verdict: Verdict, now: float) -> None:
        """Close the window, or try again until it is closed: nothing else goes on in the shard before."""
        if verdict.meaning is Meaning.SUCCESS or (self.window and now - self.window.end_s > RETENTION_S):
            self._parts.pop()
            self.window = None
            self.failing = self.suspends = False
        else:
            self.failing = self.suspends = True
            self._pause(part, now)

    def _settle_failure(self, part: Part, verdict: Verdict, now: float) -> None:
        bisects, switches = self._mapping.bisects, self._switches
        match verdict.meaning:
            case Meaning.PARTIAL if verdict.unfinished_from > 0:
                self._keep_state(verdict)
                self._cut_down(part, verdict.unfinished_from, now)
            case Meaning.PARTIAL if bisects and switches.first_record_reported == "halve":
                self._halve(part, now)
            case Meaning.REFUSED if bisects and switches.bad_identifier == "halve":
                self._halve(part, now)
            case Meaning.ERROR if bisects:
                self._halve(part, now)
            case _:
                self._spend(part, now)

    def _cut_down(self, part: Part, done: int, now: float) -> None:
        """Finish the first records; the remainder starts a life of its own."""
        self._parts.pop()
        self._finish(part.records[:done], now)
        rest = part.records[done:]
        if self._mapping.retries_max == 0 and self._switches.remainder_without_retries == "discard":
            self._discard(rest, part, RETRIES_EXHAUSTED, now)
            self._after_part(now)
            return
        if self._switches.top_up == "yes" and not self._parts:
            rest = self._waiting.fill(rest, self.beside_records)
        self._parts.append(Part(rest, now))

    def _halve(self, part: Part, now: float) -> None:
        """Split in two, the first half to be finished before the second is tried."""
        whole = part.records
        if len(whole) == 1 or (self._mapping.retries_max == 0 and self._switches.bisect_without_retries == "discard"):
            self._spend(part, now)
            return
        middle = (len(whole) + 1) // 2 if self._switches.odd_split == "ceil" else len(whole) // 2
        attempts = part.attempts if self._switches.attempts_after_bisect == "inherited" else 0
        self._parts[-1:] = [Part(whole[middle:], now, attempts), Part(whole[:middle], now, attempts)]

    def _spend(self, part: Part, now: float) -> None:
        """Count a failed attempt; the last one gives the records up."""
        part.attempts += 1
        if not self._rules.exhausted(part.attempts):
            self._pause(part, now)
            return
        self._parts.pop()
        self._discard(part.records, part, RETRIES_EXHAUSTED, now)
        self._after_part(now)

    def _pause(self, part: Part, now: float) -> None:
        part.due_at_s = later(now, self._rules.pause_s(part.pauses))
        part.pauses += 1

    # How a batch begins and ends.

    def _begin(self, now: float) -> bool:
        """Form the next batch, or close a tumbling window, if it is time for either."""
        if not self._rules.retention_is_told:
            self._drop_gone(now)
        if self.window and self._closes(self.window, now):
            last = self.window.last_batch if self._switches.final_records == "last-batch" else ()
            self._parts.append(Part(last, now, final=True))
            return True
        if now < self._waiting.due_at(self.beside_records):
            return False
        batch = self._waiting.take(self._rules.shortened(len(self._waiting)), self.beside_records)
        if self._mapping.tumbling_window_s:
            self._enter_window(batch, self._mapping.tumbling_window_s)
        self._parts.append(Part(batch, now))
        return True

    def _after_part(self, now: float) -> None:
        """Go on after a part is finished; after the last one, with the next batch."""
        if not self._parts:
            self._notice.close(now)
            self.failing = False
            self._waiting.open_window(now)

    def _drop_gone(self, now: float) -> None:
        """Lose the waiting records that are no longer in the stream."""
        while self._waiting and now - self._waiting.first.created_at_s > RETENTION_S:
            self._owner.finish([self._waiting.drop_first()])

    def _expire(self, part: Part, now: float) -> None:
        """Take what is gone and what is too old from the front; the rest keeps the attempts it has spent."""
        if not self._rules.retention_is_told and (gone := _take_older(part, RETENTION_S, now)):
            self._owner.finish(gone)
        if old := _take_older(part, self._rules.expiry_s, now):
            self._discard(old, part, AGE_EXCEEDED, now)

    def _finish(self, records: tuple[StreamRecord, ...], now: float) -> None:
        self._notice.close(now)
        self._owner.finish(records)

    def _discard(self, records: tuple[StreamRecord, ...], part: Part, condition: str, now: float) -> None:
        request = part.first_request if self._switches.request_id == "first" else part.last_request
        discard = Discard(
            shard=self._owner.name,
            records=records,
            condition=condition,
            invoke_count=max(1, part.invokes),
            function_error=part.function_error,
            request_id=request.request_id if request else self._owner.new_request_id(),
            window_keys=request.window_keys if request else self._window_keys(),
        )
        self._owner.give_up(discard)
        self._notice.add(discard, now)

    # Tumbling windows.

    def _window_keys(self) -> dict[str, Any] | None:
        return self._owner.event_keys(self.window, final=False) if self.window else None

    def _enter_window(self, batch: tuple[StreamRecord, ...], length_s: int) -> None:
        if self.window is None:
            self.window = TumblingWindow(window_index(batch[0], length_s), length_s)
        self.window.last_batch = batch

    def _keep_state(self, verdict: Verdict) -> None:
        if self.window:
            self.window.keep(verdict.state)

    def _expects_more(self, window: TumblingWindow) -> bool:
        """Say whether records of the window are known that are not available yet."""
        return self._owner.expects_before(window.end_s, self.number)

    def _closes(self, window: TumblingWindow, now: float) -> bool:
        """Say whether the window's records are finished and it is over, by the clock or by its state's size."""
        if window.early:
            return True
        if self._waiting:
            return window_index(self._waiting.first, window.length_s) != window.index
        return now >= window.end_s and not self._expects_more(window)


def _take_older(part: Part, limit_s: float, now: float) -> tuple[StreamRecord, ...]:
    """Take the records older than that from the front."""
    young = next((at for at, record in enumerate(part.records) if now - record.created_at_s <= limit_s), None)
    old = part.records[:young]
    part.records = () if young is None else part.records[young:]
    return old
