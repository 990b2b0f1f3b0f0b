"""What pseudonyms are made of: letters put together so that no original can be read anywhere in them.

An original of four bytes or more begins with four bytes; a pseudonym in which no original's first four bytes stand
holds no original. That is what `Letters` sees to, byte by byte.
"""

from __future__ import annotations

import hashlib
import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

START_BYTES: Final = 4
SMALL: Final = b"abcdefghijklmnopqrstuvwxyz0123456789"
PRINTABLE: Final = bytes(code for code in range(0x21, 0x7F) if chr(code) not in '"\\#')
ALL: Final = bytes(range(1, 0x80))
ALPHABETS: Final = (SMALL, PRINTABLE, ALL)
"""Tried in turn where one is too small."""

BEFORE: Final = b': "'
BEHIND: Final = b'"},'
PREFIX_END: Final = b"#"
"""What stands around a pseudonym in the file, and must not make an original together with it: a `"` or a `#` next to it
is in every four bytes that reach beyond it. Any letters may stand before the `#`.
"""

HEAD_BYTES: Final = 24
"""Letters of a long pseudonym that its original decides: 36**24 are more than there are originals."""
FILLER_BYTES: Final = 1 << 16
FILLERS_MAX: Final = 256
DIGEST_BYTES: Final = 64
SALT_BYTES: Final = 16
LAST_MASK: Final = 0xFFFFFF


class Letters:
    """Puts letters together; `key` makes them unlike those of any other redaction."""

    def __init__(self, key: bytes, originals: Iterable[bytes]) -> None:
        self._key = key
        starts = {original[:START_BYTES] for original in originals if len(original) >= START_BYTES}
        self._starts = frozenset(map(_code, starts))
        ends = {start[at + 1 :] for start in starts for at in range(START_BYTES) if start[at : at + 1] == PREFIX_END}
        self._behind_prefix = tuple(ends - {b""})
        self._may_meet = any(letter in start for start in starts for letter in b'"#')

    def word(self, seed: bytes, length: int, alphabet: bytes = SMALL) -> bytes | None:
        """Make so many letters by a seed; nothing where this seed leads to where no letter fits."""
        letters = self.lengthened(b"", length, seed, alphabet)
        return letters if letters is not None and self.fits(letters) else None

    def fits(self, letters: bytes) -> bool:
        """Whether letters make no original together with what stands around them in the file."""
        if not self._may_meet:
            return True
        pieces = BEFORE + letters[: START_BYTES - 1], letters[1 - START_BYTES :] + BEHIND
        return not (letters.startswith(self._behind_prefix) or any(map(self.has_start, pieces)))

    def has_start(self, letters: bytes) -> bool:
        """Whether an original begins anywhere in these letters."""
        return any(_code(letters[at:]) in self._starts for at in range(len(letters) - START_BYTES + 1))

    def lengthened(self, begun: bytes, length: int, seed: bytes, alphabet: bytes = SMALL) -> bytes | None:
        """Add letters up to a length; nothing where no letter fits.

        The first of them come of the seed, one by one; all behind out of one long text, from a place of the seed's.
        """
        more, draws = length - len(begun), self.draws(seed)
        grown = self._extended(begun, min(more, HEAD_BYTES), draws, alphabet)
        if more <= HEAD_BYTES or grown is None:
            return grown
        return self._filled(grown, more - HEAD_BYTES, next(draws) << 8 | next(draws))

    def _extended(self, letters: bytes, length: int, draws: Iterator[int], alphabet: bytes) -> bytes | None:
        starts, size = self._starts, len(alphabet)
        grown, last = bytearray(letters), _last(letters)
        for drawn in itertools.islice(draws, length):
            for step in range(size):
                code = last << 8 | alphabet[(drawn + step) % size]
                if code not in starts:
                    break
            else:
                return None
            grown.append(code & 0xFF)
            last = code & LAST_MASK
        return bytes(grown)

    def _filled(self, letters: bytes, length: int, draw: int) -> bytes | None:
        for step in range(FILLER_BYTES):
            at = (draw + step) % FILLER_BYTES
            times = (at + length) // FILLER_BYTES + 1
            rest = (self._filler * times)[at : at + length]
            if not self.has_start(letters[1 - START_BYTES :] + rest[: START_BYTES - 1]):
                return letters + rest
        return None

    def labels(self, letters: bytes, count: int, draws: Iterator[int]) -> Sequence[int] | None:
        """Choose so many different letters that may follow, and give them in their order."""
        last = _last(letters) << 8
        for alphabet in ALPHABETS:
            fitting = [letter for letter in sorted(alphabet) if last | letter not in self._starts]
            if len(fitting) >= count:
                while len(fitting) > count:
                    del fitting[next(draws) % len(fitting)]
                return fitting
        return None

    def draws(self, seed: bytes) -> Iterator[int]:
        """Give numbers below 256, for ever, by a seed."""
        for block in itertools.count():
            salt = block.to_bytes(SALT_BYTES, "big")
            yield from hashlib.blake2b(seed, digest_size=DIGEST_BYTES, key=self._key, salt=salt).digest()

    @cached_property
    def _filler(self) -> bytes:
        """Grow a text that can follow upon itself."""
        for attempt in range(FILLERS_MAX):
            filler = self._extended(b"", FILLER_BYTES, self.draws(b"filler %d" % attempt), SMALL)
            if filler is not None and not self.has_start(filler[1 - START_BYTES :] + filler[: START_BYTES - 1]):
                return filler
        raise AssertionError("originals begin in every way that letters can follow one another")


def _code(letters: bytes) -> int:
    """Read four bytes as a number."""
    return int.from_bytes(letters[:START_BYTES], "big")


def _last(letters: bytes) -> int:
    """Read the last three bytes as a number; fewer at the beginning."""
    return int.from_bytes(letters[1 - START_BYTES :], "big")
