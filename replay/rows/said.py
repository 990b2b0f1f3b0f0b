"""What a stream record says about a conversation, in the oracle's own reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replay.rows.keys import MESSAGE_PREFIX, text_in
from replay.rows.reading import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.rows.reading import Value


@dataclass(frozen=True, slots=True)
class Said:
    """A message as the records say it, and the number of the delivery that first brought it."""

    group: str
    value: Value
    delivery: int = 0


def said_by(wire: Mapping[str, Any], delivery: int) -> Said | None:
    """Read the message that a record brings; nothing for a record of another kind, or one that nobody can read.

    A message is the insert of a row whose partition key begins with `MSG#` and names a group, whose sort key is a time
    and whose `message` is a text.
    """
    change = wire.get("dynamodb")
    if wire.get("eventName") != "INSERT" or not isinstance(change, dict):
        return None
    keys, image = change.get("Keys"), change.get("NewImage")
    if not isinstance(keys, dict) or not isinstance(image, dict):
        return None
    texts = [text_in(keys.get("pk")), text_in(keys.get("sk")), text_in(image.get("message"))]
    partition_key, sort_key, text = texts
    if partition_key is None or sort_key is None or text is None:
        return None
    value = value_of({"sk": {"S": sort_key}, "message": {"S": text}})
    group = partition_key.removeprefix(MESSAGE_PREFIX)
    if not partition_key.startswith(MESSAGE_PREFIX) or not group or not value[0]:
        return None
    return Said(group, value, delivery)


def is_unreadable(wire: Mapping[str, Any]) -> bool:
    """Whether a record brings a message that nobody can read: it can only be set aside."""
    change = wire.get("dynamodb")
    keys = change.get("Keys") if isinstance(change, dict) else None
    partition_key = text_in(keys.get("pk")) if isinstance(keys, dict) else None
    is_message = wire.get("eventName") == "INSERT" and (partition_key or "").startswith(MESSAGE_PREFIX)
    return is_message and said_by(wire, 0) is None
