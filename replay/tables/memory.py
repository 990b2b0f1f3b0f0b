"""A table in memory that keeps `GroupTable`'s contract: transactions, conditions, an index that lags, a stream.

Deterministic: no thread, clock or randomness; for one thread. The index shows changes at once unless it is held; held,
each changed row's versions wait in a queue of their own, and whoever holds it decides whose next one becomes visible.
Items are never changed in place, so versions can be shared freely.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX, PARTITION_KEY_BYTES_MAX
from replay.rows.reading import ROW_BYTES_MAX, item_bytes
from stream_processor.errors import ConditionFailed, RefusedError
from stream_processor.table import Page, Read, ReadIndex, ReadMember, ReadSenders
from stream_processor.transaction import (
    Delete,
    NoRow,
    Put,
    Transaction,
    Unchanged,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stream_processor.row import AttributeValue, Item
    from stream_processor.transaction import Action

PAGE_ITEMS_MAX = 1000
"""Items a page holds unless the table is told otherwise; DynamoDB cuts at 1 MB instead."""

ACTIONS_MAX = 100
"""Of a transaction. AWS: DynamoDB API reference, TransactWriteItems, as are its bytes."""
TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
OPERATORS_MAX = 300
"""Of one expression; so many comparisons and the ANDs between them. AWS: DynamoDB developer guide, "Constraints"."""

Address = tuple[str, str]
"""A row's partition key and sort key."""
Place = tuple[str, str]
"""The same, the other way about: pages are in the order of sort keys."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row, as the stream tells it: no old item for an insert, no new one for a removal."""

    sequence: int
    address: Address
    old: Item | None
    new: Item | None

    @property
    def name(self) -> Literal["INSERT", "MODIFY", "REMOVE"]:
        """The stream's word for the change."""
        if self.old is None:
            return "INSERT"
        return "REMOVE" if self.new is None else "MODIFY"


class MemoryTable:
    """Rows, the index over `message_group_uuid`, and the stream of changes."""

    def __init__(self, items: Iterable[Item] = (), *, page_items: int = PAGE_ITEMS_MAX) -> None:
        self.stream: list[Change] = []
        self._page_items = page_items
        self._partitions: dict[str, dict[str, Item]] = {}
        self._index: dict[str, dict[Address, Item]] = {}
        self._waiting: dict[Address, deque[tuple[Item | None, Item | None]]] = {}
        self._holding = False
        for item in items:
            self.put(item)

    # The application's side: what the harness and other owners of attributes do.

    def put(self, item: Item) -> None:
        """Write a whole row, as PutItem does."""
        self._write(_address(item), item)

    def delete(self, address: Address) -> None:
        """Remove a row if it is there, as DeleteItem does."""
        self._write(address, None)

    def get(self, address: Address) -> Item | None:
        """Read one row consistently."""
        return self._partitions.get(address[0], {}).get(address[1])

    def has(self, address: Address) -> bool:
        """Whether there is a row."""
        return self.get(address) is not None

    def partition(self, partition_key: str) -> list[Item]:
        """Read a partition's rows consistently, by sort key."""
        rows = self._partitions.get(partition_key, {})
        return [rows[sort_key] for sort_key in sorted(rows)]

    def partitions(self) -> set[str]:
        """Name every partition that ever held a row."""
        return set(self._partitions)

    def knows(self, group: str) -> bool:
        """Whether a group ever had an index entry or a row that waits to be shown."""
        return group in self._index or any(self.group_of(address) == group for address in self._waiting)

    def scan(self) -> Iterator[Item]:
        """Read every row, by partition key and sort key."""
        for partition_key in sorted(self._partitions):
            rows = self._partitions[partition_key]
            for sort_key in sorted(rows):
                yield rows[sort_key]

    # The index.

    def indexed(self, group: str) -> list[Item]:
        """List what the index shows of a group."""
        return list(self._index.get(group, {}).values())

    def hold_index(self) -> None:
        """From now on changes wait until they are shown."""
        self._holding = True

    def waiting(self) -> tuple[Address, ...]:
        """Rows of which the index does not show the newest version, oldest wait first."""
        return tuple(self._waiting)

    def waiting_changes(self) -> tuple[tuple[Address, int], ...]:
        """Rows of which the index does not show the newest version, with the number of their changes that wait."""
        return tuple((address, len(changes)) for address, changes in self._waiting.items())

    def group_of(self, address: Address) -> str:
        """Name the group of a waiting row; empty where it is no group row."""
        old, new = self._waiting[address][-1]
        return _text(new, "message_group_uuid") or _text(old, "message_group_uuid") or ""

    def show(self, address: Address) -> None:
        """Let the index take a waiting row's next change."""
        changes = self._waiting[address]
        self._index_change(address, *changes.popleft())
        if not changes:
            del self._waiting[address]

    def release_index(self) -> None:
        """Let the index take every waiting change, and from now on each at once."""
        for address in self.waiting():
            while address in self._waiting:
                self.show(address)
        self._holding = False

    # GroupTable.

    def read(self, request: Read) -> Page:
        """Answer one page; of an index entry, a partition, or a group's senders."""
        match request:
            case ReadIndex(group=group):
                rows = {(address[1], address[0]): item for address, item in self._index.get(group, {}).items()}
                return self._page(rows, request, "message_group_uuid")
            case ReadMember(member=member, group=group):
                page = self._page(self._partition(GROUP_PREFIX + member), request)
                return Page(tuple(item for item in page.items if _text(item, "message_group_uuid") == group), page.next)
            case ReadSenders(group=group, limit=limit):
                page = self._page(self._partition(MESSAGE_PREFIX + group), request, limit=limit, newest_first=True)
                return Page(tuple(_projected(item) for item in page.items), page.next)

    def transact(self, actions: Transaction) -> None:
        """Do all actions or none; refuse what DynamoDB refuses."""
        current = [self.get(_key_address(action)) for action in actions]
        _validate(actions, current)
        held = [_holds(action.condition, item) for action, item in zip(actions, current, strict=True)]
        if not all(held):
            raise ConditionFailed(
                [None if good else (item or {}) for good, item in zip(held, current, strict=True)],
            )
        for action in actions:
            if isinstance(action, Put):
                self._write(_key_address(action), action.item)
            elif isinstance(action, Delete):
                self._write(_key_address(action), None)

    def _write(self, address: Address, new: Item | None) -> None:
        partition = self._partitions.setdefault(address[0], {})
        old = partition.get(address[1])
        if old == new:
            return
        if new is None:
            del partition[address[1]]
        else:
            partition[address[1]] = new
        self.stream.append(Change(len(self.stream), address, old, new))
        if address in self._waiting or self._holding:
            self._waiting.setdefault(address, deque()).append((old, new))
        else:
            self._index_change(address, old, new)

    def _index_change(self, address: Address, old: Item | None, new: Item | None) -> None:
        before, after = _text(old, "message_group_uuid"), _text(new, "message_group_uuid")
        if before is not None and before != after:
            self._index[before].pop(address, None)
        if after is not None and new is not None:
            self._index.setdefault(after, {})[address] = new

    def _partition(self, partition_key: str) -> dict[Place, Item]:
        if len(partition_key.encode()) > PARTITION_KEY_BYTES_MAX:
            raise RefusedError("ValidationException")
        return {(sort_key, partition_key): row for sort_key, row in self._partitions.get(partition_key, {}).items()}

    def _page(
        self,
        rows: Mapping[Place, Item],
        request: Read,
        *index_names: str,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Cut a page out of rows in the order of their sort keys; a start that is gone still has its place."""
        places = sorted(rows, reverse=newest_first)
        if request.after is not None:
            start = request.after["sk"]["S"], request.after["pk"]["S"]
            places = [place for place in places if (place < start if newest_first else place > start)]
        size = min(self._page_items, limit or self._page_items)
        found = tuple([rows[place] for place in places[:size]])
        if len(places) <= size:
            return Page(found)
        return Page(found, {name: found[-1][name] for name in ("pk", "sk", *index_names)})


def same_value(one: AttributeValue | None, other: AttributeValue | None) -> bool:
    """Whether DynamoDB's `=` finds two values equal: numbers by value, sets in any order, absence never."""
    if one is None or other is None:
        return False
    return one is other or one == other or _canonical(one) == _canonical(other)


def _canonical(value: AttributeValue) -> tuple[str, Any]:
    ((tag, content),) = value.items()
    match tag:
        case "N":
            return tag, Decimal(content)
        case "NS":
            return tag, frozenset(map(Decimal, content))
        case "SS" | "BS":
            return tag, frozenset(content)
        case "L":
            return tag, [_canonical(element) for element in content]
        case "M":
            return tag, {name: _canonical(element) for name, element in content.items()}
        case _:
            return tag, content


def _holds(condition: Unchanged | NoRow, item: Item | None) -> bool:
    if isinstance(condition, NoRow):
        return item is None
    if item is None:
        return not condition.equal
    return all(same_value(item.get(name), value) for name, value in condition.equal) and not any(
        name in item for name in condition.absent
    )


def _validate(actions: Transaction, current: Sequence[Item | None]) -> None:
    """Refuse what DynamoDB answers with a ValidationException. AWS: API reference, TransactWriteItems.

    Reckoned here, from the items themselves: what the function says of its own actions may be wrong.
    """
    addresses = {_key_address(action) for action in actions}
    if not 1 <= len(actions) <= ACTIONS_MAX or len(addresses) != len(actions):
        raise RefusedError("ValidationException")
    items = [action.item if isinstance(action, Put) else item for action, item in zip(actions, current, strict=True)]
    if len(items) * ROW_BYTES_MAX > TRANSACTION_BYTES_MAX < sum(item_bytes(item) for item in items if item):
        raise RefusedError("ValidationException")
    for action in actions:
        condition = action.condition
        if isinstance(condition, Unchanged):
            terms = len(condition.equal) + len(condition.absent)
            if not 1 <= 2 * terms - 1 <= OPERATORS_MAX:
                raise RefusedError("ValidationException")
        if isinstance(action, Put) and item_bytes(action.item) > ROW_BYTES_MAX:
            raise RefusedError("ValidationException")


def _key_address(action: Action) -> Address:
    if isinstance(action, Put):
        return _address(action.item)
    return GROUP_PREFIX + action.key.member, action.key.sort_key


def _address(item: Item) -> Address:
    return item["pk"]["S"], item["sk"]["S"]


def _text(item: Item | None, name: str) -> str | None:
    value = None if item is None else item.get(name, {}).get("S")
    return value if isinstance(value, str) and value else None


def _projected(item: Item) -> Item:
    return {"user_uuid": item["user_uuid"]} if "user_uuid" in item else {}
