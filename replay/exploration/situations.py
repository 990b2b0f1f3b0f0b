"""Situations that a history may come to: what is hard about a delivery, counted where it was seen to happen."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse
from replay.exploration.case import FAULT_KINDS
from replay.exploration.limits import LIMITS
from replay.rows.keys import membership_of
from replay.rows.reading import value_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.rows.reading import Item
    from replay.rows.said import Said

SITUATIONS: Final = tuple(
    sorted(
        {
            *FAULT_KINDS,
            *LIMITS,
            "a condition failed",
            "another owner's update",
            "answer error",
            "answer partial",
            "answer refused",
            "answer success",
            "answer unreadable",
            "batch cut down to one record",
            "batch delivered twice at once",
            "discarded",
            "effect without an answer",
            "equal instants",
            "failure of a single record",
            "index behind when asked",
            "index entry late",
            "invocations at the same time",
            "member left",
            "message removed",
            "redelivery after success",
            "row put late",
            "stated limit",
            "two groups in one key",
        }
    )
)
"""All of them. Faults count where they came to pass; `two groups in one key` and `equal instants` once a history."""
OF_WRONG_ANSWERS: Final = frozenset({"answer refused", "answer unreadable"})
"""Only a handler that answers unlawfully comes to these."""


def situation_named(name: str) -> str:
    """Find a situation.

    Raises:
        WrongUse: there is none of this name; the text has the nearest one.
    """
    if name in SITUATIONS:
        return name
    near = difflib.get_close_matches(name, SITUATIONS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {'; '.join(SITUATIONS)}"
    raise WrongUse(f"--reach: there is no situation '{name}'; {hint}")


def seen_at_quiet(rows: Iterable[Item], told: Iterable[Said | None]) -> Counter[str]:
    """Look for what rows and messages show at the end of a history; each counts once."""
    seen = {"two groups in one key": _groups_meet(rows), "equal instants": _instants_meet(told)}
    return Counter(name for name, is_there in seen.items() if is_there)


def _groups_meet(rows: Iterable[Item]) -> bool:
    """Whether a member has rows of two groups at one instant: only one of them has the plain key."""
    at: dict[tuple[str, object], str] = {}
    for row in rows:
        membership = membership_of(row)
        is_time, instant, _ = value_of(row)
        if membership is None or not is_time:
            continue
        group, member = membership
        if at.setdefault((member, instant), group) != group:
            return True
    return False


def _instants_meet(told: Iterable[Said | None]) -> bool:
    """Whether two messages of a group have one instant and different texts."""
    texts: dict[tuple[str, object], set[str]] = defaultdict(set)
    for said in told:
        if said is not None:
            texts[said.group, said.value[1]].add(said.value[2])
    return any(len(each) > 1 for each in texts.values())
