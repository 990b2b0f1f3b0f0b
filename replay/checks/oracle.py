"""What the table should hold, said from the messages alone, and what is wrong with a table that does not.

It shares no code with the function: a second statement of the same truth. A member's row of a group holds the maximum
of `(instant, text)` over the row's own value and the group's messages that fit the row; everything else on it is as it
was.

Findings, by kind:

- `missing`          a member's row is gone
- `doubled`          a member has more than one row, or there is a row that nobody should have
- `behind`, `ahead`  the row's last message is older, or newer, than it should be
- `altered`          an attribute that is not the function's was changed, added or lost
- `out-of-order`     a member's list shows an older row above a newer one: keys are compared as texts, times are not
- `message-touched`  a message row is not what was put
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from replay.rows.keys import MESSAGE_PREFIX, membership_of
from replay.rows.reading import Item, Value, fits, is_sorted_by_text, room, same, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from replay.rows.said import Said

Kind = Literal["missing", "doubled", "behind", "ahead", "altered", "out-of-order", "message-touched"]

NEVER_OWED = -1
"""The number of a delivery that did not come about: what it would have brought is owed once another brings it."""
OWN_FIELDS = frozenset({"pk", "sk", "message"})
"""What the function writes on a group row."""
TEXT_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `expected` and `found` are short descriptions or nothing."""

    kind: Kind
    group: str | None
    member: str | None
    expected: str | None
    found: str | None
    address: tuple[str, str] | None = None


@dataclass(slots=True)
class _Member:
    """What is known of one member's view of one group: the rows it began with, and when."""

    rows: list[Item]
    since: int


class Oracle:
    """Collects what was there and what was said, and judges a table against it.

    Rows that were there before the first delivery have number 0; a row put before delivery n owes nothing to messages
    of earlier deliveries, though it may show them. A message said with number -1 (discarded, say) is owed by no row.
    """

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], _Member] = {}
        self._messages: dict[str, dict[Value, int]] = defaultdict(dict)
        self._message_rows: dict[tuple[str, str], Item] = {}

    def row_put(self, item: Item, delivery: int = 0) -> None:
        """Take note of a row put by the application: a group row, a message row, or one of neither kind."""
        partition_key, membership = item["pk"]["S"], membership_of(item)
        if partition_key.startswith(MESSAGE_PREFIX):
            self._message_rows[partition_key, item["sk"]["S"]] = item
        elif membership is not None:
            self._members.setdefault(membership, _Member([], delivery)).rows.append(item)

    def member_left(self, group: str, member: str) -> None:
        """Take note that the application removed a member's row for good."""
        self._members.pop((group, member), None)

    def attribute_set(self, group: str, member: str, name: str, value: Mapping[str, Any]) -> None:
        """Take note that another owner changed an attribute of a member's row."""
        for number, item in enumerate(self._members[group, member].rows):
            self._members[group, member].rows[number] = {**item, name: value}

    def attribute_lost(self, group: str, member: str, name: str) -> None:
        """Take note that an attribute is gone from a member's row by a stated limit: nobody owes it any more."""
        known = self._members[group, member]
        known.rows = [{each: value for each, value in item.items() if each != name} for item in known.rows]

    def message_removed(self, address: tuple[str, str]) -> None:
        """Take note that the application removed a message row."""
        self._message_rows.pop(address, None)

    def said(self, message: Said) -> None:
        """Take note of a message that was delivered."""
        deliveries = self._messages[message.group]
        known = deliveries.get(message.value, NEVER_OWED)
        if known == NEVER_OWED or NEVER_OWED < message.delivery < known:
            deliveries[message.value] = message.delivery

    def owed_in(self, group: str) -> frozenset[Value]:
        """Every message of a group that rows there before the first delivery must show."""
        return frozenset(value for value, delivery in self._messages[group].items() if delivery >= 0)

    def judge(self, items: Iterable[Item]) -> list[Finding]:
        """Compare a whole table with what it should hold; findings are sorted by group and member."""
        rows: dict[tuple[str, str], list[Item]] = defaultdict(list)
        message_rows: dict[tuple[str, str], Item] = {}
        for item in items:
            partition_key, membership = item["pk"]["S"], membership_of(item)
            if partition_key.startswith(MESSAGE_PREFIX):
                message_rows[partition_key, item["sk"]["S"]] = item
            elif membership is not None:
                rows[membership].append(item)
        findings = [
            finding
            for key in sorted(self._members.keys() | rows.keys())
            for finding in self._judge_member(*key, rows.get(key, []))
        ]
        findings += self._judge_lists(rows)
        return findings + list(_judge_messages(self._message_rows, message_rows))

    def _judge_member(self, group: str, member: str, found: Sequence[Item]) -> Iterator[Finding]:
        known = self._members.get((group, member))
        if known is None:
            for item in found:
                yield _finding("doubled", group, member, None, item)
            return
        began = _survivor_first(known.rows)
        is_due = self._was_due(group, known.since)
        least, most = self._bounds(group, began[0], known.since)
        if not found:
            yield Finding("missing", group, member, _shown(least), None)
            return
        if len(found) > (1 if is_due else len(began)):
            yield Finding("doubled", group, member, "1 row", f"{len(found)} rows", _address(found[0]))
        item = _survivor_first(found)[0]
        value = value_of(item)
        if value < least:
            yield _finding("behind", group, member, least, item)
        elif value > most or value not in self._possible(group, began[0]):
            yield _finding("ahead", group, member, most, item)
        kept = [_other_attributes(began)] if is_due else [_other_attributes(began[:1]), _other_attributes(began)]
        verdicts = [list(_judge_attributes(group, member, attributes, item)) for attributes in kept]
        yield from min(verdicts, key=len)
        if "message" not in item and "message" in began[0]:
            yield Finding("altered", group, member, f"message={_cut(value[2])}", "message=nothing", _address(item))

    def _judge_lists(self, rows: Mapping[tuple[str, str], Sequence[Item]]) -> Iterator[Finding]:
        """Look at each member's list, newest key first, as their inbox shows it.

        Rows that were there before under another spelling than the table's are left out: the application spells as it
        likes.
        """
        lists: dict[str, list[tuple[str, Item]]] = defaultdict(list)
        for (group, member), found in rows.items():
            known = self._members.get((group, member))
            began = {item["sk"]["S"] for item in known.rows if not is_sorted_by_text(item)} if known else set()
            lists[member] += [(group, item) for item in found if item["sk"]["S"] not in began]
        for member, listed in sorted(lists.items()):
            newest: Item | None = None
            for group, item in sorted(listed, key=lambda each: each[1]["sk"]["S"]):
                if newest is not None and value_of(item)[:2] < value_of(newest)[:2]:
                    below, above = newest["sk"]["S"], item["sk"]["S"]
                    yield Finding(
                        "out-of-order", group, member, f"below {below}", f"above it, as {above}", _address(item)
                    )
                else:
                    newest = item

    def _bounds(self, group: str, row: Item, since: int) -> tuple[Value, Value]:
        """Reckon the least and the greatest value a row may end with; equal unless the row came late."""
        own = value_of(row)
        space = room(row)
        fitting = [(value, first) for value, first in self._messages[group].items() if fits(row, space, value)]
        least = max([own, *(value for value, first in fitting if first >= since)])
        return least, max([own, *(value for value, _ in fitting)])

    def _was_due(self, group: str, since: int) -> bool:
        """Whether a message was applied, so that the group's rows were looked at: before, doubled rows may stay."""
        return any(first >= since for first in self._messages[group].values())

    def _possible(self, group: str, row: Item) -> set[Value]:
        return {value_of(row), *self._messages[group]}


def _survivor_first(rows: Sequence[Item]) -> list[Item]:
    return sorted(rows, key=lambda item: (value_of(item), item["sk"]["S"]), reverse=True)


def _other_attributes(rows: Sequence[Item]) -> dict[str, Mapping[str, Any]]:
    """What a member's one row keeps: the survivor's attributes, then what only the others have, the greatest first."""
    kept: dict[str, Mapping[str, Any]] = {}
    for item in rows:
        for name, value in item.items():
            if name not in OWN_FIELDS:
                kept.setdefault(name, value)
    return kept


def _judge_attributes(
    group: str, member: str, expected: Mapping[str, Mapping[str, Any]], item: Item
) -> Iterator[Finding]:
    actual = {name: field for name, field in item.items() if name not in OWN_FIELDS}
    for name in sorted(expected.keys() | actual.keys()):
        before, after = expected.get(name), actual.get(name)
        if not same(before, after):
            shown = f"{name}={_cut(before)}", f"{name}={_cut(after)}"
            yield Finding("altered", group, member, *shown, _address(item))


def _judge_messages(put: Mapping[tuple[str, str], Item], found: Mapping[tuple[str, str], Item]) -> Iterator[Finding]:
    for address in sorted(put.keys() | found.keys()):
        before, after = put.get(address), found.get(address)
        if before is None or after is None or not _same_item(before, after):
            expected = None if before is None else "the message row as it was put"
            actual = None if after is None else "another row"
            yield Finding("message-touched", address[0][4:], None, expected, actual, address)


def _same_item(one: Item, other: Item) -> bool:
    return one == other or (one.keys() == other.keys() and all(same(one[name], other[name]) for name in one))


def _finding(kind: Kind, group: str, member: str, expected: Value | None, item: Item) -> Finding:
    return Finding(kind, group, member, _shown(expected), _shown(value_of(item), item["sk"]["S"]), _address(item))


def _address(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _shown(value: Value | None, key: str | None = None) -> str | None:
    """Describe a last message: its time (as the row's key spells it where there is one) and the start of its text."""
    if value is None:
        return None
    explained, instant, text = value
    time = key or (instant.isoformat(timespec="microseconds") + "+00:00" if explained else "no time")
    return f"{time} {_cut(text)}"


def _cut(value: object) -> str:
    shown = "nothing" if value is None else repr(value)
    return shown if len(shown) <= TEXT_SHOWN_MAX else f"{shown[:TEXT_SHOWN_MAX]}…"
