"""A case carried out: the event source delivers, handlers are stepped call by call, everybody else writes meanwhile.

Two phases. Faults on: the case as it says, until the event source is quiet; then every message is applied, quarantined
or with the failure destination, and the table is what the applied ones say, stated limits aside. Faults off: the index
is up to date, everything is delivered once more; the table must be right without exception, and one delivery more must
change nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from replay.checks.oracle import Finding, Oracle
from replay.checks.reading import value_of
from replay.checks.said import said_by
from replay.event_source.answers import Meaning
from replay.event_source.errors import ContractError
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import DEFAULT_SHARD, StreamRecord
from replay.event_source.source import EventSource
from replay.exploration.situations import seen_at_quiet
from replay.exploration.story import Storyteller
from replay.exploration.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.checks.reading import Item, Value
    from replay.checks.world import Store
    from replay.event_source.invocations import Invocation
    from replay.exploration.case import Case, FaultKind, Write
    from replay.exploration.handler import Handler, Stepped
    from replay.exploration.invariants import Moment, Watch
    from replay.exploration.story import Event, Phase

STEPS_MAX = 5_000
"""Calls of one case; a handler that needs more is never quiet."""
CALM_RETRIES_MAX = 3
"""Deliveries that each batch gets once the faults are off."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that must hold and does not: `rule` is the invariant's name, `text` the evidence."""

    rule: str
    text: str
    finding: Finding | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


@dataclass(slots=True)
class Execution:
    """What came of a case."""

    broken: list[Broken] = field(default_factory=list)
    was_calm: bool = False
    """Whether the phase without faults had begun."""
    story: list[Event] = field(default_factory=list)
    situations: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    writes: int = 0
    limited: int = 0
    """Findings of the first phase that a stated limit explains."""

    @property
    def rules(self) -> frozenset[str]:
        """The names of what is broken."""
        return frozenset(each.rule for each in self.broken)


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


class _Stop(Exception):
    """Something is broken: the rest of the history would only repeat it."""


RULES = (
    "a list never moves back",
    "a member always has a row",
    "ahead",
    "altered",
    "answers are lawful",
    "behind",
    "doubled",
    "healthy records are not given up",
    "message-touched",
    "missing",
    "quiet is reached",
    "redelivery changes nothing",
)
"""Every rule by name: invariants of every moment and of quiet, and the oracle's kinds of findings."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a case is carried out: `tells` keeps the story, `ignored` rules may be broken, `calmed` goes on to phase two.

    `watch` looks at the table with rules of its own. Without a story everything is much faster.
    """

    tells: bool = False
    ignored: frozenset[str] = frozenset()
    calmed: bool = True
    watch: Watch | None = None


PLAIN = Manner()


def execute(case: Case, store: Store, handler: Handler, manner: Manner = PLAIN) -> Execution:
    """Carry a case out on an empty store (or one whose other rows are no concern of the case)."""
    return _History(case, store, handler, manner).run()


class _History:
    """One case under way."""

    def __init__(self, case: Case, store: Store, handler: Handler, manner: Manner) -> None:
        self._case = case
        self._store = store
        self._handler = handler
        self._ignored = manner.ignored
        self._is_calmed = manner.calmed
        self._watch = manner.watch
        self._delivered: dict[str, int] = {}
        """The size of the largest batch in which each record came."""
        self._execution = Execution()
        self._oracle = Oracle()
        self._unseen = Unseen(store)
        self._greatest: dict[tuple[str, str], Value] = {}
        self._groups_of: dict[str, set[str]] = {}
        self._step = 0
        self._now = 0.0
        self._story = Storyteller(store, lambda: (self._step, self._now)) if manner.tells else None
        self._started = 0
        self._ended = 0
        self._running: list[_Running] = []
        self._current = 0
        self._lags = {(lag.group, lag.change): lag.steps for lag in case.lags}
        self._changes: Counter[str] = Counter()
        self._shows: list[tuple[int, tuple[str, str]]] = []
        self._put: set[tuple[str, ...]] = set()
        self._faults = {(fault.invocation, fault.call): fault.kind for fault in case.faults}
        self._writes = sorted(case.writes, key=lambda write: write.at)
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
        self._said = {record.text: said_by(record.wire, 0) for record in self._records}

    def run(self) -> Execution:
        try:
            self._begin()
            self._ask("always")
            self._faults_on()
            self._judge_at_quiet()
            if self._is_calmed:
                self._faults_off()
        except _Stop:
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
            self._oracle.row_put(item)
            group, partition_key = item.get("message_group_uuid", {}).get("S"), item["pk"]["S"]
            if group and partition_key.startswith("GRP#"):
                member, value = partition_key[4:], value_of(item)
                before = self._greatest.get((group, member))
                self._greatest[group, member] = value if before is None else max(value, before)
                self._groups_of.setdefault(member, set()).add(group)
        if self._lags:
            self._store.hold_index()

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
        for record in self._records:
            if record.text not in self._succeeded and self._said[record.text] is not None:
                self._break("healthy records are not given up", f"record {record.text} was discarded")

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
            self._oracle.row_put(image)

    def _advance_one(self, source: EventSource | None, now: float) -> None:
        """Let one call of one running invocation happen; end it where that was its last."""
        self._now = now
        self._others()
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
            self._break("quiet is reached", f"more than {STEPS_MAX} calls")
        if call.kind == "index":
            told = [(self._said[record.text], record) for record in running.records]
            self._unseen.note(running.number, told, self._members)
            execution.situations["index behind when asked"] += bool(self._lags and self._store.waiting())
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
            self._schedule_shows()
            self._check_members(call.touches)
        if call.kind in {"write", "other"}:
            self._ask("always")

    def _end(self, running: _Running, source: EventSource | None, now: float) -> None:
        self._running.remove(running)
        self._unseen.ended(running.number)
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
            self._break("answers are lawful", str(error))
            raise _Stop from error
        if verdict.meaning is Meaning.REFUSED:
            self._break("answers are lawful", f"the answer names no record of the batch: {result}")
        if verdict.meaning in {Meaning.SUCCESS, Meaning.PARTIAL}:
            done = len(running.records) if verdict.meaning is Meaning.SUCCESS else verdict.unfinished_from
            self._succeeded.update(record.text for record in running.records[:done])
        situations = self._execution.situations
        situations[f"answer {verdict.meaning.name.lower()}"] += 1
        if verdict.meaning is Meaning.ERROR and len(running.records) == 1:
            situations["failure of a single record"] += 1

    # Everybody else.

    def _others(self) -> None:
        while self._writes and self._writes[0].at <= self._step:
            self._write(self._writes.pop(0))
        due = [each for each in self._shows if each[0] <= self._step]
        for each in due:
            self._shows.remove(each)
            if each[1] in self._store.waiting():
                self._store.show(each[1])
                if self._story:
                    self._story.index_shown(each[1])
        twin = self._twins.pop(self._step, None)
        if twin is not None:
            for running in self._running:
                if running.number == twin and running.delivered is not None:
                    self._execution.situations["batch delivered twice at once"] += 1
                    self._start(None, running.records)
                    break

    def _schedule_shows(self) -> None:
        """Give every index change that is not scheduled yet its delay."""
        if not self._case.lags:
            return
        scheduled = Counter(address for _, address in self._shows)
        for address, count in self._store.waiting_changes():
            for _ in range(count - scheduled[address]):
                delay = self._delay(address)
                self._execution.situations["index entry late"] += delay != 0
                if delay == 0 and scheduled[address] == 0 and count == 1:
                    self._store.show(address)
                elif delay >= 0:
                    self._shows.append((self._step + delay, address))

    def _delay(self, address: tuple[str, str]) -> int:
        """How many steps the next index change of this row's group is late."""
        group = self._store.group_of(address)
        self._changes[group] += 1
        return self._lags.get((group, self._changes[group] - 1), 0)

    def _write(self, write: Write) -> None:
        rows = self._rows(write.group, write.member)
        if not rows or (write.group, write.member) not in self._greatest:
            return
        if self._story:
            self._story.about_to_write(rows)
        if write.kind == "set":
            survivor: Item = max(rows, key=_order)
            value = {"N": write.value}
            self._store.put({**survivor, write.name: value})
            self._oracle.attribute_set(write.group, write.member, write.name, value)
            self._execution.situations["another owner's update"] += 1
        else:
            for item in rows:
                self._store.delete((item["pk"]["S"], item["sk"]["S"]))
            self._oracle.member_left(write.group, write.member)
            del self._greatest[write.group, write.member]
            self._execution.situations["member left"] += 1
            self._unseen.member_left(self._members)
        self._schedule_shows()
        if self._story:
            self._story.wrote(write)

    # What must hold.

    def _ask(self, moment: Moment) -> None:
        """Hold the table to rules from outside."""
        if self._watch is None:
            return
        delivered = [record.wire for record in self._records if record.text in self._delivered]
        for rule, text in self._watch.broken(moment, self._store, delivered):
            self._break(rule, text)

    def _check_members(self, touches: Sequence[tuple[str, str]]) -> None:
        """At every moment each member has a row, and the greatest of a reader's rows never moves back."""
        for member in {address[0][4:] for address in touches if address[0].startswith("GRP#")}:
            for group in self._groups_of.get(member, ()):
                before = self._greatest.get((group, member))
                if before is None:
                    continue
                rows = self._rows(group, member)
                if not rows:
                    self._break("a member always has a row", f"{member} has none of {group}")
                    continue
                now = max(value_of(item) for item in rows)
                if now < before:
                    shown = f"{before[1].isoformat()} {before[2]!r} to {now[1].isoformat()} {now[2]!r}"
                    self._break("a list never moves back", f"{member}'s row of {group} went from {shown}")
                self._greatest[group, member] = now

    def _judge_at_quiet(self) -> None:
        """Compare with what was applied: a discarded record may have been applied or not."""
        for text, said in self._said.items():
            if said is not None:
                self._oracle.said(said if text in self._succeeded else replace(said, delivery=-1))
        rows = list(self._store.scan())
        self._execution.situations.update(seen_at_quiet(rows, self._said.values()))
        findings = self._oracle.judge(rows)
        limited = [finding for finding in findings if self._unseen.explains(finding, self._oracle)]
        self._execution.limited = len(limited)
        if limited:
            self._execution.situations["stated limit"] += 1
        self._break_on([finding for finding in findings if finding not in limited], "with faults")
        if len(self._succeeded) == len(self._records):
            self._ask("finally")

    def _faults_off(self) -> None:
        self._execution.was_calm = True
        self._store.release_index()
        self._faults, self._turns, self._twins, self._shows = {}, {}, {}, []
        self._lags = {}
        for said in self._said.values():
            if said is not None:
                self._oracle.said(said)
        writes = self._execution.writes
        self._deliver_calmly("faults off")
        self._break_on(self._oracle.judge(self._store.scan()), "after everything was delivered again without faults")
        self._ask("finally")
        if self._execution.writes == writes:
            return  # that was the redelivery that changes nothing
        writes = self._execution.writes
        self._deliver_calmly("everything once more")
        if self._execution.writes != writes:
            self._break("redelivery changes nothing", f"{self._execution.writes - writes} writes")
        self._ask("finally")

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

    def _break_on(self, findings: Sequence[Finding], when: str) -> None:
        counted = [finding for finding in findings if finding.kind not in self._ignored]
        for finding in counted:
            due, found = finding.expected or "no row", finding.found or "no row"
            text = f"{finding.member or ''} in {finding.group}: expected {due}, found {found}, {when}"
            self._broken(Broken(finding.kind, text.strip(), finding))
        if counted:
            raise _Stop

    def _break(self, rule: str, text: str) -> None:
        if rule not in self._ignored:
            self._broken(Broken(rule, text))
            raise _Stop

    def _members(self, group: str) -> list[str]:
        return [member for of, member in self._greatest if of == group]

    def _rows(self, group: str, member: str) -> list[Item]:
        return [
            item
            for item in self._store.partition(f"GRP#{member}")
            if item.get("message_group_uuid", {}).get("S") == group
        ]

    def _broken(self, broken: Broken) -> None:
        self._execution.broken.append(broken)
        if self._story:
            self._story.broke(broken.rule, broken.text)


def _order(item: Item) -> tuple[Value, str]:
    return value_of(item), item["sk"]["S"]
