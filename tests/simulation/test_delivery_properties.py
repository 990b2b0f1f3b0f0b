"""What holds whatever the mapping, the switches and the function do."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from replay.event_source.answers import Meaning, Raised, Returned, Throttled, TimedOut
from replay.event_source.case_run import run_case
from replay.event_source.cases import parse_case
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import StreamRecord
from replay.event_source.source import EventSource
from replay.event_source.switches import QUESTIONS, Switches
from replay.event_source.virtual import deliver
from tests.simulation.conformance import seq
from tests.simulation.test_against_slow_source import cases

if TYPE_CHECKING:
    from replay.event_source.answers import FunctionResult
    from replay.event_source.invocations import Invocation

QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
FILTER = {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]}
DESTINATION = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}}


@dataclass
class Run:
    """One delivery with a function of chance, watched."""

    source: EventSource
    stream: list[StreamRecord]
    done: Counter[int] = field(default_factory=Counter)
    """How often each record was finished by an answer."""
    tried: int = 0
    failed: int = 0
    reached: dict[str, list[int]] = field(default_factory=dict)
    """Every checkpoint seen, by shard."""

    def go(self, chance: random.Random, *, ahead: int = 10_000) -> Run:
        run = deliver(self.source, self.stream, ahead=ahead)
        try:
            invocation = next(run)
            while True:
                invocation = run.send(self._result(invocation, chance))
                self._look()
        except StopIteration:
            self._look()
        return self

    def _result(self, invocation: Invocation, chance: random.Random) -> FunctionResult:
        result = _chance_result(invocation, chance)
        verdict = self.source.judge(invocation, result)
        finished = {Meaning.SUCCESS: len(invocation.records), Meaning.PARTIAL: verdict.unfinished_from}
        self.done.update(record.sequence for record in invocation.records[: finished.get(verdict.meaning, 0)])
        self.tried += len(invocation.records)
        self.failed += len(invocation.records) if verdict.meaning is not Meaning.SUCCESS else 0
        return result

    def _look(self) -> None:
        for shard, text in self.source.checkpoints.items():
            self.reached.setdefault(shard, []).append(int(text or 0))


def _chance_result(invocation: Invocation, chance: random.Random) -> FunctionResult:
    kind = chance.choice(("ok", "ok", "ok", "raise", "timeout", "partial", "throttle"))
    takes_s = chance.choice((0, 0, 1, 7.5))
    if kind == "partial":
        reported = chance.sample(invocation.sequences, min(2, len(invocation.records)))
        return Returned({"batchItemFailures": [{"itemIdentifier": text} for text in reported]}, takes_s)
    if kind == "raise":
        return Raised(takes_s=takes_s)
    if kind == "timeout":
        return TimedOut(takes_s)
    return Throttled() if kind == "throttle" else Returned(None, takes_s)


def made(seed: int, *, single: bool = False) -> Run:
    """A mapping, switches and records, all by chance; perhaps of a single shard with a single lane and no expiry."""
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    parameters: dict[str, Any] = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": chance.randint(1, 5),
        "MaximumBatchingWindowInSeconds": chance.choice((0, 0, 4)),
        "ParallelizationFactor": 1 if single else chance.choice((1, 1, 3)),
        "MaximumRetryAttempts": chance.choice((0, 1, 3)),
        "MaximumRecordAgeInSeconds": -1 if single else chance.choice((-1, 60)),
        "BisectBatchOnFunctionError": chance.random() < 0.5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if chance.random() < 0.7 else [],
        "FilterCriteria": FILTER,
        "DestinationConfig": DESTINATION,
    }
    switches = {number: chance.choice(question.values) for number, question in QUESTIONS.items()}
    stream: list[StreamRecord] = []
    for shard in ("A",) if single else ("A", "B"):
        at = 0.0
        for number in range(chance.randint(0, 25)):
            at += chance.choice((0, 0, 1, 9))
            change: Any = {"SequenceNumber": seq(len(stream)), "Keys": {"pk": {"S": chance.choice("abcd")}}}
            age = chance.choice((86_500, 70, 0)) if number < 3 else 0
            stream.append(
                StreamRecord.of(
                    {"eventName": chance.choice(("INSERT", "INSERT", "REMOVE")), "dynamodb": change},
                    shard=shard,
                    available_at_s=at,
                    created_at_s=at - age if number < 3 else at,
                )
            )
    source = EventSource(
        EventSourceMapping.from_api(parameters),
        switches=Switches.of(switches),
        random=random.Random(seed) if chance.random() < 0.5 else None,  # noqa: S311 - chance, no secret
    )
    return Run(source, stream)


def went(seed: int, *, single: bool = False, ahead: int = 10_000) -> Run:
    return made(seed, single=single).go(random.Random(seed + 1), ahead=ahead)  # noqa: S311 - chance, no secret


@QUIET
@given(seed=st.integers(0, 10**9))
def test_every_record_is_finished_given_up_filtered_or_gone_exactly_once(seed: int) -> None:
    run = went(seed)
    given_up = Counter(record.sequence for message in run.source.discards for record in message.discard.records)
    passing = {record.sequence for record in run.stream if record.wire.get("eventName") == "INSERT"}
    for record in run.stream:
        times = run.done[record.sequence] + given_up[record.sequence]
        gone = record.available_at_s - record.created_at_s > 86_000
        assert times <= 1, record
        assert times == (record.sequence in passing) or gone, record


@QUIET
@given(seed=st.integers(0, 10**9))
def test_counts_add_up(seed: int) -> None:
    run = went(seed)
    metrics = run.source.metrics
    given_up = sum(len(message.discard.records) for message in run.source.discards)
    assert metrics.invoked == run.tried
    assert metrics.failed_invoke == run.failed
    assert metrics.delivered_to_destination == given_up
    assert metrics.dropped == 0
    assert metrics.polled <= len(run.stream)
    assert metrics.polled - metrics.filtered_out >= sum(run.done.values()) + given_up


@QUIET
@given(seed=st.integers(0, 10**9))
def test_checkpoints_never_go_back_and_end_at_the_last_record(seed: int) -> None:
    run = went(seed)
    for shard, reached in run.reached.items():
        assert reached == sorted(reached)
        assert reached[-1] == max(record.sequence for record in run.stream if record.shard == shard)


@QUIET
@given(seed=st.integers(0, 10**9))
@example(seed=479)  # filtered records counted as held, so that a batch missed the one behind them
def test_records_pulled_as_needed_lead_to_the_same_as_all_at_once(seed: int) -> None:
    def story(run: Run) -> tuple[Any, ...]:
        return run.done, run.tried, run.source.metrics, [message.body for message in run.source.discards]

    assert story(went(seed, single=True)) == story(went(seed, single=True, ahead=6))


@QUIET
@given(cases())
def test_run_repeats_itself(case: dict[str, Any]) -> None:
    assert run_case(parse_case(case)) == run_case(parse_case(case))


@QUIET
@given(cases())
def test_order_of_records_of_one_shard_in_a_case_means_nothing(case: dict[str, Any]) -> None:
    shards = [entry["shard"] for entry in case["records"]]
    turned = sorted(case["records"], key=lambda entry: (shards.index(entry["shard"]), -int(entry["sequence"])))
    assert run_case(parse_case({**case, "records": turned})) == run_case(parse_case(case))
