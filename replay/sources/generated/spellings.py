"""The ways apps spell a time, exactly: a spelling without a fraction is used for whole seconds only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MICROSECOND: Final = 1
MILLISECOND: Final = 1_000
SECOND: Final = 1_000_000

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS_MINUTES: Final = (330, -480, 60, 345)
"""India, California in winter, Paris in winter, Nepal."""
SECONDS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way; `precision_us` is the unit whose multiples it can say."""

    name: str
    precision_us: int
    spelled: Callable[[int], str]
    """From microseconds since the epoch."""


@lru_cache(maxsize=SECONDS_KEPT)
def to_the_second(second: int) -> str:
    """Write a second since the epoch as `YYYY-MM-DDTHH:MM:SS`."""
    return (EPOCH + timedelta(seconds=second)).replace(tzinfo=None).isoformat()


def utc(at_us: int) -> str:
    """Write an instant as the function under test does, too."""
    return f"{to_the_second(at_us // SECOND)}.{at_us % SECOND:06d}+00:00"


def _offset(at_us: int) -> str:
    minutes = OFFSETS_MINUTES[at_us % len(OFFSETS_MINUTES)]
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    return f"{to_the_second(at_us // SECOND + 60 * minutes)}.{at_us % SECOND:06d}{sign}{hours:02d}:{rest:02d}"


def _naive(at_us: int) -> str:
    return f"{to_the_second(at_us // SECOND)}.{at_us % SECOND:06d}"


def _space(at_us: int) -> str:
    return _naive(at_us).replace("T", " ")


def _zulu(at_us: int) -> str:
    return f"{to_the_second(at_us // SECOND)}.{at_us % SECOND // MILLISECOND:03d}Z"


def _seconds(at_us: int) -> str:
    return to_the_second(at_us // SECOND)


def _seconds_utc(at_us: int) -> str:
    return f"{to_the_second(at_us // SECOND)}+00:00"


SPELLINGS: Final = (
    Spelling("utc", MICROSECOND, utc),
    Spelling("offset", MICROSECOND, _offset),
    Spelling("naive", MICROSECOND, _naive),
    Spelling("space", MICROSECOND, _space),
    Spelling("z", MILLISECOND, _zulu),
    Spelling("seconds", SECOND, _seconds),
    Spelling("seconds-utc", SECOND, _seconds_utc),
)
