"""From a stream record to a message of a conversation, or to nothing.

Pure: no clock, no environment, no AWS, no randomness. A record is parsed once, here; what is behind works on values.
Record fields: AWS, DynamoDB API reference, "Record" and "StreamRecord" (Streams).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NewType

from stream_processor.errors import ConfigurationError, NotAStreamEvent, PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GroupId = NewType("GroupId", str)
MemberId = NewType("MemberId", str)

MESSAGE_PREFIX = "MSG#"
GROUP_PREFIX = "GRP#"

PARTITION_KEY_BYTES_MAX = 2048
"""AWS: DynamoDB developer guide, "Constraints": a partition key has 1 to 2,048 bytes."""

YEAR_10000_S = 253_402_300_800
"""The end of the calendar in seconds since the epoch; what is beyond is no creation time."""

VIEW_TYPES_WITHOUT_NEW_IMAGE = frozenset({"KEYS_ONLY", "OLD_IMAGE"})

TIMES_KEPT = 1024
"""Readings kept: all members' rows of a group spell the same time, and are read again at each attempt."""
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])"
    r"(?:\.([0-9]+))?"
    r"(?: ?(?:Z|([+-])([01][0-9]|2[0-3])(?::([0-5][0-9])(?::([0-5][0-9]))?|([0-5][0-9]))))?"
)
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the stream tells it.

    `created_at_s` is when the stream saw the write (seconds since the epoch, whole on AWS), or nothing where the record
    does not say. `sender` is nothing where the record's `user_uuid` could not be a member's key.
    """

    group: GroupId
    instant: datetime
    text: str
    sender: MemberId | None
    sequence: int
    identifier: str
    created_at_s: float | None

    @property
    def rank(self) -> tuple[datetime, str]:
        """What is compared: the later instant wins, among equals the greater text."""
        return self.instant, self.text

    @property
    def ahead_s(self) -> float:
        """How many seconds the message is dated after its record's creation; 0 where that is unknown."""
        return 0.0 if self.created_at_s is None else self.instant.timestamp() - self.created_at_s


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands in its shard: to compare, and to answer verbatim."""

    sequence: int
    identifier: str


def position(record: Mapping[str, Any]) -> Position:
    """Read a record's sequence number.

    Raises:
        NotAStreamEvent: where there is none; without it nothing can be answered.
    """
    try:
        identifier = record["dynamodb"]["SequenceNumber"]
    except (KeyError, TypeError, IndexError):
        identifier = None
    if not isinstance(identifier, str) or not _DIGITS.fullmatch(identifier):
        raise NotAStreamEvent("a record has no dynamodb.SequenceNumber of digits: is the trigger a DynamoDB stream?")
    return Position(int(identifier), identifier)


def parse(record: Mapping[str, Any], at: Position) -> Message | None:
    """Turn a stream record into a message; nothing for a record that is none (done, to be counted).

    Messages are INSERT records whose partition key begins with `MSG#`; the group id is all that follows.

    Raises:
        PermanentError: the record is a message that can never be applied.
        ConfigurationError: the stream's view type leaves out new images.
    """
    if record.get("eventName") != "INSERT":
        return None
    change = record["dynamodb"]
    keys = _mapping(change.get("Keys"))
    partition_key = string(keys.get("pk"))
    if partition_key is None or not partition_key.startswith(MESSAGE_PREFIX):
        return None
    image = _new_image(change)
    group = partition_key[len(MESSAGE_PREFIX) :]
    if not group:
        raise PermanentError("EmptyGroupId", f"the partition key is '{MESSAGE_PREFIX}' with nothing behind it")
    text = string(image.get("message"))
    if text is None:
        raise PermanentError("NoMessageText", "the attribute 'message' is missing or no string")
    return Message(
        group=GroupId(group),
        instant=_message_time(keys.get("sk")),
        text=text,
        sender=member_id(image.get("user_uuid")),
        sequence=at.sequence,
        identifier=at.identifier,
        created_at_s=creation_s(change),
    )


def coalesce(messages: Iterable[Message]) -> dict[GroupId, tuple[Message, ...]]:
    """Sort a batch's messages by group, the newest of each first; groups in the order of their first record."""
    groups: dict[GroupId, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.group, []).append(message)
    return {
        group: tuple(sorted(members, key=lambda message: (message.rank, message.sequence), reverse=True))
        for group, members in groups.items()
    }


def lowest(messages: Sequence[Message]) -> Message:
    """Find the message that came first in its shard; sequence numbers are compared as integers."""
    return min(messages, key=lambda message: message.sequence)


@lru_cache(maxsize=TIMES_KEPT)
def parse_time(text: str) -> datetime | None:
    """Read a time in any spelling found in the table, in UTC to the microsecond; nothing for any other text.

    `YYYY-MM-DD`, `T` or a space, `HH:MM:SS`, optional `.digits` (those behind the sixth are dropped), optional `Z` or
    `±HH:MM`, `±HHMM`, `±HH:MM:SS` (a space before it allowed). No zone means UTC. The grammar is the same on every
    Python version, which `datetime.fromisoformat` is not. A time that leaves the years 1 to 9999 in UTC is none.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    seconds, fraction, sign, zone_hours, zone_minutes, zone_seconds, zone_packed = match.groups()
    microseconds = (fraction or "")[:6].ljust(6, "0")
    try:  # the one spelling that every version reads alike: what `isoformat` writes
        clock = datetime.fromisoformat(f"{seconds}.{microseconds}+00:00")
        if sign is None:
            return clock
        offset_s = 3600 * int(zone_hours) + 60 * int(zone_minutes or zone_packed) + int(zone_seconds or 0)
        return clock - timedelta(seconds=-offset_s if sign == "-" else offset_s)
    except (ValueError, OverflowError):
        return None


def format_time(instant: datetime) -> str:
    """Write an instant the one way the table is written: 32 characters, UTC, so that text order is time order."""
    return instant.isoformat(timespec="microseconds")


def string(attribute: Any) -> str | None:  # noqa: ANN401 - whatever the wire brought
    """Take the text out of a string attribute; nothing for any other type, or for text that is no Unicode."""
    value = attribute.get("S") if isinstance(attribute, dict) else None
    if not isinstance(value, str) or (not value.isascii() and _has_surrogate(value)):
        return None
    return value


def member_id(attribute: Any) -> MemberId | None:  # noqa: ANN401 - whatever the wire brought
    """Read a `user_uuid`; nothing where it is missing, no string, empty, or too long for a key."""
    value = string(attribute)
    if not value or len(GROUP_PREFIX) + len(value.encode()) > PARTITION_KEY_BYTES_MAX:
        return None
    return MemberId(value)


def creation_s(change: Mapping[str, Any]) -> float | None:
    """Read when the stream saw a write, in seconds since the epoch; nothing where the record does not say.

    AWS sends a float; published samples have integers and strings.
    """
    value = change.get("ApproximateCreationDateTime")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < YEAR_10000_S else None


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - whatever the wire brought
    return value if isinstance(value, dict) else {}


def _new_image(change: Mapping[str, Any]) -> Mapping[str, Any]:
    image = change.get("NewImage")
    if isinstance(image, dict):
        return image
    view_type = change.get("StreamViewType")
    if view_type in VIEW_TYPES_WITHOUT_NEW_IMAGE:
        raise ConfigurationError(
            f"the stream's view type is {view_type}, which leaves out new images: set NEW_AND_OLD_IMAGES"
        )
    raise PermanentError("NoNewImage", "the record has no NewImage although its view type has one")


def _message_time(sort_key: Any) -> datetime:  # noqa: ANN401 - whatever the wire brought
    text = string(sort_key)
    instant = None if text is None else parse_time(text)
    if instant is None:
        raise PermanentError("InvalidTime", "the sort key is no time in any spelling of the table")
    return instant


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
