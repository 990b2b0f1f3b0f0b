"""Where an event source mapping tells of what it gave up: the messages, exact to the field.

SQS and SNS get metadata only; S3 gets the discarded records too. (AWS: Lambda developer guide,
services-dynamodb-errors; recordings of the messages made on AWS.)
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.event_source.records import StreamRecord

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
AGE_EXCEEDED = "RecordAgeExceeded"
UNHANDLED = "Unhandled"
"""How a function error is told, whatever it was: an exception, a timeout, an answer that is no JSON."""

MESSAGE_VERSION = "1.0"
FIFO_SUFFIX = ".fifo"

Kind = Literal["sqs", "sns", "s3"]


@dataclass(frozen=True, slots=True)
class Destination:
    """An on-failure destination."""

    kind: Kind = "sqs"
    arn: str = "arn:aws:sqs:us-east-1:000000000000:on-failure"
    out_of_order: bool = False
    """A fault injected: it takes nothing."""

    @property
    def fails(self) -> bool:
        """Whether every delivery to it fails; FIFO queues and topics are not supported for streams."""
        return self.out_of_order or self.arn.endswith(FIFO_SUFFIX)


@dataclass(frozen=True, slots=True)
class Sender:
    """What every message of one mapping says about where it comes from."""

    mapping_uuid: str
    function_arn: str
    function_version: str
    stream_arn: str
    epoch_s: float
    """The wall clock's seconds at 0 of the event source's clock."""
    kind: Kind
    payload_as_text: bool


@dataclass(frozen=True, slots=True)
class Discard:
    """Records of one shard that are given up together, and how it came to that."""

    shard: str
    records: tuple[StreamRecord, ...]
    condition: str
    invoke_count: int
    """Invocations of exactly this batch, at least 1."""
    function_error: str | None
    """The last attempt's: `Unhandled`, or None where the function answered; means nothing for an age."""
    request_id: str
    window_keys: Mapping[str, Any] | None = None
    """What a tumbling window added to the event of that attempt, or would have added to the first."""

    def joined(self, later: Discard, *, first_request: bool) -> Discard:
        """Make one of two neighbours that share a condition; the later attempt is the last."""
        return Discard(
            shard=self.shard,
            records=self.records + later.records,
            condition=self.condition,
            invoke_count=max(self.invoke_count, later.invoke_count),
            function_error=later.function_error,
            request_id=self.request_id if first_request else later.request_id,
            window_keys=self.window_keys if first_request else later.window_keys,
        )


@dataclass(frozen=True, slots=True)
class FailureMessage:
    """One message as sent."""

    discard: Discard
    body: dict[str, Any]
    """SQS: the message's body; SNS: its `Message`; S3: the object's content. All of it JSON."""
    key: str | None
    """S3: the object's key."""

    @property
    def has_response(self) -> bool:
        """Whether it tells of the function's last answer; a record that got too old has none to tell of."""
        return self.discard.condition == RETRIES_EXHAUSTED


def failure_message(discard: Discard, sender: Sender, now: float) -> FailureMessage:
    """Write the message for one discard, sent at `now`."""
    first, last = discard.records[0], discard.records[-1]
    sent_at = _wall_clock(sender, now)
    body: dict[str, Any] = {
        "requestContext": {
            "requestId": discard.request_id,
            "functionArn": sender.function_arn,
            "condition": discard.condition,
            "approximateInvokeCount": discard.invoke_count,
        }
    }
    if discard.condition == RETRIES_EXHAUSTED:
        body["responseContext"] = {
            "statusCode": 200,
            "executedVersion": sender.function_version,
            "functionError": discard.function_error,
        }
    body |= {
        "version": MESSAGE_VERSION,
        "timestamp": f"{sent_at:%Y-%m-%dT%H:%M:%S}.{sent_at.microsecond // 1000:03d}Z",
        "DDBStreamBatchInfo": {
            "shardId": discard.shard,
            "startSequenceNumber": first.text,
            "endSequenceNumber": last.text,
            "approximateArrivalOfFirstRecord": f"{_wall_clock(sender, first.created_at_s):%Y-%m-%dT%H:%M:%SZ}",
            "approximateArrivalOfLastRecord": f"{_wall_clock(sender, last.created_at_s):%Y-%m-%dT%H:%M:%SZ}",
            "batchSize": len(discard.records),
            "streamArn": sender.stream_arn,
        },
    }
    if sender.kind != "s3":
        return FailureMessage(discard, body, None)
    body["payload"] = _payload(discard, as_text=sender.payload_as_text)
    return FailureMessage(discard, body, _object_key(discard, sender, sent_at))


def _wall_clock(sender: Sender, at_s: float) -> datetime:
    return datetime.fromtimestamp(sender.epoch_s + at_s, UTC)


def _payload(discard: Discard, *, as_text: bool) -> object:
    """Give the event the function got, with those of its records that are given up."""
    event = {"Records": [record.wire for record in discard.records], **(discard.window_keys or {})}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")) if as_text else event


def _object_key(discard: Discard, sender: Sender, sent_at: datetime) -> str:
    """Name the S3 object; its random part is drawn from the discard, so that a run repeats itself."""
    seed = f"{sender.mapping_uuid} {discard.shard} {discard.records[0].text} {discard.request_id} {sent_at}"
    unique = uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4)
    return f"aws/lambda/{sender.mapping_uuid}/{discard.shard}/{sent_at:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{unique}"
