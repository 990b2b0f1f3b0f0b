"""Builders with defaults: a test names what it is about and nothing else.

Texts, names and handles begin with PRIVATE, so that one that reaches an output betrays itself (`conftest.py` looks).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stream_processor.message import GroupId, MemberId, Message
from stream_processor.row import GroupRow, group_row

if TYPE_CHECKING:
    from stream_processor.row import Item

GROUP = GroupId("g1")
ANN = MemberId("ann")
BOB = MemberId("bob")
CAT = MemberId("cat")
START = datetime(2026, 1, 1, 10, tzinfo=UTC)
STREAM_ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/messages/stream/2026-01-01T00:00:00.000"
FIRST_SEQUENCE = 100_000_000_000_000_000_000
"""Sequence numbers have 21 to 40 digits."""


def instant(seconds: float) -> datetime:
    """So many seconds after the conversation's start."""
    return START + timedelta(seconds=seconds)


def time_text(seconds: float) -> str:
    """The same as the table is written."""
    return instant(seconds).isoformat(timespec="microseconds")


def text(name: str) -> str:
    """A message's text that must not be seen anywhere outside the table."""
    return f"PRIVATE-{name}"


def sequence(number: int) -> str:
    return str(FIRST_SEQUENCE + number)


def message(  # noqa: PLR0913 - every default can be named
    name: str = "hello",
    *,
    at: float = 0,
    group: str = GROUP,
    sender: str | None = ANN,
    number: int = 1,
    created_at_s: float | None = None,
) -> Message:
    return Message(
        group=GroupId(group),
        instant=instant(at),
        text=text(name),
        sender=None if sender is None else MemberId(sender),
        sequence=FIRST_SEQUENCE + number,
        identifier=sequence(number),
        created_at_s=created_at_s,
    )


def message_item(name: str = "hello", *, at: float | str = 0, group: str = GROUP, sender: str = ANN) -> Item:
    """A message row."""
    return {
        "pk": {"S": f"MSG#{group}"},
        "sk": {"S": at if isinstance(at, str) else time_text(at)},
        "message": {"S": text(name)},
        "message_uuid": {"S": f"uuid-{name}"},
        "user_uuid": {"S": sender},
        "user_display_name": {"S": f"PRIVATE-name-{sender}"},
        "user_handle": {"S": f"PRIVATE-handle-{sender}"},
    }


def group_item(
    member: str = ANN,
    *,
    at: float | str = 0,
    name: str = "old",
    other: str = BOB,
    group: str = GROUP,
    **attributes: dict[str, Any],
) -> dict[str, Any]:
    """A member's group row; `attributes` are further ones, or others in place of the usual."""
    return {
        "pk": {"S": f"GRP#{member}"},
        "sk": {"S": at if isinstance(at, str) else time_text(at)},
        "message_group_uuid": {"S": group},
        "message": {"S": text(name)},
        "user_uuid": {"S": other},
        "user_display_name": {"S": f"PRIVATE-name-{other}"},
        "user_handle": {"S": f"PRIVATE-handle-{other}"},
        **attributes,
    }


def row(member: str = ANN, **parts: Any) -> GroupRow:  # noqa: ANN401 - as `group_item`
    """The same, read."""
    return read_row(group_item(member, **parts), parts.get("group", GROUP))


def read_row(item: Item, group: str = GROUP) -> GroupRow:
    found = group_row(item, GroupId(group))
    assert found is not None
    return found


def record(  # noqa: PLR0913 - every default can be named
    name: str = "hello",
    *,
    at: float | str = 0,
    group: str = GROUP,
    sender: str = ANN,
    number: int = 1,
    event_name: str = "INSERT",
    created_at_s: Any = None,  # noqa: ANN401 - whatever the wire may bring
    item: Item | None = None,
) -> dict[str, Any]:
    """A stream record of a new message row, or of another item."""
    image = message_item(name, at=at, group=group, sender=sender) if item is None else item
    if created_at_s is None:
        created_at_s = float(int((START + timedelta(seconds=0 if isinstance(at, str) else at)).timestamp()))
    return {
        "eventID": f"{number:032x}",
        "eventName": event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": created_at_s,
            "Keys": {"pk": image["pk"], "sk": image["sk"]},
            "NewImage": dict(image),
            "SequenceNumber": sequence(number),
            "SizeBytes": 200,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": STREAM_ARN,
    }


def event(*records: dict[str, Any]) -> dict[str, Any]:
    """One delivery."""
    return {"Records": list(records)}
