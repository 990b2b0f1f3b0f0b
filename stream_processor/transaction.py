"""What a transaction may hold: actions, the condition of each, and the limits of one request.

Every action states what must hold for it, so that an outdated view of the rows ends in a failed condition, never in a
lost update. Pure: no clock, no environment, no AWS, no randomness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_processor.message import GROUP_PREFIX, MemberId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from stream_processor.row import AttributeValue, Item

ACTIONS_MAX = 100
"""Actions a transaction may hold. AWS: DynamoDB API reference, TransactWriteItems."""
TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of all items of a transaction; counted here with the rows that conditions quote, which is on the safe side."""
OPERATORS_MAX = 300
"""Operators and functions of one expression; n comparisons joined by n - 1 ANDs use 2 n - 1. AWS: "Constraints"."""
CONDITIONS_MAX = (OPERATORS_MAX + 1) // 2
EXPRESSION_BYTES_MAX = 4096
"""Bytes of one expression string. AWS: "Constraints"."""
EQUALITY_BYTES = len("#000 = :000 AND ")
ABSENCE_BYTES = len("attribute_not_exists(#000) AND ")

KNOWN_ATTRIBUTES = ("message_group_uuid", "message", "user_uuid", "user_display_name", "user_handle")
"""What the application writes; conditioned first where a row has more attributes than one expression holds."""
KEY_ATTRIBUTES = frozenset({"pk", "sk"})


@dataclass(frozen=True, slots=True)
class Key:
    """A group row's primary key."""

    member: MemberId
    sort_key: str

    @property
    def item(self) -> Item:
        """The key as the table writes it."""
        return {"pk": {"S": GROUP_PREFIX + self.member}, "sk": {"S": self.sort_key}}


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The row is, attribute for attribute, what was read; `unchecked` counts attributes for which there was no room."""

    equal: tuple[tuple[str, AttributeValue], ...]
    absent: tuple[str, ...]
    unchecked: int = 0


@dataclass(frozen=True, slots=True)
class NoRow:
    """There is no row under the key."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a row that is what was read; `size` is in bytes, the quoted row included."""

    key: Key
    condition: Unchanged
    size: int


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole row: in place of the one that was read, or where none is."""

    key: Key
    item: Item
    condition: Unchanged | NoRow
    size: int


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing; a row must be what was read."""

    key: Key
    condition: Unchanged
    size: int


Action = Delete | Put | Check
Transaction = tuple[Action, ...]


def unchanged(item: Item, group_names: Collection[str]) -> Unchanged:
    """Condition every attribute of a row as read, and the absence of those that only other rows of its group have.

    Known attributes come first, there or not, then the row's others, then other absences, as far as an expression goes.
    """
    own = item.keys() - KEY_ATTRIBUTES
    known = [name for name in KNOWN_ATTRIBUTES if name in own]
    unknown = [name for name in KNOWN_ATTRIBUTES if name not in own and name in group_names]
    wanted = known + sorted(own.difference(KNOWN_ATTRIBUTES))
    missing = unknown + sorted(set(group_names).difference(item, unknown))
    equal = wanted[: CONDITIONS_MAX - len(unknown)]
    room = (EXPRESSION_BYTES_MAX - len(equal) * EQUALITY_BYTES) // ABSENCE_BYTES
    absent = missing[: max(0, min(CONDITIONS_MAX - len(equal), room))]
    return Unchanged(
        equal=tuple((name, item[name]) for name in equal),
        absent=tuple(absent),
        unchecked=len(wanted) - len(equal) + len(missing) - len(absent),
    )


def fits(actions: Sequence[Action]) -> bool:
    """Whether actions keep the limits of one transaction."""
    return len(actions) <= ACTIONS_MAX and sum(action.size for action in actions) <= TRANSACTION_BYTES_MAX


def pack(steps: Iterable[Transaction]) -> Iterator[Transaction]:
    """Fill transactions with steps, in order; what stands in one step stays together."""
    actions: Transaction = ()
    for step in steps:
        if actions and not fits(actions + step):
            yield actions
            actions = ()
        actions += step
    if actions:
        yield actions


def unchecked(transaction: Transaction) -> int:
    """Count the attributes for which a transaction's conditions have no room."""
    return sum(action.condition.unchecked for action in transaction if isinstance(action.condition, Unchanged))
