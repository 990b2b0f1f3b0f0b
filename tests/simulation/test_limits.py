"""What the function states that it does not do, each limit shown by a history in which it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.checks.scenarios import TIMES, pair, row, said
from replay.checks.world import World
from replay.tables.memory import MemoryTable
from stream_processor.message import parse, position
from stream_processor.table import ReadIndex
from tests.simulation.worlds import deliver, world

if TYPE_CHECKING:
    from replay.checks.world import Record

THREE = (
    row("ana", "g", TIMES[0], other="ben"),
    row("ben", "g", TIMES[0], other="ana"),
    row("cem", "g", TIMES[0], other="ana"),
)


def last_message(made: World, member: str) -> tuple[str, str]:
    (item,) = made.rows("g", member)
    return item["sk"]["S"], item["message"]["S"]


def test_a_third_member_found_through_the_index_alone_is_one_message_behind_until_the_next() -> None:
    made = world(THREE, in_transit=True)
    deliver(made, said("g", TIMES[10], "one", "ana", 1))
    assert last_message(made, "ana") == last_message(made, "ben") == (TIMES[10], "one")
    assert last_message(made, "cem") == (TIMES[0], "old")
    (finding,) = made.oracle.judge(made.store.scan())
    assert (finding.kind, finding.member) == ("behind", "cem")
    assert made.explained(finding)
    made.store.release_index()
    deliver(made, said("g", TIMES[20], "two", "ana", 2))
    assert last_message(made, "cem") == (TIMES[20], "two")
    assert made.oracle.judge(made.store.scan()) == []


def test_a_third_member_who_writes_is_never_behind() -> None:
    made = world(THREE, in_transit=True)
    deliver(made, said("g", TIMES[10], "one", "cem", 1))
    assert made.oracle.judge(made.store.scan()) == []


def test_a_row_created_after_a_later_message_was_applied_keeps_its_own_value() -> None:
    made = world(pair("g", TIMES[0]))
    deliver(made, said("g", TIMES[20], "later", "ana", 1))
    late = row("cem", "g", TIMES[5], "joined", "ana")
    made.store.put(late)
    made.oracle.row_put(late, delivery=1)
    assert made.oracle.judge(made.store.scan()) == [], "the oracle owes a late row nothing of the past"
    assert last_message(made, "cem") == (TIMES[5], "joined")
    deliver(made, said("g", TIMES[20], "later", "ana", 1))
    assert last_message(made, "cem") == (TIMES[20], "later"), "a redelivery finds the new member and mends the row"


def test_a_group_in_transit_whose_members_were_silent_counts_as_an_orphan() -> None:
    made = world(pair("g", TIMES[0]), in_transit=True)
    invocation = made.invoke("delivery", [said("g", TIMES[10], "one", "zoe", 1)])
    made.finish(invocation)
    assert [task.work.tally.orphan for task in invocation.tasks] == [True]
    assert last_message(made, "ana") == (TIMES[0], "old")
    findings = made.oracle.judge(made.store.scan())
    assert {finding.kind for finding in findings} == {"behind"}
    assert all(made.explained(finding) for finding in findings)


def test_an_attribute_of_a_name_nobody_had_added_between_reading_and_writing_is_lost() -> None:
    made = world(pair("g", TIMES[0]))
    invocation = made.invoke("delivery", [said("g", TIMES[10], "one", "ana", 1)])
    (task,) = invocation.tasks
    assert isinstance(task.request, ReadIndex)
    made.step(invocation, task)
    made.set_attribute("g", "ana", "muted", {"BOOL": True})
    made.finish(invocation)
    (finding,) = made.oracle.judge(made.store.scan())
    assert (finding.kind, finding.member, finding.found) == ("altered", "ana", "muted=nothing")


def test_an_update_of_an_attribute_beyond_a_hundred_and_fifty_is_lost_between_reading_and_writing() -> None:
    many = {f"a{number:03}": {"N": "0"} for number in range(150)}
    ana, ben = pair("g", TIMES[0])
    for name, kept in (("a000", True), ("a149", False)):
        made = world([{**ana, **many}, ben])
        invocation = made.invoke("delivery", [said("g", TIMES[10], "one", "ana", 1)])
        (task,) = invocation.tasks
        made.step(invocation, task)
        made.set_attribute("g", "ana", name, {"N": "1"})
        made.finish(invocation)
        assert ([finding.kind for finding in made.oracle.judge(made.store.scan())] == []) == kept


def test_a_row_set_back_while_the_index_shows_it_newer_stays_so_until_the_next_message() -> None:
    store = MemoryTable(pair("g", TIMES[20]))
    store.hold_index()
    for item in list(store.scan()):
        store.delete((item["pk"]["S"], item["sk"]["S"]))
    made = World(store)
    made.begin(pair("g", TIMES[0]))
    deliver(made, said("g", TIMES[10], "one", "ana", 1))
    assert last_message(made, "ana") == (TIMES[0], "old")
    assert {finding.kind for finding in made.oracle.judge(made.store.scan())} == {"behind"}
    made.store.release_index()
    deliver(made, said("g", TIMES[15], "two", "ana", 2))
    assert last_message(made, "ana") == last_message(made, "ben") == (TIMES[15], "two")


def test_what_only_a_doubled_row_has_is_lost_where_one_row_cannot_hold_it() -> None:
    ana, ben = pair("g", TIMES[10])
    double = row("ana", "g", TIMES[0], other="ben")
    made = world([{**ana, "notes": {"S": "n" * 300_000}}, {**double, "drafts": {"S": "d" * 200_000}}, ben])
    deliver(made, said("g", TIMES[20], "one", "ana", 1))
    (item,) = made.rows("g", "ana")
    assert ("notes" in item, "drafts" in item) == (True, False)
    (finding,) = made.oracle.judge(made.store.scan())
    assert (finding.kind, finding.member, finding.found) == ("altered", "ana", "drafts=nothing")


def test_deleting_the_last_message_leaves_its_text() -> None:
    made = world(pair("g", TIMES[0]))
    insert = said("g", TIMES[10], "regretted", "ana", 1)
    deliver(made, insert)
    assert parse(removal(insert), position(removal(insert))) is None
    assert last_message(made, "ana") == (TIMES[10], "regretted")


def removal(insert: Record) -> dict[str, Any]:
    change = {name: value for name, value in insert["dynamodb"].items() if name != "NewImage"}
    return {**insert, "eventName": "REMOVE", "dynamodb": {**change, "OldImage": insert["dynamodb"]["NewImage"]}}
