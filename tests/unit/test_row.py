"""Group rows are told from other items, ranked in one total order, and weighed as DynamoDB weighs them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.message import parse_time
from stream_processor.row import BEFORE_ANY_MESSAGE, GroupRow, by_member, group_row, item_bytes
from tests.builders import ANN, BOB, GROUP, group_item, instant, message, message_item, row, text, time_text

if TYPE_CHECKING:
    from random import Random

# Reading.


def test_a_group_row_is_read_with_its_owner_time_and_text() -> None:
    item = group_item(ANN, at=5, name="hi")
    assert group_row(item, GROUP) == GroupRow(
        ANN, time_text(5), item, has_time=True, instant=instant(5), text=text("hi")
    )


@pytest.mark.parametrize(
    "item",
    [
        {**message_item(), "message_group_uuid": {"S": GROUP}},
        group_item(group="g2"),
        {**group_item(), "message_group_uuid": {"N": "1"}},
        {name: value for name, value in group_item().items() if name != "message_group_uuid"},
        {**group_item(), "pk": {"B": b"GRP#ann"}},
        {**group_item(), "pk": {"S": "grp#ann"}},
        {**group_item(), "sk": {"N": "5"}},
        {"pk": {"S": "GRP#ann"}},
        {},
    ],
    ids=[
        "message row in the index",
        "other group",
        "group no text",
        "no group",
        "pk bytes",
        "prefix",
        "sk",
        "keys",
        "none",
    ],
)
def test_an_item_that_is_no_row_of_the_group_is_nothing(item: dict[str, Any]) -> None:
    assert group_row(item, GROUP) is None


def test_the_owner_is_everything_behind_the_first_prefix() -> None:
    assert row("GRP#MSG#x").member == "GRP#MSG#x"


@pytest.mark.parametrize("sort_key", ["GRP#x", "", "2026", "2026-01-01T10:00:00+99:99"])
def test_a_row_whose_sort_key_is_no_time_is_older_than_every_message(sort_key: str) -> None:
    odd = row(at=sort_key, name="zzz")
    first = message("", at=(BEFORE_ANY_MESSAGE - instant(0)).total_seconds())
    assert not odd.has_time
    assert odd.rank < (True, *first.rank)
    assert odd.rank < row(at="0001-01-01T00:00:00Z", message={"S": ""}).rank


@pytest.mark.parametrize("value", [None, {"N": "5"}, {"NULL": True}])
def test_a_row_without_a_text_compares_as_empty(value: dict[str, Any] | None) -> None:
    item = {name: value for name, value in group_item(at=1).items() if name != "message"}
    bare = group_row(item if value is None else {**item, "message": value}, GROUP)
    assert bare is not None
    assert bare.text == ""
    assert bare.rank == (True, instant(1), "")


# Order.

sort_keys = st.sampled_from(
    [
        time_text(0),
        "2026-01-01T10:00:00",
        "2026-01-01T15:30:00+05:30",
        time_text(0.000001),
        "0001-01-01T00:00:00Z",
        "odd",
        "GRP",
    ]
)
rows = st.builds(
    lambda member, at, name: row(member, at=at, name=name),
    st.sampled_from(["ann", "bob"]),
    sort_keys,
    st.sampled_from("ab"),
)


@given(st.lists(rows, max_size=6, unique_by=lambda each: (each.member, each.sort_key)))
def test_the_survivor_of_each_member_comes_first(found: list[GroupRow]) -> None:
    members = by_member(found)
    assert list(members) == sorted({each.member for each in found})
    assert sorted(map(repr, found)) == sorted(repr(each) for own in members.values() for each in own)
    for own in members.values():
        for greater, lesser in itertools.pairwise(own):
            assert (parse_time(greater.sort_key) is not None, greater.instant, greater.text, greater.sort_key) > (
                parse_time(lesser.sort_key) is not None,
                lesser.instant,
                lesser.text,
                lesser.sort_key,
            )


@given(
    st.lists(rows, max_size=6, unique_by=lambda each: (each.member, each.sort_key)), st.randoms(use_true_random=False)
)
def test_the_order_does_not_depend_on_how_rows_were_found(found: list[GroupRow], random: Random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert list(by_member(shuffled).items()) == list(by_member(found).items())


def test_equal_rows_of_two_spellings_are_told_apart_by_the_text_of_their_keys() -> None:
    plain, naive = row(at=time_text(0)), row(at="2026-01-01T10:00:00")
    assert plain.rank == naive.rank
    assert by_member([naive, plain])[ANN] == (plain, naive)


def test_rows_of_two_members_stay_apart() -> None:
    assert list(by_member([row(BOB), row(ANN)])) == [ANN, BOB]


# Sizes. AWS: DynamoDB developer guide, "DynamoDB item sizes and formats".


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "hello"}, 5),
        ({"S": "\u00e4\u20ac\U0001f600"}, 2 + 3 + 4),
        ({"N": "0"}, 1),
        ({"N": "1"}, 2),
        ({"N": "12"}, 2),
        ({"N": "123"}, 3),
        ({"N": "-123"}, 4),
        ({"N": "-0"}, 1),
        ({"N": "0.00012"}, 3),
        ({"N": "1.2"}, 3),
        ({"N": "-1.2"}, 4),
        ({"N": "12.3"}, 3),
        ({"N": "0.001"}, 2),
        ({"N": "0012.30"}, 3),
        ({"N": "120"}, 3),
        ({"N": "12E-1"}, 3),
        ({"N": "1200000"}, 3),
        ({"N": "1.5E+20"}, 3),
        ({"N": "9" * 38}, 20),
        ({"N": "-" + "9" * 38}, 21),
        ({"B": b"foobar"}, 6),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "\u00e4"]}, 3),
        ({"NS": ["1", "-20"]}, 2 + 3),
        ({"BS": [b"a", b"bc"]}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"BOOL": False}]}, 3 + 1 + 2 + 1 + 1),
        ({"M": {}}, 3),
        ({"M": {"k": {"S": "ab"}, "\u00e4": {"L": []}}}, 3 + 1 + 1 + 2 + 1 + 2 + 3),
    ],
    ids=repr,
)
def test_a_value_weighs_what_aws_says(value: dict[str, Any], size: int) -> None:
    assert item_bytes({"name": value}) == len("name") + size


def test_an_item_weighs_its_names_and_values() -> None:
    assert item_bytes({}) == 0
    assert item_bytes({"Id": {"N": "101"}, "Message": {"S": "New item!"}}) == 2 + 3 + 7 + 9
    assert item_bytes({"\u00e4": {"S": "x"}}) == 3


def test_sizes_agree_with_the_published_sample() -> None:
    """AWS: Lambda developer guide, "services-ddb-windows": SizeBytes (keys and image) of Id 101, "New item!" is 26."""
    keys = {"Id": {"N": "101"}}
    assert item_bytes(keys) + item_bytes({**keys, "Message": {"S": "New item!"}}) == 26
