"""How the command line says what is asked: counts, shares, ranges, kinds, times."""

from __future__ import annotations

import difflib
import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse
from replay.rows.reading import read_instant
from replay.sources.generated.poison import KINDS
from replay.sources.generated.spellings import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from replay.sources.generated.spellings import Spelling

ALL: Final = "all"
_RANGE: Final = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
_SHARE: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)%")
_COUNT: Final = re.compile(r"[0-9]{1,18}")


def read_range(option: str, text: str) -> tuple[int, int]:
    """Read `N` or `N-M`."""
    match = _RANGE.fullmatch(text)
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= least <= most:
        raise WrongUse(f"{option} '{text}': a number from 1, or two as in 2-5, the lesser first")
    return least, most


def read_count(option: str, text: str, whole: int) -> int:
    """Read a number, or a share of `whole` as in `2.5%`; a share that is not none is one at least."""
    share = _SHARE.fullmatch(text)
    if share is not None and float(share[1]) <= 100:  # noqa: PLR2004 - percent
        exact = whole * float(share[1]) / 100
        return max(1, round(exact)) if exact > 0 else 0
    if not _COUNT.fullmatch(text):
        raise WrongUse(f"{option} '{text}': a number, or a share of the messages as in 2.5%")
    return int(text)


def read_poison(given: Iterable[str]) -> dict[str, int]:
    """Read `KIND` or `KIND=N`, where KIND may be `all`; the last word on a kind counts."""
    counts: dict[str, int] = {}
    for text in given:
        kind, equals, number = text.partition("=")
        if kind not in (*KINDS, ALL):
            raise WrongUse(f"--poison '{kind}' is no kind{_nearest(kind, (*KINDS, ALL))}")
        if equals and not _COUNT.fullmatch(number):
            raise WrongUse(f"--poison '{text}': behind '=' stands how many, a number")
        for name in KINDS if kind == ALL else (kind,):
            counts[name] = int(number) if equals else 1
    return counts


def read_spellings(given: Sequence[str]) -> tuple[Spelling, ...]:
    """Read names of spellings; none, or `all`, are all."""
    names = [spelling.name for spelling in SPELLINGS]
    for name in given:
        if name not in (*names, ALL):
            raise WrongUse(f"--spelling '{name}' is none{_nearest(name, (*names, ALL))}")
    if not given or ALL in given:
        return SPELLINGS
    return tuple(spelling for spelling in SPELLINGS if spelling.name in given)


def read_start(text: str) -> datetime:
    """Read a time in any spelling of the table; naive is UTC."""
    naive = read_instant(text)
    if naive is None:
        raise WrongUse(f"--start '{text}' is no time; one looks like 2026-03-14T08:30:00+00:00")
    return naive.replace(tzinfo=UTC)


def _nearest(given: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(given, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}"
