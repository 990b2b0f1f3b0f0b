"""Table exports to S3: a full export's rows, an incremental one's changes; one JSON object a line.

A full export holds `{"Item": ...}` and is a state, for `--table-state`. An incremental one holds the net change of
each key, `{"Metadata": {"WriteTimestampMicros": ...}, "Keys": ..., "NewImage"?, "OldImage"?}`; what happened is told by
which images there are, and the order by the time of writing. Source: AWS, DynamoDB developer guide, "DynamoDB table
export output format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.sources.get_records import stand_in_arn
from replay.sources.shape import Found, Shape, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.sources.history import Item
    from replay.sources.shape import Document

MICROSECONDS_A_SECOND: Final = 1_000_000


def is_row(document: Document) -> bool:
    """Whether a document is a full export's row."""
    return isinstance(document, dict) and isinstance(document.get("Item"), dict) and len(document) == 1


def is_change(document: Document) -> bool:
    """Whether a document is an incremental export's change."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("Metadata"), dict)
        and isinstance(document.get("Keys"), dict)
    )


def row_of(document: Document) -> tuple[Mapping[str, Any], Item | None]:
    """Give the key of a row and what it is at the time of the export; nothing where it was removed."""
    if is_row(document):
        return document["Item"], document["Item"]
    return document["Keys"], document.get("NewImage")


def written_at(document: Document) -> int:
    """Read when a change was written, in microseconds since the epoch: a number, a text, or a DynamoDB number.

    Raises:
        Unreadable: it is none of them.
    """
    time = document["Metadata"].get("WriteTimestampMicros")
    if isinstance(time, dict) and len(time) == 1:
        time = time.get("N")
    try:
        return int(str(time))
    except ValueError:
        raise Unreadable(f"WriteTimestampMicros is {time!r}, no number of microseconds") from None


class _Reader:
    """Numbers changes by the time of writing, those of one time as they come."""

    def __init__(self) -> None:
        self._read = 0

    def __call__(self, document: Document) -> Iterator[Found]:
        if is_row(document):
            raise Unreadable("a full export's row is no change; give such an export as --table-state")
        self._read += 1
        yield Found(_lambda_record(document, self._read))


def _lambda_record(document: Mapping[str, Any], number: int) -> dict[str, Any]:
    microseconds = written_at(document)
    images = {name: document[name] for name in ("NewImage", "OldImage") if isinstance(document.get(name), dict)}
    event = "REMOVE" if "NewImage" not in images else "MODIFY" if "OldImage" in images else "INSERT"
    sequence = f"{microseconds:020d}{number:012d}"
    return {
        "eventID": f"{int(sequence):032x}",
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": stand_in_arn({}),
        "dynamodb": {
            "ApproximateCreationDateTime": float(microseconds // MICROSECONDS_A_SECOND),
            "Keys": document["Keys"],
            **images,
            "SequenceNumber": sequence,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


SHAPE = Shape("export", "an export's change", lambda document: is_row(document) or is_change(document), _Reader)
