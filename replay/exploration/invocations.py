"""Invocations at work: each is started with its records, stepped call by call, ended as the event source sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replay.event_source.answers import Meaning, TimedOut
from replay.event_source.errors import ContractError
from replay.exploration.account import RULE as ACCOUNT
from replay.exploration.account import disagreements
from replay.exploration.case import TORN_READS
from replay.exploration.judgement import Judgement, Stop
from replay.exploration.torn import Torn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.checks.store import Store
    from replay.event_source.answers import Verdict
    from replay.event_source.invocations import Invocation
    from replay.event_source.records import StreamRecord
    from replay.event_source.source import EventSource
    from replay.exploration.case import Case, FaultKind
    from replay.exploration.handler import Handler, NextCall, Stepped
    from replay.exploration.invariants import Moment
    from replay.exploration.message_rows import MessageRows
    from replay.exploration.other_writers import OtherWriters
    from replay.exploration.outcome import Execution
    from replay.exploration.story import Storyteller

KILLS = frozenset({"crash-before", "crash-after", "timeout-before", "timeout-after"})
"""Faults that end an invocation."""
HURRIES = frozenset({"timeout-before", "timeout-after", "little-time"})
"""Faults after which an invocation may well run out of time."""
STEPS_MAX = 5_000
"""Calls of one case; a handler that needs more is never quiet."""


@dataclass(slots=True)
class Clock:
    """How many calls were made, and the virtual time in seconds."""

    step: int = 0
    now: float = 0.0

    def read(self) -> tuple[int, float]:
        """Give both."""
        return self.step, self.now


@dataclass(frozen=True, slots=True)
class Watching:
    """Who sees every step: what came of the history, its judge, all others, the clock, perhaps a storyteller."""

    execution: Execution
    judgement: Judgement
    others: OtherWriters
    messages: MessageRows
    clock: Clock
    story: Storyteller | None


@dataclass(slots=True)
class _Running:
    """One invocation at work; `delivered` is nothing for a twin, whose end nobody waits for.

    `looked` is how many changes of rows there were when its last call had happened; `is_hurried` is whether its time
    was cut short on purpose, `is_disturbed` whether a call went otherwise than asked, `is_killed` whether it was ended
    from outside.
    """

    number: int
    records: tuple[StreamRecord, ...]
    delivered: Invocation | None
    stepped: Stepped
    looked: int
    calls: int = 0
    is_hurried: bool = False
    is_disturbed: bool = False
    is_killed: bool = False


class Invocations:
    """The invocations of one history; whoever holds it says when one starts and when the next call happens.

    `succeeded` are the sequence numbers that the event source will not bring again, `taken` those among them since
    nothing disturbs any more; `ended` counts invocations.
    """

    def __init__(
        self, case: Case, records: Sequence[StreamRecord], store: Store, handler: Handler, watching: Watching
    ) -> None:
        self.succeeded: set[str] = set()
        self.taken: set[str] = set()
        self.ended = 0
        self._records = records
        self._store = store
        self._handler = handler
        self._execution = watching.execution
        self._judgement = watching.judgement
        self._others = watching.others
        self._messages = watching.messages
        self._clock = watching.clock
        self._story = watching.story
        self._delivered: dict[str, int] = {}
        """The size of the largest batch in which each record came."""
        self._started = 0
        self._running: list[_Running] = []
        self._current = 0
        self._torn = Torn(store)
        self._faults = {(fault.invocation, fault.call): fault.kind for fault in case.faults}
        self._twins = {twin.at: twin.invocation for twin in case.twins}
        self._turns = {turn.at: turn.which for turn in case.turns}

    def __bool__(self) -> bool:
        return bool(self._running)

    def calm_down(self) -> None:
        """Let nothing disturb a call from now on."""
        self._faults, self._turns, self._twins = {}, {}, {}
        self.taken.clear()

    def drop(self) -> None:
        """End every invocation where it stands."""
        for running in self._running:
            running.stepped.drop()

    def start(self, delivered: Invocation | None, records: tuple[StreamRecord, ...] = ()) -> None:
        """Start an invocation, or with `records` a twin that nobody waits for; it stops at its first call."""
        records = delivered.records if delivered else records
        self._started += 1
        self._clock.now = delivered.at_s if delivered else self._clock.now
        if len(records) == 1 and self._delivered.get(records[0].text, 1) > 1 and delivered and delivered.lane:
            self._execution.situations["batch cut down to one record"] += 1
        for record in records:
            self._delivered[record.text] = max(len(records), self._delivered.get(record.text, 0))
        for record in records:
            self._messages.happen(record)
            if record.text in self.succeeded:
                self._execution.situations["redelivery after success"] += 1
        event = {"Records": [record.wire for record in records]}
        request_id = f"{self._started:08d}"
        stepped = self._handler.start(event, request_id)
        self._running.append(_Running(self._started, records, delivered, stepped, len(self._store.stream)))
        self._judgement.invocation_began(self._started, records)
        if self._story:
            self._story.delivered(self._started, records, delivered)
        if len(self._running) > 1:
            self._execution.situations["invocations at the same time"] += 1

    def advance(self, source: EventSource, now: float) -> None:
        """Let one call of one running invocation happen; end it where that was its last."""
        self._clock.now = now
        self._others.act(self._clock.step)
        self._deliver_twin()
        running = self._pick()
        call = running.stepped.call
        if call is not None:
            running.calls += 1
            fault = self._faults.get((running.number, running.calls))
            running.is_hurried |= fault in HURRIES
            running.is_killed |= fault in KILLS
            self._call(running, fault)
        if running.stepped.call is None:
            self._end(running, source, now)

    def was_delivered(self, text: str) -> bool:
        """Whether the record of a sequence number came at least once."""
        return text in self._delivered

    def ask(self, moment: Moment) -> None:
        """Hold the table to rules from outside, for the records that were delivered so far."""
        self._judgement.ask(moment, (record for record in self._records if record.text in self._delivered))

    def _pick(self) -> _Running:
        if self._clock.step in self._turns:
            self._current = self._turns[self._clock.step]
        return self._running[self._current % len(self._running)]

    def _call(self, running: _Running, fault: FaultKind | None) -> None:
        call = running.stepped.call
        assert call is not None  # noqa: S101 - asked before
        execution = self._execution
        self._clock.step += 1
        execution.calls += 1
        if self._clock.step > STEPS_MAX:
            self._judgement.broke("quiet is reached", f"more than {STEPS_MAX} calls")
        if call.kind == "index":
            execution.situations["index behind when asked"] += self._others.index_is_behind
        changes = len(self._store.stream)
        fault, how = self._go(running, call, fault)
        running.is_disturbed |= fault is not None or how != "done"
        if fault is not None:
            execution.situations[fault] += 1
            if fault in {"crash-after", "timeout-after", "lost-answer"} and call.kind == "write":
                execution.situations["effect without an answer"] += 1
        elif how == "ConditionFailed":
            execution.situations["a condition failed"] += 1
        if call.kind == "write":
            may_change = bool(call.touches) or len(self._store.stream) > changes  # else it only checks conditions
            execution.writes += how == "done" and may_change
            self._others.look_at_changes(self._clock.step)
            self._judgement.look_at_members(call.touches)
        if call.kind in {"write", "other"}:
            self.ask("always")

    def _go(self, running: _Running, call: NextCall, fault: FaultKind | None) -> tuple[FaultKind | None, str]:
        """Let a call happen before all who watch; the fault, unless there was nothing to it, and how it went."""
        torn = self._torn.view(fault, call, running.looked) if fault in TORN_READS else None
        if fault in TORN_READS and torn is None:
            fault = None
        if self._story:
            self._story.about_to_call(call)
        stream = self._store.stream
        before = len(stream)
        how = running.stepped.go(fault, torn)
        running.looked = len(stream)
        if before < running.looked:
            self._torn.wrote(before, running.looked)
        if self._judgement.is_watching:
            self._judgement.called(running.number, call, how, torn, stream[before:])
        if self._story:
            self._story.called(running.number, running.calls, call, fault, how)
        return fault, how

    def _end(self, running: _Running, source: EventSource, now: float) -> None:
        self._running.remove(running)
        self.ended += 1
        result = running.stepped.result
        assert result is not None  # noqa: S101 - ended
        verdict = source.judge(running.delivered, result) if running.delivered else None
        if self._story:
            self._story.ended(running.number, result, [record.text for record in running.records], verdict)
        if isinstance(result, TimedOut) and not running.is_hurried:
            self._judgement.broke("an invocation comes to an end", "no call and no answer until its time was over")
        account = running.stepped.account
        if account and not running.is_killed:
            for text in disagreements(account, result, was_disturbed=running.is_disturbed):
                self._judgement.broke(ACCOUNT, text)
        done = _counted(verdict, len(running.records)) if verdict else 0
        self._judgement.invocation_ended(running.number, running.records[:done])
        self.succeeded.update(record.text for record in running.records[:done])
        self.taken.update(record.text for record in running.records[:done])
        if running.delivered is None or verdict is None:
            return
        try:
            source.finish(running.delivered, verdict, now)
        except ContractError as error:
            self._judgement.broke("answers are lawful", str(error))
            raise Stop from error
        if verdict.meaning is Meaning.REFUSED:
            self._judgement.broke("answers are lawful", f"the answer names no record of the batch: {result}")
        situations = self._execution.situations
        situations[f"answer {verdict.meaning.name.lower()}"] += 1
        if verdict.meaning is Meaning.ERROR and len(running.records) == 1:
            situations["failure of a single record"] += 1

    def _deliver_twin(self) -> None:
        """Deliver a running invocation's records a second time beside it, if it is time for that."""
        twin = self._twins.pop(self._clock.step, None)
        if twin is not None:
            for running in self._running:
                if running.number == twin and running.delivered is not None:
                    self._execution.situations["batch delivered twice at once"] += 1
                    self.start(None, running.records)
                    break


def _counted(verdict: Verdict, records: int) -> int:
    """How many records of a batch, from the first on, the event source takes for done."""
    match verdict.meaning:
        case Meaning.SUCCESS:
            return records
        case Meaning.PARTIAL:
            return verdict.unfinished_from
        case _:
            return 0
