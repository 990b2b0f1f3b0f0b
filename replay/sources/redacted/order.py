"""Which texts must keep their order: those of one group at one instant, where the greater text is the newer message.

Found in two readings: the first finds groups and instants that have two texts, the second collects those texts. So only
they are held; the first takes some hundred bytes a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX
from replay.rows.reading import read_instant
from replay.sources.redacted.walk import ITEMS, SORT_KEY, TEXT, is_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


Moment = tuple[str, "datetime | None"]
"""A group and an instant; all keys that are no time are one instant, older than every other."""


class Orders:
    """Told all records twice, it knows the texts whose order counts."""

    def __init__(self) -> None:
        self._texts: dict[int, int] = {}
        self._shared: set[int] = set()
        self.texts: set[str] = set()

    def note(self, wire: Mapping[str, Any]) -> None:
        """First reading: take note of a record's texts."""
        for moment, text in said_in(wire):
            key, said = hash(moment), hash(text)
            if self._texts.setdefault(key, said) != said:
                self._shared.add(key)

    def collect(self, wire: Mapping[str, Any]) -> None:
        """Second reading: keep the texts of moments that have several; and sort keys that are compared as texts."""
        for moment, text in said_in(wire):
            if hash(moment) in self._shared:
                self.texts.add(text)
        for item in _items(wire):
            key = _text(item.get(SORT_KEY))
            if key is not None and _key(item).startswith(GROUP_PREFIX) and not is_time(key):
                self.texts.add(key)


def said_in(wire: Mapping[str, Any]) -> Iterator[tuple[Moment, str]]:
    """Give the texts in a record's images, each with its group and instant, of messages and of group rows."""
    for item in _items(wire):
        text, sort_key = _text(item.get(TEXT)), _text(item.get(SORT_KEY))
        partition_key = _key(item)
        group: str | None = None
        if partition_key.startswith(MESSAGE_PREFIX):
            group = partition_key.removeprefix(MESSAGE_PREFIX)
        elif partition_key.startswith(GROUP_PREFIX):
            group = _text(item.get("message_group_uuid"))
        if text is not None and sort_key is not None and group is not None:
            yield (group, read_instant(sort_key)), text


def _items(wire: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    change: Any = wire.get("dynamodb")
    for name in ITEMS:
        item = change.get(name)
        if isinstance(item, dict):
            yield item


def _key(item: Mapping[str, Any]) -> str:
    return _text(item.get("pk")) or ""


def _text(value: object) -> str | None:
    content = value.get("S") if isinstance(value, dict) else None
    return content if isinstance(content, str) else None
