"""The walk of a batch: parse, coalesce, drive each group's work, set aside what can never be applied, answer.

Before it answers or raises, every group of the batch was tried, also behind a failure. The answer is the lowest
sequence number that is not finished, verbatim, or none: everything before it is done, everything from it on comes again
(AWS: Lambda developer guide, "Configuring partial batch response with DynamoDB and Lambda").
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stream_processor.answer import Failure, answer_naming, to_raise
from stream_processor.errors import (
    ConfigurationError,
    NotAStreamEvent,
    OutOfTime,
    PermanentError,
    StreamProcessorError,
)
from stream_processor.group import GroupWork, Pause, Tally, Transact
from stream_processor.message import Message, Position, coalesce, creation_s, lowest, parse, position
from stream_processor.quarantine import Quarantined
from stream_processor.settings import RESERVE_MS
from stream_processor.telemetry import BatchReport, FailureReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stream_processor.answer import Answer
    from stream_processor.group import Request, Response
    from stream_processor.message import GroupId
    from stream_processor.quarantine import Quarantine
    from stream_processor.settings import Settings
    from stream_processor.table import GroupTable
    from stream_processor.telemetry import Telemetry

FUTURE_NOTICED_S = 60
"""A message dated further after its record's creation is counted and logged: clocks differ by less."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What surrounds one delivery: its id, and how many milliseconds are left."""

    request_id: str | None
    remaining_ms: Callable[[], float]
    cold_start: bool = False


@dataclass(frozen=True, slots=True)
class _Permanent:
    """A record that can never be applied, wholly or for some members."""

    at: Position
    group: GroupId | None
    quarantined: Quarantined


@dataclass(slots=True)
class _Parsed:
    """A batch's records, sorted by what they need."""

    positions: list[Position] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    permanent: list[_Permanent] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class _GroupResult:
    """What became of one group's messages."""

    messages: tuple[Message, ...]
    tally: Tally
    error: Exception | None

    @property
    def group(self) -> GroupId:
        return self.messages[0].group

    @property
    def at(self) -> Position:
        first = lowest(self.messages)
        return Position(first.sequence, first.identifier)

    @property
    def failure(self) -> Failure | None:
        return None if self.error is None else Failure(self.at, self.group, self.error)

    @property
    def is_unchanged(self) -> bool:
        return self.error is None and not (self.tally.moved or self.tally.healed or self.tally.orphan)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a batch; `failures` are sorted, lowest sequence first, `quarantined` counts first writes."""

    parsed: _Parsed
    results: Sequence[_GroupResult]
    failures: Sequence[Failure]
    quarantined: int
    raised: Exception | None

    @property
    def answer(self) -> str | None:
        """The sequence number to answer; none where all is done, and where an error is raised instead."""
        return self.failures[0].at.identifier if self.failures and self.raised is None else None

    @property
    def future_dated(self) -> list[Message]:
        return [message for message in self.parsed.messages if message.ahead_s > FUTURE_NOTICED_S]

    def report(self, invocation: Invocation, lag_ms: int | None, duration_ms: int) -> BatchReport:
        """Count it all."""
        positions = self.parsed.positions
        tallies = [result.tally for result in self.results]
        return BatchReport(
            request_id=invocation.request_id,
            first_sequence=positions[0].identifier if positions else None,
            last_sequence=positions[-1].identifier if positions else None,
            records=len(positions),
            ignored=self.parsed.ignored,
            messages=len(self.parsed.messages),
            groups=len(tallies),
            moved=sum(tally.moved for tally in tallies),
            unchanged=sum(result.is_unchanged for result in self.results),
            failed=len(self.failures),
            re_reads=sum(tally.re_reads for tally in tallies),
            healed_rows=sum(tally.healed for tally in tallies),
            untimed_rows=sum(tally.untimed for tally in tallies),
            unchecked_attributes=sum(tally.unchecked for tally in tallies),
            transaction_retries=sum(tally.transaction_retries for tally in tallies),
            orphans=sum(tally.orphan for tally in tallies),
            quarantined=self.quarantined,
            future_dated=len(self.future_dated),
            lag_ms=lag_ms,
            duration_ms=duration_ms,
            cold_start=invocation.cold_start,
            outcome="raised" if self.raised else "partial" if self.failures else "done",
            answer=self.answer,
        )


@dataclass(frozen=True)
class BatchProcessor:
    """Brings every group of a batch to its newest message.

    `sleep` waits seconds, `jitter` turns a ceiling of seconds into a pause, `now` is seconds since the epoch. Nothing
    else in it depends on the outside, so the same batch meets the same table with the same requests when one worker
    drives it.
    """

    table: GroupTable
    quarantine: Quarantine | None
    settings: Settings
    telemetry: Telemetry
    jitter: Callable[[float], float]
    sleep: Callable[[float], None]
    now: Callable[[], float]
    make_work: Callable[[Sequence[Message], Callable[[float], float]], GroupWork] = GroupWork

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - whatever came in
        """Apply one event and answer it.

        Raises:
            NotAStreamEvent: nothing was tried.
            ConfigurationError, PermanentError: everything else was tried; the event source must isolate the record.
        """
        started_s = self.now()
        records = _records(event)
        parsed = self._parse(records)
        results = self._drive_all(coalesce(parsed.messages).values(), invocation)
        permanent = parsed.permanent + _unfit(results, parsed.positions, records)
        quarantined, refused = self._quarantine_all(permanent, invocation)
        unfinished = parsed.failures + [result.failure for result in results if result.failure is not None] + refused
        failures = sorted(unfinished, key=lambda failure: failure.at.sequence)
        raised = to_raise(failures, parsed.positions)
        outcome = _Outcome(parsed, results, failures, quarantined, raised)
        self._tell(outcome, invocation)
        lag_ms = _lag_ms(records, started_s)
        self.telemetry.batch(outcome.report(invocation, lag_ms, round((self.now() - started_s) * 1000)))
        if raised is not None:
            raise raised
        return answer_naming(outcome.answer)

    def _parse(self, records: Sequence[Mapping[str, Any]]) -> _Parsed:
        parsed = _Parsed(positions=[position(record) for record in records])
        for record, at in zip(records, parsed.positions, strict=True):
            try:
                message = parse(record, at)
                if message is None:
                    parsed.ignored += 1
                else:
                    self._refuse_future(message)
                    parsed.messages.append(message)
            except PermanentError as error:
                parsed.permanent.append(_Permanent(at, None, _quarantined(record, at, error)))
            except ConfigurationError as error:
                parsed.failures.append(Failure(at, None, error))
            except Exception as error:  # noqa: BLE001 - a bug must not cost the batch's other records
                parsed.failures.append(Failure(at, None, error))
        return parsed

    def _refuse_future(self, message: Message) -> None:
        limit_s = self.settings.max_future_s
        if limit_s is not None and message.ahead_s > limit_s:
            raise PermanentError(
                "DatedInFuture", f"dated {message.ahead_s:.0f} s after the record's creation; {limit_s:g} s are allowed"
            )

    def _drive_all(self, groups: Iterable[tuple[Message, ...]], invocation: Invocation) -> list[_GroupResult]:
        works = [self.make_work(messages, self.jitter) for messages in groups]
        if self.settings.workers == 1 or len(works) <= 1:
            return [self._drive(work, invocation) for work in works]
        return list(self._executor.map(lambda work: self._drive(work, invocation), works))

    @cached_property
    def _executor(self) -> ThreadPoolExecutor:
        """Threads live as long as the environment; each drives one group at a time."""
        return ThreadPoolExecutor(self.settings.workers, thread_name_prefix="group")

    def _drive(self, work: GroupWork, invocation: Invocation) -> _GroupResult:
        """Run one group's work to its end; whatever goes wrong stays with the group."""
        requests = work.requests()
        try:
            request = next(requests)
            while True:
                try:
                    response = self._perform(request, invocation)
                except StreamProcessorError as error:
                    request = requests.throw(error)
                else:
                    request = requests.send(response)
        except StopIteration:
            return _GroupResult(work.messages, work.tally, None)
        except Exception as error:  # noqa: BLE001 - a bug in one group must not cost the others
            return _GroupResult(work.messages, work.tally, error)

    def _perform(self, request: Request, invocation: Invocation) -> Response:
        _ensure_time(invocation)
        match request:
            case Pause(seconds=seconds):
                self.sleep(seconds)
                return None
            case Transact(actions=actions):
                self.table.transact(actions)
                return None
            case _:
                return self.table.read(request)

    def _quarantine_all(self, permanent: Sequence[_Permanent], invocation: Invocation) -> tuple[int, list[Failure]]:
        """Set records aside for good; what cannot be is not done."""
        first_writes = 0
        failures: list[Failure] = []
        for each in permanent:
            quarantined = each.quarantined
            if self.quarantine is None:
                error = PermanentError(quarantined.reason, quarantined.detail)
                failures.append(Failure(each.at, each.group, error, raises=True))
                continue
            try:
                _ensure_time(invocation)
                first_writes += self.quarantine.put(quarantined)
            except Exception as refused:  # noqa: BLE001 - a bug must not cost the batch's answer
                failures.append(Failure(each.at, each.group, refused))
            else:
                self.telemetry.quarantined(quarantined.identifier, quarantined.reason, quarantined.key)
        return first_writes, failures

    def _tell(self, outcome: _Outcome, invocation: Invocation) -> None:
        for message in outcome.future_dated:
            self.telemetry.future_dated(message.group, message.identifier, round(message.ahead_s))
        for result in outcome.results:
            if result.tally.orphan:
                self.telemetry.orphan(result.group, result.at.identifier)
            if result.tally.healed:
                self.telemetry.healed(result.group, result.tally.healed)
        for failure in outcome.failures:
            self.telemetry.failure(
                FailureReport(
                    request_id=invocation.request_id,
                    group=failure.group,
                    sequence=failure.at.identifier,
                    code=failure.code,
                    retryable=failure.retryable,
                    reason=failure.reason,
                )
            )


def _records(event: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401 - whatever came in
    """Take the records out of a stream event, or say what came instead."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        found = f"keys {sorted(map(str, event))[:5]}" if isinstance(event, dict) else type(event).__name__
        raise NotAStreamEvent(
            f"expected an event with a list 'Records', got {found}: is the trigger a DynamoDB stream?"
        )
    for record in records:
        source = record.get("eventSource", "aws:dynamodb") if isinstance(record, dict) else type(record).__name__
        if source != "aws:dynamodb":
            raise NotAStreamEvent(f"expected records of 'aws:dynamodb', got '{source}': is the trigger right?")
    return records


def _ensure_time(invocation: Invocation) -> None:
    remaining_ms = invocation.remaining_ms()
    if remaining_ms < RESERVE_MS:
        raise OutOfTime(f"{remaining_ms:.0f} ms are left and one request may take {RESERVE_MS} ms")


def _quarantined(record: Mapping[str, Any], at: Position, error: PermanentError) -> Quarantined:
    return Quarantined(record, at.identifier, error.reason, str(error))


def _unfit(
    results: Sequence[_GroupResult], positions: Sequence[Position], records: Sequence[Mapping[str, Any]]
) -> list[_Permanent]:
    """Set aside messages that do not fit some members' rows, once their group is otherwise done."""
    unfit = [(result.group, each) for result in results if result.error is None for each in result.tally.unfit]
    if not unfit:
        return []
    record_at = dict(zip(positions, records, strict=True))
    permanent = []
    for group, each in unfit:
        at = Position(each.message.sequence, each.message.identifier)
        detail = f"the row would exceed 400 KB for {len(each.members)} of the group's members"
        quarantined = Quarantined(record_at[at], at.identifier, "RowTooLarge", detail, each.members)
        permanent.append(_Permanent(at, group, quarantined))
    return permanent


def _lag_ms(records: Sequence[Mapping[str, Any]], now_s: float) -> int | None:
    created_s = creation_s(records[-1]["dynamodb"]) if records else None
    return None if created_s is None else max(0, round((now_s - created_s) * 1000))
