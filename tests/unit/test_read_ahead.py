"""Reading ahead changes neither what comes nor its order, and holds no more than it says."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from replay.read_ahead import AHEAD_MAX, PORTION, ReadAhead

if TYPE_CHECKING:
    from collections.abc import Iterator


@given(count=st.integers(0, 2_000), asked=st.lists(st.integers(0, 100), max_size=50))
def test_the_same_comes_in_the_same_order(count: int, asked: list[int]) -> None:
    taken = 0

    def source() -> Iterator[int]:
        nonlocal taken
        for number in range(count):
            taken = number + 1
            yield number

    ahead = ReadAhead(source())
    given_out: list[int] = []
    for wanted in asked:
        ahead.read()
        given_out += islice(ahead, wanted)
        assert taken - len(given_out) <= AHEAD_MAX + PORTION
    assert given_out == list(range(len(given_out)))


@given(st.lists(st.booleans(), max_size=300), st.integers(0, 500))
def test_nothing_is_lost_whenever_it_is_read(reads: list[bool], count: int) -> None:
    ahead = ReadAhead(iter(range(count)))
    found = []
    for read in reads:
        if read:
            ahead.read()
        else:
            found += [number for number in [next(ahead, None)] if number is not None]
    assert found + list(ahead) == list(range(count))
