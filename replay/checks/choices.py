"""Choices a run makes, from outside: all of them in turn, or drawn by a seed.

A run that takes every decision from `choose` can be repeated exactly, and a small one can be driven through every
combination of decisions: each run repeats a prefix of the one before, takes the next branch at its end, and goes on
with the first branch wherever it comes to something new (stateless model checking).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random


class Choices(Protocol):
    """Decides among `count` branches."""

    def choose(self, count: int) -> int:
        """Take a branch, from 0 to `count - 1`."""
        ...


class Prefix:
    """Repeats given decisions, then takes the first branch; `taken` and `counts` say what happened."""

    def __init__(self, decisions: Sequence[int] = ()) -> None:
        self._decisions = tuple(decisions)
        self.taken: list[int] = []
        self.counts: list[int] = []

    def choose(self, count: int) -> int:
        """Repeat a decision, or take the first branch."""
        place = len(self.taken)
        branch = self._decisions[place] if place < len(self._decisions) else 0
        self.taken.append(branch)
        self.counts.append(count)
        return branch


class Drawn:
    """Draws each decision."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def choose(self, count: int) -> int:
        """Draw a branch."""
        return int(self._random.random() * count)


def every(run: Callable[[Choices], None], *, runs_max: int) -> int:
    """Run through every combination of decisions; how many runs that took.

    Raises:
        RuntimeError: there are more than `runs_max`: a bound that is met proves nothing.
    """
    decisions: list[int] | None = []
    runs = 0
    while decisions is not None:
        if runs == runs_max:
            raise RuntimeError(f"more than {runs_max} combinations: make the history smaller")
        prefix = Prefix(decisions)
        run(prefix)
        runs += 1
        decisions = _next(prefix.taken, prefix.counts)
    return runs


def _next(taken: Sequence[int], counts: Sequence[int]) -> list[int] | None:
    for place in range(len(taken) - 1, -1, -1):
        if taken[place] + 1 < counts[place]:
            return [*taken[:place], taken[place] + 1]
    return None
