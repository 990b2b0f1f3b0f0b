"""One shard: reads in order, filters, spreads over lanes; takes what its lanes finish or give up."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from replay.event_source.batching import refuse_oversized
from replay.event_source.lanes import Lane
from replay.event_source.log import ShardLog
from replay.event_source.records import RETENTION_S
from replay.event_source.sizes import PAYLOAD_BYTES_MAX, WRAPPER_BYTES, json_bytes
from replay.event_source.windows import EMPTY_STATE_BYTES, TumblingWindow, window_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from replay.event_source.answers import Verdict
    from replay.event_source.context import Context
    from replay.event_source.destinations import Discard
    from replay.event_source.invocations import Invocation
    from replay.event_source.records import StreamRecord


class Shard:
    """One shard as the event source sees it. Times are given, never looked up."""

    def __init__(self, name: str, parent: str | None, context: Context, turn: int) -> None:
        self.name = name
        self.parent = parent
        self.turn = turn
        """Its place among the shards that act at one instant."""
        self.is_open = False
        """Its parent is finished, so it is read."""
        self.is_closed = False
        """No further record will come."""
        self.is_blocked = False
        """A message cannot be delivered, and the shard waits until it is."""
        self.log = ShardLog(remembers=context.remembers)
        self._context = context
        self._rules = context.rules
        self._polled_up_to = -1
        self.window_bytes = self._window_bytes()
        """What a tumbling window's keys, its state apart, add to an event."""
        self._lanes = [Lane(number, self, self._rules) for number in range(self._rules.mapping.lanes)]
        self._redeliveries: deque[tuple[StreamRecord, ...]] = deque()
        self._redelivering: Invocation | None = None
        self._is_suspended = False
        self._resumes = False
        """It begins afresh as soon as its running invocations have ended."""

    # What comes in.

    def open(self, now: float) -> None:
        """Begin at `now`."""
        self.is_open = True
        for lane in self._lanes:
            lane.open(now)

    def read(self, now: float) -> None:
        """Read what is available now into the lanes."""
        if self._resumes:
            return
        rules, metrics = self._rules, self._context.metrics
        passes, skips_oversized = rules.mapping.filters.passes, rules.skips_oversized
        receive = self._lanes[0].receive if len(self._lanes) == 1 else self._spread
        gone_before_s = -math.inf if rules.retention_is_told else now - RETENTION_S
        for record in self.log.read(now, self._context.skipped_up_to_s):
            if record.created_at_s < gone_before_s:
                self.log.finish((record,))
                continue
            if record.sequence > self._polled_up_to:
                self._polled_up_to = record.sequence
                metrics.polled += 1
            if not passes(record.wire):
                metrics.filtered_out += 1
                self.log.filter_out(record)
            elif skips_oversized and _is_oversized(record):
                self.log.filter_out(record)
            else:
                receive(record, now)
        if rules.commits_filtered:
            self.log.commit()

    def _spread(self, record: StreamRecord, now: float) -> None:
        self._lanes[self._lane_of(record)].receive(record, now)

    def _lane_of(self, record: StreamRecord) -> int:
        return record.lane(len(self._lanes), self._rules.lane_attribute) if len(self._lanes) > 1 else 0

    # What goes out.

    def starts(self, now: float) -> Iterator[Invocation]:
        """Give what starts now, one after the other."""
        if self._stands_still():
            return
        if self._redeliveries and not self._is_running:
            self._redelivering = self._redelivery(self._redeliveries.popleft(), now)
            yield self._redelivering
            return
        lanes = self._lanes if len(self._lanes) == 1 else sorted(self._lanes, key=lambda lane: lane.lowest_sequence)
        for lane in lanes:
            if lane.running or self._is_stopped(lane):
                continue
            part = lane.next_try(now)
            if self._stands_still():
                return
            if part:
                keys = None
                if lane.window:
                    keys = self.event_keys(lane.window, final=part.final)
                    refuse_oversized(part.records, lane.beside_records)
                lane.running = self._context.invocation(self.name, part.records, now, keys, lane)
                yield lane.running

    def next_at(self) -> float:
        """Say when something happens next, running invocations aside; infinite: nothing does."""
        if not self.is_open or self._resumes:
            return math.inf
        soonest = self.log.next_available_at
        if self.is_blocked:
            return min(soonest, self.log.all_gone_at)
        if self._redelivering:
            return soonest
        if self._redeliveries and not self._is_running:
            return -math.inf
        return min([soonest, *[lane.next_at() for lane in self._lanes if not self._is_stopped(lane)]])

    def next_available_at(self) -> float:
        """Say when the next record can be read; infinite: none is known."""
        return self.log.next_available_at if self.is_open and not self._resumes else math.inf

    def settle(self, invocation: Invocation, verdict: Verdict, now: float) -> None:
        """Apply the result of one of its invocations; it is running."""
        lane = invocation.lane
        if lane is None:
            self._redelivering = None
            return
        lane.settle(invocation, verdict, now)
        if self._is_suspended or self._resumes:
            lane.clear(now)
        if self._resumes and not self._is_running:
            self._begin_afresh(now)

    def is_running(self, invocation: Invocation) -> bool:
        """Say whether the result of this invocation will count."""
        return invocation is (invocation.lane.running if invocation.lane else self._redelivering)

    # Actions.

    def redeliver(self, records: tuple[StreamRecord, ...]) -> None:
        """Deliver a batch once more as soon as nothing runs."""
        self._redeliveries.append(records)

    def suspend(self, now: float) -> None:
        """Try nothing more; what runs is waited for."""
        self._is_suspended = True
        self._resumes = False
        for lane in self._lanes:
            if not lane.running:
                lane.clear(now)

    def resume(self, now: float) -> None:
        """Go on from the checkpoint, once what still runs has ended."""
        self._is_suspended = False
        self._resumes = True
        if not self._is_running:
            self._begin_afresh(now)

    def restart(self, now: float) -> None:
        """Go on from the checkpoint at once; results still to come do not count."""
        self._redelivering = None
        self._begin_afresh(now)

    def recreate(self, now: float) -> None:
        """Begin from the start of the stream; parents come first again."""
        self.restart(now)
        self.is_open = self._is_suspended = False
        self.log.go_back_to_start()

    def stop(self, now: float) -> None:
        """The run breaks off: tell what was given up; what has been filtered out so far moves the checkpoint."""
        for lane in self._lanes:
            lane.tell(now)
        self.log.commit()

    def abandon(self, now: float) -> None:
        """The run ends, or nothing is left in the stream: what is not finished counts as gone."""
        for lane in self._lanes:
            lane.open(now)
        self._redelivering = None
        self.log.abandon(self._context.skipped_up_to_s)

    # What its lanes and the event source ask.

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will come out of it: children may begin."""
        is_closed = self.is_closed or self._context.offering_finished
        return is_closed and self.is_open and self.log.is_drained and all(lane.is_idle for lane in self._lanes)

    def finish(self, records: Sequence[StreamRecord]) -> None:
        """Take note that nothing more happens to these records."""
        self.log.finish(records)

    def give_up(self, discard: Discard) -> None:
        """Take note that these records are given up; while nobody can be told, they are not finished."""
        if not self._context.outbox.blocks:
            self.log.finish(discard.records)

    def send(self, discard: Discard, now: float) -> None:
        """Tell the destination."""
        self.is_blocked = self._context.outbox.blocks
        self._context.outbox.send(discard, now)

    def expects_before(self, created_s: int, lane: int) -> bool:
        """Say whether a record of this lane created before then is known but not yet read."""
        return any(
            self._lane_of(record) == lane and self._will_be_delivered(record)
            for record in self.log.upcoming_before(created_s)
        )

    def _will_be_delivered(self, record: StreamRecord) -> bool:
        """Say whether a lane will get this record once it is available."""
        rules = self._rules
        if not rules.retention_is_told and record.available_at_s - record.created_at_s > RETENTION_S:
            return False
        return rules.mapping.filters.passes(record.wire) and not (rules.skips_oversized and _is_oversized(record))

    def event_keys(self, window: TumblingWindow, *, final: bool) -> dict[str, Any]:
        """Give what a tumbling window adds to an event."""
        return window.event_keys(self.name, self._rules.mapping.stream_arn, self._context.epoch_s, final=final)

    def new_request_id(self) -> str:
        """Make a request id for a message about records that no invocation saw."""
        return self._context.new_request_id()

    def _stands_still(self) -> bool:
        return not self.is_open or self.is_blocked or self._resumes or self._redelivering is not None

    @property
    def _is_running(self) -> bool:
        return any(lane.running for lane in self._lanes)

    def _is_stopped(self, lane: Lane) -> bool:
        """Say whether the failure of another lane holds this one up."""
        if not lane.suspends and any(other.suspends for other in self._lanes):
            return True
        return self._rules.stops_lanes and not lane.failing and any(other.failing for other in self._lanes)

    def _begin_afresh(self, now: float) -> None:
        """Read again from the checkpoint: new batches, attempts and windows."""
        for lane in self._lanes:
            lane.open(now)
        self.is_blocked = self._resumes = False
        self.log.go_back()

    def _redelivery(self, records: tuple[StreamRecord, ...], now: float) -> Invocation:
        length = self._rules.mapping.tumbling_window_s
        window = TumblingWindow(window_index(records[0], length), length) if length else None
        keys = self.event_keys(window, final=False) if window else None
        refuse_oversized(records, self.window_bytes + EMPTY_STATE_BYTES if window else 0)
        return self._context.invocation(self.name, records, now, keys, None)

    def _window_bytes(self) -> int:
        length = self._rules.mapping.tumbling_window_s
        if not length:
            return 0
        keys = self.event_keys(TumblingWindow(0, length), final=False)
        return json_bytes(keys) - len("{}") + len(",") - EMPTY_STATE_BYTES


def _is_oversized(record: StreamRecord) -> bool:
    most = PAYLOAD_BYTES_MAX - WRAPPER_BYTES
    return record.json_bytes_at_most > most and record.json_bytes > most
