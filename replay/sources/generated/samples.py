"""Chance that keeps count: what is wanted happens exactly as often as wanted, at random places."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Sample:
    """Chooses `wanted` of `total` occasions, as they come; all choices are equally likely (selection sampling)."""

    def __init__(self, wanted: int, total: int, draw: Callable[[], float]) -> None:
        self._wanted = wanted
        self._left = total
        self._draw = draw

    def take(self) -> bool:
        """Say whether the next occasion is chosen."""
        if not self._wanted:
            return False
        taken = self._draw() * self._left < self._wanted
        self._left -= 1
        self._wanted -= taken
        return taken


class Lots:
    """A bag of lots, drawn one after the other until it is empty; put those that are many first."""

    def __init__(self, counts: Mapping[str, int], draw: Callable[[], float]) -> None:
        self._names = list(counts)
        self._counts = list(counts.values())
        self._draw = draw

    def __iter__(self) -> Iterator[str]:
        counts, names, draw = self._counts, self._names, self._draw
        for left in range(sum(counts), 0, -1):
            drawn, at = int(draw() * left), 0
            while drawn >= counts[at]:
                drawn -= counts[at]
                at += 1
            counts[at] -= 1
            yield names[at]
