"""Whose rows are whose: the prefixes of the messages table's keys, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from replay.rows.reading import Item

MESSAGE_PREFIX: Final = "MSG#"
GROUP_PREFIX: Final = "GRP#"
PARTITION_KEY_BYTES_MAX: Final = 2048
"""AWS: DynamoDB developer guide, "Constraints"; an id that makes no key names nobody."""

Membership = tuple[str, str]
"""A group and a member."""


def membership_of(item: Item) -> Membership | None:
    """Say whose row of which group this is; nothing for a row of any other kind."""
    partition_key, group = item.get("pk", {}).get("S", ""), item.get("message_group_uuid", {}).get("S")
    return (group, partition_key[len(GROUP_PREFIX) :]) if group and partition_key.startswith(GROUP_PREFIX) else None


def member_named(item: Item) -> str | None:
    """Read whom a group row names, or who wrote a message; nobody where that could not be a key."""
    name = text_in(item.get("user_uuid"))
    return name if name and len((GROUP_PREFIX + name).encode()) <= PARTITION_KEY_BYTES_MAX else None


def text_in(attribute: object) -> str | None:
    """Take the text out of a string attribute; nothing for another type, or for text that UTF-8 cannot carry."""
    text = attribute.get("S") if isinstance(attribute, dict) else None
    if not isinstance(text, str):
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text
