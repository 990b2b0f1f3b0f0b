"""What stands for what: one pseudonym for each original, as long in UTF-8, another for every other.

Short originals (a few letters) have few pseudonyms, so it is kept which are taken; long ones are told by a keyed hash
and nothing is kept. What must keep its order is given first, and holds (`ranks`).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse
from replay.sources.redacted.letters import ALL, PRINTABLE, SMALL, START_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from replay.sources.redacted.letters import Letters

KEPT_BYTES_MAX: Final = 64
"""Originals up to here are remembered with their pseudonyms: ids and names come again and again."""

CROWDED_BYTES_MAX: Final = 12
"""Pseudonyms so short may meet: it is kept which are taken. 36**12 are enough not to."""
ALPHABET_OF_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
WORDS: Final = ((SMALL, 64), (PRINTABLE, 512), (ALL, 4096))
BASE64: Final = ((SMALL, 64), (ALPHABET_OF_BASE64, 4096))
"""Which letters are tried in turn, and how often chance is given each."""
SEARCHED_BYTES_MAX: Final = 2
"""So short, all that there are can be tried in the end."""

NUMBER_BYTES_MIN: Final = 4
"""Numbers of fewer characters tell nobody."""
NUMBER_ATTEMPTS: Final = 512

PADDING: Final = "="
ENDS_OF_BASE64: Final = {
    0: (b"",),
    1: tuple(bytes((end,)) for end in b"AEIMQUYcgkosw048"),
    2: tuple(bytes((end,)) for end in b"AQgw"),
}
"""What the last character before so much padding can be: its unused bits are zero. (RFC 4648, section 3.5.)"""
END_BYTES: Final = 6
"""Three letters, the last one and the padding: where an original could come about."""


@dataclass(slots=True)
class Pseudonyms:
    """Replaces originals; a `Replacer`."""

    letters: Letters
    ranks: dict[str, str] = field(default_factory=dict)
    """The pseudonyms of texts that keep their order, chosen before all others."""
    _known: dict[str, str] = field(default_factory=dict)
    _taken: set[bytes] = field(default_factory=set)
    _numbers: dict[str, str] = field(default_factory=dict)
    _taken_numbers: set[str] = field(default_factory=set)
    _binaries: dict[str, str] = field(default_factory=dict)
    _taken_binaries: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._taken.update(pseudonym.encode() for pseudonym in self.ranks.values())

    def text(self, text: str) -> str:
        """Replace a text, a name, a part of an id. Half a character, which is no text, stays half a character."""
        found = self.ranks.get(text) or self._known.get(text)
        if found is not None:
            return found
        original = text.encode("utf-8", "surrogatepass")
        if not text.isascii() and text.encode("utf-8", "replace") != original:
            half = next(character for character in text if "\ud800" <= character <= "\udfff")
            pseudonym = self._word(original, len(original) - len(half.encode("utf-8", "surrogatepass"))) + half
        else:
            pseudonym = self._word(original, len(original))
        if len(original) <= KEPT_BYTES_MAX:
            self._known[text] = pseudonym
        return pseudonym

    def number(self, text: str) -> str:
        """Replace the digits of a number, zeros excepted: its size, sign and spelling stay."""
        if len(text) < NUMBER_BYTES_MIN:
            return text
        found = self._numbers.get(text)
        if found is None:
            found = self._free_number(text)
            self._numbers[text] = found
            self._taken_numbers.add(found)
        return found

    def binary(self, text: str) -> str:
        """Replace base64 by other base64, of as many bytes."""
        found = self._binaries.get(text)
        if found is None:
            found = self._base64(text)
            if len(text) <= KEPT_BYTES_MAX:
                self._binaries[text] = found
        return found

    def _word(self, original: bytes, length: int) -> str:
        if not length:
            return ""
        for word in self._candidates(original, length, WORDS):
            if word not in self._taken:
                if length <= CROWDED_BYTES_MAX:
                    self._taken.add(word)
                return word.decode()
        raise WrongUse(f"there are too many different texts of {length} bytes to give each another")

    def _base64(self, text: str) -> str:
        padding = len(text) - len(text.rstrip(PADDING))
        ends = ENDS_OF_BASE64.get(padding)
        if ends is None or len(text) % START_BYTES:
            return self.text(text)
        length = len(text) - padding - len(ends[0])
        for word in self._candidates(b"base64 " + text.encode(), length, BASE64):
            for end in ends:
                whole = word + end + PADDING.encode() * padding
                if whole not in self._taken_binaries and not self.letters.has_start(whole[-END_BYTES:]):
                    if length <= CROWDED_BYTES_MAX:
                        self._taken_binaries.add(whole)
                    return whole.decode()
        raise WrongUse(f"there are too many different binary values of {len(text)} characters to give each another")

    def _candidates(self, original: bytes, length: int, alphabets: Sequence[tuple[bytes, int]]) -> Iterator[bytes]:
        """Make words out of an original, one attempt after the other; of the shortest, all there are in the end."""
        attempts = itertools.count()
        for alphabet, most in alphabets:
            for attempt in itertools.islice(attempts, most):
                word = self.letters.word(b"%d/" % attempt + original, length, alphabet)
                if word is not None:
                    yield word
        if length <= SEARCHED_BYTES_MAX:
            yield from map(bytes, itertools.product(alphabets[-1][0], repeat=length))

    def _free_number(self, text: str) -> str:
        """Find a number of the same form that stands for nothing yet; rather one that is no original, too."""
        digits, exponent, power = re.split("([eE]|$)", text, maxsplit=1)
        second = text
        for attempt in range(NUMBER_ATTEMPTS):
            draws = self.letters.draws(b"number %d/" % attempt + text.encode())
            number = "".join(_digit(each, draws) for each in digits) + exponent + power
            if number not in self._taken_numbers:
                if not self.letters.has_start(number.encode()):
                    return number
                second = number
        return second


def _digit(character: str, draws: Iterator[int]) -> str:
    """Replace a digit by another that is not zero; zero, sign and point stay."""
    return str(1 + next(draws) % 9) if character in "123456789" else character
