"""Stated limits under exploration: each is explained under its own condition, and under no other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from replay.checks.scenarios import TIMES, pair, row, said
from replay.exploration.campaign import in_memory
from replay.exploration.case import Fault, Lag, Redelivery, Write
from replay.exploration.limits import LATE, LIMITS, NEW_NAME, REMOVED, UNSEEN
from stream_processor.group import GroupWork
from tests.explored import case
from tests.handlers.wrong_works import DropsOtherAttributes, IgnoresAbsences, MovesWithoutConditions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.exploration.case import Case
    from replay.exploration.outcome import Execution
    from stream_processor.row import GroupRow, Item

ONE_BY_ONE = {"BatchSize": 1, "MaximumRetryAttempts": 5, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
STRANGER = (said("g", TIMES[2], "new", "zoe", 1),)
"""A sender without a row, so that every member is read consistently: calls 2 to 5 at steps 1 to 4."""


def counted(execution: Execution) -> dict[str, int]:
    return {limit: execution.situations[limit] for limit in LIMITS if execution.situations[limit]}


def muted(at: int, member: str = "ana") -> Write:
    return Write(at, "set", "g", member, "muted", "1")


# An attribute of a new name.


def test_an_attribute_set_between_index_and_write_is_lost_and_owed_no_more() -> None:
    execution = in_memory(case(writes=(muted(1),)))
    assert execution.broken == []
    assert execution.was_calm
    assert counted(execution) == {NEW_NAME: 1}
    assert (execution.limited, execution.situations["stated limit"]) == (1, 1)


def test_the_window_is_as_long_as_the_index_is_behind() -> None:
    records = tuple(said("g", TIMES[2 + number], "new", "ana", number) for number in (1, 2, 3))
    late = (Lag("g", 4, 50),)  # the first message's four changes are shown, what is set then is not
    execution = in_memory(case(records=records, mapping=ONE_BY_ONE, writes=(muted(2),), lags=late))
    assert (execution.broken, counted(execution)) == ([], {NEW_NAME: 1})


def test_what_is_lost_once_may_be_set_again() -> None:
    execution = in_memory(case(writes=(muted(1), muted(9))))
    assert (execution.broken, counted(execution)) == ([], {NEW_NAME: 1})


@pytest.mark.parametrize(
    ("work", "shown"),
    [(DropsOtherAttributes, muted(0)), (MovesWithoutConditions, replace(muted(1), name="unread", value="2"))],
)
def test_whoever_is_shown_the_attribute_and_loses_it_is_convicted(work: type[GroupWork], shown: Write) -> None:
    rows = tuple({**item, "unread": {"N": "0"}} for item in pair("g", TIMES[1]))
    history = case(rows=rows, writes=(shown,))
    assert in_memory(history, work).rules == {"altered"}
    assert in_memory(history).broken == []


def test_an_attribute_that_a_consistent_reading_shows_is_owed() -> None:
    for at in range(1, 5):
        history = case(records=STRANGER, writes=(muted(at),))
        assert bool(in_memory(history).limited) == (at in {2, 3, 4}), f"ana's row is read at step 1; set before {at}"
        assert bool(in_memory(history, DropsOtherAttributes).broken) == (at == 1)


def test_an_attribute_that_another_row_has_is_owed() -> None:
    ana, ben = pair("g", TIMES[1])
    history = case(rows=(ana, {**ben, "muted": {"N": "0"}}), writes=(muted(1),))
    ours = in_memory(history)
    assert (ours.broken, ours.limited) == ([], 0)
    assert in_memory(history, IgnoresAbsences).rules == {"altered"}


def test_a_name_of_the_application_is_owed_where_no_row_has_it() -> None:
    rows = tuple({name: value for name, value in item.items() if name != "user_handle"} for item in pair("g", TIMES[1]))
    history = case(rows=rows, writes=(replace(muted(1), name="user_handle"),))
    ours = in_memory(history)
    assert (ours.broken, ours.limited) == ([], 0)
    assert in_memory(history, IgnoresAbsences).rules == {"altered"}


def test_what_an_earlier_reading_showed_is_owed() -> None:
    ana, ben = pair("g", TIMES[1])
    rows = (ana, {**ben, "muted": {"N": "0"}})  # the index shows it, and ben has left when his rows are read
    history = case(rows=rows, records=STRANGER, writes=(Write(1, "leave", "g", "ben"), muted(2)))
    ours = in_memory(history)
    assert (ours.broken, ours.limited) == ([], 0)
    assert in_memory(history, IgnoresAbsences).rules == {"altered"}


def test_a_reading_whose_answer_is_lost_shows_nothing() -> None:
    lost = (Fault(1, 1, "lost-answer"),)
    assert in_memory(case(writes=(muted(2),), faults=lost)).limited == 1
    assert in_memory(case(writes=(muted(1),), faults=lost)).limited == 0


def test_nobody_else_writes_once_the_faults_are_off() -> None:
    never_before = tuple(Fault(number, 1, "crash-before") for number in range(1, 9))
    calls = in_memory(case(faults=never_before)).calls
    for at in range(calls):
        execution = in_memory(case(faults=never_before, writes=(muted(at),)))
        assert (execution.broken, execution.was_calm) == ([], True), f"set before step {at}"


# A row that comes late.


class PassesOver(GroupWork):
    """Whoever is called cem is left as they are."""

    def _rows(self, items: Iterable[Item]) -> tuple[GroupRow, ...]:
        return tuple(found for found in super()._rows(items) if found.member != "cem")


class PassesOverOnce(PassesOver):
    """The same, but for messages that come again."""

    calls = 0

    def _rows(self, items: Iterable[Item]) -> tuple[GroupRow, ...]:
        type(self).calls += 1
        return super()._rows(items) if type(self).calls == 1 else GroupWork._rows(self, items)


def joins(at: int, time: str = TIMES[0]) -> Write:
    return Write(at, "join", "g", "cem", "ana", "hello", time)


@pytest.mark.parametrize(("at", "limits"), [(0, {}), (1, {LATE: 1}), (2, {})])
def test_a_row_that_was_not_there_when_the_index_was_asked_keeps_its_value(at: int, limits: dict[str, int]) -> None:
    execution = in_memory(case(writes=(joins(at),)))
    assert (execution.broken, execution.was_calm) == ([], True)
    assert counted(execution) == limits, "past the last step with faults, it comes when they end"


def test_a_row_that_was_there_is_owed_the_message() -> None:
    execution = in_memory(case(writes=(joins(0),)), PassesOverOnce)
    assert (list(execution.rules), execution.was_calm) == (["behind"], False)


def test_a_row_that_came_before_the_index_answered_is_owed_the_message() -> None:
    execution = in_memory(case(writes=(joins(1),), faults=(Fault(1, 1, "lost-answer"),)), PassesOver)
    assert (list(execution.rules), execution.was_calm) == (["behind"], False)


def test_a_row_is_late_for_what_was_applied_before_it_came() -> None:
    records = (said("g", TIMES[9], "new", "ana", 1), said("g", TIMES[5], "older", "ana", 2))
    execution = in_memory(case(records=records, mapping=ONE_BY_ONE, writes=(joins(2),)))
    assert (execution.broken, counted(execution)) == ([], {LATE: 1})


def test_a_late_row_is_owed_everything_once_all_comes_again() -> None:
    execution = in_memory(case(writes=(joins(1),)), PassesOver)
    assert (list(execution.rules), execution.was_calm) == (["behind"], True)


def test_what_is_applied_again_after_the_row_came_is_owed() -> None:
    again = case(writes=(joins(1),), redeliveries=(Redelivery(1, ("100000000000000000001",)),))
    assert counted(in_memory(again)) == {}
    execution = in_memory(again, PassesOver)
    assert (list(execution.rules), execution.was_calm) == (["behind"], False)


def test_a_row_behind_a_later_message_that_was_applied_to_it_is_no_late_row() -> None:
    records = tuple(said("g", TIMES[2 + number], "new", "ana", number) for number in (1, 2))
    history = case(records=records, mapping=ONE_BY_ONE, writes=(joins(2),))
    assert counted(in_memory(history)) == {}
    assert in_memory(history, PassesOver).rules == {"behind"}


def test_whoever_comes_back_while_the_index_shows_a_newer_row_is_no_finding() -> None:
    records = (said("g", TIMES[9], "new", "cem", 1), said("g", TIMES[5], "older", "cem", 2))
    back = (Write(2, "leave", "g", "cem"), joins(2))
    alone = (row("cem", "g", TIMES[1]),)
    history = case(rows=alone, records=records, mapping=ONE_BY_ONE, writes=back, lags=(Lag("g", 2, 50, changes=2),))
    execution = in_memory(history)
    assert (execution.broken, counted(execution)) == ([], {LATE: 1})
    shown = in_memory(replace(history, lags=()), PassesOver)
    assert (list(shown.rules), shown.was_calm) == (["behind"], False)


def test_a_row_is_put_neither_twice_nor_over_another_groups() -> None:
    there = pair("h", TIMES[0], "cem", "dee")
    taken = in_memory(case(rows=(*pair("g", TIMES[1]), *there), writes=(joins(0),)))
    assert taken.situations["row put late"] == 0
    twice = in_memory(case(writes=(joins(0), joins(0, TIMES[5]))))
    assert twice.situations["row put late"] == 1


def test_a_member_not_seen_is_told_from_a_late_row() -> None:
    three = (*pair("g", TIMES[1]), row("cem", "g", TIMES[1], other="ana"))
    records = tuple(said("g", TIMES[2 + number], "new", "ana", number) for number in (1, 2))
    # The index lets go of cem's old entry at once and shows the new one late.
    history = case(rows=three, records=records, mapping=ONE_BY_ONE, lags=(Lag("g", 5, 50),))
    assert counted(in_memory(history)) == {UNSEEN: 1}


# A message that is removed.


def removal(insert: Case) -> dict[str, object]:
    record = insert.records[0]
    change = {name: value for name, value in record["dynamodb"].items() if name != "NewImage"}
    number = "100000000000000000009"
    changed = {**change, "OldImage": record["dynamodb"]["NewImage"], "SequenceNumber": number}
    return {**record, "eventName": "REMOVE", "dynamodb": changed}


def test_a_removed_message_is_gone_and_its_text_stays() -> None:
    by_write = case(writes=(Write(1, "remove-message", "g", time=TIMES[2]),))
    by_record = replace(case(), records=(*case().records, removal(case())))
    for history in (by_write, by_record, replace(by_record, writes=by_write.writes)):
        execution = in_memory(history)
        assert (execution.broken, execution.was_calm) == ([], True)
        assert execution.situations["message removed"] == 1
        assert (counted(execution), execution.situations["stated limit"]) == ({REMOVED: 2}, 1)


def test_a_text_that_another_message_says_too_is_not_left_over() -> None:
    same = said("g", TIMES[2].replace("T", " "), "new", "ben", 2)
    history = case(records=(*case().records, same), writes=(Write(1, "remove-message", "g", time=TIMES[2]),))
    assert counted(in_memory(history)) == {}


def test_a_message_that_is_not_there_is_not_removed() -> None:
    execution = in_memory(case(writes=(Write(0, "remove-message", "g", time=TIMES[5]),)))
    assert execution.situations["message removed"] == 0


def test_a_name_that_comes_between_two_pages_is_on_neither() -> None:
    others = tuple(row("ana", group, TIMES[second]) for group, second in (("h", 2), ("i", 3)))
    paged = case(
        rows=(*pair("g", TIMES[1]), *others),
        records=(said("g", TIMES[9], "new", "zoe", 1),),
        writes=(Write(2, "set", "g", "ana", "muted", "1"),),
        page_items=2,
    )
    execution = in_memory(paged)
    assert (execution.broken, execution.situations[NEW_NAME]) == ([], 1)


def test_whom_only_a_row_names_that_the_index_does_not_show_yet_is_not_seen() -> None:
    silent = {name: value for name, value in row("ana", "g", TIMES[30]).items() if name != "user_uuid"}
    rows = (row("ana", "g", "no time", other="dee"), silent, row("dee", "g", TIMES[1], other="ana"))
    records = tuple(said("g", TIMES[10 * number], "new", None, number) for number in (1, 2))
    late = (Lag("g", 0, -1), Lag("g", 3, -1))  # ana's merged row, and dee's under the new key
    execution = in_memory(case(rows=rows, records=records, mapping=ONE_BY_ONE, lags=late))
    assert (execution.broken, counted(execution)) == ([], {UNSEEN: 1})
