"""Readings that meet half of another invocation's transaction: when there is one, what it shows, who falls for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from replay.checks.scenarios import TIMES, pair, row, said
from replay.exploration.campaign import in_memory, on_store
from replay.exploration.case import TORN_READS, Fault, Turn, Write
from replay.exploration.handler import NextCall
from replay.exploration.outcome import Manner
from replay.exploration.story import Called
from replay.exploration.torn import Torn
from replay.tables.dynamo import DynamoStore
from replay.tables.memory import MemoryTable
from stream_processor.errors import GaveUp
from stream_processor.group import GroupWork
from stream_processor.table import ReadIndex
from tests.explored import MAPPING, TELLING, case
from tests.simulation.stepped import INDEX, carried_out, forked

if TYPE_CHECKING:
    from collections.abc import Generator

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.exploration.case import Case, FaultKind
    from replay.exploration.outcome import Execution
    from stream_processor.group import Request, Response
    from stream_processor.message import MemberId
    from stream_processor.row import GroupRow

OURS = "stream_processor.handler:lambda_handler"


class LooksOnce(GroupWork):
    """A member without a row is taken for gone at once."""

    def _read_members(
        self, members: set[MemberId], read: set[MemberId]
    ) -> Generator[Request, Response, tuple[GroupRow, ...]]:
        return (yield from self._follow(members, read))


class GivesUp(GroupWork):
    """No group is ever done."""

    def requests(self) -> Generator[Request, Response, None]:
        yield ReadIndex(self.group)
        raise GaveUp("on principle")


def history(kind: FaultKind, call: int = 2, group: str = "g") -> Case:
    """Two shards: a stranger's message lets one invocation read ana's rows when the other has just moved them."""
    records = (
        {**said(group, TIMES[30], "newest", "zoe", 1), "shardId": "shardId-A"},
        {**said(group, TIMES[20], "newer", "ana", 2), "shardId": "shardId-B"},
    )
    return case(group, records=records, faults=(Fault(1, call, kind),), turns=(Turn(1, 1),))


def torn(execution: Execution) -> int:
    return sum(execution.situations[kind] for kind in TORN_READS)


def reads(execution: Execution) -> list[str]:
    """Whose rows the first invocation read."""
    called = [event for event in execution.story if isinstance(event, Called) and event.invocation == 1]
    return [event.text.split()[1] for event in called if event.does == "read"]


def test_a_member_taken_for_gone_stays_behind() -> None:
    execution = in_memory(history("torn-read"), LooksOnce)
    (broken,) = execution.broken
    assert broken.text.startswith("ana in g: expected 2026-03-01T10:00:30"), "the message was done for ben alone"
    assert (broken.rule, execution.was_calm, torn(execution)) == ("behind", False, 1)
    assert not in_memory(replace(history("torn-read"), faults=()), LooksOnce).broken


@pytest.mark.parametrize("kind", TORN_READS)
def test_ours_survives_it(kind: FaultKind) -> None:
    execution = in_memory(history(kind), manner=TELLING)
    assert execution.broken == []
    assert execution.situations[kind] == 1


def test_it_is_no_reason_to_give_a_record_up() -> None:
    manner = Manner(ignored=frozenset({"answers tell what is not finished"}))
    assert in_memory(history("torn-read"), GivesUp, manner).rules == {"healthy records are not given up"}


def test_the_story_tells_it() -> None:
    story = in_memory(history("torn-read"), manner=TELLING).story
    assert "  1: Query GRP#ana for rows of g -> done (torn-read)" in list(map(str, story))


def test_puts_without_deletes_show_both_rows() -> None:
    story = in_memory(history("torn-read-puts"), manner=TELLING).story
    first = next(each for each in story if isinstance(each, Called) and each.invocation == 1 and each.does == "write")
    assert first.outcome == "ConditionFailed", "the row that went is planned to go once more"
    assert ("GRP#ana", TIMES[1]) in {change.address for change in first.changes}


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(replace(history("torn-read"), turns=()), id="nobody else is at work meanwhile"),
        pytest.param(history("torn-read", call=1), id="the index is asked"),
        pytest.param(history("torn-read", call=3), id="the reader has made a call since"),
        pytest.param(
            replace(history("torn-read"), writes=(Write(3, "set", "g", "ana", "unread", "1"),)),
            id="the application has written since",
        ),
        pytest.param(
            case(
                rows=(*pair("g", TIMES[1]), *pair("h", TIMES[0], "ana", "cem")),
                records=(
                    {**said("g", TIMES[30], "newest", "zoe", 1), "shardId": "shardId-A"},
                    {**said("h", TIMES[20], "newer", "ana", 2), "shardId": "shardId-B"},
                ),
                faults=(Fault(1, 2, "torn-read"),),
                turns=(Turn(1, 1),),
            ),
            id="the transaction was of another group",
        ),
        pytest.param(
            replace(history("torn-read"), rows=pair("g", TIMES[20], text="a")),
            id="a row was put in place, none deleted",
        ),
    ],
)
def test_there_is_nothing_to_meet_where(harmless: Case) -> None:
    execution = in_memory(harmless, LooksOnce)
    assert (torn(execution), execution.broken) == (0, [])


@pytest.mark.parametrize(("is_query", "rows"), [(True, [("GRP#ana", "2")]), (False, None)])
def test_only_a_query_sees_half(is_query: bool, rows: list[tuple[str, str]] | None) -> None:  # noqa: FBT001
    """A single row is read as it is before or after."""
    table = MemoryTable([row("ana", "g", "1")])
    known = Torn(table)
    table.delete(("GRP#ana", "1"))
    table.put(row("ana", "g", "2"))
    known.wrote(1, 3)
    call = NextCall("read", "", partition="GRP#ana", is_query=is_query)
    view = known.view("torn-read", call, 1)
    assert (view if view is None else list(view)) == rows
    assert known.view("torn-read", call, 3) is None


@pytest.mark.engine
@pytest.mark.parametrize("kind", TORN_READS)
def test_it_is_the_same_on_dynamodb(kind: FaultKind, dynamodb: DynamoDBClient, shared_table: str) -> None:
    given = history(kind, group=f"torn-{kind}")
    execution = on_store(given, DynamoStore(dynamodb, shared_table, INDEX), manner=TELLING)
    assert execution.broken == []
    assert execution.situations[kind] == 1
    assert reads(execution) == reads(in_memory(given, manner=TELLING))


@pytest.mark.engine
@pytest.mark.xdist_group("foreign")
@pytest.mark.parametrize("kind", TORN_READS)
def test_any_handlers_query_may_meet_it(
    kind: FaultKind, engine_endpoint: str, dynamodb: DynamoDBClient, shared_table: str
) -> None:
    given = history(kind, group=f"foreign-{kind}")
    with forked(engine_endpoint, shared_table, OURS) as function:
        execution, _ = carried_out(given, dynamodb, shared_table, function, TELLING)
        undisturbed, _ = carried_out(replace(given, faults=()), dynamodb, shared_table, function, TELLING)
    assert execution.broken == []
    assert execution.situations[kind] == 1
    assert execution.calls > undisturbed.calls, "what it saw made it read or write once more"


def twice(calls: tuple[int, ...] = (2, 4)) -> Case:
    """Three shards: two invocations move ana's row, each just before the third one reads it."""
    times = {"A": (30, "third", "zoe"), "B": (10, "first", "ana"), "C": (20, "second", "ana")}
    records = tuple(
        {**said("g", TIMES[time], text, sender, number), "shardId": f"shardId-{shard}"}
        for number, (shard, (time, text, sender)) in enumerate(times.items(), start=1)
    )
    turns = (Turn(1, 1), Turn(3, 0), Turn(5, 1))
    faults = tuple(Fault(1, call, "torn-read") for call in calls)
    return case(rows=(row("ana", "g", TIMES[1], other="ana"),), records=records, faults=faults, turns=turns)


def test_two_readings_in_a_row_that_both_meet_a_half_are_a_stated_limit() -> None:
    execution = in_memory(twice(), manner=TELLING)
    assert (execution.broken, execution.limited) == ([], 1)
    assert execution.situations["limit: member not seen"] == 1


class LosesTheLast(GroupWork):
    """The newest message is never written."""

    def requests(self) -> Generator[Request, Response, None]:
        if all(message.text != "last" for message in self.messages):
            yield from super().requests()


def test_what_others_lose_afterwards_is_not_explained_by_it() -> None:
    last = {**said("g", TIMES[40], "last", "ana", 4), "shardId": "shardId-B"}
    given = replace(twice(), records=(*twice().records, last), mapping={**MAPPING, "BatchSize": 1})
    assert in_memory(given).broken == []
    execution = in_memory(given, LosesTheLast)
    assert (execution.rules, execution.was_calm) == (frozenset({"behind"}), False)


@pytest.mark.parametrize("calls", [(2,), (4,)])
def test_one_such_reading_alone_is_none(calls: tuple[int, ...]) -> None:
    assert (in_memory(twice(calls)).broken, in_memory(twice(calls)).limited) == ([], 0)
