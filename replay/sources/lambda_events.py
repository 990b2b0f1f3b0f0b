"""Events as Lambda hands them to a function: `{"Records": [...]}`; each is one batch of one shard.

Source: AWS, Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB"; with a tumbling window the event names its
shard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.sources.shape import Found, Shape, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.sources.shape import Document


def _recognises(document: Document) -> bool:
    return isinstance(document, dict) and isinstance(document.get("Records"), list)


def _records(document: Document) -> Iterator[Found]:
    if not _recognises(document):
        raise Unreadable('no Lambda event; that is {"Records": [...]}')
    shard = document.get("shardId")
    for record in document["Records"]:
        yield Found(record, shard if isinstance(shard, str) else None)


SHAPE = Shape("lambda", "a Lambda event", _recognises, lambda: _records, is_batch=True)
