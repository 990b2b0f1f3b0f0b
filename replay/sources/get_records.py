"""What GetRecords answers, as a shell or a program has printed it.

The command line prints attribute values with their types and times as text or seconds. Programs print what boto3 gave
them: times as Python writes them, bytes as `b'...'`, values without types where they were turned into Python's own. All
of that becomes Lambda's shape. The stream's ARN is not part of an answer; records get a stand-in.
"""

from __future__ import annotations

import ast
import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from replay.sources.shape import Found, Shape, Unreadable, records_in
from replay.sources.stream import TTL_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.sources.shape import Document

TYPES: Final = frozenset({"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"})
STAND_IN_ARN: Final = "arn:aws:dynamodb:{region}:000000000000:table/{table}/stream/2026-01-01T00:00:00.000"
STAND_IN_REGION: Final = "us-east-1"
IMAGES: Final = ("Keys", "NewImage", "OldImage")


def _recognises(document: Document) -> bool:
    """Tell an answer from a Lambda event: by the answer's own keys, else by times that are no numbers."""
    if not isinstance(document, dict) or not isinstance(document.get("Records"), list):
        return False
    if "NextShardIterator" in document or "ResponseMetadata" in document:
        return True
    return any(map(is_printed, records_in(document)))


def is_printed(record: Mapping[str, Any]) -> bool:
    """Whether a record is none of Lambda's: it names no stream, and its time is a date."""
    if "eventSourceARN" in record:
        return False
    change = record.get("dynamodb")
    return isinstance(change, dict) and _is_date(change.get("ApproximateCreationDateTime"))


def _is_date(time: object) -> bool:
    return isinstance(time, str) and not time.replace(".", "", 1).isdigit()


def _records(document: Document) -> Iterator[Found]:
    for record in document["Records"]:
        if not isinstance(record, dict) or not isinstance(record.get("dynamodb"), dict):
            raise Unreadable("an answer of GetRecords holds something that is no stream record")
        yield Found(lambda_record(record))


def lambda_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a record as an answer has it, or as a program has printed it, into Lambda's.

    Raises:
        Unreadable: its time is no time.
    """
    change = dict(record["dynamodb"])
    if "ApproximateCreationDateTime" in change:
        change["ApproximateCreationDateTime"] = seconds(change["ApproximateCreationDateTime"])
    for name in IMAGES:
        if isinstance(change.get(name), dict):
            change[name] = {key: typed(value) for key, value in change[name].items()}
    turned = {name: value for name, value in record.items() if name != "userIdentity"} | {"dynamodb": change}
    turned.setdefault("eventSourceARN", stand_in_arn(record))
    if record.get("userIdentity") is not None:
        turned["userIdentity"] = dict(TTL_IDENTITY)
    return turned


def stand_in_arn(record: Mapping[str, Any], table: str = "unknown") -> str:
    """Make a stream's ARN where none is told."""
    region = record.get("awsRegion")
    return STAND_IN_ARN.format(region=region if isinstance(region, str) else STAND_IN_REGION, table=table)


def seconds(time: object) -> float:
    """Read a creation time in whole seconds since the epoch: a number, or a date as text.

    Raises:
        Unreadable: it is neither.
    """
    if isinstance(time, int | float) and not isinstance(time, bool):
        return float(int(time))
    if isinstance(time, str):
        try:
            return float(int(float(time)))
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(time)
            return float(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
        except ValueError:
            pass
    raise Unreadable(f"ApproximateCreationDateTime is {time!r}, neither seconds nor a date")


def typed(value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a program has printed
    """Give an attribute value its type, where it has none, and its bytes as base64, where they are Python's."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in TYPES:
        ((tag, content),) = value.items()
    else:
        tag, content = _type_of(value)
    return {tag: _content(tag, content)}


def _type_of(value: Any) -> tuple[str, Any]:  # noqa: ANN401 - whatever a program has printed
    match value:
        case None:
            return "NULL", True
        case bool():
            return "BOOL", value
        case int() | float():
            return "N", str(value)
        case list() | dict():
            return "L" if isinstance(value, list) else "M", value
        case _:
            return "S", value


def _content(tag: str, content: Any) -> Any:  # noqa: ANN401 - as typed
    match tag:
        case "B":
            return _base64(content)
        case "BS" if isinstance(content, list):
            return [_base64(element) for element in content]
        case "L" if isinstance(content, list):
            return [typed(element) for element in content]
        case "M" if isinstance(content, dict):
            return {name: typed(element) for name, element in content.items()}
        case _:
            return content


def _base64(content: Any) -> Any:  # noqa: ANN401 - as typed
    if not isinstance(content, str) or not content.startswith(("b'", 'b"')):
        return content
    try:
        written = ast.literal_eval(content)
    except (ValueError, SyntaxError):
        return content
    return base64.b64encode(written).decode()


SHAPE = Shape("get-records", "an answer of GetRecords", _recognises, lambda: _records)
