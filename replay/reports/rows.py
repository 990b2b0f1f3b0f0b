"""Rows and records in words: what people look at when they ask what happened to a row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from replay.checks.reading import Item
    from replay.exploration.story import RowChange

VALUE_CHARS_MAX: Final = 80
SUFFIX_MIN: Final = 2


def shown(attribute: Mapping[str, Any] | None) -> str:
    """Show a value: texts in quotes, numbers as they are, the rest as JSON."""
    if attribute is None:
        return "absent"
    tag, content = next(iter(attribute.items()))
    text = content if tag == "N" else json.dumps(content if tag == "S" else attribute, ensure_ascii=False, default=str)
    return cut(text)


def cut(text: str) -> str:
    """Shorten what is long."""
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}… ({len(text):,} characters)"


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
    """Show a stream record in a line: what was done to which row, and the message it brings."""
    change = record.get("dynamodb", {})
    keys = change.get("Keys", {})
    place = " ".join(str(keys.get(name, {}).get("S", "?")) for name in ("pk", "sk"))
    image = change.get("NewImage")
    brings = "no new image" if image is None else f"message {shown(image.get('message'))}"
    sender = (image or {}).get("user_uuid", {}).get("S")
    return f"{record.get('eventName', '?')} {place}, {brings}" + (f" by {sender}" if sender else "")


def short_names(sequences: Iterable[str]) -> dict[str, str]:
    """Name sequence numbers by their last digits, as few as tell them apart."""
    known = set(sequences)
    length = SUFFIX_MIN
    while len({sequence[-length:] for sequence in known}) < len(known):
        length += 1
    return {sequence: sequence if len(sequence) <= length else f"…{sequence[-length:]}" for sequence in known}


def _is_same(change: RowChange, name: str) -> bool:
    return (change.before or {}).get(name) == (change.after or {}).get(name)
