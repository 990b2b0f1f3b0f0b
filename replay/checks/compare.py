"""Two tables side by side: what two handlers have made of the same history.

Rows are compared member by member: by instant and text of the last message, then by the other attributes. How a key is
spelled is no difference.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replay.checks.oracle import OWN_FIELDS
from replay.rows.keys import GROUP_PREFIX, membership_of
from replay.rows.reading import same, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from replay.rows.reading import Item

View = tuple[str, str]
"""Partition key, and the group for group rows, the sort key for others."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row, or one attribute of one, that the two tables do not share; nothing where a table has no such row."""

    row: str
    group: str | None
    attribute: str | None
    first: str | None
    second: str | None


def differences(first: Iterable[Item], second: Iterable[Item]) -> list[Difference]:
    """Compare two whole tables."""
    one, other = _by_view(first), _by_view(second)
    return [
        difference
        for view in sorted(one.keys() | other.keys())
        for difference in _of_view(view, one.get(view, []), other.get(view, []))
    ]


def _by_view(items: Iterable[Item]) -> dict[View, list[Item]]:
    views: dict[View, list[Item]] = defaultdict(list)
    for item in items:
        membership = membership_of(item)
        views[item["pk"]["S"], membership[0] if membership else item["sk"]["S"]].append(item)
    return views


def _of_view(view: View, first: Sequence[Item], second: Sequence[Item]) -> Iterator[Difference]:
    partition_key, group = view[0], view[1] if view[0].startswith(GROUP_PREFIX) else None
    if len(first) != len(second):
        yield Difference(partition_key, group, None, _shown(first), _shown(second))
        return
    for one, other in zip(_sorted(first), _sorted(second), strict=True):
        if value_of(one) != value_of(other):
            yield Difference(partition_key, group, "message", _shown([one]), _shown([other]))
        for name in sorted((one.keys() | other.keys()) - OWN_FIELDS):
            if not same(one.get(name), other.get(name)):
                yield Difference(partition_key, group, name, _value(one.get(name)), _value(other.get(name)))


def _sorted(items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (value_of(item), item["sk"]["S"]))


def _shown(items: Sequence[Item]) -> str | None:
    if not items:
        return None
    newest = _sorted(items)[-1]
    text = newest.get("message", {}).get("S", "")
    count = f"{len(items)} rows, newest " if len(items) > 1 else ""
    return f"{count}{newest['sk']['S']} {text!r}"


def _value(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else repr(value)
