"""Batches of EventBridge Pipes: a bare array of records in Lambda's shape; or of GetRecords', as programs print them.

Source: AWS, EventBridge user guide, "Amazon DynamoDB stream as a source" (eb-pipes-dynamodb).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.sources.shape import Found, Shape, Unreadable
from replay.sources.single_records import in_lambdas_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.sources.shape import Document


def _recognises(document: Document) -> bool:
    return isinstance(document, list) and all(isinstance(record, dict) and "dynamodb" in record for record in document)


def _records(document: Document) -> Iterator[Found]:
    if not _recognises(document):
        raise Unreadable("no batch of EventBridge Pipes; that is an array of stream records")
    for record in document:
        yield Found(in_lambdas_shape(record))


SHAPE = Shape("pipes", "a batch of EventBridge Pipes", _recognises, lambda: _records, is_batch=True)
