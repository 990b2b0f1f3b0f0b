"""Rules of the case format that a case cannot state, or not in few words."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from replay.errors import WrongUse
from replay.event_source.answers import Raised, Returned
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import StreamRecord, retimed
from replay.event_source.sizes import PAYLOAD_BYTES_MAX, json_bytes, json_bytes_at_most
from replay.event_source.source import EventSource
from replay.event_source.virtual import deliver, drive
from tests.simulation.conformance import BISECT, ERROR, PARTIAL, batches, failures, record, records, seen, seq

FILTER = {"FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]}}
REMOVE = {"eventName": "REMOVE"}
HUGE = {"eventName": "MODIFY", "dynamodb": {"Keys": {"pk": {"S": "x" * 2_100_000}}}}
"""Keys, NewImage and OldImage: more than 6 MB."""


def sized(number: int, event_bytes: int) -> dict[str, Any]:
    """A record whose event alone has exactly so many bytes."""
    plain = seen(records=[record(number, record={"dynamodb": {"NewImage": {"v": {"S": ""}}, "SizeBytes": 1}})])
    fill = event_bytes - json_bytes(plain["invocations"][0]["event"])
    return record(number, record={"dynamodb": {"NewImage": {"v": {"S": "x" * fill}}, "SizeBytes": 1}})


def plain_record(number: int, *, key: str = "a", shard: str = "A", created_at_s: float = 0) -> StreamRecord:
    change: Any = {"SequenceNumber": seq(number), "Keys": {"pk": {"S": key}}}
    return StreamRecord.of({"eventName": "INSERT", "dynamodb": change}, shard=shard, created_at_s=created_at_s)


# Six megabytes.


def test_event_of_exactly_6_mb_is_delivered_and_one_byte_more_is_not() -> None:
    assert batches(seen(records=[sized(1, PAYLOAD_BYTES_MAX)])) == [[1]]
    assert seen(records=[sized(1, PAYLOAD_BYTES_MAX + 1)])["error"]["type"] == "Unspecified"


def test_two_records_share_an_event_up_to_the_last_byte() -> None:
    one = PAYLOAD_BYTES_MAX // 2
    whole = seen(records=[sized(1, one), sized(2, PAYLOAD_BYTES_MAX - one + len('{"Records":[]}') - 1)])
    assert batches(whole) == [[1, 2]]
    assert json_bytes(whole["invocations"][0]["event"]) == PAYLOAD_BYTES_MAX
    assert batches(seen(records=[sized(1, one), sized(2, PAYLOAD_BYTES_MAX - one + len('{"Records":[]}'))])) == [
        [1],
        [2],
    ]


def test_payload_that_reaches_6_mb_exactly_does_not_wait_for_its_window() -> None:
    window = {"MaximumBatchingWindowInSeconds": 10}
    assert seen(mapping=window, records=[sized(1, PAYLOAD_BYTES_MAX)])["invocations"][0]["at_s"] == 0
    assert seen(mapping=window, records=[sized(1, PAYLOAD_BYTES_MAX - 1)])["invocations"][0]["at_s"] == 10


def test_size_is_that_of_the_json_not_what_the_record_says() -> None:
    lying = {"dynamodb": {"Keys": {"pk": {"S": "\u0001" * 600_000}}, "SizeBytes": 1}}
    assert seen(records=[record(1, record=lying)])["error"]["type"] == "Unspecified"


def test_records_before_an_oversized_one_are_delivered() -> None:
    printed = seen(records=[record(1), record(2, record=HUGE), record(3)])
    assert batches(printed) == [[1]]
    assert printed["error"]["type"] == "Unspecified"
    assert printed["checkpoint"] == {"shardId-A": seq(1)}


def test_oversized_record_is_skipped_where_that_is_the_answer() -> None:
    printed = seen(switches={"Q18": "skip"}, records=[record(1), record(2, record=HUGE), record(3)])
    assert batches(printed) == [[1, 3]]
    assert printed["error"] is None
    assert printed["metrics"]["DroppedEventCount"] == 0
    assert printed["checkpoint"] == {"shardId-A": seq(3)}


def test_oversized_record_that_is_filtered_out_or_gone_does_no_harm() -> None:
    assert seen(mapping=FILTER, records=[record(1, record=HUGE)])["error"] is None
    assert seen(records=[record(1, age_s=90_000, record=HUGE)])["error"] is None


def test_what_a_tumbling_window_adds_to_an_event_counts_too() -> None:
    def sizes(spare: int) -> list[int]:
        printed = seen(
            mapping={"BatchSize": 5, "TumblingWindowInSeconds": 60},
            records=[sized(1, PAYLOAD_BYTES_MAX // 2), sized(2, PAYLOAD_BYTES_MAX // 2 - spare)],
            function=[{"then": {"return": {"state": {}}}}],
        )
        return [json_bytes(invocation["event"]) for invocation in printed["invocations"]]

    together, _final = sizes(2_000)
    spare = 2_000 - (PAYLOAD_BYTES_MAX - together)
    assert sizes(spare)[0] == PAYLOAD_BYTES_MAX
    assert len(sizes(spare - 1)) == 3


@pytest.mark.parametrize("large", ["next", "remainder", "final"])
def test_event_too_large_because_of_a_state_ends_the_run_loudly(large: str) -> None:
    state = "x" * (7 * 2**20 if large == "final" else 1_000_000)
    reported = failures(2)["return"] if large == "remainder" else {}
    printed = seen(
        mapping={"BatchSize": 1 if large == "next" else 5, "TumblingWindowInSeconds": 60, **PARTIAL},
        records=[record(1)] if large == "final" else [record(1), sized(2, PAYLOAD_BYTES_MAX - 2_000)],
        function=[{"then": {"return": {"state": state, **reported}}}],
    )
    assert batches(printed) == [[1, 2] if large == "remainder" else [1]]
    assert printed["error"]["type"] == "Unspecified"
    assert printed["checkpoint"] == {"shardId-A": seq(1)}


@pytest.mark.conformance("T-I3")
def test_state_over_1_mb_closes_the_window_early_also_when_the_next_one_is_small() -> None:
    printed = seen(
        mapping={"BatchSize": 2, "TumblingWindowInSeconds": 60, **PARTIAL},
        records=records(2),
        function=[
            {"times": 1, "then": {"return": {"state": "x" * 2**20, **failures(2)["return"]}}},
            {"then": {"return": {"state": "small"}}},
        ],
    )
    assert batches(printed) == [[1, 2], [2], []]
    last = printed["invocations"][-1]
    assert last["at_s"] == 0
    assert last["event"]["isWindowTerminatedEarly"] is True
    assert last["event"]["state"] == "small"


@pytest.mark.parametrize(
    "value",
    [
        {"a": "\x00" * 50},
        {"é": [1, 2.5, None, True, {"b": "\ud83d"}]},
        {"k": 10**30},
        {},
        "x",
        [1e22, 1e-7, float("inf"), float("nan"), -0.0, 1e16, 5e-324] * 50,
        [float("inf")] * 50,
    ],
)
def test_bound_on_a_size_is_never_below_it(value: object) -> None:
    assert json_bytes_at_most(value) >= json_bytes(value)


# Switches whose effect a case does not state.


def test_request_id_is_that_of_the_last_attempt_or_of_the_first() -> None:
    def request_id(switch: str) -> str:
        printed = seen(
            mapping={"MaximumRetryAttempts": 2, "BatchSize": 1},
            records=records(1),
            function=[{"then": ERROR}],
            switches={"Q17": switch},
        )
        return str(printed["destination"][0]["body"]["requestContext"]["requestId"])

    assert request_id("last") != request_id("first")


def test_filtered_records_are_read_again_after_a_restart_unless_committed_at_once() -> None:
    def filtered(switch: str) -> int:
        printed = seen(
            mapping=FILTER,
            records=[
                record(1),
                record(2, available_at_s=1, record={"eventName": "REMOVE"}),
                record(3, available_at_s=9),
            ],
            actions=[{"at_s": 5, "do": "restart"}],
            switches={"Q19": switch},
        )
        assert batches(printed) == [[1], [3]]
        assert printed["metrics"]["PolledEventCount"] == 3
        return int(printed["metrics"]["FilteredOutEventCount"])

    assert filtered("preceding") == 2
    assert filtered("immediate") == 1


def test_filtered_records_wait_for_a_batch_however_many_they_are() -> None:
    case = {"records": records(10_002, record=REMOVE), "actions": [{"at_s": 5, "do": "restart"}]}
    assert seen(mapping=FILTER, **case)["metrics"]["FilteredOutEventCount"] == 2 * 10_002


@pytest.mark.parametrize("poison", [record(2), record(2, record=HUGE)])
def test_end_of_the_run_moves_the_checkpoint_over_filtered_records(poison: dict[str, Any]) -> None:
    printed = seen(
        mapping={**PARTIAL, "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT","MODIFY"]}'}]}},
        records=[record(1, record=REMOVE), poison],
        function=[{"then": {"return": 7}}],
    )
    assert printed["error"] is not None
    assert printed["checkpoint"] == {"shardId-A": seq(1)}


def test_filtered_records_behind_a_finished_batch_are_not_read_again() -> None:
    printed = seen(
        mapping=FILTER,
        records=[record(1), record(2, record=REMOVE), record(3, available_at_s=9)],
        actions=[{"at_s": 5, "do": "restart"}],
    )
    assert printed["metrics"]["FilteredOutEventCount"] == 1


def test_pauses_are_constant_or_grow_to_five_minutes() -> None:
    def pauses(switch: str) -> list[float]:
        printed = seen(
            mapping={"MaximumRetryAttempts": 25, "BatchSize": 1},
            records=records(1),
            function=[{"then": ERROR}],
            switches={"Q16": switch},
        )
        times = [invocation["at_s"] for invocation in printed["invocations"]]
        return [round(after - before, 6) for before, after in pairwise(times)]

    growing = pauses("exponential")
    assert growing == sorted(growing)
    assert 0 < growing[0] < 10
    assert growing[-1] == 300
    assert len(set(pauses("constant"))) == 1


def test_recorded_number_of_tries_within_a_minute_is_reached() -> None:
    printed = seen(
        mapping={"MaximumRecordAgeInSeconds": 60, "BatchSize": 1}, records=records(1), function=[{"then": ERROR}]
    )
    assert len(printed["invocations"]) == 8
    assert printed["destination"][0]["approximateInvokeCount"] == 8


# Blocked, ended, and driven by hand.


def test_blocked_shard_sends_one_message_and_goes_on_after_a_restart() -> None:
    case: dict[str, Any] = {
        "mapping": {"BatchSize": 1, "MaximumRetryAttempts": 0},
        "records": [record(1), record(2)],
        "function": [{"times": 1, "then": ERROR}],
        "destination": {"fails": True},
        "switches": {"Q13": "block"},
    }
    printed = seen(**case)
    assert batches(printed) == [[1]]
    assert printed["metrics"]["DestinationDeliveryFailures"] == 1
    assert printed["metrics"]["DroppedEventCount"] == 0
    assert batches(seen(**case, actions=[{"at_s": 50, "do": "restart"}])) == [[1], [1], [2]]


def test_blocked_shard_blocks_with_expired_batches_once() -> None:
    printed = seen(
        mapping={"BatchSize": 1, "MaximumRecordAgeInSeconds": 60},
        records=records(3, age_s=70),
        destination={"fails": True},
        switches={"Q13": "block"},
    )
    assert printed["metrics"]["DestinationDeliveryFailures"] == 1


def test_nothing_starts_after_an_invocation_whose_answer_nobody_can_read() -> None:
    case: dict[str, Any] = {
        "mapping": {"BatchSize": 1, **PARTIAL},
        "records": [record(1), record(2, shard="B", available_at_s=1)],
        "function": [{"times": 1, "then": {"return": 7, "takes_s": 5}}],
    }
    printed = seen(**case)
    assert batches(printed) == [[1]]
    assert printed["error"]["type"] == "ContractError"
    restarted = seen(**case, actions=[{"at_s": 2, "do": "restart"}])
    assert batches(restarted) == [[1], [1], [2]]
    assert restarted["error"] is None


def test_history_is_needed_to_create_anew() -> None:
    source = EventSource(EventSourceMapping.from_api({"StartingPosition": "LATEST"}))
    with pytest.raises(ValueError, match="remembers=True"):
        source.recreate(0)


def test_own_writes_come_back_as_records() -> None:
    source = EventSource(EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON", "BatchSize": 1}))
    run = deliver(source, [plain_record(1)])
    invocation = next(run)
    heard = [invocation.sequences]
    source.offer([plain_record(2)])
    for _ in range(2):
        try:
            heard.append(run.send(Returned()).sequences)
        except StopIteration:
            break
    assert heard == [[seq(1)], [seq(2)]]


def test_iterator_is_pulled_as_needed() -> None:
    pulled = 0

    def stream() -> Any:  # noqa: ANN401 - an iterator
        nonlocal pulled
        for number in range(1, 20_001):
            pulled += 1
            yield plain_record(number)

    source = EventSource(EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON", "BatchSize": 10}))
    run = deliver(source, stream(), ahead=1_000)
    next(run)
    assert pulled <= 1_500
    most = 0
    for _ in range(1_999):
        run.send(Returned())
        most = max(most, source.backlog)
    assert pulled == 20_000
    assert most <= 1_500


def test_filter_that_matches_nothing_needs_no_memory() -> None:
    mapping = {"StartingPosition": "TRIM_HORIZON", "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["x"]}'}]}}
    source = EventSource(EventSourceMapping.from_api(mapping))
    most = 0

    def stream() -> Any:  # noqa: ANN401 - an iterator
        nonlocal most
        for number in range(1, 60_001):
            most = max(most, source.backlog)
            yield plain_record(number)

    drive(source, lambda _invocation: Returned(), stream())
    assert source.metrics.filtered_out == 60_000
    assert most < 25_000


def test_child_of_a_shard_that_comes_later_waits_for_it() -> None:
    source = EventSource(EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON"}))
    source.add_shard("child", "parent")
    source.offer([plain_record(9, shard="child")])
    source.advance(0)
    assert not list(source.starts(0))
    source.add_shard("parent")
    source.offer([plain_record(1, shard="parent")])
    source.advance(0)
    (first,) = source.starts(0)
    assert first.shard == "parent"
    source.finish(first, Returned(), 1)
    source.advance(1)
    assert not list(source.starts(1))
    source.close_shard("parent")
    assert source.next_at() == -math.inf
    source.advance(2)
    assert [invocation.shard for invocation in source.starts(2)] == ["child"]


def test_live_driver_needs_no_virtual_clock() -> None:
    mapping = EventSourceMapping.from_api({"StartingPosition": "LATEST", "BatchSize": 2, "MaximumRetryAttempts": 1})
    source = EventSource(mapping, epoch_s=0, opens_at_s=1_700_000_000)
    source.offer([StreamRecord.of({"dynamodb": {"SequenceNumber": "5"}}, available_at_s=1_700_000_001)])
    assert source.next_at() == -math.inf
    source.advance(1_700_000_000)
    assert source.next_at() == 1_700_000_001
    source.advance(1_700_000_001.25)
    (invocation,) = source.starts(1_700_000_001.25)
    assert source.next_at() == math.inf
    source.finish(invocation, Raised(), 1_700_000_002)
    again = source.next_at()
    assert 1_700_000_002 < again < 1_700_000_012
    source.advance(again)
    (retry,) = source.starts(again)
    source.finish(retry, Raised(), again)
    assert source.metrics.dropped == 1
    assert source.checkpoints == {"shardId-A": "5"}


def test_failure_messages_can_be_told_at_once() -> None:
    told: list[str] = []
    mapping = {
        "StartingPosition": "TRIM_HORIZON",
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}},
    }
    source = EventSource(EventSourceMapping.from_api(mapping), tell=lambda message: told.append(str(message.key)))
    drive(source, lambda _invocation: Raised(), [plain_record(1)])
    assert len(told) == 1
    assert source.discards == []


def test_top_up_of_a_remainder_keeps_the_order_of_a_halved_batch() -> None:
    printed = seen(
        mapping={"BatchSize": 4, **PARTIAL, **BISECT},
        records=records(6),
        function=[{"times": 1, "then": ERROR}, {"times": 1, "then": failures(2)}],
        switches={"Q7": "yes"},
    )
    assert batches(printed) == [[1, 2, 3, 4], [1, 2], [2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    "wire", [{}, {"dynamodb": {}}, {"dynamodb": {"SequenceNumber": "x"}}, {"dynamodb": {"SequenceNumber": 5}}]
)
def test_record_without_a_sequence_number_is_refused(wire: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(WrongUse):
        StreamRecord.of(wire)


@pytest.mark.conformance("T-F6")
def test_recorded_records_are_retimed_and_then_delivered() -> None:
    wire: Any = {"dynamodb": {"ApproximateCreationDateTime": 1_428_537_600, "SequenceNumber": "1"}}
    later: Any = {"dynamodb": {"ApproximateCreationDateTime": 1_428_537_620, "SequenceNumber": "2"}}
    old = [StreamRecord.of(wire), StreamRecord.of(later)]
    young = list(retimed(old, 1_800_000_000))
    assert delivered_at(1_800_000_000, old) == []
    assert delivered_at(1_800_000_000, young) == [["1", "2"]]
    times = [record.wire["dynamodb"]["ApproximateCreationDateTime"] for record in young]
    assert times == [1_799_999_980.0, 1_800_000_000.0]
    assert old[0].wire["dynamodb"]["ApproximateCreationDateTime"] == 1_428_537_600


def delivered_at(now: float, stream: list[StreamRecord]) -> list[list[str]]:
    """Deliver with success, from `now` on."""
    mapping = EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON", "MaximumRecordAgeInSeconds": 60})
    heard = []
    run = deliver(EventSource(mapping), stream, now=now)
    try:
        invocation = next(run)
        while True:
            heard.append(invocation.sequences)
            invocation = run.send(Returned())
    except StopIteration:
        return heard
