"""Pseudonyms that keep the order of their originals, besides their lengths and their differences.

Originals are sorted; those that begin alike get the same beginning. Where they part, the letters that follow are chosen
in the order of the originals' bytes, which in UTF-8 is the order of characters. Behind its last parting a pseudonym is
like any other.
"""

from __future__ import annotations

import os
from itertools import groupby
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from replay.sources.redacted.letters import Letters

ATTEMPTS: Final = 32
"""How often all is begun anew where letters run into what they must not spell."""

Alike = list[bytes]
"""Originals that begin alike, sorted."""


class _StuckError(Exception):
    """No letter fits any more."""


def ranked(texts: Collection[str], letters: Letters) -> dict[str, str]:
    """Give each text a pseudonym; the greater original has the greater. What is no Unicode is left out.

    Raises:
        WrongUse: there are more originals that part at one place than letters.
    """
    originals = sorted(text.encode() for text in texts if text and _is_unicode(text))
    for attempt in range(ATTEMPTS):
        try:
            return _ranked(originals, letters, b"rank %d/" % attempt)
        except _StuckError:
            continue
    raise WrongUse(
        f"{len(originals)} texts share instants with others of their groups and begin in too many ways for pseudonyms "
        "in the same order; redact fewer records at once"
    )


def _ranked(originals: Alike, letters: Letters, seed: bytes) -> dict[str, str]:
    pseudonyms: dict[str, str] = {}
    waiting: list[tuple[Alike, bytes]] = [(originals, b"")] if originals else []
    while waiting:
        alike, begun = waiting.pop()
        first = alike[0]
        shared = len(os.path.commonprefix([first, alike[-1]]))  # noqa: RUF071 - letters are compared, not paths
        begun = _lengthened(letters, begun, shared, seed + first[:shared])
        if len(first) == shared:
            if not letters.fits(begun):
                raise _StuckError
            pseudonyms[first.decode()] = begun.decode()
            alike = alike[1:]
        if alike:
            waiting.extend(_parted(letters, begun, alike, seed))
    return pseudonyms


def _lengthened(letters: Letters, begun: bytes, length: int, seed: bytes) -> bytes:
    grown = letters.lengthened(begun, length, seed)
    if grown is None:
        raise _StuckError
    return grown


def _parted(letters: Letters, begun: bytes, alike: Alike, seed: bytes) -> Iterable[tuple[Alike, bytes]]:
    """Part originals by their next byte; each part goes on with a letter of its own."""
    at = len(begun)
    parts = [list(part) for _, part in groupby(alike, key=lambda original: original[at])]
    labels = letters.labels(begun, len(parts), letters.draws(seed + b"part " + alike[0]))
    if labels is None:
        raise _StuckError
    return [(part, begun + bytes((label,))) for part, label in zip(parts, labels, strict=True)]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
