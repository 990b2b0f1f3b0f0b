"""The instants of one case and how they are spelled: seconds apart, microseconds, days or years."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from replay.exploration.vocabulary import ZONES, spelled

if TYPE_CHECKING:
    from replay.exploration.dice import Dice
    from replay.exploration.features import Features

EPOCH: Final = datetime(2026, 3, 1, 10, 0)  # noqa: DTZ001 - naive UTC, as everywhere in the checks
MOMENTS: Final = 12
"""Distinct instants where ties are wanted: few, so that ties and collisions happen."""
TIED: Final = (2, 3, MOMENTS, MOMENTS, MOMENTS)
"""How many of them messages have."""
FLOOD: Final = range(55, 121)
"""Messages of a long stream: more than fifty in a batch."""
SECOND: Final = timedelta(seconds=1)
CLOSE: Final = tuple(timedelta(microseconds=count) for count in (1, 1, 9, 1_000, 100_000, 250_000, 999_999))
FAR: Final = (
    SECOND,
    timedelta(minutes=61),
    timedelta(hours=11),
    timedelta(days=1),
    timedelta(days=1),
    timedelta(days=31),
    timedelta(days=366),
)


class Instants:
    """Instants by place: rows are older than place 0 unless drawn otherwise, messages stand at 0 and behind."""

    def __init__(self, dice: Dice, features: Features, messages: int) -> None:
        self._dice = dice
        self._tied = dice.choice(TIED) if features.ties else 0
        self.messages = messages
        self.is_backwards = messages in FLOOD and features.floods and not features.ties and dice.coin(0.5)
        """Whether a long stream is of one group, and tells its newest message first."""
        self._later = max(MOMENTS, messages + 1)
        """The place behind those of all messages."""
        steps = (CLOSE if features.fractions else ()) + (FAR if features.distances else ())
        count = 2 * MOMENTS + self._later
        drawn = dice.choices(steps, k=count) if steps else [SECOND] * count
        start = EPOCH - MOMENTS * SECOND
        if features.distances:  # records are made at the epoch: some messages are older, some newer
            start -= sum(drawn[: dice.randrange(count)], timedelta(seconds=dice.randrange(86_400)))
        self._instants: list[datetime] = [start]
        for step in drawn:
            self._instants.append(self._instants[-1] + step)
        self._zones = ZONES if dice.coin(0.5) else dice.sample(ZONES, dice.randrange(1, 4))
        self._odd = 0

    def spelled(self, place: int) -> str:
        """Spell the instant of a place, otherwise at each call where there are several ways."""
        return spelled(self._instants[place + MOMENTS], self._dice, self._zones)

    def spelled_before_all(self) -> str:
        """Spell an instant before all others, another one at each call."""
        self._odd += 1
        return spelled(self._instants[0] - self._odd * FAR[-1], self._dice, self._zones)

    def of_row(self) -> int:
        """Draw the place of a row that is older than every message."""
        return -1 - int(self._dice.random() * MOMENTS)

    def of_any_row(self) -> int:
        """Draw the place of a row among messages, or behind all of them."""
        return int(self._dice.random() * (self._later + MOMENTS // 2))

    def of_message(self, number: int) -> int:
        """Draw the place of a message, the `number`-th from 1 on."""
        if self._tied:
            return int(self._dice.random() * self._tied)
        return self.messages + 1 - number if self.is_backwards else number

    def instant(self, place: int) -> datetime:
        """Give the instant of a place."""
        return self._instants[place + MOMENTS]
