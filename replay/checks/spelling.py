"""How a sort key spells its time: as the function writes it, or in what other way."""

from __future__ import annotations

import re
from typing import Final

CANONICAL: Final = "as the function writes it"
NO_TIME: Final = "no time"
_OTHER: Final = "no six digits behind the second"
_SPELLINGS: Final = (
    (CANONICAL, re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,}\+00:00")),
    ("a space for the T", re.compile(r".{10} .*")),
    ("Z", re.compile(r".*Z")),
    ("no zone", re.compile(r"[^T]*T[^+-]*")),
    ("another offset", re.compile(r".*(?<!\+00:00)")),
)


def spelling_of(key: str) -> str:
    """Name a time's spelling by what comes first of what is unusual in it."""
    return next((name for name, pattern in _SPELLINGS if pattern.fullmatch(key)), _OTHER)
