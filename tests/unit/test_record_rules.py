"""What becomes of every record: each rule with the smallest handler that breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from replay.checks.scenarios import TIMES, pair, said
from replay.event_source.answers import FunctionResult, Raised, Returned, TimedOut
from replay.exploration.case import Case, Fault, Lag
from replay.exploration.execution import execute
from replay.exploration.handler import NextCall
from replay.exploration.ours import OurHandler
from replay.exploration.outcome import Manner
from replay.tables.memory import MemoryTable
from tests.explored import case

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from replay.exploration.account import Account
    from replay.exploration.case import FaultKind
    from replay.exploration.torn import View

DONE = Returned({"batchItemFailures": []})
ANY_SCHEMA = Manner(is_messages=False, ignored=frozenset({"missing", "behind", "message-touched", "altered"}))
POISON = said("g", "yesterday", "unreadable", "ana", 2)
LARGE = "x" * 409_000


class Ends:
    """A handler that makes no call and ends in one way, or makes one call of no consequence before."""

    account: Account | None = None

    def __init__(self, result: FunctionResult, *, calls: bool = False) -> None:
        self.result: FunctionResult | None = None if calls else result
        self.call = NextCall("read", "Query") if calls else None
        self._result = result

    def go(self, fault: FaultKind | None = None, torn: View | None = None) -> str:
        del torn
        self.call, self.result = None, TimedOut() if fault == "timeout-before" else self._result
        return fault or "done"

    def drop(self) -> None: ...


class Handler:
    """Handles by a function of the event; `set_aside` is what it says of its quarantine."""

    def __init__(self, handle: Callable[[Mapping[str, Any]], Ends], set_aside: Collection[str] | None = None) -> None:
        self._handle = handle
        self._set_aside = set_aside

    def start(self, event: dict[str, Any], request_id: str) -> Ends:
        del request_id
        return self._handle(event)

    def quarantined(self) -> Collection[str] | None:
        return self._set_aside


def rules(given: Case, handler: Handler, manner: Manner = ANY_SCHEMA) -> frozenset[str]:
    return execute(given, MemoryTable(), handler, manner).rules


@pytest.mark.parametrize("faults", [(), (Fault(1, 1, "throttle"),)], ids=["calm", "with a fault"])
def test_a_handler_that_takes_nothing_is_convicted_on_any_schema(faults: tuple[Fault, ...]) -> None:
    given = case(faults=faults)
    assert rules(given, Handler(lambda _: Ends(Raised(), calls=True))) == {"healthy records are not given up"}
    assert rules(given, Handler(lambda _: Ends(DONE, calls=True))) == frozenset()


def test_a_record_that_the_filter_drops_need_not_be_taken() -> None:
    filters = {"FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["REMOVE"]}'}]}}
    given = case(mapping={**case().mapping, **filters})
    assert rules(given, Handler(lambda _: Ends(Raised()))) == frozenset()


def test_an_answer_is_read_as_the_mapping_says() -> None:
    given = case(mapping={**case().mapping, "FunctionResponseTypes": []})
    assert rules(given, Handler(lambda _: Ends(Returned({"statusCode": 200})))) == frozenset()
    assert rules(case(), Handler(lambda _: Ends(Returned({"statusCode": 200})))) == {"answers are lawful"}


def test_an_invocation_that_never_ends_is_convicted_unless_its_time_was_cut_short() -> None:
    assert rules(case(), Handler(lambda _: Ends(TimedOut()))) == {"an invocation comes to an end"}
    hurried = case(faults=(Fault(1, 1, "timeout-before"),))
    assert rules(hurried, Handler(lambda _: Ends(DONE, calls=True))) == frozenset()


@pytest.mark.parametrize(
    ("set_aside", "broken"),
    [
        (None, frozenset()),
        (["100000000000000000002"], frozenset()),
        ([], {"what nobody can read is set aside"}),
        (["100000000000000000002", "100000000000000000001"], {"healthy records are not set aside"}),
    ],
    ids=["nobody knows", "as it should be", "swallowed", "a healthy one too"],
)
def test_set_aside_is_what_nobody_can_read_and_nothing_else(
    set_aside: Collection[str] | None, broken: frozenset[str]
) -> None:
    given = case(records=(*case().records, POISON))
    manner = replace(ANY_SCHEMA, is_messages=True)
    assert rules(given, Handler(lambda _: Ends(DONE), set_aside), manner) == broken


def test_what_was_swallowed_with_faults_is_found_although_it_is_set_aside_later() -> None:
    set_aside: list[str] = []

    def late(event: Mapping[str, Any]) -> Ends:
        if any(record["dynamodb"]["SequenceNumber"] in seen for record in event["Records"]):
            set_aside.append("100000000000000000002")
        seen.update(record["dynamodb"]["SequenceNumber"] for record in event["Records"])
        return Ends(DONE)

    seen: set[str] = set()
    given = case(records=(*case().records, POISON))
    broken = rules(given, Handler(late, set_aside), replace(ANY_SCHEMA, is_messages=True))
    assert broken == {"what nobody can read is set aside"}


@pytest.mark.parametrize(("number", "broken"), [(2, frozenset()), (3, {"what does not fit is set aside"})])
def test_a_message_that_does_not_fit_a_row_is_set_aside(number: int, broken: frozenset[str]) -> None:
    rows = tuple({**row, "notes": {"S": "n" * 2000}} for row in pair("g", TIMES[1]))
    given = case(rows=rows, records=(said("g", TIMES[2], "new", "ana", 1), said("g", TIMES[3], LARGE, "ana", 2)))
    store = MemoryTable()

    class Renamed(OurHandler):
        def quarantined(self) -> list[str]:
            return [text[:-1] + str(number) for text in super().quarantined() or ()]

    assert execute(given, store, Renamed(store)).rules == broken


@pytest.mark.parametrize(
    ("lags", "broken"), [((), {"what does not fit is set aside"}), ((Lag("g", 0, 1),), frozenset())]
)
def test_what_did_not_fit_is_missed_before_it_comes_again(lags: tuple[Lag, ...], broken: frozenset[str]) -> None:
    rows = tuple({**row, "notes": {"S": "n" * 2000}} for row in pair("g", TIMES[1]))
    given = case(rows=rows, records=(said("g", TIMES[3], LARGE, "ana", 1),), lags=lags)
    store = MemoryTable()

    class Forgets(OurHandler):
        def quarantined(self) -> list[str]:
            return []

    assert execute(given, store, Forgets(store), Manner(calmed=False)).rules == broken


def test_ours_sets_aside_what_it_should() -> None:
    store = MemoryTable()
    given = case(records=(*case().records, POISON))
    assert execute(given, store, OurHandler(store)).rules == frozenset()
