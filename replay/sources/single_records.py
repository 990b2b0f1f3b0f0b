"""Single records in Lambda's shape, one a line; a line may name its shard and that shard's parent.

The two keys `shardId` and `parentShardId` stand beside the record's own and are taken off before delivery. This is what
`record` writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
        yield Found(document)
        return
    wire = {name: value for name, value in document.items() if name not in (SHARD, PARENT)}
    yield Found(wire, _name(document, SHARD), _name(document, PARENT))


def _name(document: Document, key: str) -> str | None:
    name = document.get(key)
    if name is not None and (not isinstance(name, str) or not name):
        raise Unreadable(f"{key} is {name!r}, not the name of a shard")
    return name or None


SHAPE = Shape("records", "a stream record", _recognises, lambda: _records)
