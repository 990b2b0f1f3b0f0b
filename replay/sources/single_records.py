"""Single records in Lambda's shape, one a line; a line may name its shard and that shard's parent.

The two keys `shardId` and `parentShardId` stand beside the record's own and are taken off before delivery. This is what
`record` writes. A record whose time is a date is none of Lambda's: it is read as GetRecords answers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from replay.sources.get_records import is_printed, lambda_record
from replay.sources.shape import Found, Shape, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.sources.shape import Document

SHARD: Final = "shardId"
PARENT: Final = "parentShardId"


def _recognises(document: Document) -> bool:
    return isinstance(document, dict) and isinstance(document.get("dynamodb"), dict) and "kinesis" not in document


def _records(document: Document) -> Iterator[Found]:
    if not _recognises(document):
        raise Unreadable("no stream record; that is an object with 'eventName' and 'dynamodb'")
    if SHARD not in document and PARENT not in document:
        yield Found(in_lambdas_shape(document))
        return
    wire = {name: value for name, value in document.items() if name not in (SHARD, PARENT)}
    yield Found(in_lambdas_shape(wire), _name(document, SHARD), _name(document, PARENT))


def in_lambdas_shape(record: Document) -> Document:
    """Give a record as it is, or turned where a program has printed what GetRecords gave it."""
    return lambda_record(record) if is_printed(record) else record


def _name(document: Document, key: str) -> str | None:
    name = document.get(key)
    if name is not None and (not isinstance(name, str) or not name):
        raise Unreadable(f"{key} is {name!r}, not the name of a shard")
    return name or None


SHAPE = Shape("records", "a stream record", _recognises, lambda: _records)
