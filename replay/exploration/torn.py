"""Readings that meet half of a transaction: what a query may see while another invocation's write takes effect.

AWS: DynamoDB developer guide, "Isolation level for DynamoDB transactions": to a TransactWriteItems a Query is
read-committed, not serializable. A query of a partition that runs while a transaction commits may see its deletes and
not yet its puts, or the other way about; also where it reads consistently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.exploration.case import TORN_READS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from replay.checks.store import Store
    from replay.exploration.case import FaultKind
    from replay.exploration.handler import NextCall
    from replay.rows.reading import Item
    from replay.tables.memory import Address, Change

    View = Mapping[Address, Item | None]
    """Rows that a reading sees otherwise than they are; nothing where it sees none."""


class Torn:
    """Knows which changes of rows one call made together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writes: list[tuple[int, int]] = []

    def wrote(self, start: int, end: int) -> None:
        """Take note that one call made the changes from one place of the store's stream to another."""
        self._writes.append((start, end))

    def view(self, fault: FaultKind | None, call: NextCall, since: int) -> View | None:
        """Say what a call may see of a transaction; nothing where there is none that it may meet.

        The transaction must be the last change of the group's rows in the partition, and later than the place `since`
        of the stream, where the invocation made its last call: whatever was written there was written by another.
        """
        if fault not in TORN_READS or not call.is_query:
            return None
        changes = self._store.stream[since:]
        last = next((change for change in reversed(changes) if _is_asked(change, call)), None)
        if last is None:
            return None
        together = next(((start, end) for start, end in self._writes if start <= last.sequence < end), None)
        if together is None:  # the application's
            return None
        return _half([change for change in self._store.stream[slice(*together)] if _is_asked(change, call)], fault)


def shown(rows: Iterable[Item], view: View | None) -> Sequence[Item]:
    """Give a partition's rows as a view shows them."""
    if not view:
        return list(rows)
    seen = {(item["pk"]["S"], item["sk"]["S"]): item for item in rows}
    for address, item in view.items():
        seen.pop(address, None)
        if item is not None:
            seen[address] = item
    return [seen[address] for address in sorted(seen)]


def _is_asked(change: Change, call: NextCall) -> bool:
    item = change.new or change.old or {}
    return change.address[0] == call.partition and call.group in {"", item.get("message_group_uuid", {}).get("S")}


def _half(changes: Sequence[Change], fault: FaultKind | None) -> View | None:
    """Leave out the puts of a transaction, or its deletes; nothing where it has not both."""
    puts = {change.address: change.old for change in changes if change.new is not None}
    deletes = {change.address: change.old for change in changes if change.new is None}
    if not puts or not deletes:
        return None
    return puts if fault == "torn-read" else deletes
