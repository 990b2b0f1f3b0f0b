"""Through a record from end to end: what stands as it is, and what is handed to whoever replaces it.

Kept: the stream's own words and numbers, attribute names, types, truth values, times, and the prefixes of keys: `MSG#`
and `GRP#`, and what a text of any table begins with in capitals up to a `#`. Account and region become neutral.
Everything else is handed over, also what no table of messages has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from replay.rows.reading import read_instant
from replay.sources import neutral

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ITEMS: Final = ("Keys", "NewImage", "OldImage")
STREAMS_OWN: Final = ("ApproximateCreationDateTime", "SequenceNumber", "SizeBytes", "StreamViewType")
RECORDS_OWN: Final = ("eventName", "eventVersion", "eventSource", "userIdentity")
SORT_KEY: Final = "sk"
TEXT: Final = "message"

ARN_PARTS: Final = 6
_PREFIX: Final = re.compile("(MSG#|GRP#|^[A-Z][A-Z_]{1,15}#)")
"""Other tables have other prefixes; a handler tells by them what a row is. Only capitals: `anna#7` may be a person."""
_LIKE_A_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9TZ:+. -]{0,60}")
"""Broken times stay as they are: how they are broken is what one wants to see."""


class Replacer(Protocol):
    """Replaces one value; the same by the same, and as long as it was."""

    def text(self, text: str) -> str:
        """Replace what somebody said, a name, a part of an id."""

    def number(self, text: str) -> str:
        """Replace a number."""

    def binary(self, text: str) -> str:
        """Replace base64."""


def replaced(wire: Mapping[str, Any], by: Replacer) -> dict[str, Any]:
    """Copy a record, everything that is handed over replaced."""
    copy: dict[str, Any] = {}
    for name, value in wire.items():
        if name == "dynamodb":
            copy[name] = _change(value, by)
        elif name == "eventSourceARN" and isinstance(value, str):
            copy[name] = _neutral(value)
        elif name == "awsRegion":
            copy[name] = neutral.REGION
        else:
            copy[name] = value if name in RECORDS_OWN else _any(value, by)
    return copy


def is_time(text: str) -> bool:
    """Whether a sort key stays: a time, or what looks like one that is broken."""
    return read_instant(text) is not None or _LIKE_A_TIME.fullmatch(text) is not None


def parts_of(text: str) -> list[str]:
    """Take an id apart: what stands between prefixes, and the prefixes themselves at the odd places."""
    return _PREFIX.split(text)


def _change(change: Mapping[str, Any], by: Replacer) -> dict[str, Any]:
    copy: dict[str, Any] = {}
    for name, value in change.items():
        if name in ITEMS and isinstance(value, dict):
            copy[name] = {attribute: _attribute(attribute, content, by) for attribute, content in value.items()}
        else:
            copy[name] = value if name in STREAMS_OWN else _any(value, by)
    return copy


def _attribute(name: str, value: Any, by: Replacer) -> Any:  # noqa: ANN401 - whatever a record brings
    """Replace one attribute's value; `name` is nothing inside lists and maps."""
    if not isinstance(value, dict):
        return _any(value, by)
    return {tag: _TAGS.get(tag, _unknown)(name, content, by) for tag, content in value.items()}


def _string(name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
    if not isinstance(content, str):
        return _any(content, by)
    if name == TEXT:
        return by.text(content)
    if name == SORT_KEY and is_time(content):
        return content
    return _id(content, by)


def _number(_name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
    return by.number(content) if isinstance(content, str) else _any(content, by)


def _binary(_name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
    return by.binary(content) if isinstance(content, str) else _any(content, by)


def _list(_name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
    if not isinstance(content, list):
        return _any(content, by)
    return [_attribute("", element, by) for element in content]


def _map(_name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
    """Replace a map with its names: they may be ids, as where people are counted."""
    if not isinstance(content, dict):
        return _any(content, by)
    return {_id(name, by): _attribute("", element, by) for name, element in content.items()}


def _set(of: Callable[[str, Any, Replacer], Any]) -> Callable[[str, Any, Replacer], Any]:
    def each(_name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
        return [of("", element, by) for element in content] if isinstance(content, list) else _any(content, by)

    return each


def _plain(_name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
    return content if isinstance(content, bool) else _any(content, by)


def _unknown(_name: str, content: Any, by: Replacer) -> Any:  # noqa: ANN401 - the same
    return _any(content, by)


_TAGS: Final[Mapping[str, Callable[[str, Any, Replacer], Any]]] = {
    "S": _string,
    "N": _number,
    "B": _binary,
    "SS": _set(_string),
    "NS": _set(_number),
    "BS": _set(_binary),
    "L": _list,
    "M": _map,
    "BOOL": _plain,
    "NULL": _plain,
}


def _any(value: Any, by: Replacer) -> Any:  # noqa: ANN401 - any JSON
    """Replace all texts in what has no known form."""
    if isinstance(value, str):
        return _id(value, by)
    if isinstance(value, list):
        return [_any(element, by) for element in value]
    if isinstance(value, dict):
        return {name: _any(element, by) for name, element in value.items()}
    return value


def _id(text: str, by: Replacer) -> str:
    """Replace what stands between prefixes, so that a key still tells what it is a key of."""
    parts = parts_of(text)
    if len(parts) == 1:
        return by.text(text) if text else text
    return "".join(part if place % 2 or not part else by.text(part) for place, part in enumerate(parts))


def _neutral(arn: str) -> str:
    """Write an ARN with an account and a region that are nobody's."""
    parts = arn.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS:
        return arn
    return ":".join((*parts[:3], neutral.REGION, neutral.ACCOUNT, parts[-1]))
