"""An index that is behind: what its queries are answered with, and when it catches up."""

from __future__ import annotations

from typing import Any

import pytest

from replay.errors import WrongUse
from replay.function.control import GO, Asked, Order
from replay.function.gate import unpacked
from replay.tables.lagging_index import Lag, LaggingIndex

Item = dict[str, dict[str, Any]]


class World:
    """A table whose changes are told by hand, and a clock that is set."""

    def __init__(self, lag: str) -> None:
        self.changes: list[tuple[tuple[str, str], Item | None]] = []
        self.now = 0.0
        self.index = LaggingIndex("by-group", Lag.parse(lag), self._taken, lambda: self.now)

    def _taken(self) -> list[tuple[tuple[str, str], Item | None]]:
        taken, self.changes = self.changes, []
        return taken

    def put(self, member: str, time: str, group: str = "g") -> None:
        key = f"GRP#{member}", time
        item = {"pk": {"S": key[0]}, "sk": {"S": time}, "message_group_uuid": {"S": group}, "b": {"B": "/w=="}}
        self.changes.append((key, item))

    def delete(self, member: str, time: str) -> None:
        self.changes.append(((f"GRP#{member}", time), None))

    def write(self) -> None:
        """A call of the handler that has written what waits."""
        pending, self.changes = self.changes, []
        write = Asked("dynamodb", "PutItem", {}, "r")
        assert self.index.asked(write) == GO
        self.changes = pending
        self.index.called(write, None)

    def shown(self, **body: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - a request's
        order = self.index.asked(query(**body))
        assert order.items is not None
        return [(item["pk"]["S"][4:], item["sk"]["S"]) for item in map(unpacked, order.items)]


def query(**body: Any) -> Asked:  # noqa: ANN401 - a request's
    asked: dict[str, Any] = {
        "IndexName": "by-group",
        "KeyConditionExpression": "#n0 = :v0",
        "ExpressionAttributeNames": {"#n0": "message_group_uuid"},
        "ExpressionAttributeValues": {":v0": {"S": "g"}},
    }
    return Asked("dynamodb", "Query", asked | body, "r")


def test_what_was_there_at_the_beginning_is_shown_for_ever() -> None:
    world = World("forever")
    world.put("a", "1")
    world.index.begin()
    world.put("a", "2")
    world.delete("a", "1")
    world.write()
    world.now = 1e9
    assert world.shown() == [("a", "1")]


def test_a_change_is_shown_after_its_seconds() -> None:
    world = World("5")
    world.put("a", "1")
    world.write()
    world.now = 4.9
    assert world.shown() == []
    world.now = 5.0
    assert world.shown() == [("a", "1")]


@pytest.mark.parametrize(("calls", "misses"), [(0, 0), (1, 1), (3, 3)])
def test_a_change_is_missed_by_so_many_calls(calls: int, misses: int) -> None:
    world = World(f"calls:{calls}")
    world.put("a", "1")
    world.write()
    assert [bool(world.shown()) for _ in range(misses + 1)] == [False] * misses + [True]


def test_changes_are_shown_in_their_order() -> None:
    world = World("calls:1")
    world.put("a", "1")
    world.write()
    world.put("a", "2")
    world.delete("a", "1")
    world.write()
    assert world.shown() == [("a", "1")]
    assert world.shown() == [("a", "2")]


def test_a_row_that_changes_its_group_leaves_the_old_one() -> None:
    world = World("calls:0")
    world.put("a", "1", "g")
    world.put("a", "1", "h")
    world.write()
    assert world.shown() == []


def test_answers_are_in_the_indexs_order_and_in_the_sdks_form() -> None:
    world = World("calls:0")
    for member, time in (("b", "2"), ("a", "2"), ("c", "1")):
        world.put(member, time)
    world.write()
    assert world.shown() == [("c", "1"), ("a", "2"), ("b", "2")]
    assert world.shown(ScanIndexForward=False) == [("b", "2"), ("a", "2"), ("c", "1")]
    items = world.index.asked(query()).items or []
    assert unpacked(items[0])["b"] == {"B": b"\xff"}


@pytest.mark.parametrize(
    "body",
    [
        {"KeyConditionExpression": "message_group_uuid = :v0 AND begins_with(sk, :y)"},
        {"KeyConditionExpression": "message_group_uuid=:v0"},
        {"KeyConditions": {"message_group_uuid": {"AttributeValueList": [{"S": "g"}], "ComparisonOperator": "EQ"}}},
    ],
)
def test_every_spelling_of_the_group_is_understood(body: dict[str, Any]) -> None:
    world = World("calls:0")
    world.put("a", "1")
    world.write()
    assert world.shown(**body) == [("a", "1")]


@pytest.mark.parametrize(
    "call",
    [
        query(IndexName="another"),
        query(FilterExpression="x = :x"),
        query(ExclusiveStartKey={}),
        query(Limit=1),
        query(KeyConditionExpression="other = :v0"),
        Asked("dynamodb", "Scan", {"IndexName": "by-group"}, "r"),
        Asked("s3", "Query", query().body, "r"),
    ],
)
def test_other_calls_are_the_tables_own(call: Asked) -> None:
    assert World("forever").index.asked(call) == Order()


@pytest.mark.parametrize("text", ["", "soon", "-1", "calls:", "calls:x", "calls:-1", "inf", "nan", "call:3"])
def test_what_is_no_lag_is_wrong_use(text: str) -> None:
    with pytest.raises(WrongUse, match="neither seconds, nor calls:N, nor forever"):
        Lag.parse(text)
