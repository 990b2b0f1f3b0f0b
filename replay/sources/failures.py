"""What an event source mapping puts into its failure bucket: one batch that was given up, with its records.

`payload` is the event, as a text or as an object. Queues and topics get the same without it: the records are then only
in the stream. Source: AWS, Lambda developer guide, "Retain discarded records" (services-dynamodb-errors).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from replay.sources.shape import Found, Shape, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.sources.shape import Document


def _recognises(document: Document) -> bool:
    return isinstance(document, dict) and isinstance(document.get("DDBStreamBatchInfo"), dict)


def _records(document: Document) -> Iterator[Found]:
    info = document["DDBStreamBatchInfo"]
    if "payload" not in document:
        raise Unreadable(
            f"this failure names records {info.get('startSequenceNumber')} to {info.get('endSequenceNumber')} and does "
            "not hold them; only a bucket as destination keeps records"
        )
    payload = document["payload"]
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError as error:
            raise Unreadable(f"the payload is no JSON: {error}") from None
    if not isinstance(payload, dict) or not isinstance(payload.get("Records"), list):
        raise Unreadable("the payload is no Lambda event")
    shard = info.get("shardId")
    for record in payload["Records"]:
        yield Found(record, shard if isinstance(shard, str) else None)


SHAPE = Shape("failures", "a batch from a failure bucket", _recognises, lambda: _records, is_batch=True)
