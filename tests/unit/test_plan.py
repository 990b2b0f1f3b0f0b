"""Carried out, a plan leaves each member one row, the maximum of its rows and of the messages that fit it."""

from __future__ import annotations

import hashlib
import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.tables.memory import MemoryTable
from stream_processor.errors import GaveUp
from stream_processor.message import GroupId, MemberId, Message, coalesce, format_time
from stream_processor.plan import KEY_ATTEMPTS_MAX, Plan, Unfit, plan, sort_key_attempt
from stream_processor.row import GroupRow, item_bytes
from stream_processor.transaction import (
    ABSENCE_BYTES,
    CONDITIONS_MAX,
    EQUALITY_BYTES,
    EXPRESSION_BYTES_MAX,
    Check,
    Delete,
    Key,
    NoRow,
    Put,
    Transaction,
    Unchanged,
)
from tests.builders import ANN, BOB, GROUP, group_item, message, read_row, row, text, time_text
from tests.times import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

    from stream_processor.row import Item
    from stream_processor.transaction import Action

KB = 1024

# What is expected, stated a second time over items.


@dataclass(frozen=True)
class Limits:
    """DynamoDB's limits, or small ones under which the same rules show with small rows."""

    actions: int = 100
    transaction_bytes: int = 4 * KB * KB
    item_bytes: int = 400 * KB


SMALL = Limits(actions=5, transaction_bytes=1500, item_bytes=450)


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("stream_processor.plan", "stream_processor.transaction", "replay.tables.memory"):
            patch.setattr(f"{module}.ACTIONS_MAX", limits.actions)
            patch.setattr(f"{module}.TRANSACTION_BYTES_MAX", limits.transaction_bytes, raising=False)
            patch.setattr(f"{module}.ITEM_BYTES_MAX", limits.item_bytes, raising=False)
        yield


def rank(item: Item) -> tuple[bool, datetime, str, str]:
    """A row's place among the rows of its member: instant, text, text of the key; first those that have an instant."""
    found = reading(item["sk"]["S"])
    return (
        found is not None,
        found or datetime.min.replace(tzinfo=UTC),
        item.get("message", {}).get("S", ""),
        item["sk"]["S"],
    )


def ranked(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Each member's rows, the survivor first."""
    members: dict[str, list[Item]] = {}
    for item in sorted(items, key=rank, reverse=True):
        members.setdefault(item["pk"]["S"], []).append(item)
    return members


def newest_first(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=lambda each: (each.instant, each.text, each.sequence), reverse=True)


def shown(survivor: Item, newest: Message) -> dict[str, Any]:
    """A row that shows a message; at its own instant it keeps its key."""
    changed = {**survivor, "message": {"S": newest.text}}
    if reading(survivor["sk"]["S"]) != newest.instant:
        changed["sk"] = {"S": newest.instant.isoformat(timespec="microseconds")}
    return changed


def due_for(survivor: Item, messages: Iterable[Message], limit: int) -> tuple[Message | None, list[Message]]:
    """The newest message that is newer than the row and fits it, and the still newer ones that do not fit."""
    unfit: list[Message] = []
    for each in newest_first(messages):
        if (True, each.instant, each.text) <= rank(survivor)[:3]:
            break
        if item_bytes(shown(survivor, each)) <= limit:
            return each, unfit
        unfit.append(each)
    return None, unfit


def expected(items: Iterable[Item], messages: Sequence[Message], limit: int = 400 * KB) -> list[Item]:
    """What the table must hold in the end, where nothing but texts can be too large."""
    result = []
    for survivor, *losers in ranked(items).values():
        newest, _ = due_for(survivor, messages, limit)
        item = dict(survivor if newest is None else shown(survivor, newest))
        for loser in losers:
            for name in loser.keys() - {"message"}:
                item.setdefault(name, loser[name])
        result.append(item)
    return sorted(result, key=lambda item: item["pk"]["S"])


# Carrying out, each transaction looked at.


def carry_out(
    items: Iterable[Item], messages: Iterable[Message], taken: Iterable[Key] = (), limits: Limits | None = None
) -> tuple[list[Item], Plan]:
    """Plan and apply; every transaction must be lawful and leave every member right by itself."""
    table = MemoryTable(items)
    before = list(table.scan())
    planned = plan(map(read_row, before), newest_first(messages), frozenset(taken))
    states = [before]
    for transaction in planned.transactions:
        check_lawful(transaction, table, limits or Limits())
        table.transact(transaction)
        states.append(list(table.scan()))
    for earlier, later in itertools.pairwise(states):
        check_nothing_lost(earlier, later, states[-1])
    return states[-1], planned


def check_lawful(transaction: Transaction, table: MemoryTable, limits: Limits) -> None:
    assert 1 <= len(transaction) <= limits.actions
    addresses = [(f"GRP#{action.key.member}", action.key.sort_key) for action in transaction]
    assert len(set(addresses)) == len(addresses), "an item is named twice"
    rows = [table.get(address) or {} for address in addresses]
    puts = [action.item for action in transaction if isinstance(action, Put)]
    assert sum(map(item_bytes, rows)) + sum(map(item_bytes, puts)) <= limits.transaction_bytes
    assert all(item_bytes(item) <= limits.item_bytes for item in puts)
    for action, found in zip(transaction, rows, strict=True):
        check_condition(action, found)
    for member in {action.key.member for action in transaction if isinstance(action, Delete)}:
        assert any(action.key.member == member and not isinstance(action, Delete) for action in transaction), (
            "rows of a member go and no transaction names the one that stays"
        )


def check_condition(action: Action, found: Item) -> None:
    if isinstance(action, Put):
        assert (action.item["pk"], action.item["sk"]) == (action.key.item["pk"], action.key.item["sk"])
    if isinstance(action.condition, NoRow):
        assert not found
    else:
        assert "message_group_uuid" in dict(action.condition.equal)
        assert dict(action.condition.equal).items() <= found.items()
        assert len(action.condition.equal) == min(len(found) - 2, CONDITIONS_MAX)


def check_nothing_lost(before: Iterable[Item], after: Iterable[Item], final: Iterable[Item]) -> None:
    """A reader between two transactions sees every member, not further back, and with all it had and will have."""
    later, last = ranked(after), ranked(final)
    for member, rows in ranked(before).items():
        assert rank(later[member][0])[:3] >= rank(rows[0])[:3]
        had = {name for item in rows for name in item} - {"message"}
        assert had & last[member][0].keys() <= {name for item in later[member] for name in item}
        kept = {name: value for name, value in rows[0].items() if name not in ("sk", "message")}
        assert any(kept.items() <= item.items() for item in later[member])


# Generated groups.

names = st.sampled_from(["a", "b", "c"])
SORT_KEYS = [
    *(time_text(seconds) for seconds in range(4)),
    "2026-01-01T10:00:01",
    "2026-01-01 15:30:01+0530",
    "2026-01-01T10:00:02Z",
    "9999-01-01T00:00:00Z",
    "odd",
    "GRP#1",
]
VALUES: list[dict[str, Any]] = [
    {"S": "x"},
    {"N": "3"},
    {"L": [{"BOOL": True}]},
    {"M": {"k": {"NULL": True}}},
    {"SS": ["a", "b"]},
]

values = st.sampled_from(VALUES)


@st.composite
def items(draw: st.DrawFn, members: str = "abcde", value: st.SearchStrategy[dict[str, Any]] = values) -> dict[str, Any]:
    item = group_item(draw(st.sampled_from(members)), at=draw(st.sampled_from(SORT_KEYS)), name=draw(names))
    item |= draw(st.dictionaries(st.sampled_from(["avatar", "unread", "more"]), value))
    if draw(st.integers(0, 9)) == 0:
        del item["message"]
    return item


def groups(
    one: st.SearchStrategy[dict[str, Any]] | None = None, size: int = 8
) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(
        items() if one is None else one, max_size=size, unique_by=lambda item: (item["pk"]["S"], item["sk"]["S"])
    )


messages = st.lists(st.builds(message, names, at=st.integers(0, 3), number=st.integers(1, 9)), max_size=4)


@given(groups(), messages)
def test_every_member_ends_with_one_row_the_maximum_with_all_else_carried_over(
    found: list[Item], batch: list[Message]
) -> None:
    after, planned = carry_out(found, batch)
    assert after == expected(found, batch)
    assert planned.healed == len(found) - len(after)
    assert planned.unfit == ()
    assert planned.unchecked == 0


@given(groups(), messages)
def test_what_was_planned_once_is_not_planned_again(found: list[Item], batch: list[Message]) -> None:
    after, _ = carry_out(found, batch)
    again = plan(map(read_row, after), newest_first(batch))
    assert again == Plan((), moved=0, healed=0, untimed=0, unchecked=0, unfit=())


@given(groups(), messages, messages)
def test_batches_lead_to_the_same_rows_however_messages_are_split_repeated_and_ordered(
    found: list[Item], one: list[Message], other: list[Message]
) -> None:
    whole, _ = carry_out(found, one + other)
    for first, second in ((one, other), (other, one), (one + other, one), (one, one + other)):
        halfway, _ = carry_out(found, first)
        assert carry_out(halfway, second)[0] == whole


@given(groups(), messages, st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_in_which_rows_were_read(
    found: list[Item], batch: list[Message], random: Random
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert plan(map(read_row, shuffled), newest_first(batch)) == plan(map(read_row, found), newest_first(batch))


@given(groups(), messages)
def test_rows_moved_are_counted_and_those_without_a_time_among_them(found: list[Item], batch: list[Message]) -> None:
    after, planned = carry_out(found, batch)
    survivors = [own[0] for own in ranked(found).values()]
    due = [survivor for survivor in survivors if due_for(survivor, batch, 400 * KB)[0] is not None]
    assert planned.moved == len(due)
    assert planned.untimed == sum(reading(survivor["sk"]["S"]) is None for survivor in due)
    assert len(after) == len(survivors)


# The same under small limits, where rows and transactions fill up.

blobs = st.integers(0, 200).map(lambda length: {"S": "x" * length})
long_texts = st.builds(
    lambda name, length, at, number: message(name + "x" * length, at=at, number=number),
    names,
    st.integers(0, 350),
    st.integers(0, 3),
    st.integers(1, 9),
)
small_groups = groups(items("ab", blobs).filter(lambda item: item_bytes(item) <= SMALL.item_bytes), size=14)


@given(small_groups, st.lists(long_texts, max_size=4))
def test_each_member_gets_the_newest_message_that_fits_its_row(found: list[Item], batch: list[Message]) -> None:
    with limited(SMALL):
        after, planned = carry_out(found, batch, limits=SMALL)
    survivors = {member: own[0] for member, own in ranked(found).items()}
    assert [item["pk"]["S"] for item in after] == sorted(survivors)
    unfit: dict[Message, list[str]] = {}
    for item in after:
        survivor = survivors[item["pk"]["S"]]
        newest, too_long = due_for(survivor, batch, SMALL.item_bytes)
        wanted = survivor if newest is None else shown(survivor, newest)
        assert wanted.items() <= item.items()
        for each in too_long:
            unfit.setdefault(each, []).append(item["pk"]["S"].removeprefix("GRP#"))
    assert {each.message: list(each.members) for each in planned.unfit} == unfit
    assert len(planned.unfit) == len(unfit)


@given(small_groups, st.lists(long_texts, max_size=4))
def test_attributes_of_losers_are_kept_as_far_as_they_fit(found: list[Item], batch: list[Message]) -> None:
    with limited(SMALL):
        after, _ = carry_out(found, batch, limits=SMALL)
    for item in after:
        survivor, *losers = ranked(found)[item["pk"]["S"]]
        for loser in losers:
            for name in loser.keys() - item.keys() - {"message"}:
                size = max(item_bytes(item), item_bytes({**item, "sk": survivor["sk"], **pick(survivor, "message")}))
                assert size + item_bytes({name: loser[name]}) > SMALL.item_bytes
        for name in item.keys() - survivor.keys() - {"message"}:
            assert item[name] in [loser[name] for loser in losers if name in loser]


def pick(item: Item, name: str) -> Item:
    return {name: item[name]} if name in item else {}


@given(small_groups, st.lists(long_texts, max_size=4))
def test_nothing_is_planned_again_under_small_limits_either(found: list[Item], batch: list[Message]) -> None:
    with limited(SMALL):
        after, planned = carry_out(found, batch, limits=SMALL)
        again = plan(map(read_row, after), newest_first(batch))
    assert again.transactions == ()
    assert (again.moved, again.healed) == (0, 0)
    assert {each.message for each in planned.unfit} <= {each.message for each in again.unfit}


@given(small_groups, st.lists(long_texts, max_size=3))
def test_whoever_stops_after_any_transaction_can_go_on_from_there(found: list[Item], batch: list[Message]) -> None:
    with limited(SMALL):
        after, planned = carry_out(found, batch, limits=SMALL)
        for count in range(1, len(planned.transactions)):
            table = MemoryTable(found)
            for transaction in planned.transactions[:count]:
                table.transact(transaction)
            resumed, _ = carry_out(table.scan(), batch, limits=SMALL)
            assert [rank(item)[:3] for item in resumed] == [rank(item)[:3] for item in after]


# Cases by name.


def kinds(planned: Plan) -> list[list[type[Action]]]:
    return [[type(action) for action in transaction] for transaction in planned.transactions]


def test_a_newer_message_moves_every_members_row_in_one_transaction() -> None:
    ann, bob = row(ANN), row(BOB, other=ANN)
    planned = plan([bob, ann], [message("hi", at=1)])
    assert kinds(planned) == [[Delete, Put, Delete, Put]]
    assert [action.key for action in planned.transactions[0]] == [
        Key(ANN, time_text(0)),
        Key(ANN, time_text(1)),
        Key(BOB, time_text(0)),
        Key(BOB, time_text(1)),
    ]


@pytest.mark.parametrize(
    ("at", "name"),
    [(0, "a"), (0, "b"), (-1, "z"), (-0.000001, "z")],
    ids=["less", "equal", "older", "by a microsecond"],
)
def test_a_row_at_or_past_the_message_needs_nothing(at: float, name: str) -> None:
    assert plan([row(name="b")], [message(name, at=at)]).transactions == ()


def test_a_greater_text_at_the_rows_instant_is_one_put_in_place_whatever_the_keys_spelling() -> None:
    planned = plan([row(at="2026-01-01 15:30:00+0530", name="a")], [message("b", at=0)])
    assert kinds(planned) == [[Put]]
    put = planned.transactions[0][0]
    assert isinstance(put, Put)
    assert put.key.sort_key == put.item["sk"]["S"] == "2026-01-01 15:30:00+0530"
    assert isinstance(put.condition, Unchanged)
    assert put.item["message"] == {"S": text("b")}


def test_a_row_without_a_text_equals_an_empty_message() -> None:
    bare = {name: value for name, value in group_item().items() if name != "message"}
    empty = Message(GROUP, message().instant, "", ANN, 1, "1", None)
    assert plan([read_row(bare)], [empty]).transactions == ()
    after, _ = carry_out([bare], [message("a")])
    assert after == [{**bare, "message": {"S": text("a")}}]


def test_a_survivor_without_a_text_takes_none_from_its_loser() -> None:
    bare = {name: value for name, value in group_item(at=2).items() if name != "message"}
    after, _ = carry_out([bare, group_item(at=1, name="older")], [])
    assert after == [bare]


def test_a_row_whose_key_no_spelling_explains_moves_and_is_counted() -> None:
    odd = row(at="zzzz", name="zzz", unread={"N": "1"})
    planned = plan([odd], [message("a", at=-(10**9))])
    assert kinds(planned) == [[Delete, Put]]
    assert planned.untimed == planned.moved == 1


def test_a_row_without_a_time_is_older_than_the_oldest_message_whatever_its_text() -> None:
    oldest = Message(GROUP, datetime(1, 1, 1, tzinfo=UTC), "", ANN, 1, "1", None)
    planned = plan([row(at="odd", name="zzz")], [oldest])
    assert (planned.moved, planned.untimed) == (1, 1)


def test_rows_without_a_time_are_healed_but_stay_where_there_is_no_message() -> None:
    after, planned = carry_out([group_item(at="odd"), group_item(at="even")], [])
    assert [item["sk"]["S"] for item in after] == ["odd"]
    assert (planned.healed, planned.moved, planned.untimed) == (1, 0, 0)


def test_doubled_rows_are_due_whatever_the_messages_age() -> None:
    doubled = [group_item(at=5, name="kept"), group_item(at=4, name="gone", unread={"N": "1"})]
    for batch in ([], [message("old", at=1)]):
        after, planned = carry_out(doubled, batch)
        assert kinds(planned) == [[Put, Delete]]
        assert after == [{**doubled[0], "unread": {"N": "1"}}]


def test_a_survivor_that_gains_nothing_is_only_checked() -> None:
    planned = plan([row(at=5), row(at=4)], [])
    assert kinds(planned) == [[Check, Delete]]
    assert planned.transactions[0][0].key == Key(ANN, time_text(5))
    assert planned.transactions[0][0].condition == planned_condition(row(at=5))


def planned_condition(found: GroupRow) -> Unchanged:
    return Unchanged(
        tuple(
            (name, found.item[name])
            for name in ("message_group_uuid", "message", "user_uuid", "user_display_name", "user_handle")
        ),
        (),
    )


def test_a_name_seen_on_any_row_of_the_group_is_conditioned_absent_on_the_others() -> None:
    planned = plan([row(ANN), row(BOB, unread={"N": "1"})], [message(at=1)])
    conditions = {
        action.key.member: action.condition for action in planned.transactions[0] if isinstance(action, Delete)
    }
    assert isinstance(conditions[ANN], Unchanged)
    assert conditions[ANN].absent == ("unread",)
    assert isinstance(conditions[BOB], Unchanged)
    assert conditions[BOB].absent == ()


def test_a_name_seen_in_an_earlier_reading_is_conditioned_absent_too() -> None:
    planned = plan([row(ANN)], [message(at=1)], seen={"notes", "pk", "message"})
    (condition,) = [action.condition for action in planned.transactions[0] if isinstance(action, Delete)]
    assert isinstance(condition, Unchanged)
    assert condition.absent == ("notes",)


def test_a_loser_too_must_be_without_the_names_that_only_others_have() -> None:
    planned = plan([row(at=5, unread={"N": "1"}), row(at=4)], [])
    assert [action.condition.absent for action in planned.transactions[0] if isinstance(action, Delete)] == [
        ("unread",)
    ]


def test_attributes_without_room_in_a_condition_are_counted_and_carried_over() -> None:
    many: dict[str, dict[str, Any]] = {f"x{number:03}": {"N": str(number)} for number in range(160)}
    after, planned = carry_out([group_item() | many, group_item(BOB)], [message("hi", at=1)])
    room_for_absences = (EXPRESSION_BYTES_MAX - 5 * EQUALITY_BYTES) // ABSENCE_BYTES
    assert planned.unchecked == (160 + 5 - CONDITIONS_MAX) + (160 - room_for_absences)
    assert many.items() <= after[0].items()


@pytest.mark.parametrize(("members", "transactions"), [(0, 0), (1, 1), (50, 1), (51, 2), (100, 2), (150, 3)])
def test_fifty_members_are_moved_by_one_transaction(members: int, transactions: int) -> None:
    found = [group_item(f"m{number:03}") for number in range(members)]
    after, planned = carry_out(found, [message("hi", at=1)])
    assert len(planned.transactions) == transactions
    assert {item["sk"]["S"] for item in after} <= {time_text(1)}
    assert planned.moved == len(after) == members


@pytest.mark.parametrize(
    ("losers", "due", "shape"),
    [
        (98, True, [[Delete, Put] + [Delete] * 98]),
        (99, True, [[Check] + [Delete] * 99, [Delete, Put]]),
        (99, False, [[Check] + [Delete] * 99]),
        (100, False, [[Check] + [Delete] * 99, [Check, Delete]]),
        (250, True, [[Check] + [Delete] * 99, [Check] + [Delete] * 99, [Delete, Put] + [Delete] * 52]),
    ],
)
def test_losers_beyond_a_transaction_go_under_a_check_of_the_survivor_and_the_last_moves_it(
    losers: int,
    due: bool,  # noqa: FBT001 - a case
    shape: list[list[type[Action]]],
) -> None:
    found = [group_item(at=-number) for number in range(losers + 1)]
    after, planned = carry_out(found, [message("hi", at=1)] if due else [])
    assert kinds(planned) == shape
    assert len(after) == 1
    assert planned.healed == losers


def test_attributes_of_all_losers_are_safe_before_the_first_of_them_goes() -> None:
    last = group_item(at=-200, avatar={"S": "a"})
    found = [group_item(at=-number) for number in range(199)] + [last]
    after, planned = carry_out(found, [message("hi", at=1)])
    assert kinds(planned) == [[Put] + [Delete] * 99, [Check] + [Delete] * 99, [Delete, Put, Delete]]
    assert after[0]["avatar"] == {"S": "a"}


def test_losers_beyond_four_megabytes_go_in_several_transactions() -> None:
    blob = {"S": "x" * (390 * KB)}
    found = [group_item(at=-number, blob=blob) for number in range(25)]
    after, planned = carry_out(found, [message("hi", at=1)])
    assert [len(transaction) for transaction in planned.transactions] == [1 + 9, 1 + 9, 2 + 6]
    assert after == [{**found[0], "sk": {"S": time_text(1)}, "message": {"S": text("hi")}}]


def test_what_is_merged_first_fits_beside_the_text_that_only_goes_last() -> None:
    found = [group_item(at=-number) for number in range(120)]
    found[0]["message"] = {"S": "x" * (300 * KB)}
    found[119]["blob"] = {"S": "y" * (150 * KB)}
    found[118]["small"] = {"S": "z"}
    after, planned = carry_out(found, [message("short", at=1)])
    assert kinds(planned)[0][0] is Put
    assert after[0]["small"] == {"S": "z"}
    assert "blob" not in after[0]


def test_members_with_large_rows_share_as_many_transactions_as_four_megabytes_need() -> None:
    blob = {"S": "x" * (390 * KB)}
    found = [group_item(f"m{number}", blob=blob) for number in range(12)]
    after, planned = carry_out(found, [message("hi", at=1)])
    assert [len(transaction) for transaction in planned.transactions] == [10, 10, 4]
    assert {item["sk"]["S"] for item in after} == {time_text(1)}


def test_a_text_that_fits_only_some_rows_is_applied_to_those() -> None:
    huge = message("y" * (200 * KB), at=3)
    wide = group_item(BOB, other=ANN, blob={"S": "x" * (300 * KB)})
    after, planned = carry_out([group_item(ANN), wide], [huge, message("older", at=1), message("newer", at=2)])
    assert [(item["sk"]["S"], len(item["message"]["S"])) for item in after] == [
        (time_text(3), len(huge.text)),
        (time_text(2), len(text("newer"))),
    ]
    assert planned.unfit == (Unfit(huge, (BOB,)),)
    assert planned.moved == 2


def test_a_text_that_fits_no_row_names_every_member() -> None:
    huge = message("y" * (400 * KB), at=3)
    after, planned = carry_out([group_item(ANN), group_item(BOB)], [huge])
    assert planned.unfit == (Unfit(huge, (ANN, BOB)),)
    assert planned.transactions == ()
    assert [item["sk"]["S"] for item in after] == [time_text(0)] * 2


def test_a_row_of_exactly_400_kb_fits_and_one_byte_more_does_not() -> None:
    moved = {**group_item(at=1), "message": {"S": text("")}}
    room = 400 * KB - item_bytes(moved)
    assert plan([row()], [message("y" * room, at=1)]).unfit == ()
    assert plan([row()], [message("y" * (room + 1), at=1)]).unfit != ()


@pytest.mark.parametrize(("over", "merged"), [(0, True), (1, False)])
def test_what_a_loser_alone_has_is_merged_up_to_exactly_400_kb(over: int, merged: bool) -> None:  # noqa: FBT001 - a case
    survivor = group_item(at=1)
    room = 400 * KB - item_bytes(survivor) - len("blob")
    after, _ = carry_out([survivor, {**group_item(at=0), "blob": {"S": "y" * (room + over)}}], [])
    assert ("blob" in after[0]) is merged


def test_a_message_too_large_but_no_newer_than_the_row_is_nobodys_matter() -> None:
    assert plan([row(at=5)], [message("y" * (400 * KB), at=3)]).unfit == ()


# Keys.

group_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).map(GroupId)
times = st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - `timezones` adds it
attempts = st.integers(1, KEY_ATTEMPTS_MAX)


def test_the_first_attempt_is_the_plain_key() -> None:
    assert sort_key_attempt(message().instant, GROUP, 0) == time_text(0) == "2026-01-01T10:00:00.000000+00:00"


@given(times, group_ids, attempts)
def test_a_key_attempt_sorts_right_behind_the_plain_key(time: datetime, group: GroupId, attempt: int) -> None:
    key = sort_key_attempt(time, group, attempt)
    assert sort_key_attempt(time, group, attempt - 1) < key < format_time(time + timedelta(microseconds=1))


@given(times, group_ids, attempts)
def test_a_key_attempt_still_means_the_same_instant(time: datetime, group: GroupId, attempt: int) -> None:
    key = sort_key_attempt(time, group, attempt)
    assert reading(key) == time
    assert datetime.fromisoformat(key) == time


@given(times, group_ids, attempts)
def test_a_key_attempt_takes_six_more_digits_of_the_groups_hash(time: datetime, group: GroupId, attempt: int) -> None:
    hashed = f"{int(hashlib.sha256(group.encode()).hexdigest(), 16):078d}"
    plain = format_time(time)
    assert sort_key_attempt(time, group, attempt) == f"{plain[:26]}{hashed[: 6 * attempt]}+00:00"


@given(st.integers(0, KEY_ATTEMPTS_MAX), st.sampled_from(["zz", "a", "\u00e4"]).map(GroupId))
def test_a_taken_key_leads_to_the_next_attempt(taken: int, group: GroupId) -> None:
    newest = message(at=1, group=group)
    used = [Key(ANN, sort_key_attempt(newest.instant, group, attempt)) for attempt in range(taken)]
    own = [row(ANN, group=group), row(BOB, group=group)]
    planned = plan(own, [newest], used)
    puts = {action.key.member: action.key.sort_key for action in planned.transactions[0] if isinstance(action, Put)}
    assert puts == {ANN: sort_key_attempt(newest.instant, group, taken), BOB: time_text(1)}


def test_when_every_attempt_is_taken_the_plan_gives_up() -> None:
    newest = message(at=1)
    used = [Key(ANN, sort_key_attempt(newest.instant, GROUP, attempt)) for attempt in range(KEY_ATTEMPTS_MAX + 1)]
    with pytest.raises(GaveUp, match="14 keys"):
        plan([row()], [newest], used)


def test_a_taken_key_does_not_matter_to_a_row_already_at_the_instant() -> None:
    newest = message("z", at=1)
    used = [Key(ANN, time_text(1))]
    assert kinds(plan([row(at=time_text(1), name="a")], [newest], used)) == [[Put]]


def test_members_keep_their_own_order_however_the_batch_was_coalesced() -> None:
    batch = coalesce([message("a", at=1, number=2), message("b", at=2, number=1)])[GROUP]
    after, _ = carry_out([group_item(MemberId("z")), group_item(MemberId("a"))], batch)
    assert [item["message"]["S"] for item in after] == [text("b"), text("b")]
