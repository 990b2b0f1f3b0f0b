"""A table judged by its own rows: each kind of fault once, what is none, and random end tables, right and spoiled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.checks.audit import Audit, Fault, confirmed
from replay.exploration.dice import Dice
from replay.exploration.draw import draw
from replay.exploration.execution import execute
from replay.exploration.features import Features
from replay.exploration.ours import OurHandler
from replay.rows.keys import membership_of
from replay.tables.memory import MemoryTable
from tests.builders import group_item, message_item, text, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.rows.reading import Item

Named = tuple[str, str, str | None]

ROOM_TAKEN = 409_000
"""Bytes of an attribute beside which only a short text fits."""


def audit(*items: Item, **manner: Any) -> Audit:  # noqa: ANN401 - the audit's own
    made = Audit(**manner)
    for item in items:
        made.see(item)
    return made


def faults(*items: Item, **manner: Any) -> list[Fault]:  # noqa: ANN401 - the same
    return audit(*items, **manner).faults()


def named(found: Iterable[Fault]) -> list[Named]:
    return [(fault.kind, fault.group, fault.member) for fault in found]


def pair(at: float, name: str, /, **of_bob: Any) -> tuple[Item, Item]:  # noqa: ANN401 - parts of a row
    """The rows of ann and bob; bob's with differences."""
    return group_item("ann", at=at, name=name), group_item("bob", **{"at": at, "name": name, "other": "ann", **of_bob})


HELLO = message_item("hello", at=1)
LATER = message_item("later", at=2, sender="bob")


@pytest.mark.parametrize("thorough", [False, True])
def test_rows_at_the_newest_message_are_right(thorough: bool) -> None:  # noqa: FBT001 - a parameter
    made = audit(*pair(2, "later"), HELLO, LATER, thorough=thorough)
    assert made.faults() == []
    assert (made.rows, made.owners, made.groups, made.messages) == (2, 2, 1, 2)


@pytest.mark.parametrize("thorough", [False, True])
def test_a_row_that_shows_an_older_message_is_behind(thorough: bool) -> None:  # noqa: FBT001 - a parameter
    found = faults(*pair(2, "later", at=1, name="hello"), HELLO, LATER, thorough=thorough)
    assert found == [Fault("behind", "g1", "bob", time_text(2), time_text(1))]


def test_the_order_of_rows_and_messages_does_not_matter() -> None:
    found = faults(LATER, HELLO, *pair(2, "later", at=1, name="hello"), thorough=True)
    assert named(found) == [("behind", "g1", "bob")]


def test_a_row_with_another_text_at_the_same_instant_is_behind_or_ahead_without_telling_it() -> None:
    ahead, behind = faults(*pair(2, "zzz", name="aaa"), HELLO, LATER)
    assert (ahead.kind, ahead.member, ahead.shown) == ("ahead", "ann", "that time, another text")
    assert (behind.kind, behind.member, behind.shown) == ("behind", "bob", "that time, another text")


def test_times_are_compared_and_not_their_spellings() -> None:
    assert faults(*pair(2, "later", at="2026-01-01T15:30:02+05:30"), HELLO, LATER) == []


def test_a_key_that_is_no_time_is_behind_every_message() -> None:
    (found,) = [fault for fault in faults(*pair(2, "later", at="yesterday"), LATER) if fault.kind == "behind"]
    assert (found.member, found.due, found.shown) == ("bob", time_text(2), "yesterday")


def test_a_row_newer_than_every_message_is_ahead() -> None:
    assert faults(*pair(1, "hello", at=2, name="later"), HELLO) == [
        Fault("ahead", "g1", "bob", time_text(1), time_text(2))
    ]


def test_rows_without_any_message_are_ahead() -> None:
    assert {(fault.kind, fault.due) for fault in faults(*pair(1, "hello"))} == {("ahead", "no message")}


@pytest.mark.parametrize("thorough", [False, True])
def test_two_rows_of_one_member_are_doubled_and_the_greatest_is_judged(thorough: bool) -> None:  # noqa: FBT001
    found = faults(*pair(1, "hello"), group_item("ann", at=0, name="old"), HELLO, thorough=thorough)
    assert found == [Fault("doubled", "g1", "ann", "1 row", f"2 rows: {time_text(0)}, {time_text(1)}")]


def test_of_two_rows_the_greater_by_time_is_judged_and_not_by_key() -> None:
    older = group_item("ann", at="2026-01-01T15:30:00+05:30", name="old")
    found = faults(*pair(1, "hello"), older, HELLO)
    assert {fault.kind for fault in found} == {"doubled", "out-of-order"}


@pytest.mark.parametrize("thorough", [False, True])
def test_a_member_whom_a_row_names_and_who_has_none_is_missing(thorough: bool) -> None:  # noqa: FBT001 - a parameter
    found = faults(group_item("ann", at=1, name="hello"), HELLO, thorough=thorough)
    assert found == [Fault("missing", "g1", "bob", "a row: the row of ann names them", "no row")]


def test_a_sender_without_a_row_is_missing() -> None:
    (found,) = faults(*pair(1, "hello"), message_item("hello", at=1, sender="eve"))
    assert (found.kind, found.member, found.due) == ("missing", "eve", "a row: they wrote a message")


def test_messages_of_a_group_without_rows_miss_everybodys() -> None:
    assert named(faults(HELLO)) == [("missing", "g1", None)]


@pytest.mark.parametrize("other", ["", "x" * 2045])
def test_a_name_that_could_be_no_key_names_nobody(other: str) -> None:
    assert faults(group_item("ann", at=1, name="hello", other=other), HELLO) == []


def test_a_list_whose_keys_sort_otherwise_than_its_times_is_out_of_order() -> None:
    older = group_item("ann", at="2026-01-01T15:30:00+05:30", other="ann", group="g2", name="hello")
    newer = group_item("ann", at=1, other="ann")
    (found,) = [fault for fault in faults(older, newer) if fault.kind == "out-of-order"]
    assert found == Fault(
        "out-of-order", "g2", "ann", f"below {time_text(1)}", "above it, as 2026-01-01T15:30:00+05:30"
    )


def test_only_a_thorough_audit_knows_what_fits() -> None:
    full = group_item("bob", at=1, name="hello", other="ann", more={"S": "x" * ROOM_TAKEN})
    items = full, group_item("ann", at=2, name="x" * 1000), HELLO, message_item("x" * 1000, at=2)
    assert named(faults(*items)) == [("behind", "g1", "bob")]
    assert faults(*items, thorough=True) == []


def test_the_newest_that_fits_is_due() -> None:
    full = group_item("bob", at=1, name="hello", other="ann", more={"S": "x" * ROOM_TAKEN})
    large = message_item("x" * 1000, at=9)
    made = audit(full, group_item("ann", at=9, name="x" * 1000), HELLO, large, LATER, thorough=True)
    assert made.faults() == [Fault("behind", "g1", "bob", time_text(2), time_text(1))]
    assert [value[2] for value in made.due("g1")] == [text("later")]


def test_a_message_newer_than_what_is_settled_is_not_owed_yet() -> None:
    first = audit(*pair(1, "hello"), HELLO)
    assert faults(*pair(1, "hello"), HELLO, LATER, thorough=True, settled=first.newest) == []
    second = faults(*pair(1, "hello", at=0, name="old"), HELLO, LATER, thorough=True, settled=first.newest)
    assert second == [Fault("behind", "g1", "bob", time_text(1), time_text(0))]


def test_nothing_is_owed_to_a_group_that_had_no_message() -> None:
    assert faults(*pair(0, "old"), HELLO, thorough=True, settled={}) == []


def test_only_what_both_looks_have_counts() -> None:
    one, other = (Fault("behind", "g", member, "due", "first") for member in ("ann", "bob"))
    seen_again = Fault("behind", "g", "ann", "due", "second")
    assert confirmed([one, other], [seen_again, Fault("doubled", "g", "ann", "", "")]) == [seen_again]


def test_what_is_no_fault_is_counted() -> None:
    in_index = {**LATER, "message_group_uuid": {"S": "g1"}}
    unread = [message_item("x", at="soon"), {**HELLO, "message": {"N": "1"}}, message_item("x", at=1, group="")]
    made = audit(*pair(2, "later"), HELLO, in_index, *unread, {"pk": {"S": "USER#1"}, "sk": {"S": "profile"}})
    assert made.faults() == []
    assert dict(made.oddities) == {
        "message rows that carry message_group_uuid, so that the index shows them": 1,
        "messages that nobody can apply": 3,
        "rows that are neither messages nor members' rows": 1,
    }


@pytest.mark.parametrize(
    ("key", "spelling"),
    [
        ("2026-01-01T10:00:00.000001+00:00", "as the function writes it"),
        ("2026-01-01T10:00:00.000001123456+00:00", "as the function writes it"),
        ("2026-01-01 10:00:00.000001+00:00", "a space for the T"),
        ("2026-01-01T10:00:00.000001Z", "Z"),
        ("2026-01-01T10:00:00.000001", "no zone"),
        ("2026-01-01T15:30:00.000001+05:30", "another offset"),
        ("2026-01-01T10:00:00+00:00", "no six digits behind the second"),
        ("2026-01-01T10:00:00.123+00:00", "no six digits behind the second"),
        ("today", "no time"),
    ],
)
def test_spellings_are_named(key: str, spelling: str) -> None:
    assert dict(audit(group_item(at=key)).spellings) == {spelling: 1}


# Random end tables.


def end_table(seed: int) -> tuple[list[Item], list[Item]]:
    """The members' rows and the messages that a random case ends with."""
    features = replace(Features.drawn(Dice(seed)), large=False)  # what fits no row is due to none
    case, store = draw(seed, features=features), MemoryTable()
    execution = execute(case, store, OurHandler(store))
    assert not execution.broken
    rows = [item for item in store.scan() if membership_of(item) is not None]
    images = [record["dynamodb"].get("NewImage") for record in case.records if record["eventName"] == "INSERT"]
    return rows, [image for image in images if image and image["pk"]["S"].startswith("MSG#")]


@settings(max_examples=60)
@given(st.integers(0, 1_000_000), st.booleans())
def test_the_end_of_a_random_case_is_neither_behind_nor_doubled(seed: int, thorough: bool) -> None:  # noqa: FBT001
    rows, messages = end_table(seed)
    made = audit(*rows, *messages, thorough=thorough)
    assert [f for f in made.faults() if f.kind in {"behind", "doubled"} and f.group in made.newest] == []


@settings(max_examples=60)
@given(st.integers(0, 1_000_000), st.booleans(), st.sampled_from(["behind", "ahead", "doubled", "missing"]), st.data())
def test_one_row_spoiled_is_the_one_fault_more(seed: int, thorough: bool, kind: str, data: st.DataObject) -> None:  # noqa: FBT001
    rows, messages = end_table(seed)
    before = audit(*rows, *messages, thorough=thorough)
    spoilable = [item for item in rows if item["message_group_uuid"]["S"] in before.newest]
    if not spoilable:
        return
    victim = data.draw(st.sampled_from(spoilable))
    others = [item for item in rows if item is not victim]
    spoiled = {
        "behind": [*others, {**victim, "sk": {"S": "0002-01-01T10:00:00.000000+00:00"}}],
        "ahead": [*others, {**victim, "sk": {"S": "9998-01-01T10:00:00.000000+00:00"}}],
        "doubled": [*rows, {**victim, "sk": {"S": "0002-01-01T10:00:00.000000+00:00"}}],
        "missing": others,
    }[kind]
    after = audit(*spoiled, *messages, thorough=thorough)
    known = set(named(before.faults()))  # rows that begin newer than every message, say
    more = set(named(after.faults())) - known
    assert {fault for fault in more if fault[0] != "out-of-order"} == expected(kind, victim, after) - known


def expected(kind: str, victim: Item, after: Audit) -> set[Named]:
    """What is wrong once a row is spoiled; a lost row is seen by whom others name, who wrote, or that none is left."""
    group, member = victim["message_group_uuid"]["S"], victim["pk"]["S"].removeprefix("GRP#")
    if kind != "missing":
        return {(kind, group, member)}
    if not any(fault.member is None for fault in after.faults() if fault.group == group):
        return {(kind, group, member)} if member in after.members(group) else set()
    return {(kind, group, None)}
