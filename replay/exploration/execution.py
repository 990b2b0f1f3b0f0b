"""A case carried out: the event source delivers, handlers are stepped call by call, everybody else writes meanwhile.

Two phases. Faults on: the case as it says, until the event source is quiet; then every message is applied, quarantined
or with the failure destination, and the table is what the applied ones say, stated limits aside. Faults off: the index
is up to date, everything is delivered once more; the table must be right without exception, and one delivery more must
change nothing.
"""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any

from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import DEFAULT_SHARD, StreamRecord
from replay.event_source.source import EventSource
from replay.exploration.invocations import Clock, Invocations, Watching
from replay.exploration.judgement import Judgement, Stop
from replay.exploration.message_rows import MessageRows
from replay.exploration.other_writers import OtherWriters
from replay.exploration.outcome import PLAIN, Execution, Manner
from replay.exploration.record_rules import RecordRules
from replay.exploration.story import Storyteller
from replay.rows.said import said_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.checks.store import Store
    from replay.exploration.case import Case
    from replay.exploration.handler import Handler
    from replay.exploration.story import Phase

KEPT_WHEN_CALM = ("FilterCriteria", "FunctionResponseTypes")
"""What the faults' end does not change of a mapping: which records come, and how answers are read."""
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


def execute(case: Case, store: Store, handler: Handler, manner: Manner = PLAIN) -> Execution:
    """Carry a case out on an empty store (or one whose other rows are no concern of the case)."""
    return _History(case, store, handler, manner).run()


class _History:
    """One case under way."""

    def __init__(self, case: Case, store: Store, handler: Handler, manner: Manner) -> None:
        self._case = case
        self._store = store
        self._is_calmed = manner.calmed
        self._execution = Execution()
        clock = Clock()
        self._story = Storyteller(store, clock.read) if manner.tells else None
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
        self._judgement = Judgement(store, case, said, manner, self._execution, self._story)
        messages = MessageRows(store, self._judgement)
        self._others = OtherWriters(case, store, messages, self._judgement, self._execution.situations, self._story)
        watching = Watching(self._execution, self._judgement, self._others, messages, clock, self._story)
        self._work = Invocations(case, self._records, store, handler, watching)
        self._taken = RecordRules(
            case, self._records, said, is_messages=manner.is_messages, handler=handler, store=store
        )

    def run(self) -> Execution:
        try:
            self._begin()
            self._work.ask("always")
            self._faults_on()
            self._judgement.at_quiet(self._work.succeeded)
            if len(self._work.succeeded) == len(self._records):
                self._work.ask("finally")
            if self._is_calmed:
                self._faults_off()
        except Stop:
            pass
        finally:
            self._work.drop()
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
            if looked_at != (self._work.ended, now):  # a source changes with time and with ends: else nothing can start
                looked_at = self._work.ended, now
                while redeliveries and redeliveries[0].after <= self._work.ended:
                    self._redeliver(source, redeliveries.pop(0).sequences)
                source.advance(now)
                for invocation in source.starts(now):
                    self._work.start(invocation)
            if not self._work:
                instant = source.next_at()
                if instant == math.inf:
                    break
                now, looked_at = max(now, instant), (-1, now)
                continue
            self._work.advance(source, now)
        self._execution.situations["discarded"] += len(source.discards) + source.metrics.dropped
        for rule, text in self._taken.at_quiet(source, self._work.succeeded):
            self._judgement.broke(rule, text)

    def _source(self, cuts: Sequence[int], mapping: Mapping[str, Any] | None = None) -> EventSource:
        given = {"StartingPosition": "TRIM_HORIZON", **(self._case.mapping if mapping is None else mapping)}
        source = EventSource(EventSourceMapping.from_api(given), random=Cuts(cuts))
        source.offer(self._records)
        source.finish_offering()
        return source

    def _redeliver(self, source: EventSource, sequences: Sequence[str]) -> None:
        """Bring records of one shard once more: those that came before, since nothing comes again before it came."""
        records = [self._by_sequence[text] for text in sequences if self._work.was_delivered(text)]
        first = [record for record in records if record.shard == records[0].shard]
        if first:
            source.redeliver(first)

    # Phase two.

    def _faults_off(self) -> None:
        self._execution.was_calm = True
        self._others.calm_down()
        self._work.calm_down()
        self._judgement.everything_is_owed()
        writes = self._execution.writes
        self._deliver_calmly("faults off")
        self._judgement.at_calm()
        for rule, text in self._taken.at_calm(self._work.taken):
            self._judgement.broke(rule, text)
        self._work.ask("finally")
        if self._execution.writes == writes:
            return  # that was the redelivery that changes nothing
        writes = self._execution.writes
        self._deliver_calmly("everything once more")
        if self._execution.writes != writes:
            self._judgement.broke("redelivery changes nothing", f"{self._execution.writes - writes} writes")
        self._work.ask("finally")

    def _deliver_calmly(self, phase: Phase) -> None:
        if self._story:
            self._story.phase_began(phase)
        calm = {
            "BatchSize": 100,
            "MaximumRetryAttempts": CALM_RETRIES_MAX,
            "BisectBatchOnFunctionError": True,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            **{name: self._case.mapping[name] for name in KEPT_WHEN_CALM if name in self._case.mapping},
        }
        source = self._source((), calm)
        now = 0.0
        while True:
            source.advance(now)
            for invocation in source.starts(now):
                self._work.start(invocation)
                while self._work:
                    self._work.advance(source, now)
            instant = source.next_at()
            if instant == math.inf:
                return
            now = max(now, instant)
