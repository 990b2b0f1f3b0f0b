"""What a stream record says about a conversation, in the oracle's own reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.checks.oracle import Said
from replay.checks.reading import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_PREFIX: Final = "MSG#"


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
    texts = [_text(keys.get("pk")), _text(keys.get("sk")), _text(image.get("message"))]
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
    partition_key = _text(keys.get("pk")) if isinstance(keys, dict) else None
    is_message = wire.get("eventName") == "INSERT" and (partition_key or "").startswith(MESSAGE_PREFIX)
    return is_message and said_by(wire, 0) is None


def _text(attribute: object) -> str | None:
    """Take the text out of a string attribute; nothing for another type, or for text that UTF-8 cannot carry."""
    text = attribute.get("S") if isinstance(attribute, dict) else None
    if not isinstance(text, str):
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text
