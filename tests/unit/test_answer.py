"""What is not finished is told: the lowest record by an answer, and by an error only where no answer can isolate it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.answer import Failure, answer_naming, to_raise
from stream_processor.errors import ConfigurationError, PermanentError, RefusedError, StreamProcessorError
from stream_processor.message import GroupId, Position

if TYPE_CHECKING:
    from collections.abc import Sequence

PERMANENT = PermanentError("NoText", "the attribute 'message' is missing")
WRONG_SET_UP = ConfigurationError("there is no such table")
LATER = RefusedError("Throttled", "not now")


def at(number: int) -> Position:
    return Position(number, f"{number:021d}")


def failed(number: int, error: Exception = LATER, *, raises: bool = False) -> Failure:
    return Failure(at(number), GroupId("g"), error, raises=raises)


def test_no_record_or_one_is_named() -> None:
    assert answer_naming(None) == {"batchItemFailures": []}
    assert answer_naming("007") == {"batchItemFailures": [{"itemIdentifier": "007"}]}


@pytest.mark.parametrize(
    ("failures", "raised"),
    [
        pytest.param([], None, id="nothing failed"),
        pytest.param([failed(1)], None, id="may go better later"),
        pytest.param([failed(1, PERMANENT, raises=True)], PERMANENT, id="permanent and first of the batch"),
        pytest.param([failed(2, PERMANENT, raises=True)], None, id="permanent, behind others"),
        pytest.param([failed(1), failed(2, PERMANENT, raises=True)], None, id="permanent, behind one that is not"),
        pytest.param([failed(1, PERMANENT)], None, id="permanent, and set aside some time"),
        pytest.param([failed(1), failed(3, WRONG_SET_UP)], WRONG_SET_UP, id="a wrong set-up, wherever"),
    ],
)
def test_an_error_is_raised_where_an_answer_would_cost_healthy_records(
    failures: Sequence[Failure], raised: Exception | None
) -> None:
    assert to_raise(failures, [at(1), at(2), at(3)]) is raised


@given(st.permutations([1, 2, 3, 10]))
def test_the_first_of_a_batch_is_the_lowest_number_wherever_it_stands(numbers: list[int]) -> None:
    positions = [at(number) for number in numbers]
    assert to_raise([failed(1, PERMANENT, raises=True)], positions) is PERMANENT
    assert to_raise([failed(2, PERMANENT, raises=True)], positions) is None


def test_an_empty_batch_raises_nothing() -> None:
    assert to_raise([], []) is None


@pytest.mark.parametrize(
    ("error", "code", "reason", "retryable"),
    [
        (LATER, "Throttled", "not now", True),
        (PERMANENT, "NoText", "the attribute 'message' is missing", False),
        (WRONG_SET_UP, "ConfigurationError", "there is no such table", False),
        (ValueError("what ana wrote"), "ValueError", "nowhere", True),
    ],
)
def test_an_error_is_told_by_code_and_reason(error: Exception, code: str, reason: str, *, retryable: bool) -> None:
    failure = failed(1, error)
    assert (failure.code, failure.reason, failure.retryable) == (code, reason, retryable)
    assert isinstance(error, StreamProcessorError) or str(error) not in failure.reason


def test_a_bug_is_told_by_its_innermost_line() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _halve(0)
    assert failed(1, caught.value).reason == f"at test_answer.py:{_divide.__code__.co_firstlineno + 1}"


def _halve(number: int) -> float:
    return _divide(number) / 2


def _divide(number: int) -> float:
    return 1 / number
