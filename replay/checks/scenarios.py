"""Small histories that have broken simpler rules: rows, two invocations, what else happens, what the index shows.

Every one is run through all interleavings of its steps, and through a crash, a throttle, a conflict and a lost answer
at each call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX
from replay.tables.memory import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from replay.checks.world import Record
    from replay.rows.reading import Item

IndexView = Literal["current", "old", "none", "both", "neither"]
"""What the index shows of rows that have just moved: their new entries, only the old ones, nothing at all, old and new
ones side by side, or neither (the old ones gone, the new ones not yet there)."""

TIMES = [f"2026-03-01T10:00:{second:02d}.000000+00:00" for second in range(60)]


@dataclass(frozen=True, slots=True)
class Step:
    """One write of the application: another owner's update, or a member who leaves."""

    kind: Literal["set", "leave"]
    group: str
    member: str
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A history: the rows it begins with, what two invocations deliver, what the application does meanwhile.

    `moved` are rows as they were before `rows`; which of both the index shows is `index`. `stated_limits` is whether a
    stated limit may explain how it ends.
    """

    name: str
    rows: tuple[Item, ...]
    first: tuple[Record, ...]
    second: tuple[Record, ...]
    steps: tuple[Step, ...] = ()
    moved: tuple[Item, ...] = ()
    index: IndexView = "current"
    stated_limits: bool = False

    def table(self) -> MemoryTable:
        """Make the table as it is when the first invocation starts."""
        table = MemoryTable()
        if self.index == "none":
            table.hold_index()
        moving = {item["pk"]["S"] for item in self.moved}
        for item in (*self.moved, *(item for item in self.rows if item["pk"]["S"] not in moving)):
            table.put(item)
        if self.index != "current":
            table.hold_index()
        staying = {_address(item) for item in self.rows}
        for item in self.moved:
            if _address(item) not in staying:
                table.delete(_address(item))
        removed = table.waiting()
        for item in self.rows:
            table.put(item)
        added = [address for address in table.waiting() if address not in removed]
        if self.index != "none":
            for address in {"both": added, "neither": removed}.get(self.index, ()):
                table.show(address)
        return table


def _address(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def row(member: str, group: str, sort_key: str, text: str = "old", other: str | None = None, **more: Any) -> Item:  # noqa: ANN401
    """Build a group row as the application writes it; `more` are string attributes."""
    return {
        "pk": {"S": GROUP_PREFIX + member},
        "sk": {"S": sort_key},
        "message_group_uuid": {"S": group},
        "message": {"S": text},
        "user_uuid": {"S": other if other is not None else member},
        "user_display_name": {"S": f"name of {other}"},
        "user_handle": {"S": f"handle-{other}"},
        **{name: {"S": value} for name, value in more.items()},
    }


def pair(group: str, sort_key: str, one: str = "ana", other: str = "ben", text: str = "old") -> tuple[Item, Item]:
    """Build a conversation of two people."""
    return row(one, group, sort_key, text, other), row(other, group, sort_key, text, one)


def said(group: str, sort_key: str, text: str, sender: str | None, sequence: int) -> Record:
    """Build the stream record of a message."""
    item: dict[str, Any] = {"pk": {"S": MESSAGE_PREFIX + group}, "sk": {"S": sort_key}, "message": {"S": text}}
    if sender is not None:
        item["user_uuid"] = {"S": sender}
    return {
        "eventID": f"{sequence:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1772359200.0,
            "Keys": {"pk": item["pk"], "sk": item["sk"]},
            "NewImage": item,
            "SequenceNumber": f"{100000000000000000000 + sequence}",
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/2026-01-01T00:00:00.000",
    }


def scenarios() -> tuple[Scenario, ...]:
    """List every scenario."""
    return (*_plain(), *_members(), *_doubled(), *_indexes(), _many_members(60))


def _plain() -> Iterable[Scenario]:
    one, two = said("g", TIMES[10], "one", "ana", 1), said("g", TIMES[20], "two", "ben", 2)
    yield Scenario("plain", pair("g", TIMES[0]), (one,), (two,))
    yield Scenario("same message twice", pair("g", TIMES[0]), (one,), (one,))
    yield Scenario("older message later", pair("g", TIMES[0]), (two,), (one,))
    yield Scenario("two messages in one batch", pair("g", TIMES[0]), (one, two), (one,))
    yield Scenario("batch against its remainder", pair("g", TIMES[0]), (one, two), (two,))
    yield Scenario(
        "equal instants",
        pair("g", TIMES[0]),
        (said("g", TIMES[10], "a", "ana", 1),),
        (said("g", "2026-03-01T10:00:10Z", "b", "ben", 2),),
    )
    yield Scenario(
        "new group whose message precedes its rows' order",
        pair("g", TIMES[10], text="one"),
        (one,),
        (said("g", "2026-03-01 10:00:10", "one", "ana", 2),),
    )
    yield Scenario(
        "mixed spellings",
        (*pair("g", "2026-03-01T15:30:05.5+05:30"),),
        (said("g", "2026-03-01T10:00:10.1", "one", "ana", 1),),
        (said("g", "2026-03-01T12:00:10.2+0200", "two", "ben", 2),),
    )
    yield Scenario(
        "a row whose key is no time",
        (row("ana", "g", "yesterday", other="ben"), row("ben", "g", TIMES[0], other="ana")),
        (one,),
        (two,),
    )
    yield Scenario(
        "collision of two groups",
        (*pair("g", TIMES[0]), *pair("h", TIMES[1])),
        (said("g", TIMES[10], "one", "ana", 1),),
        (said("h", TIMES[10], "two", "ben", 2),),
    )
    yield Scenario(
        "chain of collisions",
        (
            *pair("g", TIMES[0]),
            *pair("h", TIMES[1]),
            row("ana", "i", TIMES[10], "taken", "cem"),
            row("cem", "i", TIMES[10], "taken", "ana"),
        ),
        (said("g", TIMES[10], "one", "ana", 1),),
        (said("h", TIMES[10], "two", "ben", 2),),
    )


def _members() -> Iterable[Scenario]:
    one, two = said("g", TIMES[10], "one", "ana", 1), said("g", TIMES[20], "two", "ben", 2)
    three = (
        row("ana", "g", TIMES[0], other="ben"),
        row("ben", "g", TIMES[0], other="cem"),
        row("cem", "g", TIMES[0], other="ana"),
    )
    yield Scenario("three members", three, (one,), (two,))
    yield Scenario("a member leaves", three, (one,), (two,), (Step("leave", "g", "cem"),))
    yield Scenario("one of two leaves", pair("g", TIMES[0]), (one,), (two,), (Step("leave", "g", "ana"),))
    yield Scenario("stranger as sender", pair("g", TIMES[0]), (said("g", TIMES[10], "one", "zoe", 1),), (two,))
    yield Scenario("sender who is no key", pair("g", TIMES[0]), (said("g", TIMES[10], "one", None, 1),), (two,))
    yield Scenario(
        "conversation with oneself",
        (row("ana", "g", TIMES[0], other="ana"),),
        (one,),
        (said("g", TIMES[20], "two", "ana", 2),),
    )
    yield Scenario("orphan", (), (one,), (two,))
    yield Scenario(
        "another owner's update",
        tuple({**item, "unread": {"N": "1"}} for item in pair("g", TIMES[0])),
        (one,),
        (two,),
        (Step("set", "g", "ana", "unread", "2"),),
    )
    yield Scenario(
        "another owner's new attribute, known on the other row",
        (row("ana", "g", TIMES[0], other="ben"), row("ben", "g", TIMES[0], other="ana", unread="1")),
        (one,),
        (two,),
        (Step("set", "g", "ana", "unread", "2"),),
    )


def _doubled() -> Iterable[Scenario]:
    one, two = said("g", TIMES[10], "one", "ana", 1), said("g", TIMES[20], "two", "ben", 2)
    doubled = (
        row("ana", "g", TIMES[0], "older", "ben", avatar="lost?"),
        row("ana", "g", TIMES[5], "newer", "ben", unread="7"),
        row("ben", "g", TIMES[5], "newer", "ana"),
    )
    yield Scenario("two rows of one member", doubled, (one,), (two,))
    yield Scenario("two rows of one member, old message", doubled, (said("g", TIMES[3], "x", "ana", 1),), (two,))
    yield Scenario(
        "two rows of one member at one instant",
        (
            row("ana", "g", TIMES[5], "newer", "ben"),
            row("ana", "g", "2026-03-01T10:00:05Z", "newer", "ben"),
            row("ben", "g", TIMES[5], "newer", "ana"),
        ),
        (one,),
        (said("g", TIMES[5], "zz", "ben", 2),),
    )


def _indexes() -> Iterable[Scenario]:
    one, two = said("g", TIMES[10], "one", "ana", 1), said("g", TIMES[20], "two", "ben", 2)
    views: Sequence[IndexView] = ("old", "none", "both", "neither")
    for view in views:
        yield Scenario(f"index {view}", pair("g", TIMES[5]), (one,), (two,), moved=pair("g", TIMES[0]), index=view)
    for view in views:
        yield Scenario(
            f"index {view}, three members",
            (
                row("ana", "g", TIMES[5], other="ben"),
                row("ben", "g", TIMES[5], other="ana"),
                row("cem", "g", TIMES[5], other="ana"),
            ),
            (one,),
            (two,),
            moved=(
                row("ana", "g", TIMES[0], other="ben"),
                row("ben", "g", TIMES[0], other="ana"),
                row("cem", "g", TIMES[0], other="ana"),
            ),
            index=view,
            stated_limits=view in {"none", "neither"},
        )
    yield Scenario(
        "index old in another owner's attribute",
        tuple({**item, "unread": {"N": "2"}} for item in pair("g", TIMES[0])),
        (one,),
        (two,),
        moved=tuple({**item, "unread": {"N": "1"}} for item in pair("g", TIMES[0])),
        index="old",
    )
    yield Scenario(
        "index without the sender's row",
        (
            row("ana", "g", TIMES[0], other="ben"),
            row("ben", "g", TIMES[0], other="ana"),
            row("cem", "g", TIMES[5], other="ana"),
        ),
        (said("g", TIMES[10], "one", "cem", 1),),
        (said("g", TIMES[20], "two", "cem", 2),),
        moved=(row("cem", "g", TIMES[0], other="ana"),),
        index="neither",
    )
    yield Scenario(
        "index none, senders unknown, an earlier message known",
        (*pair("g", TIMES[5]), said("g", TIMES[5], "old", "ana", 9)["dynamodb"]["NewImage"]),
        (said("g", TIMES[10], "one", None, 1),),
        (said("g", TIMES[20], "two", None, 2),),
        moved=pair("g", TIMES[0]),
        index="none",
    )
    yield Scenario(
        "message row in the index",
        (
            *pair("g", TIMES[0]),
            {**said("g", TIMES[1], "stray", "ana", 9)["dynamodb"]["NewImage"], "message_group_uuid": {"S": "g"}},
        ),
        (one,),
        (two,),
    )


def _many_members(count: int) -> Scenario:
    """More members than one transaction has room for: 100 actions are 50 moves."""
    names = [f"m{number:02d}" for number in range(count)]
    rows = tuple(row(name, "g", TIMES[0], other=names[number - 1]) for number, name in enumerate(names))
    return Scenario(
        "more than fifty members",
        rows,
        (said("g", TIMES[10], "one", "m00", 1),),
        (said("g", TIMES[20], "two", "m01", 2),),
    )
