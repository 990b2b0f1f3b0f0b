"""Whether an item is what DynamoDB's JSON can be: every value one type and what that type holds, at any depth.

AWS: DynamoDB API reference, "AttributeValue"; developer guide, "Constraints" (nesting, numbers, sets).
"""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEPTH_MAX: Final = 32
NUMBER_CHARS_MAX: Final = 200
"""Far more than the 38 digits a number has; what is longer is refused before it is reckoned with."""
SHOWN_CHARS: Final = 60


def fault_of(item: object) -> str | None:
    """Say what keeps an item from being one; nothing where it is fine.

    `{"pk": {"S": 1}}` gives `pk is {'S': 1}, which is no value such as {"S": "text"}`.
    """
    if not isinstance(item, dict) or not item:
        return f"{_shown(item)} is no item"
    for name, value in item.items():
        if not _is_text(name) or not name:
            return f"{name!r} is no attribute's name"
        if not is_value(value):
            return f'{name} is {_shown(value)}, which is no value such as {{"S": "text"}}'
    return None


def is_value(value: object, depth: int = 1) -> bool:
    """Whether this is one attribute's value."""
    if not isinstance(value, dict) or len(value) != 1 or depth > DEPTH_MAX:
        return False
    ((tag, content),) = value.items()
    match tag:
        case "L":
            return isinstance(content, list) and all(is_value(each, depth + 1) for each in content)
        case "M":
            return isinstance(content, dict) and all(
                _is_text(name) and is_value(each, depth + 1) for name, each in content.items()
            )
        case "SS" | "NS" | "BS":
            return isinstance(content, list) and bool(content) and all(map(_KINDS[tag[0]], content))
        case _:
            return tag in _KINDS and _KINDS[tag](content)


def _is_text(content: object) -> bool:
    try:
        return isinstance(content, str) and content.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_number(content: object) -> bool:
    if not isinstance(content, str) or len(content) > NUMBER_CHARS_MAX:
        return False
    try:
        return Decimal(content).is_finite()
    except InvalidOperation:
        return False


def _is_binary(content: object) -> bool:
    if isinstance(content, bytes):
        return True
    try:
        return isinstance(content, str) and base64.b64decode(content, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "S": _is_text,
    "N": _is_number,
    "B": _is_binary,
    "BOOL": lambda content: isinstance(content, bool),
    "NULL": lambda content: content is True,
}


def _shown(value: object) -> str:
    try:
        shown = ascii(value)
    except RecursionError:
        return "nested without end"
    return shown if len(shown) <= SHOWN_CHARS else f"{shown[:SHOWN_CHARS]}…"
