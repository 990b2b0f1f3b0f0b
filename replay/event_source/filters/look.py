"""The first look at a record: each path of a branch followed through plain objects.

It answers yes or no, or does not know: when it meets an array of objects, or a key that contains a dot and may stand
for several steps at once. No answer of it is ever wrong; what it does not know, `search` finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from replay.event_source.filters.operators import Condition

Verdict: TypeAlias = bool | None
"""Yes, no, or not known."""

Look: TypeAlias = Callable[[object], Verdict]

ALIASES_MAX = 512
"""Names with dots to watch for; a branch with more is not looked at, but searched at once."""

MISSING = object()


def compile_look(branch: Mapping[str, Condition]) -> Look:
    """Return the look at a record for all conditions of a branch."""
    root = _grow(branch)
    if root.count_aliases() > ALIASES_MAX:
        return lambda _record: None
    return root.compile()


@dataclass(slots=True)
class _Node:
    """A step of the paths of one branch: conditions on the leaf found here, and steps below."""

    condition: Condition | None = None
    below: dict[str, _Node] = field(default_factory=dict)

    def names(self) -> Iterator[str]:
        """Yield the joined keys of every step below."""
        for key, node in self.below.items():
            yield key
            for name in node.names():
                yield f"{key}.{name}"

    def count_aliases(self) -> int:
        """Count the joined keys to watch for, here and below; stops soon after the limit."""
        count = 0
        waiting = [(self, 0)]
        while waiting and count <= ALIASES_MAX:
            node, depth = waiting.pop()
            count += max(depth - 1, 0)
            waiting += [(child, depth + 1) for child in node.below.values()]
        return count

    def absent(self) -> bool:
        """Tell whether all conditions here and below accept a missing leaf."""
        here = self.condition is None or self.condition.accepts_absence
        return here and all(node.absent() for node in self.below.values())

    def absence_counts(self) -> bool:
        """Tell whether any condition here or below accepts a missing leaf."""
        here = self.condition is not None and self.condition.accepts_absence
        return here or any(node.absence_counts() for node in self.below.values())

    def compile(self) -> Look:
        """Return the look at a value found at this step."""
        if not self.below:
            return _look_at_leaf(self.condition) if self.condition else lambda _value: True
        objects = _look_into_object(self)
        if self.condition is None:
            return objects
        leaf = _look_at_leaf(self.condition)
        return lambda value: _both(leaf(value), objects(value))


def _grow(branch: Mapping[str, Condition]) -> _Node:
    root = _Node()
    for path, condition in branch.items():
        node = root
        for key in path.split("."):
            node = node.below.setdefault(key, _Node())
        node.condition = condition
    return root


def _both(one: Verdict, other: Verdict) -> Verdict:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _look_at_leaf(condition: Condition) -> Look:
    accepts, absence = condition.accepts, condition.accepts_absence

    def look(value: object) -> Verdict:
        if value.__class__ is str:
            return accepts(value)
        if value is MISSING or isinstance(value, Mapping):
            return absence
        if isinstance(value, (list, tuple)):
            return _look_at_elements(value, condition)
        return accepts(value)

    return look


def _look_at_elements(values: list[object] | tuple[object, ...], condition: Condition) -> Verdict:
    """Look at an array where a leaf is wanted: its scalars stand in no element of their own, so any of them will do."""
    if any(isinstance(value, (Mapping, list, tuple)) for value in values):
        return None
    return any(map(condition.accepts, values)) if values else condition.accepts_absence


def _look_into_object(node: _Node) -> Look:
    absent = all(child.absent() for child in node.below.values())
    steps = tuple(_Step(key, child) for key, child in node.below.items())
    looks = tuple((step.key, step.look, step.aliases, step.absence_counts) for step in steps)
    if len(steps) == 1:
        return _look_down(*looks[0], absent)

    def look(value: object) -> Verdict:
        if value.__class__ is not dict and not isinstance(value, Mapping):
            return None if isinstance(value, (list, tuple)) else absent
        known = True
        for key, below, aliases, absence_counts in looks:
            verdict = below(value.get(key, MISSING))
            if verdict is True and not absence_counts:
                continue
            if verdict is None or any(alias in value for alias in aliases):
                known = False
            elif verdict is False:
                return False
        return True if known else None

    return look


def _look_down(key: str, below: Look, aliases: tuple[str, ...], absence_counts: bool, absent: bool) -> Look:  # noqa: FBT001
    """Look into an object for one key; the same as for several, without the loop."""

    def look(value: object) -> Verdict:
        if value.__class__ is not dict and not isinstance(value, Mapping):
            return None if isinstance(value, (list, tuple)) else absent
        verdict = below(value.get(key, MISSING))
        if verdict is True and not absence_counts:
            return True
        for alias in aliases:
            if alias in value:
                return None
        return verdict

    return look


class _Step:
    """One key of an object, with what the look at it has to know."""

    def __init__(self, key: str, node: _Node) -> None:
        self.key = key
        self.look = node.compile()
        self.aliases = tuple(f"{key}.{name}" for name in node.names())
        """Keys that mean several steps at once. They can only add leaves, so a yes stands without looking for them,
        unless it rests on a leaf being absent."""
        self.absence_counts = node.absence_counts()
