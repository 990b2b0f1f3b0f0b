"""A table judged by itself: what its group rows show against what its message rows say.

Nobody knows here what was delivered or what the rows began with, as the oracle does; there is one table, as it stands.
Texts are never told, only times. It shares no code with the function.

Faults, by kind:

- `behind`        a row shows an older message than the newest one that fits it
- `ahead`         a row shows something newer than every message of its group: the last message was deleted, say
- `doubled`       a member has more than one row of a group
- `missing`       somebody whom the group's rows name, or who wrote in it, has no row of it (or left); or nobody has one
- `out-of-order`  a member's list shows an older conversation above a newer one: keys are compared as texts
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from replay.checks.spelling import NO_TIME, spelling_of
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX, member_named
from replay.rows.reading import Item, Value, fits, room, value_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

FaultKind = Literal["behind", "ahead", "doubled", "missing", "out-of-order"]
FAULT_KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `due` and `shown` say in words what should be there and what is, without any text."""

    kind: FaultKind
    group: str
    member: str | None
    due: str
    shown: str


@dataclass(slots=True)
class _Row:
    """A group row, as far as it is judged."""

    key: str
    value: Value
    names: str | None
    """Whom it shows as the other person."""
    own: Item | None = None
    """Its key and text, where it must be known what fits it."""
    space: int = 0
    due: Value | None = None
    """The newest message that fits it, where that is newer than what it shows."""

    def fits(self, value: Value) -> bool:
        return self.own is None or fits(self.own, self.space, value)


class Audit:
    """Sees every row of a table, or everything of some groups, in any order, and then tells what is wrong.

    A thorough audit knows which messages fit which rows, as far as it sees a row before them; any other takes a group's
    newest message to fit and may suspect too much. Messages newer than `settled` says for their group are not owed yet:
    their delivery may be under way. Of messages, only each group's newest is kept.
    """

    def __init__(self, *, thorough: bool = False, settled: Mapping[str, Value] | None = None) -> None:
        self.rows = 0
        self.messages = 0
        self.spellings: Counter[str] = Counter()
        """Group rows by how their keys spell the time."""
        self.oddities: Counter[str] = Counter()
        """What is no fault of the rows, and worth knowing."""
        self._thorough = thorough
        self._settled = settled
        self._newest: dict[str, Value] = {}
        self._owed: dict[str, Value] = {}
        self._writers: dict[str, set[str]] = defaultdict(set)
        self._views: dict[str, dict[str, list[_Row]]] = {}

    def see(self, item: Item) -> None:
        """Take a row of any kind."""
        partition_key, group = _text(item, "pk") or "", _text(item, "message_group_uuid")
        if partition_key.startswith(MESSAGE_PREFIX):
            self._see_message(partition_key.removeprefix(MESSAGE_PREFIX), item)
            if group is not None:
                self.oddities["message rows that carry message_group_uuid, so that the index shows them"] += 1
        elif partition_key.startswith(GROUP_PREFIX) and group:
            self._see_row(group, partition_key.removeprefix(GROUP_PREFIX), item)
        else:
            self.oddities["rows that are neither messages nor members' rows"] += 1

    def _see_message(self, group: str, item: Item) -> None:
        value = value_of(item)
        if not value[0] or _text(item, "message") is None or not group:
            self.oddities["messages that nobody can apply"] += 1
            return
        self.messages += 1
        writer = member_named(item)
        if writer is not None:
            self._writers[group].add(writer)
        self._newest[group] = max(value, self._newest.get(group, value))
        if self._settled is None or (group in self._settled and value <= self._settled[group]):
            self._owed[group] = max(value, self._owed.get(group, value))
            if self._thorough:
                self._offer(group, value)

    def _offer(self, group: str, value: Value) -> None:
        """Let every row take a message that is newer than what it has and fits."""
        for rows in self._views.get(group, {}).values():
            for row in rows:
                if value > (row.due or row.value) and row.fits(value):
                    row.due = value

    def _see_row(self, group: str, member: str, item: Item) -> None:
        self.rows += 1
        key, value = item["sk"]["S"], value_of(item)
        self.spellings[spelling_of(key) if value[0] else NO_TIME] += 1
        row = _Row(key, value, member_named(item))
        if self._thorough:
            row.own = {name: item[name] for name in ("sk", "message") if name in item}
            row.space = room(item)
        self._views.setdefault(group, {}).setdefault(member, []).append(row)

    # What is known.

    @property
    def groups(self) -> int:
        """How many groups have a message or a row."""
        return len(self._newest.keys() | self._views.keys())

    @property
    def owners(self) -> int:
        """How many people have a row."""
        return len({member for views in self._views.values() for member in views})

    @property
    def newest(self) -> Mapping[str, Value]:
        """Each group's newest message."""
        return self._newest

    def knows(self, group: str) -> bool:
        """Whether a group has a message or a row."""
        return group in self._newest or group in self._views

    def members(self, group: str) -> set[str]:
        """Everybody who has a row of a group, is named by one, or wrote in it."""
        owners = self._views.get(group, {}).keys()
        return owners | self._named(group).keys() | self._writers.get(group, set())

    def due(self, group: str) -> set[Value]:
        """What the rows of a group should show and do not, as far as the audit is thorough."""
        rows = (row for rows in self._views.get(group, {}).values() for row in rows)
        return {row.due for row in rows if row.due is not None}

    def _named(self, group: str) -> dict[str, str]:
        """Whom the rows name, and whose row does."""
        named: dict[str, str] = {}
        for member, rows in sorted(self._views.get(group, {}).items()):
            for row in rows:
                if row.names is not None:
                    named.setdefault(row.names, member)
        return named

    # What is wrong.

    def faults(self) -> list[Fault]:
        """Tell every fault, by group and member; what is wrong with a list comes last."""
        groups = sorted(self._newest.keys() | self._views.keys())
        return [fault for group in groups for fault in self._of_group(group)] + list(self._of_lists())

    def _of_group(self, group: str) -> Iterator[Fault]:
        views = self._views.get(group)
        if views is None:
            yield Fault("missing", group, None, "a row for each member", "no row of anybody")
            return
        for member, rows in sorted(views.items()):
            greatest = max(rows, key=lambda row: (row.value, row.key))
            yield from self._of_row(group, member, greatest)
            if len(rows) > 1:
                yield Fault("doubled", group, member, "1 row", f"{len(rows)} rows: {_listed(rows)}")
        named = self._named(group)
        for absent in sorted((named.keys() | self._writers.get(group, set())) - views.keys()):
            why = f"the row of {named[absent]} names them" if absent in named else "they wrote a message"
            yield Fault("missing", group, absent, f"a row: {why}", "no row")

    def _of_row(self, group: str, member: str, row: _Row) -> Iterator[Fault]:
        due, owed, newest = row.due or row.value, self._owed.get(group), self._newest.get(group)
        if owed is not None and owed > due and row.fits(owed):
            due = owed
        if due > row.value:
            yield Fault("behind", group, member, _time(due), _shown(due, row))
        if newest is None and row.value[0]:
            yield Fault("ahead", group, member, "no message", row.key)
        elif newest is not None and row.value > newest:
            yield Fault("ahead", group, member, _time(newest), _shown(newest, row))

    def _of_lists(self) -> Iterator[Fault]:
        """Go through each member's list in the order of its keys: whatever is older than what came before is wrong."""
        lists: dict[str, list[tuple[str, _Row]]] = defaultdict(list)
        for group, views in self._views.items():
            for member, rows in views.items():
                lists[member] += [(group, row) for row in rows]
        for member, listed in sorted(lists.items()):
            newest: _Row | None = None
            for group, row in sorted(listed, key=lambda each: each[1].key):
                if newest is not None and row.value[:2] < newest.value[:2]:
                    yield Fault("out-of-order", group, member, f"below {newest.key}", f"above it, as {row.key}")
                else:
                    newest = row


def confirmed(first: Collection[Fault], second: Collection[Fault]) -> list[Fault]:
    """Keep what two looks agree on, as the second saw it."""
    suspected = {(fault.kind, fault.group, fault.member) for fault in first}
    return [fault for fault in second if (fault.kind, fault.group, fault.member) in suspected]


def _shown(due: Value, row: _Row) -> str:
    return "that time, another text" if row.value[:2] == due[:2] else row.key


def _listed(rows: Sequence[_Row]) -> str:
    return ", ".join(sorted(row.key for row in rows))


def _time(value: Value) -> str:
    return value[1].isoformat(timespec="microseconds") + "+00:00"


def _text(item: Item, name: str) -> str | None:
    text = item.get(name, {}).get("S")
    return text if isinstance(text, str) else None
