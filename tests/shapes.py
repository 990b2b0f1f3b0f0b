"""The same records in every form they come in: each function takes Lambda records and gives the text of a file."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Json = dict[str, Any]

BATCH = 3
IMAGES = ("Keys", "NewImage", "OldImage")


def batches(records: Sequence[Json]) -> list[list[Json]]:
    return [list(records[start : start + BATCH]) for start in range(0, len(records), BATCH)]


def lines(documents: Iterable[object]) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


def laid_out(documents: Iterable[object]) -> str:
    return "\n".join(json.dumps(document, indent=2) for document in documents)


def printed(record: Json, time: Callable[[float], object]) -> Json:
    """A record as a program that reads the stream prints it: no ARN, its own spelling of times."""
    change = {**record["dynamodb"]}
    change["ApproximateCreationDateTime"] = time(change["ApproximateCreationDateTime"])
    return {name: value for name, value in record.items() if name != "eventSourceARN"} | {"dynamodb": change}


def plain(value: Any) -> Any:  # noqa: ANN401 - any attribute value
    """An attribute value as Python has it, without its type; sets and bytes keep theirs."""
    ((tag, content),) = value.items()
    made: dict[str, Callable[[Any], Any]] = {
        "N": int,
        "B": lambda binary: {"B": repr(base64.b64decode(binary))},
        "L": lambda elements: [plain(element) for element in elements],
        "M": lambda members: {name: plain(element) for name, element in members.items()},
        "NULL": lambda _: None,
        "S": str,
        "BOOL": bool,
    }
    return made[tag](content) if tag in made else value


def untyped(record: Json) -> Json:
    change = {
        name: {key: plain(value) for key, value in content.items()} if name in IMAGES else content
        for name, content in record["dynamodb"].items()
    }
    return record | {"dynamodb": change}


def kinesis(record: Json, number: int, *, fine: bool) -> Json:
    """One Kinesis record; `number` tells records of one second apart, as real ones are."""
    inner = {
        name: content
        for name, content in record["dynamodb"].items()
        if name not in ("SequenceNumber", "StreamViewType")
    }
    milliseconds = int(inner["ApproximateCreationDateTime"]) * 1000 + number
    inner["ApproximateCreationDateTime"] = milliseconds * 1000 if fine else milliseconds
    if fine:
        inner["ApproximateCreationDateTimePrecision"] = "MICROSECOND"
    change = {
        "awsRegion": record["awsRegion"],
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "userIdentity": record.get("userIdentity"),
        "recordFormat": "application/json",
        "tableName": "messages",
        "dynamodb": inner,
        "eventSource": "aws:dynamodb",
    }
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "0",
            "sequenceNumber": f"4954{number:052d}",
            "data": base64.b64encode(json.dumps(change).encode()).decode(),
            "approximateArrivalTimestamp": milliseconds / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventID": f"shardId-000000000000:4954{number:052d}",
        "eventName": "aws:kinesis:record",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/messages",
    }


def kinesis_events(records: Sequence[Json], *, fine: bool = False, shuffled: bool = False) -> str:
    turned = [kinesis(record, number, fine=fine) for number, record in enumerate(records)]
    if shuffled:  # neighbours change places, and some come twice
        turned = [record for pair in batches(turned) for record in pair[::-1]] + turned[:2]
    return lines({"Records": batch} for batch in batches(turned))


def failure(records: list[Json], *, as_text: bool) -> Json:
    event = {"Records": records}
    return {
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 2},
        "version": "1.0",
        "DDBStreamBatchInfo": {"shardId": "shardId-1", "batchSize": len(records)},
        "payload": json.dumps(event) if as_text else event,
    }


def increments(records: Sequence[Json]) -> str:
    """An incremental export: per key what was before, and what is at the end."""
    first: dict[str, Json | None] = {}
    last: dict[str, tuple[int, Json, Json | None]] = {}
    for number, record in enumerate(records):
        change = record["dynamodb"]
        name = json.dumps(change["Keys"], sort_keys=True)
        first.setdefault(name, change.get("OldImage"))
        last[name] = (
            int(change["ApproximateCreationDateTime"]) * 1_000_000 + number,
            change["Keys"],
            change.get("NewImage"),
        )
    documents = []
    for name, (written, keys, new) in last.items():
        old = first[name]
        if old is None and new is None:
            continue
        document: Json = {"Metadata": {"WriteTimestampMicros": {"N": str(written)}}, "Keys": keys}
        documents.append(document | ({"NewImage": new} if new else {}) | ({"OldImage": old} if old else {}))
    return lines(reversed(documents))


def date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


SHAPES: dict[str, Callable[[Sequence[Json]], str]] = {
    "single records": lines,
    "one event": lambda records: json.dumps({"Records": list(records)}),
    "events, laid out": lambda records: laid_out({"Records": batch} for batch in batches(records)),
    "events, a line each": lambda records: lines({"Records": batch} for batch in batches(records)),
    "an array of events": lambda records: json.dumps([{"Records": batch} for batch in batches(records)]),
    "GetRecords, seconds": lambda records: lines(
        {"Records": [printed(record, float) for record in batch], "NextShardIterator": "arn|1|a"}
        for batch in batches(records)
    ),
    "GetRecords, dates": lambda records: laid_out(
        [{"Records": [printed(record, date) for record in records]}, {"Records": [], "NextShardIterator": "a"}]
    ),
    "GetRecords, boto3": lambda records: lines(
        {
            "Records": [printed(record, lambda time: date(time).replace("T", " ")) for record in batch],
            "ResponseMetadata": {},
        }
        for batch in batches(records)
    ),
    "GetRecords, no types": lambda records: lines(
        [{"Records": [printed(untyped(record), date) for record in records], "NextShardIterator": "a"}]
    ),
    "GetRecords, its records one by one": lambda records: lines(printed(record, date) for record in records),
    "GetRecords, an array of its records": lambda records: laid_out(
        [[printed(untyped(record), lambda time: date(time).replace("T", " ")) for record in records]]
    ),
    "Kinesis, milliseconds": kinesis_events,
    "Kinesis, microseconds": lambda records: kinesis_events(records, fine=True),
    "Kinesis, out of order and twice": lambda records: kinesis_events(records, shuffled=True),
    "Pipes": lambda records: lines(batches(records)),
    "Pipes, laid out": lambda records: laid_out([list(records)]),
    "failure bucket, text": lambda records: lines(failure(batch, as_text=True) for batch in batches(records)),
    "failure bucket, object": lambda records: laid_out(failure(batch, as_text=False) for batch in batches(records)),
    "incremental export": increments,
}
