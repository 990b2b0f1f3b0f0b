"""The oracle by itself: each kind of finding has a smallest table that shows it, and the right table shows none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.checks import scenarios
from replay.checks.oracle import Oracle
from replay.checks.scenarios import TIMES
from replay.rows.reading import read_instant
from replay.rows.said import Said

if TYPE_CHECKING:
    from replay.rows.reading import Item

OLD, NEW = TIMES[1], TIMES[9]
EAST = "2026-03-01T15:30:05.000000+05:30"
"""Five seconds past ten in UTC, and past every time of day that `TIMES` has as a text."""

SPACED = "2026-03-01 10:00:30.000000+00:00"
"""Half a minute past ten; as a text before every time that day."""


def row(sort_key: str, text: str = "new", group: str = "g", **more: str) -> Item:
    return scenarios.row("ana", group, sort_key, text, **more)


def said(group: str, sort_key: str, text: str = "new") -> Said:
    instant = read_instant(sort_key)
    assert isinstance(instant, datetime)
    return Said(group, (True, instant, text))


def kinds(began: list[Item], messages: list[Said], found: list[Item]) -> list[str]:
    oracle = Oracle()
    for item in began:
        oracle.row_put(item)
    for message in messages:
        oracle.said(message)
    return [finding.kind for finding in oracle.judge(found)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([row(NEW)], []),
        ([], ["missing"]),
        ([row(NEW), row(OLD, "old")], ["doubled"]),
        ([row(OLD, "old")], ["behind"]),
        ([row(NEW, "newest")], ["ahead"]),
        ([row(NEW, muted="yes")], ["altered"]),
    ],
)
def test_one_row_and_one_message(found: list[Item], expected: list[str]) -> None:
    assert kinds([row(OLD, "old")], [said("g", NEW)], found) == expected


def test_an_empty_text_is_shown_and_not_left_out() -> None:
    without = {name: value for name, value in row(NEW, "").items() if name != "message"}
    empty = Said("g", (*said("g", NEW).value[:2], ""))
    assert kinds([row(OLD, "old")], [empty], [row(NEW, "")]) == []
    assert kinds([row(OLD, "old")], [empty], [without]) == ["altered"]
    assert kinds([without], [], [without]) == []


@pytest.mark.parametrize(
    ("began", "found", "expected"),
    [
        pytest.param(
            [row(OLD), row(TIMES[2], group="h")], [row(EAST), row(NEW, group="h")], ["out-of-order"], id="two written"
        ),
        pytest.param(
            [row(EAST, "new"), row(TIMES[2], group="h")], [row(EAST), row(NEW, group="h")], [], id="one as it was"
        ),
        pytest.param(
            [row(OLD), row(NEW, group="h")], [row(SPACED), row(NEW, group="h")], ["out-of-order"], id="beside one"
        ),
    ],
)
def test_an_inbox_lists_the_rows_that_a_handler_wrote_by_time(
    began: list[Item], found: list[Item], expected: list[str]
) -> None:
    messages = [said("g", found[0]["sk"]["S"]), said("h", NEW)]
    assert kinds(began, messages, found) == expected


@given(seconds=st.lists(st.integers(0, 59), min_size=2, max_size=6, unique=True))
def test_one_spelling_is_never_out_of_order(seconds: list[int]) -> None:
    groups = [f"g{number}" for number in range(len(seconds))]
    began = [row("2026-02-28T10:00:00.000000+00:00", "old", group) for group in groups]
    messages = [said(group, TIMES[second]) for group, second in zip(groups, seconds, strict=True)]
    found = [row(TIMES[second], "new", group) for group, second in zip(groups, seconds, strict=True)]
    assert kinds(began, messages, found) == []


def test_what_was_given_up_is_owed_once_it_is_delivered_after_all() -> None:
    given_up, owed = replace(said("g", NEW), delivery=-1), said("g", NEW)
    began = [row(OLD, "old")]
    assert kinds(began, [given_up], began) == []
    assert kinds(began, [given_up, owed], began) == ["behind"]
    assert kinds(began, [owed, given_up], began) == ["behind"]


def test_the_first_delivery_of_a_message_counts() -> None:
    oracle = Oracle()
    oracle.row_put(row(OLD, "old"), delivery=2)
    for delivery in (3, 1):
        oracle.said(replace(said("g", NEW), delivery=delivery))
    assert oracle.judge([row(OLD, "old")]) == []
