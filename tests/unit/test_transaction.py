"""Conditions state everything that was read as far as one expression goes; transactions keep DynamoDB's limits."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.transaction import (
    ABSENCE_BYTES,
    ACTIONS_MAX,
    CONDITIONS_MAX,
    EQUALITY_BYTES,
    EXPRESSION_BYTES_MAX,
    KNOWN_ATTRIBUTES,
    OPERATORS_MAX,
    TRANSACTION_BYTES_MAX,
    Check,
    Delete,
    Key,
    NoRow,
    Put,
    Transaction,
    Unchanged,
    fits,
    pack,
    unchanged,
    unchecked,
)
from tests.builders import ANN, group_item

KEY = Key(ANN, "1")
NOTHING_CUT = Unchanged((), ())


def check(size: int = 1, unchecked: int = 0) -> Check:
    return Check(KEY, Unchanged((), (), unchecked), size)


def numbered(count: int) -> dict[str, dict[str, str]]:
    return {f"x{number:03}": {"S": str(number)} for number in range(count)}


def test_a_key_is_written_as_the_table_has_it() -> None:
    assert KEY.item == {"pk": {"S": "GRP#ann"}, "sk": {"S": "1"}}


# Conditions.


def test_every_attribute_but_the_key_is_conditioned_as_read() -> None:
    item = group_item(unread={"N": "3"}, tags={"SS": ["a"]}, more={"M": {"a": {"NULL": True}}})
    condition = unchanged(item, item.keys())
    assert dict(condition.equal) == {name: value for name, value in item.items() if name not in ("pk", "sk")}
    assert condition.absent == ()
    assert condition.unchecked == 0


def test_names_of_the_groups_other_rows_are_conditioned_absent() -> None:
    condition = unchanged(group_item(mine={"S": "x"}), {"pk", "sk", "message", "mine", "unread", "avatar"})
    assert condition.absent == ("avatar", "unread")
    assert condition.unchecked == 0


def test_what_is_read_of_a_condition_does_not_depend_on_the_order_of_attributes() -> None:
    item = group_item(a={"S": "1"}, b={"S": "2"})
    assert unchanged(dict(reversed(item.items())), ["c", "d"]) == unchanged(item, ["d", "c"])


@given(st.integers(0, 200), st.integers(0, 200), st.sets(st.sampled_from(KNOWN_ATTRIBUTES)))
def test_a_condition_fits_one_expression_and_counts_what_it_leaves_out(own: int, others: int, known: set[str]) -> None:
    item: dict[str, Any] = {"pk": {"S": "p"}, "sk": {"S": "s"}, **{name: {"S": "k"} for name in known}, **numbered(own)}
    names = item.keys() | {f"y{number:03}" for number in range(others)}
    condition = unchanged(item, names)
    terms = len(condition.equal) + len(condition.absent)
    assert 2 * terms - 1 <= OPERATORS_MAX
    assert expression_bytes(condition) <= EXPRESSION_BYTES_MAX
    assert terms + condition.unchecked == len(known) + own + others
    assert known <= dict(condition.equal).keys()
    if condition.unchecked:
        assert (
            terms == CONDITIONS_MAX or expression_bytes(condition) + len(" AND ") + ABSENCE_BYTES > EXPRESSION_BYTES_MAX
        )


def expression_bytes(condition: Unchanged) -> int:
    """The expression's length with the longest placeholders."""
    equal = [f"#{number:03} = :{number:03}" for number, _ in enumerate(condition.equal)]
    absent = [f"attribute_not_exists(#{number:03})" for number, _ in enumerate(condition.absent)]
    return len(" AND ".join(equal + absent))


def test_known_attributes_come_first_then_the_first_others_by_name() -> None:
    item = {**group_item(), **numbered(200)}
    condition = unchanged(item, ["y"])
    assert [name for name, _ in condition.equal] == [*KNOWN_ATTRIBUTES, *sorted(numbered(200))[: CONDITIONS_MAX - 5]]
    assert condition.absent == ()
    assert condition.unchecked == 200 - (CONDITIONS_MAX - 5) + 1


def test_a_known_attribute_that_is_not_there_comes_before_the_others_too() -> None:
    item = {name: value for name, value in group_item().items() if name != "message"} | numbered(200)
    condition = unchanged(item, [*KNOWN_ATTRIBUTES, "y"])
    assert condition.absent == ("message",)
    assert len(condition.equal) == CONDITIONS_MAX - 1
    assert condition.unchecked == 200 - (CONDITIONS_MAX - 5) + 1


def test_the_row_belongs_to_its_group_first_of_all() -> None:
    assert unchanged({**group_item(), **numbered(300)}, ()).equal[0] == ("message_group_uuid", {"S": "g1"})


def test_a_hundred_and_fifty_attributes_fit() -> None:
    item = {**group_item(), **numbered(CONDITIONS_MAX - 5)}
    assert CONDITIONS_MAX == 150
    assert unchanged(item, item.keys()).unchecked == 0
    assert unchanged({**item, "z": {"S": ""}}, item.keys()).unchecked == 1


def test_the_reckoned_bytes_of_a_term_are_those_of_the_longest_one() -> None:
    assert len("#149 = :149 AND ") == EQUALITY_BYTES
    assert len("attribute_not_exists(#149) AND ") == ABSENCE_BYTES


# Limits of a transaction.


@pytest.mark.parametrize(
    ("actions", "fit"),
    [
        ((), True),
        ((check(),) * ACTIONS_MAX, True),
        ((check(),) * (ACTIONS_MAX + 1), False),
        ((check(TRANSACTION_BYTES_MAX),), True),
        ((check(TRANSACTION_BYTES_MAX), check(1)), False),
    ],
    ids=["none", "100 actions", "101 actions", "4 MB", "4 MB and a byte"],
)
def test_the_limits_are_dynamodbs(actions: Transaction, fit: bool) -> None:  # noqa: FBT001 - a case's answer
    assert (ACTIONS_MAX, TRANSACTION_BYTES_MAX) == (100, 4_194_304)
    assert fits(actions) is fit


@given(st.lists(st.lists(st.integers(1, TRANSACTION_BYTES_MAX // 60), min_size=1, max_size=60), max_size=12))
def test_packing_keeps_order_limits_and_steps_and_wastes_no_room(sizes: list[list[int]]) -> None:
    steps = [tuple(Check(Key(ANN, f"{step}"), NOTHING_CUT, size) for size in group) for step, group in enumerate(sizes)]
    packed = list(pack(steps))
    assert [action for transaction in packed for action in transaction] == [action for step in steps for action in step]
    assert all(fits(transaction) and transaction for transaction in packed)
    homes = [{action.key for action in transaction} for transaction in packed]
    assert sum(map(len, homes)) == len(steps)
    for first, second in itertools.pairwise(packed):
        assert not fits(first + steps[int(second[0].key.sort_key)])


def test_fifty_moves_are_one_transaction() -> None:
    steps = [(Delete(KEY, NOTHING_CUT, 1), Put(KEY, {}, NoRow(), 1))] * 50
    assert len(list(pack(steps))) == 1
    assert len(list(pack([*steps, steps[0]]))) == 2


def test_nothing_is_packed_into_no_transaction() -> None:
    assert list(pack(())) == []


def test_what_conditions_left_out_is_summed() -> None:
    put = Put(KEY, {}, NoRow(), 1)
    assert unchecked((check(unchecked=2), put, Delete(KEY, Unchanged((), (), 3), 1))) == 5
    assert unchecked((put,)) == 0
