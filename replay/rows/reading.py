"""How the oracle reads rows: times, values, equality and sizes, written apart from the function on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
Value = tuple[bool, datetime, str]
"""Whether the sort key is a time, the instant (naive, UTC), the text: compared in this order."""

INSTANTS_KEPT = 10_000
"""Readings kept: a history spells few times and reads each again and again."""
ROW_BYTES_MAX = 409_600
CANONICAL_KEY_BYTES = len("2026-03-01T10:00:00.000000+00:00")
CANONICAL_KEY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,}\+00:00", re.ASCII)
NEVER = datetime.min  # noqa: DTZ901 - instants here are naive UTC throughout


def value_of(item: Item) -> Value:
    """Read a row's own value; a sort key that is no time makes it older than every message."""
    instant = read_instant(item["sk"]["S"])
    text = item.get("message", {}).get("S")
    return instant is not None, instant or NEVER, text if isinstance(text, str) else ""


@lru_cache(maxsize=INSTANTS_KEPT)
def read_instant(text: str) -> datetime | None:
    """Read a time character by character, to the microsecond, in UTC without a zone; nothing for any other text.

    Date, `T` or one space, time, perhaps a fraction, perhaps one space, perhaps `Z` or an offset of hours and minutes
    (with or without a colon) or hours, minutes and seconds (with colons).
    """
    scan = _Scanner(text)
    try:
        year, month, day = scan.digits(4), scan.then("-", 2), scan.then("-", 2)
        scan.one_of("T ")
        hour, minute, second = scan.digits(2), scan.then(":", 2), scan.then(":", 2)
        microsecond = scan.fraction()
        offset = scan.offset()
        scan.end()
        return datetime(year, month, day, hour, minute, second, microsecond) - offset  # noqa: DTZ001 - naive UTC
    except (ValueError, OverflowError):
        return None


def is_sorted_by_text(item: Item) -> bool:
    """Whether a row's key is spelled so that the order of such texts is the order of their times."""
    return CANONICAL_KEY.fullmatch(item["sk"]["S"]) is not None


def same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two attribute values are the same to DynamoDB: sets have no order, numbers no spelling."""
    if one is None or other is None:
        return one is other
    return one == other or _plain(one) == _plain(other)


class _Scanner:
    """Reads a text from its start; whatever does not fit is a `ValueError`."""

    def __init__(self, text: str) -> None:
        self._rest = text

    def digits(self, count: int) -> int:
        taken, self._rest = self._rest[:count], self._rest[count:]
        if len(taken) != count or any(character not in "0123456789" for character in taken):
            raise ValueError
        return int(taken)

    def one_of(self, characters: str) -> str:
        character, self._rest = self._rest[:1], self._rest[1:]
        if not character or character not in characters:
            raise ValueError
        return character

    def then(self, character: str, count: int) -> int:
        self.one_of(character)
        return self.digits(count)

    def fraction(self) -> int:
        if not self._rest.startswith("."):
            return 0
        self.one_of(".")
        length = len(self._rest) - len(self._rest.lstrip("0123456789"))
        taken, self._rest = self._rest[:length], self._rest[length:]
        if not taken:
            raise ValueError
        return int((taken + "00000")[:6])

    def offset(self) -> timedelta:
        if not self._rest:
            return timedelta()
        if self._rest[0] == " ":
            self.one_of(" ")
        sign = self.one_of("Z+-")
        if sign == "Z":
            return timedelta()
        hours = self.digits(2)
        colon = self._rest.startswith(":")
        minutes = self.then(":", 2) if colon else self.digits(2)
        seconds = self.then(":", 2) if colon and self._rest else 0
        if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004 - the clock's own numbers
            raise ValueError
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return -offset if sign == "-" else offset

    def end(self) -> None:
        if self._rest:
            raise ValueError


def item_bytes(item: Item) -> int:
    """Reckon an item's size: names and values. AWS: DynamoDB developer guide, "DynamoDB item sizes and formats"."""
    return sum(len(name.encode()) + value_bytes(field) for name, field in item.items())


def value_bytes(field: Mapping[str, Any]) -> int:
    """Reckon a value's size. AWS: DynamoDB developer guide, "DynamoDB item sizes and formats"."""
    tag, content = next(iter(field.items()))
    match tag:
        case "S":
            size = len(content.encode())
        case "B":
            size = len(content)
        case "N":
            size = number_bytes(Decimal(content))
        case "SS" | "NS" | "BS":
            size = sum(value_bytes({tag[0]: element}) for element in content)
        case "L":
            size = 3 + sum(1 + value_bytes(element) for element in content)
        case "M":
            size = 3 + sum(1 + len(name.encode()) + value_bytes(element) for name, element in content.items())
        case _:
            size = 1
    return size


def number_bytes(number: Decimal) -> int:
    """A byte for each digit to base 100 that is none of the zeros at either end, one more, and one for a minus."""
    sign, digits, _ = number.as_tuple()
    pairs = ("0" * (number.adjusted() % 2 == 0) + "".join(map(str, digits))).rstrip("0")
    return 1 if number == 0 else (len(pairs) + 1) // 2 + 1 + sign


def room(row: Item) -> int:
    """How many bytes DynamoDB's limit of 400 KB an item leaves for a row's sort key and text."""
    names = len("sk") + len("message")
    return ROW_BYTES_MAX - names - item_bytes({name: row[name] for name in row.keys() - {"sk", "message"}})


def fits(row: Item, space: int, value: Value) -> bool:
    """Whether a message's text and key fit a row with so much `room`; at its own instant a row keeps its key."""
    keeps_key = value_of(row)[:2] == value[:2]
    key_bytes = len(row["sk"]["S"].encode()) if keeps_key else CANONICAL_KEY_BYTES
    return key_bytes + len(value[2].encode()) <= space


def _plain(field: Mapping[str, Any]) -> tuple[str, Any]:
    tag, content = next(iter(field.items()))
    if tag == "N":
        return tag, Decimal(content)
    if tag in {"SS", "BS"}:
        return tag, set(content)
    if tag == "NS":
        return tag, {Decimal(element) for element in content}
    if tag == "L":
        return tag, [_plain(element) for element in content]
    if tag == "M":
        return tag, {name: _plain(element) for name, element in content.items()}
    return tag, content
