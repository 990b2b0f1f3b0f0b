"""Events and failure messages, key by key."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from replay.event_source.answers import Raised, Returned
from replay.event_source.source import EventSource
from replay.event_source.virtual import drive
from tests.simulation.conformance import ERROR, PARTIAL, failures, item, mapping, records, seen, seq

ONCE = {"BatchSize": 1, "MaximumRetryAttempts": 1}


def discarded(**case: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The one message that a record failing for good leads to."""
    (message,) = seen(**{"mapping": ONCE, "records": records(1), "function": [{"then": ERROR}], **case})["destination"]
    assert isinstance(message, dict)
    return message


@pytest.mark.conformance("T-B1")
def test_event_has_exactly_the_recorded_keys_and_types() -> None:
    (invocation,) = seen(records=records(1))["invocations"]
    assert list(invocation["event"]) == ["Records"]
    (wire,) = invocation["event"]["Records"]
    assert set(wire) == {
        "eventID",
        "eventName",
        "eventVersion",
        "eventSource",
        "awsRegion",
        "dynamodb",
        "eventSourceARN",
    }
    change = wire["dynamodb"]
    assert set(change) == {
        "ApproximateCreationDateTime",
        "Keys",
        "NewImage",
        "SequenceNumber",
        "SizeBytes",
        "StreamViewType",
    }
    assert isinstance(change["ApproximateCreationDateTime"], float)
    assert isinstance(change["SizeBytes"], int)
    assert re.fullmatch(r"\d{21,40}", change["SequenceNumber"])
    assert re.fullmatch(r"[0-9a-f]{32}", wire["eventID"])


INFO_KEYS = {
    "shardId",
    "startSequenceNumber",
    "endSequenceNumber",
    "approximateArrivalOfFirstRecord",
    "approximateArrivalOfLastRecord",
    "batchSize",
    "streamArn",
}


@pytest.mark.conformance("T-J1")
@pytest.mark.parametrize("kind", ["sqs", "sns"])
def test_message_has_exactly_the_recorded_keys(kind: str) -> None:
    message = discarded(destination={"type": kind})
    body = message["body"]
    assert set(body) == {"requestContext", "responseContext", "version", "timestamp", "DDBStreamBatchInfo"}
    assert set(body["requestContext"]) == {"requestId", "functionArn", "condition", "approximateInvokeCount"}
    assert set(body["responseContext"]) == {"statusCode", "executedVersion", "functionError"}
    assert set(body["DDBStreamBatchInfo"]) == INFO_KEYS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["requestContext"]["requestId"])
    assert body["requestContext"]["functionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:F"
    assert "key" not in message


@pytest.mark.conformance("T-C13")
def test_qualified_target_shows_in_the_function_arn() -> None:
    body = discarded(function_version="7")["body"]
    assert body["requestContext"]["functionArn"].endswith(":function:F:7")


@pytest.mark.conformance("T-C13")
@pytest.mark.parametrize(
    ("name", "version", "arn", "executed"),
    [
        ("F:live", "7", "us-east-1:000000000000:function:F:live", "7"),
        ("F:7", "$LATEST", "us-east-1:000000000000:function:F:7", "7"),
        ("F:$LATEST", "$LATEST", "us-east-1:000000000000:function:F:$LATEST", "$LATEST"),
        ("my-function:live", "7", "us-east-1:000000000000:function:my-function:live", "7"),
        ("function:F", "$LATEST", "us-east-1:000000000000:function:F", "$LATEST"),
        ("111122223333:function:F", "7", "us-east-1:111122223333:function:F:7", "7"),
        ("111122223333:function:F:live", "7", "us-east-1:111122223333:function:F:live", "7"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:F", "7", "eu-west-1:111122223333:function:F:7", "7"),
        ("arn:aws:lambda:eu-west-1:111122223333:function:F:live", "7", "eu-west-1:111122223333:function:F:live", "7"),
    ],
)
def test_target_has_one_qualifier_however_the_function_is_named(
    name: str, version: str, arn: str, executed: str
) -> None:
    body = discarded(mapping={"FunctionName": name, "MaximumRetryAttempts": 0}, function_version=version)["body"]
    assert body["requestContext"]["functionArn"] == f"arn:aws:lambda:{arn}"
    assert body["responseContext"]["executedVersion"] == executed


@pytest.mark.conformance("T-J2")
def test_message_about_age_has_no_response_context() -> None:
    old = {"mapping": {"MaximumRecordAgeInSeconds": 60}, "records": records(1, age_s=61)}
    message = discarded(**old)
    assert set(message["body"]) == {"requestContext", "version", "timestamp", "DDBStreamBatchInfo"}
    assert message["responseContext"] is False
    assert "functionError" not in message


@pytest.mark.conformance("T-J3")
def test_arrival_times_are_whole_seconds() -> None:
    info = discarded(records=records(1, available_at_s=1.75))["body"]["DDBStreamBatchInfo"]
    for key in ("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", info[key])


@pytest.mark.conformance("T-J4")
@pytest.mark.parametrize("switch", ["string", "object"])
def test_s3_object_has_its_key_and_the_discarded_event(switch: str) -> None:
    case: dict[str, Any] = {"destination": {"type": "s3"}, "switches": {"Q15": switch}}
    message = discarded(**case, mapping={"BatchSize": 2, "MaximumRetryAttempts": 0}, records=records(2))
    body = message["body"]
    uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    day, second = body["timestamp"][:10], body["timestamp"][:19].replace(":", ".")
    assert re.fullmatch(
        rf"aws/lambda/{uuid}/shardId-A/{day.replace('-', '/')}/{re.escape(second)}-{uuid}", message["key"]
    )
    payload = json.loads(body["payload"]) if switch == "string" else body["payload"]
    assert [wire["dynamodb"]["SequenceNumber"] for wire in payload["Records"]] == [seq(1), seq(2)]
    assert isinstance(body["payload"], str if switch == "string" else dict)


@pytest.mark.conformance("T-J4")
@pytest.mark.parametrize(
    "case",
    [
        {"function": [{"times": 1, "then": {"return": {"state": 1, **failures(2)["return"]}}}]},
        {"records": records(2, age_s=61)},
    ],
    ids=["a remainder that is not tried: its batch's", "what was never tried: what it would have got"],
)
def test_s3_object_has_the_state_of_the_event(case: dict[str, Any]) -> None:
    limits = {"MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60}
    message = discarded(
        mapping={"BatchSize": 2, "TumblingWindowInSeconds": 60, **limits, **PARTIAL},
        records=case.get("records", records(2)),
        function=[*case.get("function", ()), {"then": {"return": {"state": 2}}}],
        destination={"type": "s3"},
        switches={"Q6": "discard", "Q15": "object"},
    )
    assert message["body"]["payload"]["state"] == {}


@pytest.mark.conformance("T-J5")
@pytest.mark.parametrize("kind", ["sqs", "sns"])
def test_messages_to_queues_and_topics_carry_no_item(kind: str) -> None:
    secret = {"dynamodb": {"NewImage": {"pk": {"S": "a"}, "text": {"S": "a private word"}}}}
    message = discarded(destination={"type": kind}, records=records(1, record=secret))
    assert "private" not in json.dumps(message)


@pytest.mark.conformance("T-J7")
def test_what_a_message_names_is_read_back_by_range_and_may_hold_foreign_records() -> None:
    lanes = {key: item(1, key).lane(2) for key in "abcdefgh"}
    one, other = "a", next(key for key, lane in lanes.items() if lane != lanes["a"])
    stream = [item(number, one if number % 2 else other) for number in range(1, 7)]
    source = EventSource(
        mapping(
            ParallelizationFactor=2,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:1:q"}},
        )
    )
    drive(source, lambda invocation: Raised() if seq(1) in invocation.sequences else Returned(), stream)
    (message,) = source.discards
    info = message.body["DDBStreamBatchInfo"]
    start, end = int(info["startSequenceNumber"]), int(info["endSequenceNumber"])
    in_range = [record for record in stream if start <= record.sequence <= end]
    own = [record for record in in_range if record.lane(2) == in_range[0].lane(2)]
    assert len(in_range) == 5
    assert len(own) == info["batchSize"] == 3


@pytest.mark.conformance("T-D10")
def test_first_record_trap_shows_in_the_message() -> None:
    message = discarded(
        mapping={"BatchSize": 3, "MaximumRetryAttempts": 1, **PARTIAL},
        records=records(3),
        function=[{"then": failures(1)}],
    )
    assert message["batchSize"] == 3
    assert message["functionError"] is None
