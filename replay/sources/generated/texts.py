"""What is said: texts of a wanted number of bytes, with an emoji here and there.

They are UTF-8 already, and stand in a JSON string as they are: no quotes, backslashes or control characters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from replay.sources.generated.asked import LARGE_BYTES_MIN, TEXT_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS: Final = tuple(
    re.findall(
        r"\w+",
        """
    about after again all almost and around as at back bag because before bike bread bring bus but by call can cat
    cheese city coffee cold come corner could day did dinner do dog door evening every few film find fine for
    friday from game garden get give go good got half have he her here his hot house how if in is it just keep key
    know last late left let like little long look lunch maybe me meet minute monday more morning move music my
    near never new next nice night no not now of off old on one only open or other our out over park phone photo
    place plan please question rain read ready really red right road room run saturday saw school sea see send she
    shop should sleep slow small so some soon soup station still story street summer sun sunday table take talk
    tea tell than that the their them then there they thing think this ticket time to today together tomorrow too
    train tree try two under until up us very wait walk want warm was water way we week well went were what when
    where which white who why window winter with word work would year yes yesterday you your
""",
    )
)
MARKS: Final = ("", "", "", "", "", "", ",", ",", ".", "?", "!")
CORPUS_WORDS: Final = 8_000

EMOJI: Final = (
    "😄",
    "🎂",
    "👍🏽",
    "❤️",
    "🇳🇴",
    "👩‍👩‍👧‍👦",
    "1️⃣",
    "🏴‍☠️",
    "🧑🏿‍🚀",
    "🫠",
)
"""Of one code point and of many, within and beyond the basic plane: 4 to 25 bytes, the shortest first."""


class Texts:
    """Cuts texts out of one long text that the seed makes."""

    def __init__(self, text_bytes: tuple[int, int], draw: Callable[[], float]) -> None:
        self._least, self._most = text_bytes
        self._draw = draw
        words: list[str] = []
        self._starts: list[int] = []
        at = 0
        for _ in range(CORPUS_WORDS):
            word = WORDS[int(draw() * len(WORDS))] + MARKS[int(draw() * len(MARKS))] + " "
            self._starts.append(at)
            at += len(word)
            words.append(word)
        self._corpus = "".join(words).encode()
        self._length = at

    def next(self, *, is_large: bool, has_emoji: bool) -> bytes:
        """Say something; of the wanted size, unless that is less than an emoji's four bytes."""
        least, most = (LARGE_BYTES_MIN, TEXT_BYTES_MAX) if is_large else (self._least, self._most)
        size = least + int(self._draw() * (most - least + 1))
        if not has_emoji:
            return self._cut(size)
        emoji = EMOJI[int(self._draw() * len(EMOJI))].encode()
        if len(emoji) > size:
            emoji = EMOJI[0].encode()
        return self._cut(max(0, size - len(emoji))) + emoji

    def _cut(self, size: int) -> bytes:
        """Cut a text of so many bytes, from the beginning of a word."""
        start = self._starts[int(self._draw() * CORPUS_WORDS)]
        if start + size <= self._length:
            return self._corpus[start : start + size]
        times = (start + size) // self._length + 1
        return (self._corpus * times)[start : start + size]
