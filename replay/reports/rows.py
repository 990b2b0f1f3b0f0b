"""Rows and records in words: what people look at when they ask what happened to a row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.exploration.story import RowChange
    from replay.rows.reading import Item

VALUE_CHARS_MAX: Final = 80


def shown(attribute: Mapping[str, Any] | None) -> str:
    """Show a value: texts in quotes, numbers as they are, the rest as JSON."""
    if attribute is None:
        return "absent"
    match attribute:
        case {"S": str(text)}:
            return cut(json.dumps(text, ensure_ascii=False))
        case {"N": str(number)}:
            return cut(number)
        case _:
            return cut(json.dumps(attribute, ensure_ascii=False, default=str))


def cut(text: str, chars_max: int = VALUE_CHARS_MAX) -> str:
    """Shorten what is long."""
    return text if len(text) <= chars_max else f"{text[:chars_max]}… ({len(text):,} characters)"


def row_line(item: Item | None) -> str:
    """Show a row without its partition key in a line, the sort key first."""
    if item is None:
        return "no row"
    names = sorted(item.keys() - {"pk"}, key=lambda name: (name != "sk", name != "message", name))
    return " ".join(f"{name}={shown(item[name])}" for name in names)


def attributes_of(change: RowChange) -> list[tuple[str, str, str]]:
    """Show each attribute but the partition key before and after, the sort key and those that differ first."""
    before, after = change.before or {}, change.after or {}
    names = sorted(
        (before.keys() | after.keys()) - {"pk"}, key=lambda name: (name != "sk", _is_same(change, name), name)
    )
    return [(name, shown(before.get(name)), shown(after.get(name))) for name in names]


def record_line(record: Mapping[str, Any]) -> str:
    """Show a stream record in a line: what was done to which row, and the message it brings. Records may be spoilt."""
    change = _fields(record.get("dynamodb"))
    keys, image = _fields(change.get("Keys")), change.get("NewImage")
    is_other = bool(keys) and not {"pk", "sk"} & keys.keys()
    place = _named(keys) if is_other else " ".join(_text(keys.get(name)) or "?" for name in ("pk", "sk"))
    brings = "no new image"
    if isinstance(image, dict):
        others = {name: value for name, value in image.items() if name not in keys}
        brings = (_named(others) or "nothing but its key") if is_other else f"message {shown(image.get('message'))}"
    sender = _text(_fields(image).get("user_uuid"))
    return f"{record.get('eventName', '?')} {place}, {brings}" + (f" by {sender}" if sender else "")


def owner(item: Mapping[str, Any]) -> str:
    """Say whose row it is: its partition key, or all of it where the table has other keys."""
    return _text(item.get("pk")) or _named(item)


def _named(fields: Mapping[str, Any]) -> str:
    return cut(" ".join(f"{name}={shown(_fields(value))}" for name, value in fields.items()))


def _fields(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - whatever a record holds
    return value if isinstance(value, dict) else {}


def _text(attribute: Any) -> str | None:  # noqa: ANN401 - whatever a record holds
    text = _fields(attribute).get("S")
    return cut(text) if isinstance(text, str) else None


def _is_same(change: RowChange, name: str) -> bool:
    return (change.before or {}).get(name) == (change.after or {}).get(name)
