"""Attributes lost because their name was on no row shown: the precise condition of a stated limit.

Whoever moves a row can ask that an attribute of a name that they know is not there; of a name on no row that they were
shown they know nothing. So an attribute that others set is lost by the limit if and only if the write that lost it was
made by an invocation that was never shown a row of the group with such an attribute.
"""

from __future__ import annotations

from collections import defaultdict
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
class _Shown:
    """Names that an invocation was shown on rows of a group: by the index, and by each partition."""

    by_index: set[str] | None = None
    by_partition: dict[str, set[str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return set().union(self.by_index or (), *self.by_partition.values())


class Overwritten:
    """Takes note of which `names` an invocation was shown, and which write lost one of them.

    Where readings have several pages, each call may have shown any of them: only what all may have shown counts.
    """

    def __init__(self, store: Store, names: Collection[str], *, has_pages: bool = False) -> None:
        self._store = store
        self._has_pages = has_pages
        self._names = frozenset(names)
        self._shown: dict[int, dict[str, _Shown]] = {}
        self._lost: dict[tuple[str, str, str], bool] = {}
        """Group, member and name of what was lost last, and whether that is the limit's."""

    def asked(self, invocation: int, group: str) -> None:
        """Look at the index as an invocation was shown it."""
        shown = self._of(invocation, group)
        shown.by_index = self._together(shown.by_index, self._on(self._store.indexed(group)))

    def read(self, invocation: int, group: str, rows: Iterable[Item]) -> None:
        """Look at a partition's rows as an invocation was shown them; without a group, those of each."""
        parts: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in rows:
            membership = membership_of(item)
            if membership and group in {"", membership[0]}:
                parts[membership[0], item["pk"]["S"]].append(item)
        for (of, partition), items in parts.items():
            by_partition = self._of(invocation, of).by_partition
            by_partition[partition] = self._together(by_partition.get(partition), self._on(items))

    def wrote(self, invocation: int, changes: Sequence[Change]) -> None:
        """Look for what a call's changes of rows have lost."""
        for change in changes:
            row = change.new or change.old
            membership = membership_of(row) if row else None
            if membership is None:
                continue
            shown = self._shown.get(invocation, {}).get(membership[0])
            left = [item for item in self._store.partition(change.address[0]) if membership_of(item) == membership]
            for name in self._names.intersection(change.old or ()):
                if not any(name in item for item in left):
                    self._lost[*membership, name] = shown is not None and name not in shown.names

    def ended(self, invocation: int) -> None:
        """Forget what an invocation was shown."""
        self._shown.pop(invocation, None)

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

    def _of(self, invocation: int, group: str) -> _Shown:
        return self._shown.setdefault(invocation, {}).setdefault(group, _Shown())

    def _together(self, before: set[str] | None, now: set[str]) -> set[str]:
        if before is None:
            return now
        return before & now if self._has_pages else before | now
