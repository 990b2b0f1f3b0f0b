"""What one group's work says when it gives up, what it counts, and which transaction it learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.tables.memory import MemoryTable
from stream_processor.errors import ConditionFailed, GaveUp, TransientError
from stream_processor.group import COLLISIONS_MAX, PAGES_MAX, PLANS_MAX, GroupWork, Pause, Transact
from stream_processor.table import Page, ReadIndex
from stream_processor.transaction import Put
from tests.builders import ANN, BOB, group_item, message, time_text
from tests.driver import Fault, drive

if TYPE_CHECKING:
    from stream_processor.group import Request, Response
    from stream_processor.row import Item
    from stream_processor.transaction import Transaction

PAIR = (group_item(ANN, other=BOB), group_item(BOB, other=ANN))


def ring(count: int) -> list[Item]:
    """A group of members of whom each row names the next."""
    members = [f"m{number:03}" for number in range(count)]
    return [group_item(member, other=members[(place + 1) % count]) for place, member in enumerate(members)]


def answered(request: Request) -> Response:
    """The answer of a table that has Ann's and Bob's rows."""
    return Page(PAIR) if isinstance(request, ReadIndex) else Page((PAIR[0],))


class AlwaysChanged(MemoryTable):
    """A table whose rows somebody else has just written."""

    def transact(self, actions: Transaction) -> None:
        raise ConditionFailed([PAIR[0], *[None] * (len(actions) - 1)])


class TakenInTurn(MemoryTable):
    """A table in which every new key holds another group's row, found for one member after the other."""

    asked = 0

    def transact(self, actions: Transaction) -> None:
        puts = [place for place, action in enumerate(actions) if isinstance(action, Put)]
        taken = puts[self.asked % len(puts)]
        self.asked += 1
        other = group_item(group="another")
        raise ConditionFailed([other if place == taken else None for place in range(len(actions))])


def test_whoever_is_always_late_gives_up_and_says_how_often() -> None:
    error = drive([message(at=1)], AlwaysChanged(PAIR)).error
    assert str(error) == f"other writers changed the group's rows {PLANS_MAX} times in a row"


def test_whoever_meets_a_taken_key_each_time_gives_up_and_says_how_often() -> None:
    error = drive([message(at=1)], TakenInTurn(PAIR)).error
    assert str(error) == f"{COLLISIONS_MAX} keys held other groups' rows"


def test_a_reading_without_end_is_given_up_and_says_how_long_it_was() -> None:
    requests = GroupWork([message(at=1)], float).requests()
    next(requests)
    for _ in range(PAGES_MAX - 1):
        requests.send(Page((), PAIR[0]))
    with pytest.raises(GaveUp, match=f"^a reading has more than {PAGES_MAX} pages$"):
        requests.send(Page((), PAIR[0]))


@pytest.mark.parametrize("answer", [None, 5])
def test_a_reading_that_is_answered_with_no_page_is_a_bug_that_says_what_came(answer: object) -> None:
    requests = GroupWork([message(at=1)], float).requests()
    next(requests)
    with pytest.raises(TypeError, match=f"^a reading was answered with {type(answer).__name__}$"):
        requests.send(answer)  # type: ignore[arg-type] # the point


def test_every_transaction_sent_again_is_counted_and_no_reading() -> None:
    throttled = Fault(TransientError("ThrottlingException"))
    story = drive([message(at=1)], MemoryTable(PAIR), {0: throttled, 2: throttled, 3: throttled, 4: throttled})
    assert story.kinds == ["index", "index", "write", "write", "write", "write"]
    assert story.work.tally.transaction_retries == 3


def test_of_several_transactions_the_one_that_failed_says_which_key_is_taken() -> None:
    table = MemoryTable([*ring(150), group_item("m149", at=1, group="another")])
    story = drive([message(at=1, sender="m000")], table)
    assert story.error is None
    assert story.kinds.count("write") == 3 + 1, "the third failed, and what it was to write fits into one"
    keys = [item["sk"]["S"] for item in table.partition("GRP#m149")]
    assert len(keys) == 2
    assert min(keys) == time_text(1)


def test_a_request_is_paused_only_between_its_tries() -> None:
    requests = GroupWork([message(at=1)], float).requests()
    assert isinstance(next(requests), ReadIndex)
    assert isinstance(requests.throw(TransientError("ThrottlingException")), Pause)
    again = requests.send(None)
    assert isinstance(again, ReadIndex)
    assert isinstance(requests.send(answered(again)), Transact)
