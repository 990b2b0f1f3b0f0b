"""What an invocation says of itself, and whether its answer agrees with that.

Only the project's own function gives an account: it tells each record that is not finished where it would log it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from replay.event_source.answers import Raised, Returned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.event_source.answers import FunctionResult

RULE: Final = "answers tell what is not finished"


@dataclass(slots=True)
class Account:
    """Sequence numbers of records that are not finished, and how many calls began with too little time left."""

    unfinished: list[str] = field(default_factory=list)
    late_calls: int = 0


def disagreements(account: Account, result: FunctionResult, *, was_disturbed: bool) -> Iterator[str]:
    """Say where an invocation that came to its own end, with a quarantine at hand, answers otherwise than it did.

    The answer is the lowest record that is not finished, or none; nothing is raised. Where every call went well there
    is nothing that could not be finished.
    """
    if account.late_calls:
        yield f"{account.late_calls} calls began with too little time left"
    lowest = min(account.unfinished, key=int, default=None)
    if lowest is not None and not was_disturbed:
        yield f"{lowest} is not finished although every call went well"
    if isinstance(result, Raised):
        yield f"{result.error} is raised where {lowest or 'nothing'} is to be answered"
    elif isinstance(result, Returned):
        answered = min(_named(result), key=int, default=None)
        if answered != lowest:
            yield f"{answered or 'nothing'} is answered, {lowest or 'nothing'} is not finished"


def _named(result: Returned) -> list[str]:
    """Sequence numbers that an answer names; whether it is lawful at all is another rule's."""
    answer = result.value if isinstance(result.value, dict) else {}
    failures = [each for each in answer.get("batchItemFailures") or () if isinstance(each, dict)]
    named = [each.get("itemIdentifier") for each in failures]
    return [text for text in named if isinstance(text, str) and text.isdecimal()]
