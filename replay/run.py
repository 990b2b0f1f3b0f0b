"""A replay: recorded records through the event source to a handler, then the verdict on the table.

    replay = Replay(recording, history, [handler], table, mapping)
    report = replay.run()

In order: the rows to begin with, the recorded records on a virtual clock, then what the handler itself wrote, read from
the table's stream and offered like any other record, round after round until nothing new is written. The oracle then
says what is wrong.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from replay.application import Application
from replay.checks.oracle import Oracle
from replay.delivery_round import Round
from replay.event_source.errors import RunEnded
from replay.event_source.records import StreamRecord
from replay.event_source.sizes import item_bytes
from replay.read_ahead import ReadAhead
from replay.report import Report, Traced
from replay.sources.history import address_of, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from replay.checks.oracle import Finding
    from replay.delivery_round import Duplicates, Handler, WaitedFor
    from replay.event_source.mapping import EventSourceMapping
    from replay.event_source.switches import Switches
    from replay.function.calls import Call
    from replay.rows.wire import Item
    from replay.sources.history import Address, History, View, Write
    from replay.sources.selection import Records
    from replay.sources.stream import Read

ROUNDS_MAX: Final = 10
"""Rounds of its own writes before a handler counts as one that never gets quiet: each answers the round before."""

OWN_WRITES_BASE_MAX: Final = 10_000
OWN_WRITES_PER_RECORD_MAX: Final = 1_000
"""Own writes in one round before the same: two for each of 500 members is more than a message can need."""

UNIT_BYTES: Final = 1024
PRICES: Final = {"TransactWriteItems": 2}
"""AWS: DynamoDB developer guide, CapacityUnitCalculations: a transaction prepares and commits each write."""

BATCH_APART_S: Final = 2 * 86_400
"""Recorded batches that are kept stand so far apart that the one before is finished, retries and age limit included."""


class Table(Protocol):
    """The table it is tried on."""

    name: str

    def write(self, writes: Sequence[Write]) -> list[Write]:
        """Write as the application did; give back what was refused."""

    def rows(self) -> Iterator[Item]:
        """Read everything."""

    def handlers_changes(self) -> Iterator[Read]:
        """Read what the handler wrote since the last time."""


@dataclass
class Replay:
    """One replay. `watch` is told before each delivery; `begun` when the rows to begin with are there.

    Several handlers run at once, each in its own process, where the mapping lets deliveries overlap.
    """

    recording: Records
    history: History
    handlers: Sequence[Handler]
    table: Table
    mapping: EventSourceMapping
    switches: Switches | None = None
    keep_batches: bool = False
    duplicates: Duplicates | None = None
    begun: Callable[[], None] = lambda: None
    watch: Callable[[Report], None] = lambda _: None

    def __post_init__(self) -> None:
        self._report = Report(duplicates=self.recording.duplicates)
        self._oracle = Oracle()
        self._application = Application(self.history, self.recording.parents, self.table, self._oracle)
        self._touched: dict[Address, int] = {}
        self._views_touched: dict[View, int] = {}
        self._prices: dict[Address, int] = {}
        self._round: Round | None = None

    def run(self) -> Report:
        """Replay everything and judge."""
        started = time.monotonic()
        report = self._report
        self._application.begin()
        self.begun()
        try:
            first = self._new_round(self._application.catch_up)
            report.filtered = first.deliver(self._recorded(), self.recording.parents)
            self._application.finish(report.deliveries + 1)
            self._deliver_own_writes()
            self._judge()
        except RunEnded as error:
            report.ended = str(error)
        report.messages, report.refused_rows = self._application.messages, self._application.refused
        report.duration_s = time.monotonic() - started
        return report

    def _new_round(self, before: Callable[[str, int, int], None] = lambda *_: None) -> Round:
        self._round = Round(
            self.handlers,
            self.mapping,
            self.switches,
            self._report,
            self._note_call,
            before,
            self.watch,
            self.duplicates,
        )
        return self._round

    def _recorded(self) -> Iterator[StreamRecord]:
        """Give the recorded records to the event source as it asks for them; kept batches stand apart in time."""
        for recorded in self.recording:
            self._report.records += 1
            self._application.expect(recorded)
            if self.keep_batches and recorded.batch is not None:
                yield self._record(recorded.wire, recorded.shard, recorded.batch * BATCH_APART_S)
            else:
                yield self._record(recorded.wire, recorded.shard)

    def _record(self, wire: Mapping[str, Any], shard: str, at_s: float | None = None) -> StreamRecord:
        """Date a record on the virtual clock: now, or at this time."""
        now_s = self._round.clock_s if self._round is not None else 0.0
        at_s = now_s if at_s is None else at_s
        return StreamRecord.of(
            wire,  # type: ignore[arg-type] # checked where it matters; the rest is the handler's business
            shard=shard,
            available_at_s=at_s,
            created_at_s=at_s,
        )

    def _note_call(self, call: Call, delivery: int) -> None:
        for touched in call.touched:
            if touched.table == self.table.name:
                self._touched[touched.partition_key, touched.sort_key] = delivery
                self._prices[touched.partition_key, touched.sort_key] = PRICES.get(call.operation, 1)

    def _deliver_own_writes(self) -> None:
        """Offer the handler what it wrote itself, until it writes nothing more."""
        most = OWN_WRITES_BASE_MAX + OWN_WRITES_PER_RECORD_MAX * self._report.records
        batches = self._report.batches
        for _ in range(ROUNDS_MAX):
            before = self._report.own_writes
            self._new_round().deliver(self._own_writes(before + most), {})
            self._report.own_batches = self._report.batches - batches
            if self._report.own_writes == before:
                return
            self._report.rounds += 1
            if self._report.own_writes >= before + most:
                break
        self._report.quiet = False

    def _own_writes(self, most: int) -> Iterator[StreamRecord]:
        for read in self.table.handlers_changes():
            self._note(read)
            yield self._record(read.wire, read.shard)
            if self._report.own_writes >= most:
                return

    def _note(self, read: Read) -> None:
        """Count one of the handler's own changes, and remember which delivery touched that member's view."""
        self._report.own_writes += 1
        change = read.wire["dynamodb"]
        address = address_of(change["Keys"])
        images = [change[name] for name in ("OldImage", "NewImage") if name in change]
        if address is None:
            return
        units = max(-(-item_bytes(image) // UNIT_BYTES) for image in images)
        self._report.write_units += units * self._prices.get(address, 1)
        views = [view for view in (view_of(address, image) for image in images) if view is not None]
        self._report.index_units += units if views else 0
        for view in views:
            number = self._touched.get(address, 0)
            self._views_touched[view] = max(number, self._views_touched.get(view, 0))

    def _judge(self) -> None:
        """Ask the oracle; where no message came, or came to the handler, there is nothing to say but what it finds."""
        rows = list(self.table.rows())
        report = self._report
        report.rows = len(rows)
        report.findings = tuple(Traced(finding, self._last_touch(finding)) for finding in self._oracle.judge(rows))
        report.judged = bool(report.findings) or (self._application.messages > 0 and report.deliveries > 0)

    def _last_touch(self, finding: Finding) -> int | None:
        numbers = [self._touched.get(finding.address)] if finding.address is not None else []
        if finding.group is not None and finding.member is not None:
            numbers.append(self._views_touched.get((finding.group, finding.member)))
        return max((number for number in numbers if number), default=None)


def deliver_only(
    recording: Records,
    handlers: Sequence[WaitedFor],
    mapping: EventSourceMapping,
    switches: Switches | None = None,
    watch: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Deliver everything to a handler that has no table, and judge nothing."""
    started = time.monotonic()
    report = Report(duplicates=recording.duplicates, judged=False)
    deliveries = Round(handlers, mapping, switches, report, called=lambda *_: None, watch=watch)

    def records() -> Iterator[StreamRecord]:
        for recorded in recording:
            report.records += 1
            wire: Any = recorded.wire
            text = wire["dynamodb"]["SequenceNumber"]  # checked when it was read
            now_s = deliveries.clock_s
            yield StreamRecord(wire, text, recorded.shard, now_s, now_s)

    ahead = ReadAhead(records())
    if len(handlers) == 1:
        handlers[0].meanwhile = ahead.read
    try:
        report.filtered = deliveries.deliver(ahead, recording.parents)
    except RunEnded as error:
        report.ended = str(error)
    report.duration_s = time.monotonic() - started
    return report
