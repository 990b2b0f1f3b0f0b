"""One round of deliveries: records through an event source of their own to a handler, or to several at once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from replay.event_source import answers
from replay.event_source.answers import Meaning
from replay.event_source.source import EventSource
from replay.event_source.virtual import deliver
from replay.function.outcome import Crashed, Raised, Returned, TimedOut, Unserialisable
from replay.report import Failure
from replay.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from replay.event_source.answers import FunctionResult
    from replay.event_source.invocations import Invocation
    from replay.event_source.mapping import EventSourceMapping
    from replay.event_source.records import StreamRecord
    from replay.event_source.switches import Switches
    from replay.function.calls import Call
    from replay.function.outcome import Invoked, Outcome
    from replay.report import Report


IDENTIFIER_SHOWN_MAX = 60
AHEAD_MAX = 1_000
"""Records that wait at most, all shards together: as many as a few batches need, few enough to stay in the cache."""


class Handler(Protocol):
    """What is under test."""

    def invoke(self, event: Mapping[str, Any], request_id: str) -> Invoked:
        """Deliver one event."""


class WaitedFor(Handler, Protocol):
    """One that works elsewhere, while something else can be done."""

    meanwhile: Callable[[], object]


@dataclass
class Duplicates:
    """Delivers batches again that have succeeded: each right away, and by chance once more behind a later one."""

    seed: int
    _late: dict[str, tuple[StreamRecord, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - chance, no secret

    def after(self, source: EventSource, invocation: Invocation) -> None:
        """Ask for what comes again after a success."""
        if invocation.lane is None:
            return
        source.redeliver(invocation.records)
        if invocation.shard in self._late:
            source.redeliver(self._late.pop(invocation.shard))
        elif self._chance.getrandbits(1):
            self._late[invocation.shard] = invocation.records


@dataclass
class Round:
    """Delivers, and counts in the report what happened.

    `before` is told shard, last sequence number and delivery before each starts, `called` each request with its
    delivery. Deliveries are numbered on from the report's.
    """

    handlers: Sequence[Handler]
    mapping: EventSourceMapping
    switches: Switches | None
    report: Report
    called: Callable[[Call, int], None]
    before: Callable[[str, int, int], None] = lambda *_: None
    watch: Callable[[Report], None] = lambda _: None
    duplicates: Duplicates | None = None
    clock_s: float = 0.0
    """The virtual clock, as of the latest delivery."""

    def __post_init__(self) -> None:
        self._source = EventSource(self.mapping, switches=self.switches, tell=self.report.discards.append)
        self._highest: dict[int, int] = {}
        self._offset = self.report.deliveries

    def deliver(self, records: Iterable[StreamRecord], parents: Mapping[str, str | None]) -> int:
        """Deliver everything there is; how many records the filter dropped.

        Raises:
            RunEnded: an answer nobody can read, or a record too large.
        """
        for shard, parent in parents.items():
            self._source.add_shard(shard, parent)
        if len(self.handlers) > 1:
            Together(self.handlers, self._begin, self._call, self._end).deliver(self._source, records)
        else:
            self._deliver_in_turn(records)
        return self._source.metrics.filtered_out

    def _deliver_in_turn(self, records: Iterable[StreamRecord]) -> None:
        run = deliver(self._source, records, ahead=AHEAD_MAX)
        try:
            invocation = next(run)
            while True:
                self._begin(invocation)
                invocation = run.send(self._end(invocation, self._call(self.handlers[0], invocation)))
        except StopIteration:
            return

    def _begin(self, invocation: Invocation) -> None:
        self.clock_s = invocation.at_s
        self.before(invocation.shard, invocation.records[-1].sequence, self._number(invocation))
        self._count(invocation)
        self.watch(self.report)

    def _call(self, handler: Handler, invocation: Invocation) -> Invoked:
        return handler.invoke(invocation.event, request_id_of(self._number(invocation)))

    def _end(self, invocation: Invocation, invoked: Invoked) -> FunctionResult:
        number = self._number(invocation)
        self.report.cold_starts += invoked.cold_start
        for call in invoked.calls:
            self.report.count(call)
            self.called(call, number)
        result = result_of(invoked.outcome)
        if not isinstance(invoked.outcome, Returned):
            self._keep_failure(invocation, invoked, number)
        elif invoked.outcome.value and self._source.judge(invocation, result).meaning is Meaning.REFUSED:
            self._keep_failure(invocation, invoked, number, why_refused(invoked.outcome.value, invocation.records))
        if self.duplicates is not None and self._source.judge(invocation, result).meaning is Meaning.SUCCESS:
            self.duplicates.after(self._source, invocation)
        return result

    def _number(self, invocation: Invocation) -> int:
        return self._offset + invocation.number

    def _count(self, invocation: Invocation) -> None:
        """Tell a batch that comes for the first time from a retry: its lane has not seen its last record."""
        self.report.deliveries += 1
        lane, last = id(invocation.lane), invocation.records[-1].sequence
        if invocation.lane is None:
            self.report.redeliveries += 1
        elif last > self._highest.get(lane, -1):
            self._highest[lane] = last
            self.report.batches += 1

    def _keep_failure(self, invocation: Invocation, invoked: Invoked, number: int, how: str = "") -> None:
        outcome, records = invoked.outcome, invocation.records
        stack = outcome.stack if isinstance(outcome, Raised) else ()
        self.report.keep(Failure(number, len(records), records[0].text, how or str(outcome), stack, invoked.printed))


def why_refused(answer: object, records: Sequence[StreamRecord]) -> str:
    """Say why an answer makes the whole batch fail."""
    known = {record.text for record in records}
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    for failure in failures if isinstance(failures, list) else ():
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else failure
        if not isinstance(identifier, str) or identifier not in known:
            named = f"{identifier!r}"[:IDENTIFIER_SHOWN_MAX]
            return f"answered with itemIdentifier {named}, which is none of the batch's: the whole batch failed"
    return "gave an answer by which the whole batch failed"


def request_id_of(delivery: int) -> str:
    """Make the id that Lambda gives a delivery, the same in every run."""
    return f"{delivery & 0xFFFFFFFF:08x}-0000-4000-8000-{delivery:012x}"


def delivery_of(request_id: str) -> int:
    """Read the delivery's number out of its id."""
    return int(request_id.rpartition("-")[2], 16)


def result_of(outcome: Outcome) -> FunctionResult:
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
