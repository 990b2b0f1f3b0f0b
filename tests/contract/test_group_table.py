"""One suite for every engine behind `GroupTable`: in memory, DynamoDB Local, any endpoint named in the environment."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest

from replay.checks.scenarios import row, said
from replay.tables.dynamo import DynamoStore
from replay.tables.memory import MemoryTable
from stream_processor.errors import ConditionFailed, RefusedError
from stream_processor.message import GroupId, MemberId
from stream_processor.row import ITEM_BYTES_MAX, item_bytes
from stream_processor.table import Page, ReadIndex, ReadMember, ReadSenders
from stream_processor.transaction import Check, Delete, Key, NoRow, Put, unchanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.checks.store import Store
    from stream_processor.row import Item
    from stream_processor.table import Read

INDEX = "message-group-sk-index"
ENGINES = ["memory", pytest.param("dynamodb", marks=pytest.mark.engine)]
_numbers = itertools.count()


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store on one engine."""
    if request.param == "memory":
        return MemoryTable()
    dynamodb: DynamoDBClient = request.getfixturevalue("dynamodb")
    return DynamoStore(dynamodb, request.getfixturevalue("shared_table"), INDEX)


@pytest.fixture
def tag() -> str:
    """A prefix of ids that no other test uses: tests share a table."""
    return f"{os.getpid()}-{next(_numbers)}-"


def ana_of(tag: str, **more: str) -> Item:
    return row(f"{tag}ana", f"{tag}g", "2026-03-01T10:00:00", "old", f"{tag}ben", **more)


def key_of(item: Item) -> Key:
    return Key(MemberId(item["pk"]["S"][4:]), item["sk"]["S"])


def put_new(item: Item) -> Put:
    return Put(key_of(item), item, NoRow(), item_bytes(item))


def delete(item: Item, read: Item | None = None) -> Delete:
    return Delete(key_of(item), unchanged(read or item, ()), item_bytes(item))


def check(item: Item, read: Item | None = None) -> Check:
    return Check(key_of(item), unchanged(read or item, ()), item_bytes(item))


def member_rows(store: Store, item: Item) -> tuple[Item, ...]:
    member, group = MemberId(item["pk"]["S"][4:]), GroupId(item["message_group_uuid"]["S"])
    return store.read(ReadMember(member, group)).items


def every_page(store: Store, first: Read, following: Callable[[Page], Read | None]) -> list[Page]:
    pages, request = [], first
    while True:
        pages.append(store.read(request))
        again = following(pages[-1])
        if again is None:
            return pages
        request = again


def test_a_put_row_is_read_by_member_and_by_index(store: Store, tag: str) -> None:
    item = ana_of(tag, avatar="a1")
    store.put(item)
    assert member_rows(store, item) == (item,)
    assert store.read(ReadIndex(GroupId(f"{tag}g"))).items == (item,)


def test_a_member_reading_shows_one_group_only(store: Store, tag: str) -> None:
    item = ana_of(tag)
    store.put(item)
    store.put(row(f"{tag}ana", f"{tag}other", "2026-03-01T11:00:00"))
    assert member_rows(store, item) == (item,)


def test_nothing_is_an_empty_page(store: Store, tag: str) -> None:
    assert store.read(ReadIndex(GroupId(f"{tag}nobody"))) == Page(())
    assert store.read(ReadMember(MemberId(f"{tag}nobody"), GroupId(f"{tag}g"))) == Page(())
    assert store.read(ReadSenders(GroupId(f"{tag}nobody"))) == Page(())


def test_index_entries_come_in_the_order_of_their_sort_keys(store: Store, tag: str) -> None:
    later = row(f"{tag}ana", f"{tag}g", "2026-03-02T10:00:00")
    sooner = row(f"{tag}ben", f"{tag}g", "2026-03-01T10:00:00")
    store.put(later)
    store.put(sooner)
    assert store.read(ReadIndex(GroupId(f"{tag}g"))).items == (sooner, later)


def test_senders_are_those_of_the_newest_messages_first_and_nothing_else(store: Store, tag: str) -> None:
    for second in range(3):
        store.put(
            said(f"{tag}g", f"2026-03-01T10:00:0{second}", "hi", f"{tag}{second}", second)["dynamodb"]["NewImage"]
        )
    store.put(said(f"{tag}g", "2026-03-01T10:00:09", "hi", None, 9)["dynamodb"]["NewImage"])
    page = store.read(ReadSenders(GroupId(f"{tag}g"), limit=3))
    assert page.items == ({}, {"user_uuid": {"S": f"{tag}2"}}, {"user_uuid": {"S": f"{tag}1"}})
    rest = store.read(ReadSenders(GroupId(f"{tag}g"), limit=3, after=page.next))
    assert rest == Page(({"user_uuid": {"S": f"{tag}0"}},))


def test_a_move_is_all_or_nothing(store: Store, tag: str) -> None:
    old = ana_of(tag)
    new = {**old, "sk": {"S": "2026-03-01T12:00:00"}}
    store.put(old)
    store.transact((delete(old), put_new(new)))
    assert member_rows(store, old) == (new,)
    assert store.read(ReadIndex(GroupId(f"{tag}g"))).items == (new,)
    with pytest.raises(ConditionFailed):
        store.transact((delete(old), put_new({**old, "sk": {"S": "2026-03-01T13:00:00"}})))
    assert member_rows(store, old) == (new,)


def test_a_failed_condition_shows_the_row_as_it_is(store: Store, tag: str) -> None:
    read = ana_of(tag, unread="1")
    actual = ana_of(tag, unread="2")
    taken = row(f"{tag}ana", f"{tag}other", "2026-03-01T12:00:00")
    gone = row(f"{tag}ben", f"{tag}g", "2026-03-01T10:00:00")
    fine = row(f"{tag}cem", f"{tag}g", "2026-03-01T10:00:00")
    for item in (actual, taken, fine):
        store.put(item)
    with pytest.raises(ConditionFailed) as failure:
        store.transact((delete(actual, read), put_new({**read, "sk": taken["sk"]}), delete(gone), check(fine)))
    assert failure.value.items == (actual, taken, {}, None)


@pytest.mark.parametrize(
    ("stored", "quoted", "equal"),
    [
        ({"S": "a"}, {"S": "a"}, True),
        ({"S": "a"}, {"S": "b"}, False),
        ({"S": "1"}, {"N": "1"}, False),
        ({"N": "1.50"}, {"N": "1.5"}, True),
        ({"N": "100"}, {"N": "1E2"}, True),
        ({"N": "1"}, {"N": "2"}, False),
        ({"B": b"ab"}, {"B": b"ab"}, True),
        ({"BOOL": True}, {"BOOL": True}, True),
        ({"BOOL": True}, {"BOOL": False}, False),
        ({"NULL": True}, {"NULL": True}, True),
        ({"SS": ["a", "b"]}, {"SS": ["b", "a"]}, True),
        ({"SS": ["a", "b"]}, {"SS": ["a"]}, False),
        ({"NS": ["1", "2"]}, {"NS": ["2.0", "1"]}, True),
        ({"BS": [b"a", b"b"]}, {"BS": [b"b", b"a"]}, True),
        ({"L": [{"S": "a"}, {"N": "1"}]}, {"L": [{"S": "a"}, {"N": "1.0"}]}, True),
        ({"L": [{"S": "a"}, {"N": "1"}]}, {"L": [{"N": "1"}, {"S": "a"}]}, False),
        ({"M": {"a": {"L": [{"SS": ["x", "y"]}]}}}, {"M": {"a": {"L": [{"SS": ["y", "x"]}]}}}, True),
        ({"M": {"a": {"S": "x"}}}, {"M": {"a": {"S": "x"}, "b": {"S": "y"}}}, False),
        ({"S": ""}, {"S": ""}, True),
    ],
    ids=repr,
)
def test_conditions_compare_values_of_every_type(
    store: Store, tag: str, stored: dict[str, Any], quoted: dict[str, Any], *, equal: bool
) -> None:
    item = {**ana_of(tag), "extra": stored}
    store.put(item)
    action = check(item, {**item, "extra": quoted})
    other = put_new(row(f"{tag}new", f"{tag}g", "2026-03-01T10:00:00"))
    if equal:
        store.transact((action, other))
    else:
        with pytest.raises(ConditionFailed):
            store.transact((action, other))


def test_an_absence_is_conditioned(store: Store, tag: str) -> None:
    item = ana_of(tag)
    store.put(item)
    condition = unchanged(item, {"unread"})
    store.transact((Check(key_of(item), condition, 100),))
    store.put({**item, "unread": {"N": "1"}})
    with pytest.raises(ConditionFailed):
        store.transact((Check(key_of(item), condition, 100),))


def test_a_put_in_place_replaces_the_whole_row(store: Store, tag: str) -> None:
    item = ana_of(tag, avatar="a1")
    new = {**ana_of(tag), "message": {"S": "new"}}
    store.put(item)
    store.transact((Put(key_of(item), new, unchanged(item, ()), item_bytes(new)),))
    assert member_rows(store, item) == (new,)


def test_as_many_conditions_as_planned_are_accepted(store: Store, tag: str) -> None:
    many = {**ana_of(tag), **{f"attribute_{number:03d}": {"N": str(number)} for number in range(200)}}
    names = {f"missing_{number:03d}" for number in range(200)}
    store.put(many)
    store.transact((Check(key_of(many), unchanged(many, names), 100),))
    few = ana_of(tag)
    store.put(few)
    store.transact((Check(key_of(few), unchanged(few, names), 100),))


@pytest.mark.parametrize("count", [100, 101])
def test_a_hundred_actions_are_the_most(store: Store, tag: str, count: int) -> None:
    actions = tuple(put_new(row(f"{tag}{number}", f"{tag}g", "2026-03-01T10:00:00")) for number in range(count))
    if count == 100:
        store.transact(actions)
        assert len(store.read(ReadIndex(GroupId(f"{tag}g"))).items) == 100
    else:
        with pytest.raises(RefusedError):
            store.transact(actions)


@pytest.mark.parametrize("excess", [0, 1])
def test_an_item_of_400_kb_is_the_largest(store: Store, tag: str, excess: int) -> None:
    item = ana_of(tag)
    text = "x" * (ITEM_BYTES_MAX - item_bytes(item) + len("old") + excess)
    large = {**item, "message": {"S": text}}
    if excess == 0:
        store.transact((put_new(large),))
        store.transact((delete(large),))
    else:
        with pytest.raises(RefusedError):
            store.transact((put_new(large),))


@pytest.mark.parametrize(
    "number", ["0", "-0", "1", "12", "1.2", "-1.2", "123", "120", "0.001", "0.00012", "99.99", "1E+21", "1.5E+20"]
)
def test_a_number_weighs_what_is_reckoned(store: Store, tag: str, number: str) -> None:
    item = {**ana_of(tag), "scores": {"L": [{"N": number}] * 100}}
    text = "x" * (ITEM_BYTES_MAX - item_bytes(item) + len("old"))
    largest = {**item, "message": {"S": text}}
    store.transact((put_new(largest),))
    store.transact((delete(largest),))
    with pytest.raises(RefusedError):
        store.transact((put_new({**item, "message": {"S": text + "x"}}),))


def test_an_item_named_twice_is_refused(store: Store, tag: str) -> None:
    item = ana_of(tag)
    store.put(item)
    with pytest.raises(RefusedError):
        store.transact((check(item), delete(item)))


def test_a_held_index_shows_rows_one_by_one(store: Store, tag: str) -> None:
    old = ana_of(tag)
    new = {**old, "sk": {"S": "2026-03-01T12:00:00"}}
    store.put(old)
    store.hold_index()
    store.transact((delete(old), put_new(new)))
    index = ReadIndex(GroupId(f"{tag}g"))
    assert store.read(index).items == (old,)
    old_address, new_address = (old["pk"]["S"], old["sk"]["S"]), (new["pk"]["S"], new["sk"]["S"])
    assert set(store.waiting()) == {old_address, new_address}
    store.show(new_address)
    assert store.read(index).items == (old, new)
    store.show(old_address)
    assert store.read(index).items == (new,)
    assert not store.waiting()


def test_a_released_index_shows_everything(store: Store, tag: str) -> None:
    store.hold_index()
    store.put(ana_of(tag))
    assert store.read(ReadIndex(GroupId(f"{tag}g"))).items == ()
    store.release_index()
    assert store.read(ReadIndex(GroupId(f"{tag}g"))).items == (ana_of(tag),)
    store.put(row(f"{tag}ben", f"{tag}g", "2026-03-01T10:00:00"))
    assert len(store.read(ReadIndex(GroupId(f"{tag}g"))).items) == 2


@pytest.mark.engine
def test_pages_follow_one_another_on_the_engine(dynamodb: DynamoDBClient, shared_table: str, tag: str) -> None:
    store = DynamoStore(dynamodb, shared_table, INDEX)
    _test_pages(store, tag, count=5, text="x" * 300_000)


def test_pages_follow_one_another_in_memory(tag: str) -> None:
    _test_pages(MemoryTable(page_items=2), tag, count=5, text="x")


def _test_pages(store: Store, tag: str, *, count: int, text: str) -> None:
    items = [row(f"{tag}{number}", f"{tag}g", f"2026-03-01T10:00:0{number}", text) for number in range(count)]
    for item in items:
        store.put(item)
    group = GroupId(f"{tag}g")
    pages = every_page(store, ReadIndex(group), lambda page: ReadIndex(group, page.next) if page.next else None)
    assert len(pages) > 1
    assert [item for page in pages for item in page.items] == items


def test_the_stream_tells_every_change_once_and_no_change_never(tag: str) -> None:
    table = MemoryTable()
    item = ana_of(tag)
    table.put(item)
    table.put(dict(item))
    table.put({**item, "message": {"S": "new"}})
    table.delete((item["pk"]["S"], item["sk"]["S"]))
    assert [(change.name, change.sequence) for change in table.stream] == [("INSERT", 0), ("MODIFY", 1), ("REMOVE", 2)]
