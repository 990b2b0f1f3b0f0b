"""When each message is said: instants rise, no two are one, and each is one that its spelling can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from replay.sources.generated.spellings import EPOCH, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.sources.generated.asked import Asked
    from replay.sources.generated.spellings import Spelling


class Moment(NamedTuple):
    """An instant in microseconds since the epoch, and how an app wrote it. Made by the million: a tuple is quick."""

    at_us: int
    spelling: Spelling

    @property
    def text(self) -> str:
        """The sort key."""
        return self.spelling.spelled(self.at_us)


class Clock:
    """Time runs in slots as wide as the rate says; one message each, anywhere in its slot."""

    def __init__(self, asked: Asked, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._width_us = asked.width_us
        since = asked.start - EPOCH
        self._start_us = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
        self._slot = 0
        self._all = asked.spellings
        finest = min(spelling.precision_us for spelling in asked.spellings)
        self._finest = tuple(spelling for spelling in asked.spellings if spelling.precision_us == finest)
        self._whole = tuple(spelling for spelling in asked.spellings if spelling.precision_us == SECOND)
        self._is_narrow = self._width_us < SECOND

    def tick(self) -> Moment:
        """Go on to the next slot and choose a moment in it.

        Slots narrower than a second seldom hold a whole one; those that do are for the spellings that need it.
        """
        begin, end = self._edges()
        self._slot += 1
        spelling = self._one_of(self._all)
        if self._is_narrow and self._whole and -(-begin // SECOND) * SECOND < end:
            spelling = self._one_of(self._whole)
        at_us = begin + int(self._draw() * (end - begin))
        if spelling.precision_us == 1:
            return Moment(at_us, spelling)
        fitted = _fitted(at_us, spelling.precision_us, begin, end)
        if fitted is not None:
            return Moment(fitted, spelling)
        spelling = self._one_of(self._finest)
        fitted = _fitted(at_us, spelling.precision_us, begin, end)
        if fitted is None:
            raise AssertionError("the rate was held to the finest spelling")
        return Moment(fitted, spelling)

    def again(self, moment: Moment, *, respelled: bool) -> Moment:
        """Say the last instant once more, passing over a slot; `respelled` in another way."""
        self._slot += 1
        fitting = [
            spelling
            for spelling in self._all
            if moment.at_us % spelling.precision_us == 0 and not (respelled and spelling is moment.spelling)
        ]
        return Moment(moment.at_us, self._one_of(fitting))

    def _edges(self) -> tuple[int, int]:
        return (
            self._start_us + int(self._slot * self._width_us),
            self._start_us + int((self._slot + 1) * self._width_us),
        )

    def _one_of(self, spellings: Sequence[Spelling]) -> Spelling:
        return spellings[int(self._draw() * len(spellings))]


def _fitted(at_us: int, precision_us: int, begin: int, end: int) -> int | None:
    """Move an instant to a multiple of the precision within its slot, if the slot holds one."""
    down = at_us - at_us % precision_us
    if down >= begin:
        return down
    up = down + precision_us
    return up if up < end else None
