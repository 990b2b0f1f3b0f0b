"""A group row as the table holds it: items in wire form, their sizes, and the order in which rows of one member rank.

Pure: no clock, no environment, no AWS, no randomness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stream_processor.message import GROUP_PREFIX, GroupId, MemberId, parse_time, string

if TYPE_CHECKING:
    from collections.abc import Iterable

AttributeValue = Mapping[str, Any]
"""One value as DynamoDB's low-level API writes it: `{"S": "…"}`, `{"N": "1"}`, `{"M": {…}}`."""
Item = Mapping[str, AttributeValue]

ITEM_BYTES_MAX = 400 * 1024
"""Bytes of one item, names and values. AWS: DynamoDB developer guide, "Constraints"."""

BEFORE_ANY_MESSAGE = datetime.min.replace(tzinfo=UTC)
"""Stands for the instant of a row whose sort key is no time; such a row is older than every message."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One member's row of a group, as it was read; `has_time` is whether its sort key is a time."""

    member: MemberId
    sort_key: str
    item: Item
    has_time: bool
    instant: datetime
    text: str

    @property
    def rank(self) -> tuple[bool, datetime, str]:
        """What is compared with a message; a row without a time is older than every message."""
        return self.has_time, self.instant, self.text

    @property
    def order(self) -> tuple[bool, datetime, str, str]:
        """The one total order in which the greatest of a member's rows survives."""
        return *self.rank, self.sort_key


def group_row(item: Item, group: GroupId) -> GroupRow | None:
    """Read a group row; nothing for an item that is none of this group.

    A message row that carries `message_group_uuid` stands in the index too; its partition key gives it away.
    """
    partition_key, sort_key = string(item.get("pk")), string(item.get("sk"))
    if partition_key is None or sort_key is None or not partition_key.startswith(GROUP_PREFIX):
        return None
    if string(item.get("message_group_uuid")) != group:
        return None
    instant = parse_time(sort_key)
    return GroupRow(
        member=MemberId(partition_key[len(GROUP_PREFIX) :]),
        sort_key=sort_key,
        item=item,
        has_time=instant is not None,
        instant=instant or BEFORE_ANY_MESSAGE,
        text=string(item.get("message")) or "",
    )


def by_member(rows: Iterable[GroupRow]) -> dict[MemberId, tuple[GroupRow, ...]]:
    """Sort rows by member, the survivor of each first; members in the order of their ids."""
    members: dict[MemberId, list[GroupRow]] = {}
    for row in rows:
        members.setdefault(row.member, []).append(row)
    return {
        member: tuple(sorted(members[member], key=lambda row: row.order, reverse=True)) for member in sorted(members)
    }


def item_bytes(item: Item) -> int:
    """Reckon an item's size; numbers are an approximation.

    AWS: DynamoDB developer guide, "DynamoDB item sizes and formats".
    """
    total = 0
    for name, value in item.items():
        total += len(name) if name.isascii() else len(name.encode())
        text = value.get("S")  # nearly every attribute is one, and every row is reckoned
        if text is None:
            total += _value_bytes(value)
        else:
            total += len(text) if text.isascii() else len(text.encode())
    return total


def _value_bytes(value: AttributeValue) -> int:
    ((tag, content),) = value.items()
    return _SIZES[tag](content)


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number_bytes(text: str) -> int:
    """Two digits a byte, in pairs counted from the decimal point, one byte for the exponent and one for a minus."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 1
    places = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0")
    return (len(digits) + places % 2 + 1) // 2 + 1 + mantissa.startswith("-")


def _one(_: object) -> int:
    return 1


_CONTAINER_BYTES = 3
_ELEMENT_BYTES = 1
_SIZES: Mapping[str, Callable[[Any], int]] = {
    "S": _text_bytes,
    "N": _number_bytes,
    "B": len,
    "BOOL": _one,
    "NULL": _one,
    "SS": lambda texts: sum(map(_text_bytes, texts)),
    "NS": lambda numbers: sum(_number_bytes(number) for number in numbers),
    "BS": lambda binaries: sum(len(binary) for binary in binaries),
    "L": lambda values: _CONTAINER_BYTES + sum(_ELEMENT_BYTES + _value_bytes(value) for value in values),
    "M": lambda values: _CONTAINER_BYTES + _ELEMENT_BYTES * len(values) + item_bytes(values),
}
