"""Kinesis Data Streams for DynamoDB, as Lambda gets them: each record's `data` is a change of the table in base64.

Such a stream may repeat records and bring them out of order, and has no sequence numbers of its own for the changes:
records are put in order by their creation time (milliseconds, or microseconds where the record says so), those of one
time as they came; one that comes again gets the number it had. Sources: AWS, DynamoDB developer guide, "Kinesis Data
Streams for DynamoDB" (kds); Lambda developer guide, with-kinesis.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from replay.sources.get_records import stand_in_arn
from replay.sources.shape import Found, Shape, Unreadable, records_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.sources.shape import Document

MICROSECONDS_A_MILLISECOND: Final = 1000
MICROSECONDS_A_SECOND: Final = 1_000_000
ONLY_IN_KINESIS: Final = frozenset({"recordFormat", "tableName"})


def _recognises(document: Document) -> bool:
    records = records_in(document)
    return bool(records) and all(isinstance(record.get("kinesis"), dict) for record in records)


class _Reader:
    """Numbers changes by time and arrival, over all documents."""

    def __init__(self) -> None:
        self._arrived = 0
        self._known: dict[str, Found] = {}

    def __call__(self, document: Document) -> Iterator[Found]:
        for record in document["Records"]:
            change = _change(record)
            identifier = str(change.get("eventID"))
            if identifier not in self._known:
                self._arrived += 1
                self._known[identifier] = Found(_lambda_record(change, self._arrived), _shard(record))
            yield self._known[identifier]


def _change(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Unpack one Kinesis record."""
    try:
        change = json.loads(base64.b64decode(record["kinesis"]["data"], validate=True))
    except (KeyError, TypeError, binascii.Error, ValueError) as error:
        raise Unreadable(f"a Kinesis record's data is no JSON in base64: {error}") from None
    if not isinstance(change, dict) or not isinstance(change.get("dynamodb"), dict):
        raise Unreadable("a Kinesis record is no change of a DynamoDB table")
    return change


def _lambda_record(change: Mapping[str, Any], arrived: int) -> dict[str, Any]:
    inner = dict(change["dynamodb"])
    microseconds = _microseconds(inner)
    inner.pop("ApproximateCreationDateTimePrecision", None)
    inner["ApproximateCreationDateTime"] = float(microseconds // MICROSECONDS_A_SECOND)
    inner.setdefault("SequenceNumber", f"{microseconds:020d}{arrived:012d}")
    inner.setdefault("StreamViewType", "NEW_AND_OLD_IMAGES")
    turned = {name: value for name, value in change.items() if name not in ONLY_IN_KINESIS}
    if turned.get("userIdentity") is None:
        turned.pop("userIdentity", None)
    turned.setdefault("eventVersion", "1.1")
    turned.setdefault("eventSourceARN", stand_in_arn(change, str(change.get("tableName", "unknown"))))
    return turned | {"dynamodb": inner}


def _microseconds(inner: Mapping[str, Any]) -> int:
    """Read the creation time: milliseconds, unless the record says microseconds."""
    time = inner.get("ApproximateCreationDateTime")
    if not isinstance(time, int | float) or isinstance(time, bool) or time < 0:
        raise Unreadable(f"a Kinesis record's ApproximateCreationDateTime is {time!r}, no number of milliseconds")
    fine = inner.get("ApproximateCreationDateTimePrecision") == "MICROSECOND"
    return int(time) if fine else int(time) * MICROSECONDS_A_MILLISECOND


def _shard(record: Mapping[str, Any]) -> str | None:
    """Lambda's event id of a Kinesis record is `shard:sequence number`."""
    identifier = record.get("eventID")
    return identifier.partition(":")[0] if isinstance(identifier, str) and ":" in identifier else None


SHAPE = Shape("kinesis", "a Kinesis event of DynamoDB changes", _recognises, _Reader)
