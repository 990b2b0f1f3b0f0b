"""Order, chance and time: what holds under any schedule."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.event_source.answers import Raised, Returned
from replay.event_source.source import EventSource
from replay.event_source.virtual import deliver, drive
from tests.simulation.conformance import ERROR, PARTIAL, batches, deliveries, item, mapping, record, records, seen, seq

if TYPE_CHECKING:
    from replay.event_source.answers import FunctionResult
    from replay.event_source.invocations import Invocation


@pytest.mark.conformance("T-C6")
def test_poison_record_blocks_until_it_is_gone() -> None:
    printed = seen(
        mapping={"BatchSize": 1},
        records=[record(1), record(2, available_at_s=80_000)],
        function=[{"when": {"first": seq(1)}, "then": ERROR}],
    )
    delivered = batches(printed)
    assert delivered[-1] == [2]
    assert delivered[:-1] == [[1]] * (len(delivered) - 1)
    assert printed["invocations"][-1]["at_s"] > 86_400


@pytest.mark.conformance("T-F2")
def test_count_of_an_aged_record_is_that_of_its_invocations_with_growing_pauses() -> None:
    printed = seen(
        mapping={"BatchSize": 1, "MaximumRecordAgeInSeconds": 60}, records=records(1), function=[{"then": ERROR}]
    )
    times = [invocation["at_s"] for invocation in printed["invocations"]]
    pauses = [after - before for before, after in pairwise(times)]
    assert len(times) >= 2
    assert printed["destination"][0]["approximateInvokeCount"] == len(times)
    assert pauses == sorted(pauses)


def test_full_batches_are_not_promised() -> None:
    sizes = set()
    for seed in range(20):
        source = EventSource(mapping(BatchSize=5), random=random.Random(seed))  # noqa: S311 - chance, no secret
        heard = deliveries(source, [item(number, "a") for number in range(9)])
        assert sum(len(invocation.records) for invocation in heard) == 9
        sizes.add(tuple(len(invocation.records) for invocation in heard))
    assert len(sizes) > 5


@pytest.mark.conformance("T-H4")
@pytest.mark.conformance("T-H6")
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), lanes=st.integers(1, 4), retries=st.integers(0, 2))
def test_lanes_keep_items_in_order_and_never_overlap(seed: int, lanes: int, retries: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    parameters = {"ParallelizationFactor": lanes, "BatchSize": chance.randint(1, 4), "MaximumRetryAttempts": retries}
    source = EventSource(mapping(**parameters), random=chance)
    stream = [item(n, chance.choice("abcde"), chance.choice("xy"), at_s=n // 7) for n in range(40)]
    ends: dict[str, float] = {}
    newest: dict[str, int] = {}
    running: list[float] = []

    def function(invocation: Invocation) -> FunctionResult:
        takes_s = chance.choice((0.5, 1, 3))
        ends_at = round(invocation.at_s + takes_s, 6)
        failed = chance.random() < 0.3
        keys = [json.dumps(record.wire["dynamodb"]["Keys"]) for record in invocation.records]
        before = dict(ends)
        for key, delivered in zip(keys, invocation.records, strict=True):
            assert invocation.at_s >= before.get(key, 0), "an item's deliveries overlap"
            assert delivered.sequence >= newest.get(key, -1), "an item's records are out of order"
            if not failed:
                newest[key] = delivered.sequence
        ends.update(dict.fromkeys(keys, ends_at))
        running[:] = [end for end in running if end > invocation.at_s] + [ends_at]
        assert len(running) <= lanes
        return Raised(takes_s=takes_s) if failed else Returned(None, takes_s)

    drive(source, function, stream)


@pytest.mark.conformance("T-D19")
def test_going_on_with_an_item_behind_its_failure_is_an_ordering_fault_and_is_detected() -> None:
    def applied(*, stops: bool) -> list[int]:
        """What reaches the item of records 2 and 3, by a handler that stops at a failure or goes on behind it."""
        source = EventSource(mapping(BatchSize=3, **PARTIAL))
        effects: list[int] = []
        failing = [2]

        def function(invocation: Invocation) -> FunctionResult:
            failed = None
            for delivered in invocation.records:
                number = delivered.sequence - int(seq(0))
                if number in failing:
                    failing.clear()
                    failed = failed or delivered.text
                    if stops:
                        break
                    continue
                effects.append(number)
            return Returned({"batchItemFailures": [{"itemIdentifier": failed}] if failed else []})

        drive(source, function, [item(1, "a"), item(2, "b"), item(3, "b")])
        return [effect for effect in effects if effect > 1]

    def in_order(effects: list[int]) -> bool:
        return effects == sorted(effects)

    assert in_order(applied(stops=True))
    assert not in_order(applied(stops=False))


@pytest.mark.conformance("T-H8")
def test_latest_may_miss_what_is_written_while_the_mapping_comes_up() -> None:
    source = EventSource(mapping(StartingPosition="LATEST"), opens_at_s=60)
    stream = [item(1, "a"), item(2, "a", at_s=59), item(3, "a", at_s=61)]
    assert [invocation.sequences for invocation in deliveries(source, stream)] == [[seq(3)]]


@pytest.mark.conformance("T-H13")
def test_throttled_reading_loses_nothing_and_the_iterator_age_rises() -> None:
    def ages(lag_s: float) -> list[float | None]:
        stream = [item(n, "a", created_at_s=n, at_s=n + n * lag_s) for n in range(5)]
        return [invocation.iterator_age_s for invocation in deliveries(EventSource(mapping(BatchSize=1)), stream)]

    assert ages(0) == [0, 0, 0, 0, 0]
    assert ages(2) == [0, 2, 4, 6, 8]


@pytest.mark.conformance("T-L4")
def test_iterator_age_is_that_of_the_last_record() -> None:
    source = EventSource(mapping(MaximumBatchingWindowInSeconds=10))
    invocation = next(deliver(source, [item(1, "a", at_s=0), item(2, "a", at_s=4)]))
    assert invocation.at_s == 10
    assert invocation.iterator_age_s == 6
