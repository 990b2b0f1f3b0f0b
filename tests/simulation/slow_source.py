"""The event source a second time: slow, obvious, and written apart from the first.

Every record has a state, every lane a list of parts; at each instant everything is looked at again. No deques, no
bounds, no shortcuts. It shares the reading of cases and the filters with the tested one, nothing of the delivery.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from replay.event_source.answers import Raised, Returned, Throttled, TimedOut, Unserialisable
from replay.event_source.mapping import EventSourceMapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.event_source.cases import Case
    from replay.event_source.records import StreamRecord

DAY = 86_400
GONE_AFTER = 1e-6
NAMES = (
    "PolledEventCount",
    "FilteredOutEventCount",
    "InvokedEventCount",
    "FailedInvokeEventCount",
    "DroppedEventCount",
    "OnFailureDestinationDeliveredEventCount",
    "DestinationDeliveryFailures",
)


class RunStops(Exception):
    """The run cannot go on."""


@dataclass(eq=False)
class Part:
    records: list[StreamRecord]
    due: float
    attempts: int = 0
    invokes: int = 0
    pauses: int = 0
    error: str | None = None
    final: bool = False


@dataclass(eq=False)
class Call:
    number: int
    shard: str
    lane: Lane | None
    part: Part | None
    records: list[StreamRecord]
    ends: float
    verdict: tuple[str, int, Any]
    ignored: bool = False


@dataclass(eq=False)
class Lane:
    shard: str
    number: int
    opened: float = 0.0
    parts: list[Part] = field(default_factory=list)
    call: Call | None = None
    failing: bool = False
    final_failed: bool = False
    held: dict[str, Any] | None = None
    window: int | None = None
    state: Any = None
    last_batch: list[StreamRecord] = field(default_factory=list)
    early: bool = False


class SlowSource:
    """Runs one case."""

    def __init__(self, case: Case) -> None:
        assert isinstance(case.mapping, EventSourceMapping)
        self.case, self.m, self.q = case, case.mapping, case.switches
        self.shards = dict(case.stream.shards)
        self.records = {name: [r for r in case.stream.records if r.shard == name] for name in self.shards}
        self.state: dict[int, str] = {}
        self.polled: set[int] = set()
        self.had: set[int] = set()
        self.checkpoint: dict[str, int] = dict.fromkeys(self.shards, -1)
        self.opened: dict[str, bool] = dict.fromkeys(self.shards, False)
        self.blocked: set[str] = set()
        self.resuming: set[str] = set()
        self.lanes = {name: self.new_lanes(name) for name in self.shards}
        self.redeliveries: dict[str, list[tuple[StreamRecord, ...]]] = {name: [] for name in self.shards}
        self.extra: dict[str, Call | None] = dict.fromkeys(self.shards)
        self.calls: list[Call] = []
        self.enabled = self.m.enabled
        self.skip_to = 0.0 if self.m.starting_position == "LATEST" else -math.inf
        self.metrics = dict.fromkeys(NAMES, 0)
        self.invocations: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.rules: list[list[Any]] = [[rule, rule.times] for rule in case.rules]
        self.actions = list(case.actions)
        self.doomed: Call | None = None
        self.error: str | None = None

    def new_lanes(self, name: str) -> list[Lane]:
        return [Lane(name, number) for number in range(self.m.lanes)]

    # The clock.

    def run(self) -> dict[str, Any]:
        try:
            self.go()
        except RunStops as stop:
            self.error = str(stop)
            for name, lanes in self.lanes.items():
                for lane in lanes:
                    self.send(lane, 0)
                self.move_checkpoint(name)
        else:
            for name in self.shards:
                known = [r for r in self.records[name] if not self.skipped(r)]
                if known:
                    self.checkpoint[name] = max(r.sequence for r in known)
        texts = {r.sequence: r.text for rs in self.records.values() for r in rs}
        return {
            "invocations": self.invocations,
            "destination": self.messages,
            "checkpoint": {name: texts.get(at) for name, at in self.checkpoint.items()},
            "metrics": self.metrics,
            "error": self.error,
        }

    def go(self) -> None:
        """From instant to instant, until nothing is left that could happen."""
        now = 0.0
        while True:
            self.end_calls(now)
            if self.act(now) == "over":
                return
            changed = False
            while self.read(now):
                changed = True
            if self.doomed is None:
                changed |= self.start(now)
            if not changed and not any(call.ends <= now for call in self.calls):
                later = [at for at in self.times() if at > now]
                if not later:
                    return
                now = min(later)

    def times(self) -> list[float]:
        """Every instant at which something could happen."""
        found = [call.ends for call in self.calls] + [action.at_s for action in self.actions]
        if not self.enabled:
            return found
        for name in self.shards:
            found += [r.available_at_s for r in self.records[name] if r.sequence not in self.state]
            if name in self.blocked:
                found.append(self.records[name][-1].created_at_s + DAY + GONE_AFTER)
            for lane in self.lanes[name]:
                found += [part.due for part in lane.parts[-1:] if not lane.call]
                if lane.window is not None:
                    found.append((lane.window + 1) * self.m.tumbling_window_s)
                if self.m.window_s and self.waiting(lane):
                    since = max(self.waiting(lane)[0].available_at_s, lane.opened)
                    found.append(self.window_end(lane, since))
                if not lane.parts:
                    found += [r.created_at_s + DAY + GONE_AFTER for r in self.waiting(lane)]
        return found

    def window_end(self, lane: Lane, since: float) -> float:
        end = lane.opened + self.m.window_s
        while end < since:
            end += self.m.window_s
        return round(end, 6)

    # Reading.

    def skipped(self, record: StreamRecord) -> bool:
        return record.available_at_s <= self.skip_to

    def finished(self, name: str) -> bool:
        """Everything of a shard is done, and no tumbling window is open."""
        if not self.opened[name]:
            return False
        done = all(self.skipped(r) or self.state.get(r.sequence) in ("done", "out") for r in self.records[name])
        return done and all(not lane.parts and lane.window is None for lane in self.lanes[name])

    def read(self, now: float) -> bool:  # noqa: C901, PLR0912 - one story, told in one piece
        if not self.enabled:
            return False
        changed = False
        for name, parent in self.shards.items():
            if not self.opened[name] and (parent not in self.shards or self.finished(parent)):
                self.opened[name] = changed = True
                for lane in self.lanes[name]:
                    lane.opened = now
        for name in self.shards:
            all_gone = all(now > r.created_at_s + DAY for r in self.records[name])
            if name in self.blocked and all_gone and not self.finished(name):
                changed = True
                self.finish([r for r in self.records[name] if not self.skipped(r)])
                self.lanes[name] = self.new_lanes(name)
            if not self.opened[name] or name in self.resuming:
                continue
            for record in self.records[name]:
                if record.sequence in self.state or record.available_at_s > now or self.skipped(record):
                    continue
                changed = True
                if self.q.retention_message == "none" and now - record.created_at_s > DAY:
                    self.state[record.sequence] = "waiting"
                    self.finish([record])
                    continue
                if record.sequence not in self.polled:
                    self.polled.add(record.sequence)
                    self.metrics["PolledEventCount"] += 1
                if self.m.filters.passes(record.wire):
                    self.state[record.sequence] = "waiting"
                else:
                    self.state[record.sequence] = "out"
                    self.metrics["FilteredOutEventCount"] += 1
                    if self.q.filtered_checkpoint == "immediate":
                        self.move_checkpoint(name)
        return changed

    def lane_of(self, record: StreamRecord) -> int:
        if self.m.lanes == 1:
            return 0
        keys: Any = record.wire["dynamodb"]["Keys"]
        if self.q.lane_key == "partition":
            keys = keys[self.case.partition_key]
        text = json.dumps(keys, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return int(hashlib.sha256(text.encode()).hexdigest(), 16) % self.m.lanes

    def comes(self, record: StreamRecord, lane: Lane) -> bool:
        """Say whether a record that is not read yet will be one of this lane."""
        gone = self.q.retention_message == "none" and record.available_at_s - record.created_at_s > DAY
        own = self.lane_of(record) == lane.number and self.m.filters.passes(record.wire)
        return own and not gone and not self.skipped(record)

    def waiting(self, lane: Lane) -> list[StreamRecord]:
        outstanding = {r.sequence for part in lane.parts for r in part.records}
        return [
            r
            for r in self.records[lane.shard]
            if self.state.get(r.sequence) == "waiting"
            and r.sequence not in outstanding
            and self.lane_of(r) == lane.number
        ]

    def finish(self, records: Sequence[StreamRecord]) -> None:
        for record in records:
            self.state[record.sequence] = "done"
        if records:
            self.move_checkpoint(records[0].shard)

    def move_checkpoint(self, name: str) -> None:
        for record in self.records[name]:
            if self.skipped(record):
                continue
            if self.state.get(record.sequence) not in ("done", "out"):
                return
            self.checkpoint[name] = max(self.checkpoint[name], record.sequence)

    # Starting.

    def start(self, now: float) -> bool:  # noqa: C901 - one story
        if not self.enabled:
            return False
        started = False
        for name in self.shards:
            if not self.opened[name] or self.extra[name] or name in self.resuming or name in self.blocked:
                continue
            idle = all(lane.call is None for lane in self.lanes[name])
            if self.redeliveries[name] and idle:
                batch = list(self.redeliveries[name].pop(0))
                self.extra[name] = self.call(name, None, None, batch, now)
                started = True
                if self.doomed:
                    return True
                continue
            for lane in sorted(self.lanes[name], key=self.lowest):
                others = [other for other in self.lanes[name] if other is not lane]
                fail = self.q.other_lanes == "stop" and any(other.failing for other in others) and not lane.failing
                wait = any(other.final_failed for other in others) and not lane.final_failed
                if lane.call or fail or wait:
                    continue
                before = len(self.messages), dict(self.state), dict(self.metrics)
                part = self.next_part(lane, now)
                started |= before != (len(self.messages), dict(self.state), dict(self.metrics))
                if name in self.blocked:
                    break
                if part:
                    started = True
                    lane.call = self.call(name, lane, part, part.records, now)
                    if self.doomed:
                        return True
        return started

    def lowest(self, lane: Lane) -> float:
        if lane.parts and lane.parts[-1].records:
            return lane.parts[-1].records[0].sequence
        waiting = self.waiting(lane)
        return waiting[0].sequence if waiting else math.inf

    def next_part(self, lane: Lane, now: float) -> Part | None:
        while lane.shard not in self.blocked:
            if not lane.parts:
                self.form(lane, now)
            if not lane.parts or lane.parts[-1].due > now:
                return None
            part = lane.parts[-1]
            if part.final:
                return part
            self.expire(lane, part, now)
            if part.records:
                return part
            lane.parts.pop()
            self.after(lane, now)
        return None

    def form(self, lane: Lane, now: float) -> None:  # noqa: C901, PLR0912 - one story
        if self.q.retention_message == "none":
            for record in self.waiting(lane):
                if now - record.created_at_s > DAY:
                    self.finish([record])
        waiting = self.waiting(lane)
        width = self.m.tumbling_window_s
        if lane.window is not None:
            coming = [r for r in self.records[lane.shard] if r.sequence not in self.state and self.comes(r, lane)]
            if waiting:
                closes = waiting[0].created_at_s // width != lane.window
            else:
                closes = now >= (lane.window + 1) * width and all(r.created_at_s // width > lane.window for r in coming)
            if closes or lane.early:
                last = lane.last_batch if self.q.final_records == "last-batch" else []
                lane.parts = [Part(last, now, final=True)]
                return
        if not waiting:
            return
        batch = waiting
        if width:
            batch = [r for r in waiting if r.created_at_s // width == waiting[0].created_at_s // width]
        full = len(batch) >= self.m.batch_size or len(batch) < len(waiting)
        if self.m.window_s and not full:
            since = max(waiting[0].available_at_s, lane.opened)
            if now < self.window_end(lane, since):
                return
        batch = batch[: self.m.batch_size]
        if width:
            if lane.window is None:
                lane.window, lane.state, lane.early = batch[0].created_at_s // width, {}, False
            lane.last_batch = batch
        lane.parts = [Part(batch, now)]

    def expire(self, lane: Lane, part: Part, now: float) -> None:
        limit = self.m.record_age_max_s
        gone = [r for r in part.records if now - r.created_at_s > DAY]
        old = [r for r in part.records if limit != -1 and now - r.created_at_s > limit]
        if self.q.retention_message == "age":
            old = max(old, gone, key=len)
        else:
            part.records = part.records[len(gone) :]
            self.finish(gone)
            old = old[len(gone) :]
        if old:
            part.records = part.records[len(old) :]
            self.discard(lane, old, part, "RecordAgeExceeded", now)

    def call(
        self, name: str, lane: Lane | None, part: Part | None, records: list[StreamRecord], now: float
    ) -> Call | None:
        texts = [r.text for r in records]
        result: Any = Returned(None)
        for entry in self.rules:
            rule, times = entry
            if times > 0 and rule.holds(texts):
                entry[1] = times - 1
                result = rule.result
                break
        self.metrics["InvokedEventCount"] += len(records)
        verdict = self.judge(result, texts)
        number = len(self.invocations) + len(self.calls) + 1
        call = Call(number, name, lane, part, records, round(now + result.takes_s, 6), verdict)
        if verdict[0] != "throttled":
            self.had.update(r.sequence for r in records)
            seen: dict[str, Any] = {"sequences": texts, "shard": name, "at_s": now, "outcome": outcome(verdict[0])}
            if lane and lane.window is not None and part:
                seen["state"] = lane.state
                seen["final"] = part.final
                seen["early"] = part.final and lane.early
            elif self.m.tumbling_window_s:
                seen |= {"state": {}, "final": False, "early": False}
            self.invocations.append(seen)
        self.calls.append(call)
        if verdict[0] == "unreadable":
            self.doomed = call
        return call

    # Results.

    def judge(self, result: Any, texts: list[str]) -> tuple[str, int, Any]:  # noqa: ANN401, C901, PLR0911, PLR0912 - one table, row by row
        if isinstance(result, Throttled):
            return "throttled", 0, None
        if isinstance(result, Raised | TimedOut | Unserialisable):
            return "error", 0, None
        answer, state = result.value, None
        if self.m.tumbling_window_s:
            if not isinstance(answer, dict) or "state" not in answer:
                return "refused", 0, None
            state = answer["state"]
            answer = {key: value for key, value in answer.items() if key != "state"}
        if not self.m.partial_responses:
            return "success", 0, state
        if answer is None or (isinstance(answer, str | list | dict) and not answer):
            return "success", 0, state
        if not isinstance(answer, dict):
            return "unreadable", 0, state
        if "batchItemFailures" not in answer:
            return ("success" if self.q.object_without_failures == "success" else "unreadable"), 0, state
        listed = answer["batchItemFailures"]
        if listed is None:
            return "success", 0, state
        if not isinstance(listed, list):
            return "unreadable", 0, state
        places = []
        for entry in listed:
            name = entry.get("itemIdentifier") if isinstance(entry, dict) else None
            if not isinstance(name, str) or name == "":
                return "refused", 0, state
            if name in texts:
                places.append(texts.index(name))
            elif self.q.unknown_identifiers == "fail":
                return "refused", 0, state
        return ("partial", min(places), state) if places else ("success", 0, state)

    def end_calls(self, now: float) -> None:
        turns = list(self.shards)
        for call in sorted((call for call in self.calls if call.ends <= now), key=lambda call: turns.index(call.shard)):
            self.calls.remove(call)
            if call.ignored:
                continue
            if call.verdict[0] != "success":
                self.metrics["FailedInvokeEventCount"] += len(call.records)
            if call.verdict[0] == "unreadable":
                raise RunStops("ContractError")
            if call.lane is None:
                self.extra[call.shard] = None
                continue
            call.lane.call = None
            assert call.part is not None
            self.settle(call.lane, call.part, call.verdict, now)
            if not self.enabled or call.shard in self.resuming:
                self.drop(call.lane, now)
            if call.shard in self.resuming and all(lane.call is None for lane in self.lanes[call.shard]):
                self.afresh(call.shard, now)

    def settle(self, lane: Lane, part: Part, verdict: tuple[str, int, Any], now: float) -> None:
        kind, place, state = verdict
        if kind == "throttled":
            self.pause(part, now)
            return
        part.invokes += 1
        part.error = "Unhandled" if kind == "error" else None
        if part.final:
            assert lane.window is not None
            if kind == "success" or now > (lane.window + 1) * self.m.tumbling_window_s + DAY:
                lane.parts, lane.window = [], None
                lane.failing = lane.final_failed = False
            else:
                lane.failing = lane.final_failed = True
                self.pause(part, now)
            return
        if kind == "success":
            self.keep(lane, state)
            self.deliver(lane, part.records, now)
            lane.parts.pop()
            self.after(lane, now)
            return
        lane.failing = True
        if kind == "partial" and place > 0:
            self.keep(lane, state)
            self.deliver(lane, part.records[:place], now)
            lane.parts.pop()
            rest = part.records[place:]
            if self.m.retries_max == 0 and self.q.remainder_without_retries == "discard":
                self.discard(lane, rest, part, "RetryAttemptsExhausted", now)
                self.after(lane, now)
                return
            if self.q.top_up == "yes" and not lane.parts:
                lane.parts.append(Part(rest, now))
                width = self.m.tumbling_window_s
                more = [
                    r
                    for r in self.waiting(lane)
                    if not width or r.created_at_s // width == rest[0].created_at_s // width
                ]
                rest = rest + more[: self.m.batch_size - len(rest)]
                lane.parts.pop()
            lane.parts.append(Part(rest, now))
            return
        halves = {"partial": self.q.first_record_reported, "refused": self.q.bad_identifier, "error": "halve"}
        forbidden = self.m.retries_max == 0 and self.q.bisect_without_retries == "discard"
        if self.m.bisects and halves[kind] == "halve" and len(part.records) > 1 and not forbidden:
            size = len(part.records)
            first = math.ceil(size / 2) if self.q.odd_split == "ceil" else size // 2
            spent = part.attempts if self.q.attempts_after_bisect == "inherited" else 0
            lane.parts.pop()
            lane.parts.append(Part(part.records[first:], now, spent))
            lane.parts.append(Part(part.records[:first], now, spent))
            return
        part.attempts += 1
        if self.m.retries_max != -1 and part.attempts > self.m.retries_max:
            lane.parts.pop()
            self.discard(lane, part.records, part, "RetryAttemptsExhausted", now)
            self.after(lane, now)
        else:
            self.pause(part, now)

    def keep(self, lane: Lane, state: Any) -> None:  # noqa: ANN401
        if lane.window is not None:
            lane.state = state
            lane.early |= len(json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()) > 1024 * 1024

    def pause(self, part: Part, now: float) -> None:
        pause = 5.0 if self.q.pauses == "constant" else min(300.0, 1.6**part.pauses)
        part.due = round(now + pause, 6)
        part.pauses += 1

    def deliver(self, lane: Lane, records: list[StreamRecord], now: float) -> None:
        self.send(lane, now)
        self.finish(records)

    def after(self, lane: Lane, now: float) -> None:
        if not lane.parts:
            self.send(lane, now)
            lane.failing = False
            lane.opened = now

    def discard(self, lane: Lane, records: list[StreamRecord], part: Part, condition: str, now: float) -> None:
        destination = self.m.destination
        stuck = self.q.failed_delivery == "block" and destination is not None and destination.fails
        if not stuck:
            self.finish(records)
        message = {"condition": condition, "n": max(1, part.invokes), "error": part.error, "records": list(records)}
        if lane.held and lane.held["condition"] == condition and self.q.messages == "consolidated":
            lane.held["records"] += records
            lane.held["n"] = max(lane.held["n"], message["n"])
            lane.held["error"] = message["error"]
        else:
            self.send(lane, now)
            lane.held = message
        if self.q.messages == "separate":
            self.send(lane, now)

    def send(self, lane: Lane, _now: float) -> None:
        if lane.held is None:
            return
        held, lane.held = lane.held, None
        count, destination = len(held["records"]), self.m.destination
        if destination is None:
            self.metrics["DroppedEventCount"] += count
        elif destination.fails:
            self.metrics["DestinationDeliveryFailures"] += 1
            if self.q.failed_delivery == "block":
                self.blocked.add(lane.shard)
            else:
                self.metrics["DroppedEventCount"] += count
        else:
            self.metrics["OnFailureDestinationDeliveredEventCount"] += count
            answered = held["condition"] == "RetryAttemptsExhausted"
            self.messages.append(
                {
                    "shard": lane.shard,
                    "condition": held["condition"],
                    "approximateInvokeCount": held["n"],
                    "batchSize": count,
                    "startSequenceNumber": held["records"][0].text,
                    "endSequenceNumber": held["records"][-1].text,
                    "responseContext": answered,
                    **({"functionError": held["error"]} if answered else {}),
                }
            )

    # Actions.

    def act(self, now: float) -> str:
        while self.actions and self.actions[0].at_s <= now:
            action = self.actions.pop(0)
            if action.do == "delete_table":
                for lane in (lane for lanes in self.lanes.values() for lane in lanes):
                    self.send(lane, now)
                return "over"
            if action.do == "redeliver":
                kept = [r for r in action.records if r.sequence in self.had and now - r.created_at_s <= DAY]
                if kept:
                    self.redeliveries[kept[0].shard].append(tuple(sorted(kept, key=lambda r: r.sequence)))
            else:
                getattr(self, action.do)(now)
        return "on"

    def disable(self, now: float) -> None:
        if self.enabled:
            self.enabled = False
            self.resuming.clear()
            for lanes in self.lanes.values():
                for lane in lanes:
                    if lane.call is None:
                        self.drop(lane, now)

    def enable(self, now: float) -> None:
        if not self.enabled:
            self.enabled = True
            for name in self.shards:
                if any(lane.call for lane in self.lanes[name]):
                    self.resuming.add(name)
                else:
                    self.afresh(name, now)

    def restart(self, now: float) -> None:
        self.doomed = None
        for call in self.calls:
            call.ignored = True
        for name in self.shards:
            self.extra[name] = None
            self.afresh(name, now)

    def recreate(self, now: float) -> None:
        self.restart(now)
        self.enabled = self.m.enabled
        self.state.clear()
        for name in self.shards:
            self.opened[name] = False
            self.checkpoint[name] = -1
        if self.m.starting_position == "LATEST":
            self.skip_to = now - 1e-9 if now > 0 else 0.0

    def drop(self, lane: Lane, now: float) -> None:
        self.send(lane, now)
        lane.parts, lane.window, lane.failing, lane.early = [], None, False, False
        lane.final_failed = False

    def afresh(self, name: str, now: float) -> None:
        """Begin at the checkpoint."""
        for lane in self.lanes[name]:
            self.drop(lane, now)
            lane.call = None
            lane.opened = now
        self.resuming.discard(name)
        self.blocked.discard(name)
        for record in self.records[name]:
            if record.sequence > self.checkpoint[name]:
                self.state.pop(record.sequence, None)


def outcome(kind: str) -> str:
    return kind if kind in ("success", "partial") else "failure"
