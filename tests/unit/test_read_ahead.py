"""Reading ahead: the same items in the same order, and nothing left behind."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.read_ahead import CHUNK, read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


@given(st.integers(0, 3 * CHUNK))
def test_items_come_in_their_order_each_once(count: int) -> None:
    assert list(read_ahead(range(count))) == list(range(count))


def test_items_are_read_in_another_thread_while_earlier_ones_are_used() -> None:
    readers = set()

    def items() -> Iterator[int]:
        for number in range(2 * CHUNK):
            readers.add(threading.current_thread().name)
            yield number

    assert sum(1 for _ in read_ahead(items())) == 2 * CHUNK
    assert len(readers) == 1
    assert threading.current_thread().name not in readers


def test_no_more_than_two_chunks_are_read_before_they_are_asked_for() -> None:
    counted = itertools.count()
    items = read_ahead(iter(lambda: next(counted), -1))
    next(items)
    items.close()  # type: ignore[attr-defined]  # a generator
    assert next(counted) == 2 * CHUNK


def test_what_reading_raises_is_raised_and_the_thread_ends() -> None:
    def items() -> Iterator[int]:
        yield from range(CHUNK)
        raise ValueError("broken")

    ahead = read_ahead(items())
    assert list(itertools.islice(ahead, CHUNK)) == list(range(CHUNK))
    with pytest.raises(ValueError, match="broken"):
        next(ahead)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]
