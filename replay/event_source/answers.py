"""What a function's end means to the event source: the truth table of partial responses.

(AWS: Lambda developer guide, services-ddb-batchfailurereporting, services-ddb-windows; recordings made on AWS. Where
both are silent: the conservative reading, or a switch.)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar, Final

from replay.event_source.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.event_source.records import StreamRecord
    from replay.event_source.switches import Switches


@dataclass(frozen=True, slots=True)
class Returned:
    """The function returned a value."""

    value: object = None
    takes_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Raised:
    """The function raised, crashed or ran out of memory."""

    error: str = "Exception"
    takes_s: float = 0.0
    detail: str = ""
    """What it said, and where; for people."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The function did not end in time."""

    takes_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Unserialisable:
    """The function returned what is no JSON: to the runtime, an error."""

    takes_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Throttled:
    """The function was not started: no concurrency, or the service had a fault."""

    takes_s: ClassVar[float] = 0.0


FunctionResult = Returned | Raised | TimedOut | Unserialisable | Throttled


class Meaning(Enum):
    """What a result means for the batch."""

    SUCCESS = auto()
    PARTIAL = auto()
    """The batch is finished up to one record; where that is the first, it is a failure without progress."""
    REFUSED = auto()
    """The function answered, and the answer is a complete failure."""
    ERROR = auto()
    """The function did not answer."""
    THROTTLED = auto()
    UNREADABLE = auto()
    """An answer whose meaning is not documented."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A result, understood."""

    meaning: Meaning
    unfinished_from: int = 0
    """Index in the batch of the first record not finished; PARTIAL only."""
    state: object = None
    """A tumbling window's state."""
    reason: str = ""
    """Why it is unreadable."""

    @property
    def outcome(self) -> str:
        """One word: success, partial or failure."""
        return {Meaning.SUCCESS: "success", Meaning.PARTIAL: "partial"}.get(self.meaning, "failure")

    def raise_unreadable(self) -> None:
        """Raise if nobody can read the answer.

        Raises:
            ContractError: So it is.
        """
        if self.meaning is Meaning.UNREADABLE:
            raise ContractError(self.reason)


SUCCESS = Verdict(Meaning.SUCCESS)
REFUSED = Verdict(Meaning.REFUSED)
ERROR = Verdict(Meaning.ERROR)
THROTTLED = Verdict(Meaning.THROTTLED)

_LIST = "batchItemFailures"
_READABLE: Final = "return nothing, or {'batchItemFailures': [...]}; or take ReportBatchItemFailures off the mapping"
_NO_FAILURES: tuple[object, ...] = (None, [])
_EMPTY_ANSWERS: tuple[object, ...] = (None, {}, [], "")


def judge(
    result: FunctionResult,
    records: Sequence[StreamRecord],
    switches: Switches,
    *,
    partial_responses: bool,
    windowed: bool = False,
) -> Verdict:
    """Say what a result means for the records it was invoked with.

    Args:
        result: How the function ended.
        records: The batch, in order of sequence number.
        switches: The readings in force.
        partial_responses: FunctionResponseTypes has ReportBatchItemFailures; else any answer is success.
        windowed: The mapping has a tumbling window, so that an answer without `state` is a failure.
    """
    if isinstance(result, Throttled):
        return THROTTLED
    if not isinstance(result, Returned):
        return ERROR
    if windowed:
        return _judge_windowed(result.value, records, switches, partial_responses=partial_responses)
    return _judge_answer(result.value, records, switches) if partial_responses else SUCCESS


def _judge_windowed(
    answer: object, records: Sequence[StreamRecord], switches: Switches, *, partial_responses: bool
) -> Verdict:
    if not isinstance(answer, dict) or "state" not in answer:
        return REFUSED
    rest = {key: value for key, value in answer.items() if key != "state"}
    verdict = _judge_answer(rest, records, switches) if partial_responses else SUCCESS
    return Verdict(verdict.meaning, verdict.unfinished_from, answer["state"], verdict.reason)


def _judge_answer(answer: object, records: Sequence[StreamRecord], switches: Switches) -> Verdict:
    if _is_one_of(answer, _EMPTY_ANSWERS):
        return SUCCESS
    if not isinstance(answer, dict):
        return _unreadable(f"the answer is {_kind(answer)}, not an object")
    if _LIST not in answer and switches.object_without_failures == "error":
        return _unreadable(f"the answer has no {_LIST} but {', '.join(map(str, answer))}")
    failures = answer.get(_LIST)
    if _is_one_of(failures, _NO_FAILURES):
        return SUCCESS
    if not isinstance(failures, list):
        return _unreadable(f"{_LIST} is {_kind(failures)}, not a list")
    return _judge_failures(failures, records, switches)


def _judge_failures(failures: list[Any], records: Sequence[StreamRecord], switches: Switches) -> Verdict:
    """Find the lowest record named; whatever names none makes the whole answer a failure."""
    places = {record.text: place for place, record in enumerate(records)}
    lowest = len(records)
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or not identifier:
            return REFUSED
        place = places.get(identifier)
        if place is not None:
            lowest = min(lowest, place)
        elif switches.unknown_identifiers == "fail":
            return REFUSED
    return SUCCESS if lowest == len(records) else Verdict(Meaning.PARTIAL, lowest)


def _is_one_of(value: object, values: tuple[object, ...]) -> bool:
    """Compare with the type: `False == 0` and `0 == 0.0` are no help here."""
    return any(type(value) is type(other) and value == other for other in values)


def _unreadable(reason: str) -> Verdict:
    return Verdict(
        Meaning.UNREADABLE,
        reason=f"an answer nobody can read: {reason}, and AWS does not say what it makes of that; {_READABLE}",
    )


def _kind(value: object) -> str:
    names = {
        bool: "a truth value",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), type(value).__name__)
