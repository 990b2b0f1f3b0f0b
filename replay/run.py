"""A replay: recorded records through the event source to a handler, then the verdict on the table.

    replay = Replay(recording, history, handler, table, mapping)
    report = replay.run()

In order: the rows to begin with, the recorded records on a virtual clock, then what the handler itself wrote, read from
the table's stream and offered like any other record, round after round until nothing new is written. The oracle then
says what is wrong.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from replay.checks.oracle import Oracle
from replay.event_source import answers
from replay.event_source.errors import RunEnded
from replay.event_source.records import StreamRecord
from replay.event_source.sizes import item_bytes
from replay.event_source.source import EventSource
from replay.event_source.virtual import deliver
from replay.function.outcome import Crashed, Raised, Returned, TimedOut, Unserialisable
from replay.reports.report import Failure, Report, Traced
from replay.sources.application import Application
from replay.sources.history import address_of, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from replay.checks.oracle import Finding
    from replay.event_source.answers import FunctionResult
    from replay.event_source.invocations import Invocation
    from replay.event_source.mapping import EventSourceMapping
    from replay.event_source.switches import Switches
    from replay.function.calls import Call
    from replay.function.outcome import Invoked, Outcome
    from replay.sources.history import Address, History, View, Write
    from replay.sources.recording import Recording
    from replay.sources.stream import Read
    from replay.tables.wire import Item

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


class Handler(Protocol):
    """What is under test."""

    def invoke(self, event: Mapping[str, Any], request_id: str) -> Invoked:
        """Deliver one event."""


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
    """One replay; `watch` is told of each delivery before it starts and how many records are finished."""

    recording: Recording
    history: History
    handler: Handler
    table: Table
    mapping: EventSourceMapping
    switches: Switches | None = None
    keep_batches: bool = False
    watch: Callable[[Report], None] = lambda _: None

    def __post_init__(self) -> None:
        self._report = Report(duplicates=self.recording.duplicates)
        self._oracle = Oracle()
        self._application = Application(self.history, self.recording.parents, self.table, self._oracle)
        self._touched: dict[Address, int] = {}
        self._views_touched: dict[View, int] = {}
        self._prices: dict[Address, int] = {}
        self._clock_s = 0.0

    def run(self) -> Report:
        """Replay everything and judge."""
        started = time.monotonic()
        report = self._report
        self._application.begin()
        try:
            report.filtered = self._deliver(self._recorded(), self.recording.parents, self._application.catch_up)
            self._application.finish(report.deliveries + 1)
            self._deliver_own_writes()
            report.findings = self._judge()
        except RunEnded as error:
            report.ended = str(error)
        report.messages, report.refused_rows = self._application.messages, self._application.refused
        report.duration_s = time.monotonic() - started
        return report

    def _recorded(self) -> Iterator[StreamRecord]:
        """Give the recorded records to the event source as it asks for them; kept batches stand apart in time."""
        for recorded in self.recording:
            self._report.records += 1
            self._application.expect(recorded)
            batch = recorded.batch if self.keep_batches else None
            at_s = self._clock_s if batch is None else float(batch * BATCH_APART_S)
            yield StreamRecord.of(
                recorded.wire,  # type: ignore[arg-type] # checked where it matters; the rest is the handler's business
                shard=recorded.shard,
                available_at_s=at_s,
                created_at_s=at_s,
            )

    def _deliver(
        self,
        records: Iterable[StreamRecord],
        parents: Mapping[str, str | None],
        before: Callable[[str, int, int], None] = lambda *_: None,
    ) -> int:
        """Send records through an event source of their own to the handler; count those that its filter dropped.

        `before` is told each delivery's shard, last sequence number and number, before it starts.
        """
        source = EventSource(self.mapping, switches=self.switches, tell=self._report.discards.append)
        for shard, parent in parents.items():
            source.add_shard(shard, parent)
        highest: dict[int, int] = {}
        offset = self._report.deliveries
        run = deliver(source, records)
        try:
            invocation = next(run)
            while True:
                self._clock_s = invocation.at_s
                before(invocation.shard, invocation.records[-1].sequence, offset + invocation.number)
                self._count_batch(invocation, highest)
                invocation = run.send(self._invoke(invocation, offset + invocation.number))
        except StopIteration:
            return source.metrics.filtered_out

    def _count_batch(self, invocation: Invocation, highest: dict[int, int]) -> None:
        """Tell a batch that comes for the first time from a retry: its lane has not seen its last record."""
        self._report.deliveries += 1
        lane, last = id(invocation.lane), invocation.records[-1].sequence
        if last > highest.get(lane, -1):
            highest[lane] = last
            self._report.batches += 1

    def _invoke(self, invocation: Invocation, number: int) -> FunctionResult:
        self.watch(self._report)
        invoked = self.handler.invoke(invocation.event, invocation.request_id)
        self._report.cold_starts += invoked.cold_start
        for call in invoked.calls:
            self._count_call(call, number)
        if not isinstance(invoked.outcome, Returned):
            self._keep_failure(invocation, invoked.outcome, number)
        return _result(invoked.outcome)

    def _count_call(self, call: Call, number: int) -> None:
        self._report.count(call)
        for touched in call.touched:
            if touched.table == self.table.name:
                self._touched[touched.partition_key, touched.sort_key] = number
                self._prices[touched.partition_key, touched.sort_key] = PRICES.get(call.operation, 1)

    def _keep_failure(self, invocation: Invocation, outcome: Outcome, number: int) -> None:
        stack = outcome.stack if isinstance(outcome, Raised) else ()
        records = invocation.records
        self._report.keep(Failure(number, len(records), records[0].text, str(outcome), stack))

    def _deliver_own_writes(self) -> None:
        """Offer the handler what it wrote itself, until it writes nothing more."""
        most = OWN_WRITES_BASE_MAX + OWN_WRITES_PER_RECORD_MAX * self._report.records
        for _ in range(ROUNDS_MAX):
            before = self._report.own_writes
            self._deliver(self._own_writes(before + most), {})
            if self._report.own_writes == before:
                return
            self._report.rounds += 1
            if self._report.own_writes >= before + most:
                break
        self._report.quiet = False

    def _own_writes(self, most: int) -> Iterator[StreamRecord]:
        for read in self.table.handlers_changes():
            self._note(read)
            yield StreamRecord.of(
                read.wire,  # type: ignore[arg-type] # as the stream has it
                shard=read.shard,
                available_at_s=self._clock_s,
                created_at_s=self._clock_s,
            )
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

    def _judge(self) -> tuple[Traced, ...]:
        rows = list(self.table.rows())
        self._report.rows = len(rows)
        return tuple(Traced(finding, self._last_touch(finding)) for finding in self._oracle.judge(rows))

    def _last_touch(self, finding: Finding) -> int | None:
        numbers = [self._touched.get(finding.address)] if finding.address is not None else []
        if finding.group is not None and finding.member is not None:
            numbers.append(self._views_touched.get((finding.group, finding.member)))
        return max((number for number in numbers if number), default=None)


def _result(outcome: Outcome) -> FunctionResult:
    """Tell the event source how an invocation ended; its clock does not move with ours, so that runs repeat."""
    match outcome:
        case Returned(value):
            return answers.Returned(value)
        case Unserialisable():
            return answers.Unserialisable()
        case TimedOut():
            return answers.TimedOut()
        case Raised(type=name):
            return answers.Raised(name)
        case Crashed():
            return answers.Raised("Runtime.ExitError")
