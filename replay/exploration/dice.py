"""Chance that a seed decides: the same seed throws the same."""

from __future__ import annotations

from random import Random


class Dice(Random):
    """Random numbers, with the two throws that drawing cases is made of."""

    def up_to(self, limit: int) -> int:
        """Throw a whole number from 1 to a limit."""
        return 1 + int(self.random() * limit)

    def coin(self, chance: float) -> bool:
        """Throw whether something happens that has this chance."""
        return self.random() < chance
