"""An answer is held to what the invocation itself said was not finished."""

from __future__ import annotations

import pytest

from replay.event_source.answers import FunctionResult, Raised, Returned, TimedOut
from replay.exploration.account import Account, disagreements


def answering(*texts: str) -> Returned:
    return Returned({"batchItemFailures": [{"itemIdentifier": text} for text in texts]})


def told(account: Account, result: FunctionResult, *, was_disturbed: bool = True) -> list[str]:
    return list(disagreements(account, result, was_disturbed=was_disturbed))


@pytest.mark.parametrize(
    "result", [answering("9"), answering("10", "9"), answering("9", "10")], ids=["the lowest", "all", "sorted"]
)
def test_the_lowest_as_a_number_is_right_whatever_stands_beside_it(result: FunctionResult) -> None:
    assert told(Account(["10", "9"]), result) == []


@pytest.mark.parametrize("value", [{"batchItemFailures": []}, {"batchItemFailures": None}, {}, None])
def test_every_spelling_of_nothing_is_nothing(value: object) -> None:
    assert told(Account(), Returned(value), was_disturbed=False) == []
    assert told(Account(["9"]), Returned(value)) == ["nothing is answered, 9 is not finished"]


@pytest.mark.parametrize(
    ("account", "result", "said"),
    [
        (Account(["9"]), answering("8"), "8 is answered, 9 is not finished"),
        (Account(["9"]), answering("10"), "10 is answered, 9 is not finished"),
        (Account(), answering("8"), "8 is answered, nothing is not finished"),
        (Account(["9"]), Raised("GaveUp"), "GaveUp is raised where 9 is to be answered"),
        (Account([], late_calls=2), answering(), "2 calls began with too little time left"),
    ],
)
def test_anything_else_is_told(account: Account, result: FunctionResult, said: str) -> None:
    assert told(account, result) == [said]


def test_what_is_not_finished_although_every_call_went_well_is_told() -> None:
    said = "9 is not finished although every call went well"
    assert told(Account(["9"]), answering("9"), was_disturbed=False) == [said]


@pytest.mark.parametrize("value", [{"batchItemFailures": ["9", {"itemIdentifier": 9}, {"other": "9"}]}, [], "text"])
def test_an_answer_that_is_not_lawful_is_another_rules(value: object) -> None:
    assert told(Account(), Returned(value)) == []


def test_an_invocation_that_ran_out_of_time_answers_nothing() -> None:
    assert told(Account(["9"]), TimedOut()) == []
