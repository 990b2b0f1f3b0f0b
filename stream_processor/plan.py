"""What to write: from a group's rows and its messages to transactions.

Pure: no clock, no environment, no AWS, no randomness. A row's last-message fields become the maximum of
`(instant, text)` over the row's own value and every message that fits it; a maximum does not care about order,
duplicates or restarts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_processor.errors import GaveUp
from stream_processor.message import GroupId, MemberId, format_time
from stream_processor.row import ITEM_BYTES_MAX, by_member, group_row, item_bytes
from stream_processor.transaction import (
    ACTIONS_MAX,
    KNOWN_ATTRIBUTES,
    Check,
    Delete,
    Key,
    NoRow,
    Put,
    Transaction,
    fits,
    pack,
    unchanged,
    unchecked,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from stream_processor.message import Message
    from stream_processor.row import GroupRow, Item

HASH_DIGITS = 78
"""Decimal digits of a 256-bit hash."""
KEY_DIGITS = 6
KEY_ATTEMPTS_MAX = HASH_DIGITS // KEY_DIGITS
"""Thirteen keys behind the plain one: fourteen groups of one member in one microsecond."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A message that does not fit some members' rows."""

    message: Message
    members: tuple[MemberId, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due for a group: transactions in order, each right by itself.

    `moved` counts rows that take a message, `healed` rows that go because their member has another, `untimed` rows
    moved although their sort key is no time, `unchecked` attributes left out of conditions.
    """

    transactions: tuple[Transaction, ...]
    moved: int
    healed: int
    untimed: int
    unchecked: int
    unfit: tuple[Unfit, ...]


@dataclass(frozen=True, slots=True)
class _MemberPlan:
    """One member's part: steps of actions that must stand in one transaction each."""

    steps: tuple[Transaction, ...] = ()
    moved: bool = False
    healed: int = 0
    untimed: bool = False
    unfit: tuple[Message, ...] = ()


def plan(
    rows: Iterable[GroupRow],
    messages: Sequence[Message],
    taken: Collection[Key] = (),
    seen: Collection[str] = (),
) -> Plan:
    """Plan a group: its rows as read, its messages with the newest first, keys known to hold other groups' rows.

    `seen` are attributes that rows of the group had in earlier readings: like those of the other rows, a row without
    one must still be without it. Nothing is planned for a member whose single row is already at or past the newest
    message that fits it.

    Raises:
        GaveUp: every key attempt at one instant is taken.
    """
    members = by_member(rows)
    names = {*KNOWN_ATTRIBUTES, *seen, *(name for own in members.values() for row in own for name in row.item)}
    planned = {member: _plan_member(own, messages, names, taken) for member, own in members.items()}
    transactions = tuple(pack(step for each in planned.values() for step in each.steps))
    return Plan(
        transactions=transactions,
        moved=sum(each.moved for each in planned.values()),
        healed=sum(each.healed for each in planned.values()),
        untimed=sum(each.untimed for each in planned.values()),
        unchecked=sum(map(unchecked, transactions)),
        unfit=tuple(_unfit(planned)),
    )


def sort_key_attempt(instant: datetime, group: GroupId, attempt: int) -> str:
    """Write the key of an instant; attempt k > 0 puts the first 6 k digits of SHA-256(group id) behind it.

    Such a key sorts right behind the plain one and still parses to the same instant.
    """
    plain = format_time(instant)
    if attempt == 0:
        return plain
    digits = str(int.from_bytes(hashlib.sha256(group.encode()).digest())).zfill(HASH_DIGITS)
    zone = plain.index("+")
    return plain[:zone] + digits[: KEY_DIGITS * attempt] + plain[zone:]


def written_over(rows: Iterable[GroupRow], transactions: Iterable[Transaction], group: GroupId) -> tuple[GroupRow, ...]:
    """Say what a group's rows are once transactions are done."""
    now = {Key(row.member, row.sort_key): row for row in rows}
    for action in (action for transaction in transactions for action in transaction):
        if isinstance(action, Delete):
            del now[action.key]
        elif isinstance(action, Put) and (row := group_row(action.item, group)) is not None:
            now[action.key] = row
    return tuple(now.values())


def _plan_member(
    rows: Sequence[GroupRow], messages: Sequence[Message], names: Collection[str], taken: Collection[Key]
) -> _MemberPlan:
    survivor, *losers = rows
    due, unfit = _choose(survivor, messages, taken)
    if due is None and not losers:
        return _MemberPlan(unfit=unfit)
    return _MemberPlan(
        steps=tuple(_steps(survivor, losers, due, names)),
        moved=due is not None,
        healed=len(losers),
        untimed=due is not None and not survivor.has_time,
        unfit=unfit,
    )


def _choose(
    survivor: GroupRow, messages: Sequence[Message], taken: Collection[Key]
) -> tuple[Item | None, tuple[Message, ...]]:
    """Find the last-message fields of the newest message that is due and fits, and the newer ones that do not fit."""
    unfit: list[Message] = []
    for message in messages:
        if (True, *message.rank) <= survivor.rank:
            break
        fields = {"sk": {"S": _sort_key(survivor, message, taken)}, "message": {"S": message.text}}
        if item_bytes({**survivor.item, **fields}) <= ITEM_BYTES_MAX:
            return fields, tuple(unfit)
        unfit.append(message)
    return None, tuple(unfit)


def _sort_key(survivor: GroupRow, message: Message, taken: Collection[Key]) -> str:
    if survivor.has_time and survivor.instant == message.instant:
        return survivor.sort_key
    for attempt in range(KEY_ATTEMPTS_MAX + 1):
        sort_key = sort_key_attempt(message.instant, message.group, attempt)
        if Key(survivor.member, sort_key) not in taken:
            return sort_key
    raise GaveUp(f"all {KEY_ATTEMPTS_MAX + 1} keys of one instant hold other groups' rows")


def _steps(
    survivor: GroupRow, losers: Sequence[GroupRow], due: Item | None, names: Collection[str]
) -> Iterator[Transaction]:
    """Delete the losers, the survivor always named beside them; the last step also moves it.

    Where the losers do not fit into one transaction, the first step already writes the merged row in place, so that
    no attribute goes with a loser before the survivor has it.
    """
    merged = _merge(survivor, losers, due)
    deletes = tuple(_delete(loser, names) for loser in losers)
    item = survivor.item
    while not fits(last := _touch(survivor, item, {**merged, **(due or {})}, names) + deletes):
        touch = _touch(survivor, item, merged, names)
        count = _most(touch, deletes)
        yield touch + deletes[:count]
        deletes, item = deletes[count:], merged
    yield last


def _merge(survivor: GroupRow, losers: Sequence[GroupRow], due: Item | None) -> Item:
    """Give the survivor the attributes that only its losers have, the greatest loser's first, as far as they fit.

    The last-message text is no attribute of its own: a survivor without one stays without.
    """
    if not losers:
        return survivor.item
    merged = dict(survivor.item)
    size = max(item_bytes(merged), item_bytes({**merged, **(due or {})}))
    for loser in losers:
        for name in sorted(loser.item.keys() - merged.keys() - {"message"}):
            grown = size + item_bytes({name: loser.item[name]})
            if grown <= ITEM_BYTES_MAX:
                merged[name], size = loser.item[name], grown
    return merged


def _touch(survivor: GroupRow, current: Item, wanted: Item, names: Collection[str]) -> Transaction:
    """Name the survivor: move it, put it in place, or check it."""
    key, condition, size = Key(survivor.member, survivor.sort_key), unchanged(current, names), item_bytes(current)
    new_key = Key(survivor.member, wanted["sk"]["S"])
    if new_key != key:
        return Delete(key, condition, size), Put(new_key, wanted, NoRow(), item_bytes(wanted))
    if wanted != current:
        return (Put(key, wanted, condition, size + item_bytes(wanted)),)
    return (Check(key, condition, size),)


def _delete(row: GroupRow, names: Collection[str]) -> Delete:
    return Delete(Key(row.member, row.sort_key), unchanged(row.item, names), item_bytes(row.item))


def _most(touch: Transaction, deletes: Sequence[Delete]) -> int:
    """Count how many losers fit beside the survivor; one always does: three items of 400 KB are under 4 MB."""
    count = min(len(deletes), ACTIONS_MAX - len(touch))
    while not fits((*touch, *deletes[:count])):
        count -= 1
    return count


def _unfit(planned: Mapping[MemberId, _MemberPlan]) -> Iterator[Unfit]:
    members: dict[Message, list[MemberId]] = {}
    for member, each in planned.items():
        for message in each.unfit:
            members.setdefault(message, []).append(member)
    for message, names in members.items():
        yield Unfit(message, tuple(names))
