"""A stream record: as it travels, and as the event source works with it.

Promises: a record is parsed once, here; its sequence number is compared as an integer and passed on verbatim; sizes
and lane keys are reckoned when first asked for. Times are seconds on the clock of whoever drives the event source.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Required, TypedDict

from replay.errors import WrongUse
from replay.event_source.sizes import json_bytes, json_bytes_at_most

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RETENTION_S = 86_400
"""A stream keeps its records for 24 hours. (AWS: DynamoDB developer guide, Streams.)"""
JUST_AFTER_S = 1e-6
DEFAULT_SHARD = "shardId-A"

AttributeValue = dict[str, Any]
"""One DynamoDB JSON value: `{"S": "text"}`."""


class WireChange(TypedDict, total=False):
    """The `dynamodb` part of a record (AWS: DynamoDB API reference, streams StreamRecord)."""

    ApproximateCreationDateTime: float
    Keys: dict[str, AttributeValue]
    NewImage: dict[str, AttributeValue]
    OldImage: dict[str, AttributeValue]
    SequenceNumber: Required[str]
    SizeBytes: int
    StreamViewType: str


class WireRecord(TypedDict, total=False):
    """A record as Lambda passes it on (AWS: Lambda developer guide, with-ddb)."""

    eventID: str
    eventName: str
    eventVersion: str
    eventSource: str
    awsRegion: str
    dynamodb: Required[WireChange]
    eventSourceARN: str
    userIdentity: dict[str, str]


class StreamRecord:
    """One record on its way. Made by `StreamRecord.of`; its fields are never changed.

    A plain class with slots: millions are made, and a frozen dataclass takes three times as long.
    """

    __slots__ = ("_bytes", "_bytes_at_most", "available_at_s", "created_at_s", "sequence", "shard", "text", "wire")

    wire: WireRecord
    """As the function gets it. Shared, not copied: whoever may change it copies first."""
    sequence: int
    text: str
    """The sequence number verbatim."""
    shard: str
    created_at_s: int
    """Rounded down to the second, as streams do; ages are reckoned from it."""
    available_at_s: float

    def __init__(self, wire: WireRecord, text: str, shard: str, created_at_s: float, available_at_s: float) -> None:
        self.wire = wire
        self.sequence = int(text)
        self.text = text
        self.shard = shard
        self.created_at_s = math.floor(created_at_s)
        self.available_at_s = available_at_s
        self._bytes = -1
        self._bytes_at_most = -1

    @classmethod
    def of(
        cls,
        wire: WireRecord,
        *,
        shard: str = DEFAULT_SHARD,
        available_at_s: float = 0.0,
        created_at_s: float | None = None,
    ) -> StreamRecord:
        """Parse a record at the door.

        Args:
            wire: The record as the stream or a file has it.
            shard: The shard it is read from.
            available_at_s: When the poller can first see it.
            created_at_s: When it was written; by default its own ApproximateCreationDateTime, which must then be on
                the same clock, or `available_at_s` where it has none.

        Raises:
            WrongUse: It has no sequence number made of digits.
        """
        try:
            change = wire["dynamodb"]
            text: object = change["SequenceNumber"]
        except (KeyError, TypeError):
            raise WrongUse("a record needs dynamodb.SequenceNumber") from None
        if not isinstance(text, str) or not (text.isascii() and text.isdigit()):
            raise WrongUse(f"a sequence number is a text of digits, not {text!r}")
        if created_at_s is None:
            created_at_s = _seconds(change.get("ApproximateCreationDateTime"), available_at_s)
        return cls(wire, text, shard, created_at_s, available_at_s)

    @property
    def json_bytes(self) -> int:
        """The size of its compact JSON in UTF-8, reckoned once."""
        if self._bytes < 0:
            self._bytes = json_bytes(self.wire)
        return self._bytes

    @property
    def json_bytes_at_most(self) -> int:
        """A bound on `json_bytes`, cheap; the size itself once that is known."""
        if self._bytes >= 0:
            return self._bytes
        if self._bytes_at_most < 0:
            self._bytes_at_most = json_bytes_at_most(self.wire)
        return self._bytes_at_most

    def lane(self, lanes: int, partition_key: str | None = None) -> int:
        """Which of a shard's lanes it belongs to: by its whole key, or by one attribute of it.

        Raises:
            WrongUse: Its keys have no such attribute.
        """
        keys: Mapping[str, object] = self.wire.get("dynamodb", {}).get("Keys", {})
        if partition_key is not None and partition_key not in keys:
            raise WrongUse(f"record {self.text} has no key attribute '{partition_key}'; name the table's partition key")
        chosen = keys if partition_key is None else keys[partition_key]
        text = json.dumps(chosen, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()) % lanes

    def __repr__(self) -> str:
        return f"<{self.shard} {self.text}>"


def gone_at(record: StreamRecord) -> float:
    """Say when a record will have gone from the stream: it is older than the retention, by however little."""
    return round(record.created_at_s + RETENTION_S + JUST_AFTER_S, 6)


def retimed(records: Iterable[StreamRecord], newest_created_at_s: float) -> Iterator[StreamRecord]:
    """Shift records in time, all by the same amount, so that the newest was created at the time given.

    Recorded events would otherwise be gone from the stream: fixtures date from 2015. The order, the pauses between
    the records and what the function sees of them otherwise stay.
    """
    old = list(records)
    if not old:
        return
    shift = math.floor(newest_created_at_s) - max(record.created_at_s for record in old)
    for record in old:
        change: WireChange = {**record.wire["dynamodb"]}
        if "ApproximateCreationDateTime" in change:
            change["ApproximateCreationDateTime"] = float(record.created_at_s + shift)
        wire: WireRecord = {**record.wire, "dynamodb": change}
        yield StreamRecord(wire, record.text, record.shard, record.created_at_s + shift, record.available_at_s)


def _seconds(given: object, otherwise: float) -> float:
    """Read a creation time: a number, or the quoted number of some samples; else the other time."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return given
    try:
        return float(given) if isinstance(given, str) else otherwise
    except ValueError:
        return otherwise
