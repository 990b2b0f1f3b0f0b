"""Attributes lost because their name was on no row shown: the precise condition of a stated limit.

Whoever moves a row can ask that an attribute of a name that they know is not there; of a name on no row that they were
shown they know nothing. So an attribute that others set is lost by the limit if and only if the write that lost it was
made by an invocation that was shown no row of the group with such an attribute since it last began to read the group:
by asking the index, or by reading partitions after that or after a write.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from replay.rows.keys import membership_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from replay.checks.oracle import Finding
    from replay.checks.store import Store
    from replay.rows.reading import Item
    from replay.tables.memory import Change


@dataclass(slots=True)
class _Reading:
    """Names shown since a reading of a group began; one that is over is followed by a new one."""

    names: set[str]
    is_over: bool
    is_of_index: bool = False
    parts: dict[str, set[str]] = field(default_factory=dict)
    """The same by partition, where readings have several pages."""


class Overwritten:
    """Takes note of which `names` an invocation was shown, and which write lost one of them."""

    def __init__(self, store: Store, names: Collection[str], *, has_pages: bool = False) -> None:
        self._store = store
        self._has_pages = has_pages
        self._names = frozenset(names)
        self._readings: dict[int, dict[str, _Reading]] = {}
        self._lost: dict[tuple[str, str, str], bool] = {}
        """Group, member and name of what was lost last, and whether that is the limit's."""

    def asked(self, invocation: int, group: str) -> None:
        """Look at the index as an invocation was shown it; of several pages only what all may have shown counts."""
        names = self._on(self._store.indexed(group))
        readings = self._readings.setdefault(invocation, {})
        before = readings.get(group)
        if self._has_pages and before and before.is_of_index:
            names &= before.names
        readings[group] = _Reading(names, is_over=True, is_of_index=True)

    def read(self, invocation: int, group: str, rows: Iterable[Item]) -> None:
        """Look at a partition's rows as an invocation was shown them; without a group, those of each."""
        shown: dict[str, list[Item]] = {group: []} if group else {}
        for item in rows:
            membership = membership_of(item)
            if membership and group in {"", membership[0]}:
                shown.setdefault(membership[0], []).append(item)
        readings = self._readings.setdefault(invocation, {})
        for of, items in shown.items():
            reading = readings.get(of)
            if reading is None or reading.is_over:
                reading = readings[of] = _Reading(set(), is_over=False)
            self._add(reading, items)

    def _add(self, reading: _Reading, items: Sequence[Item]) -> None:
        """Add what rows of one partition show; of several pages only what all may have shown counts."""
        names = self._on(items)
        if self._has_pages:
            for partition in {item["pk"]["S"] for item in items}:
                names = reading.parts.setdefault(partition, names) & names
                reading.parts[partition] = names
            reading.names = set().union(*reading.parts.values())
        else:
            reading.names |= names

    def wrote(self, invocation: int, changes: Sequence[Change]) -> None:
        """Look for what a call's changes of rows have lost."""
        readings = self._readings.get(invocation, {})
        for change in changes:
            row = change.new or change.old
            membership = membership_of(row) if row else None
            if membership is None:
                continue
            reading = readings.get(membership[0])
            left = [item for item in self._store.partition(change.address[0]) if membership_of(item) == membership]
            for name in self._names.intersection(change.old or ()):
                if not any(name in item for item in left):
                    self._lost[*membership, name] = reading is not None and name not in reading.names
            if reading is not None:
                reading.is_over, reading.is_of_index = True, False

    def failed(self, invocation: int) -> None:
        """Take note that a write came to nothing: what is read next is a new reading."""
        for reading in self._readings.get(invocation, {}).values():
            reading.is_over, reading.is_of_index = True, False

    def ended(self, invocation: int) -> None:
        """Forget what an invocation was shown."""
        self._readings.pop(invocation, None)

    def explains(self, finding: Finding) -> str | None:
        """Name the attribute, where that it is gone is the limit's."""
        if finding.kind != "altered" or finding.group is None or finding.member is None:
            return None
        for name in self._names:
            if finding.found == f"{name}=nothing" and self._lost.get((finding.group, finding.member, name)):
                return name
        return None

    def _on(self, items: Iterable[Item]) -> set[str]:
        rows = [item for item in items if membership_of(item) is not None]
        return {name for name in self._names if any(name in item for item in rows)}
