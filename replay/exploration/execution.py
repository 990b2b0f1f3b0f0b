"""A case carried out: the event source delivers, handlers are stepped call by call, everybody else writes meanwhile.

Two phases. Faults on: the case as it says, until the event source is quiet; then every message is applied, quarantined
or with the failure destination, and the table is what the applied ones say, stated limits aside. Faults off: the index
is up to date, everything is delivered once more; the table must be right without exception, and one delivery more must
change nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from replay.checks.said import is_unreadable, said_by
from replay.event_source.answers import Meaning
from replay.event_source.errors import ContractError
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import DEFAULT_SHARD, StreamRecord
from replay.event_source.source import EventSource
from replay.exploration.judgement import Judgement, Stop
from replay.exploration.others import Others
from replay.exploration.outcome import PLAIN, Execution, Manner
from replay.exploration.story import Storyteller

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.checks.store import Store
    from replay.event_source.invocations import Invocation
    from replay.exploration.case import Case, FaultKind
    from replay.exploration.handler import Handler, Stepped
    from replay.exploration.invariants import Moment
    from replay.exploration.story import Phase

STEPS_MAX = 5_000
"""Calls of one case; a handler that needs more is never quiet."""
CALM_RETRIES_MAX = 3
"""Deliveries that each batch gets once the faults are off."""


class Cuts(Random):
    """Cuts batches to given sizes, then as full as they can be."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__(0)
        self._sizes = list(sizes)

    def randint(self, a: int, b: int) -> int:
        """Take the next size, within the bounds."""
        return max(a, min(b, self._sizes.pop(0))) if self._sizes else b

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002 - the whole pause, always
        """Take the upper bound: pauses have no influence on a case."""
        return b


@dataclass(slots=True)
class _Running:
    """One invocation at work; `delivered` is nothing for a twin, whose end nobody waits for."""

    number: int
    records: tuple[StreamRecord, ...]
    delivered: Invocation | None
    stepped: Stepped
    calls: int = 0


def execute(case: Case, store: Store, handler: Handler, manner: Manner = PLAIN) -> Execution:
    """Carry a case out on an empty store (or one whose other rows are no concern of the case)."""
    return _History(case, store, handler, manner).run()


class _History:
    """One case under way."""

    def __init__(self, case: Case, store: Store, handler: Handler, manner: Manner) -> None:
        self._case = case
        self._store = store
        self._handler = handler
        self._is_calmed = manner.calmed
        self._delivered: dict[str, int] = {}
        """The size of the largest batch in which each record came."""
        self._execution = Execution()
        self._step = 0
        self._now = 0.0
        self._story = Storyteller(store, lambda: (self._step, self._now)) if manner.tells else None
        self._started = 0
        self._ended = 0
        self._running: list[_Running] = []
        self._current = 0
        self._put: set[tuple[str, ...]] = set()
        self._faults = {(fault.invocation, fault.call): fault.kind for fault in case.faults}
        self._twins = {twin.at: twin.invocation for twin in case.twins}
        self._turns = {turn.at: turn.which for turn in case.turns}
        self._succeeded: set[str] = set()
        self._records = [
            StreamRecord.of(
                {name: part for name, part in record.items() if name != "shardId"},  # type: ignore[arg-type] # wire
                shard=record.get("shardId", DEFAULT_SHARD),
                created_at_s=0,
            )
            for record in case.records
        ]
        self._by_sequence = {record.text: record for record in self._records}
        said = {record.text: said_by(record.wire, 0) for record in self._records}
        self._messages = [text for text, each in said.items() if each is not None]
        self._judgement = Judgement(store, said, manner, self._execution, self._story)
        self._others = Others(case, store, self._judgement, self._execution.situations, self._story)

    def run(self) -> Execution:
        try:
            self._begin()
            self._ask("always")
            self._faults_on()
            self._judgement.at_quiet(self._succeeded)
            if len(self._succeeded) == len(self._records):
                self._ask("finally")
            if self._is_calmed:
                self._faults_off()
        except Stop:
            pass
        finally:
            for running in self._running:
                running.stepped.drop()
        if self._story:
            self._execution.story = self._story.events
        return self._execution

    # Phase one.

    def _begin(self) -> None:
        for item in self._case.rows:
            self._store.put(item)
            self._judgement.began_with(item)
        self._others.begin()

    def _faults_on(self) -> None:
        source = self._source(self._case.cuts)
        redeliveries = sorted(self._case.redeliveries, key=lambda each: each.after)
        now = 0.0
        if self._story:
            self._story.phase_began("faults on")
        looked_at = -1, now
        while True:
            if looked_at != (self._ended, now):  # else nothing can start: the source changes with time and with ends
                looked_at = self._ended, now
                while redeliveries and redeliveries[0].after <= self._ended:
                    self._redeliver(source, redeliveries.pop(0).sequences)
                source.advance(now)
                for invocation in source.starts(now):
                    self._start(invocation)
            if not self._running:
                instant = source.next_at()
                if instant == math.inf:
                    break
                now, looked_at = max(now, instant), (-1, now)
                continue
            self._advance_one(source, now)
        while self._running:
            self._advance_one(source, now)
        self._execution.situations["discarded"] += len(source.discards) + source.metrics.dropped
        self._given_up(source)

    def _given_up(self, source: EventSource) -> None:
        """Without faults of others, only what can never be applied may end anywhere but in the table."""
        if self._case.faults or source.metrics.dropped + len(source.discards) == 0:
            return
        for text in self._messages:
            if text not in self._succeeded:
                self._judgement.broke("healthy records are not given up", f"record {text} was discarded")

    def _source(self, cuts: Sequence[int], mapping: Mapping[str, Any] | None = None) -> EventSource:
        given = {"StartingPosition": "TRIM_HORIZON", **(self._case.mapping if mapping is None else mapping)}
        source = EventSource(EventSourceMapping.from_api(given), random=Cuts(cuts))
        source.offer(self._records)
        source.finish_offering()
        return source

    def _redeliver(self, source: EventSource, sequences: Sequence[str]) -> None:
        records = [self._by_sequence[text] for text in sequences if text in self._by_sequence]
        first = [record for record in records if record.shard == records[0].shard]
        if first:
            source.redeliver(first)

    def _start(self, delivered: Invocation | None, records: tuple[StreamRecord, ...] = ()) -> None:
        records = delivered.records if delivered else records
        self._started += 1
        self._now = delivered.at_s if delivered else self._now
        if len(records) == 1 and self._delivered.get(records[0].text, 1) > 1 and delivered and delivered.lane:
            self._execution.situations["batch cut down to one record"] += 1
        for record in records:
            self._delivered[record.text] = max(len(records), self._delivered.get(record.text, 0))
        for record in records:
            self._put_message(record)
            if record.text in self._succeeded:
                self._execution.situations["redelivery after success"] += 1
        event = {"Records": [record.wire for record in records]}
        request_id = f"{self._started:08d}"
        stepped = self._handler.start(event, request_id)
        self._running.append(_Running(self._started, records, delivered, stepped))
        if self._story:
            self._story.delivered(self._started, records, delivered)
        if len(self._running) > 1:
            self._execution.situations["invocations at the same time"] += 1

    def _put_message(self, record: StreamRecord) -> None:
        """Put the message's row, as the application did before the stream could tell of it."""
        image = record.wire["dynamodb"].get("NewImage")
        if not isinstance(image, dict):
            return
        try:
            address = image["pk"]["S"], image["sk"]["S"]
        except (KeyError, TypeError):
            return
        written = (*address, record.text) if record.wire.get("eventName") == "MODIFY" else address
        if written not in self._put and all(isinstance(part, str) and part for part in address):
            self._put.add(written)
            self._store.put(image)
            self._judgement.row_put(image)

    def _advance_one(self, source: EventSource | None, now: float) -> None:
        """Let one call of one running invocation happen; end it where that was its last."""
        self._now = now
        self._others.act(self._step)
        self._deliver_twin()
        running = self._pick()
        call = running.stepped.call
        if call is not None:
            running.calls += 1
            fault = self._faults.get((running.number, running.calls))
            self._call(running, fault)
        if running.stepped.call is None:
            self._end(running, source, now)

    def _pick(self) -> _Running:
        if self._step in self._turns:
            self._current = self._turns[self._step]
        return self._running[self._current % len(self._running)]

    def _call(self, running: _Running, fault: FaultKind | None) -> None:
        call = running.stepped.call
        assert call is not None  # noqa: S101 - asked before
        execution = self._execution
        self._step += 1
        execution.calls += 1
        if self._step > STEPS_MAX:
            self._judgement.broke("quiet is reached", f"more than {STEPS_MAX} calls")
        if call.kind == "index":
            self._judgement.index_asked(running.number, running.records)
            execution.situations["index behind when asked"] += self._others.index_is_behind
        if self._story:
            self._story.about_to_call(call)
        how = running.stepped.go(fault)
        if self._story:
            self._story.called(running.number, running.calls, call, fault, how)
        if fault is not None:
            execution.situations[fault] += 1
            if fault in {"crash-after", "timeout-after", "lost-answer"} and call.kind == "write":
                execution.situations["effect without an answer"] += 1
        elif how == "ConditionFailed":
            execution.situations["a condition failed"] += 1
        if call.kind == "write":
            execution.writes += how == "done"
            self._others.look_at_changes(self._step)
            self._judgement.look_at_members(call.touches)
        if call.kind in {"write", "other"}:
            self._ask("always")

    def _end(self, running: _Running, source: EventSource | None, now: float) -> None:
        self._running.remove(running)
        self._judgement.invocation_ended(running.number)
        self._ended += 1
        result = running.stepped.result
        assert result is not None  # noqa: S101 - ended
        verdict = source.judge(running.delivered, result) if running.delivered and source else None
        if self._story:
            self._story.ended(running.number, result, [record.text for record in running.records], verdict)
        if running.delivered is None or source is None or verdict is None:
            return
        try:
            source.finish(running.delivered, verdict, now)
        except ContractError as error:
            self._judgement.broke("answers are lawful", str(error))
            raise Stop from error
        if verdict.meaning is Meaning.REFUSED:
            self._judgement.broke("answers are lawful", f"the answer names no record of the batch: {result}")
        if verdict.meaning in {Meaning.SUCCESS, Meaning.PARTIAL}:
            done = len(running.records) if verdict.meaning is Meaning.SUCCESS else verdict.unfinished_from
            self._succeeded.update(record.text for record in running.records[:done])
        situations = self._execution.situations
        situations[f"answer {verdict.meaning.name.lower()}"] += 1
        if verdict.meaning is Meaning.ERROR and len(running.records) == 1:
            situations["failure of a single record"] += 1

    def _deliver_twin(self) -> None:
        """Deliver a running invocation's records a second time beside it, if it is time for that."""
        twin = self._twins.pop(self._step, None)
        if twin is not None:
            for running in self._running:
                if running.number == twin and running.delivered is not None:
                    self._execution.situations["batch delivered twice at once"] += 1
                    self._start(None, running.records)
                    break

    def _ask(self, moment: Moment) -> None:
        self._judgement.ask(moment, (record for record in self._records if record.text in self._delivered))

    # Phase two.

    def _faults_off(self) -> None:
        self._execution.was_calm = True
        self._others.calm_down()
        self._faults, self._turns, self._twins = {}, {}, {}
        self._judgement.everything_is_owed()
        writes = self._execution.writes
        self._deliver_calmly("faults off")
        self._judgement.at_calm()
        self._nothing_is_swallowed()
        self._ask("finally")
        if self._execution.writes == writes:
            return  # that was the redelivery that changes nothing
        writes = self._execution.writes
        self._deliver_calmly("everything once more")
        if self._execution.writes != writes:
            self._judgement.broke("redelivery changes nothing", f"{self._execution.writes - writes} writes")
        self._ask("finally")

    def _nothing_is_swallowed(self) -> None:
        """What nobody can read is set aside, where the handler lets that be known."""
        set_aside = self._handler.quarantined()
        if set_aside is None:
            return
        for record in self._records:
            if is_unreadable(record.wire) and record.text not in set_aside:
                self._judgement.broke("what nobody can read is set aside", f"record {record.text} went by unseen")

    def _deliver_calmly(self, phase: Phase) -> None:
        if self._story:
            self._story.phase_began(phase)
        calm = {
            "BatchSize": 100,
            "MaximumRetryAttempts": CALM_RETRIES_MAX,
            "BisectBatchOnFunctionError": True,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        source = self._source((), calm)
        now = 0.0
        while True:
            source.advance(now)
            for invocation in source.starts(now):
                self._start(invocation)
                while self._running:
                    self._advance_one(source, now)
            instant = source.next_at()
            if instant == math.inf:
                return
            now = max(now, instant)
