"""Reading in a thread of its own: while a handler works in its process, the records of the next batches are parsed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")

CHUNK = 500
"""Items read at a time; as many again are held while the next are read."""


def read_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Give the items in their order, read one chunk ahead; what reading raises is raised in place of its chunk."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, "read-ahead") as reader:
        coming = reader.submit(_chunk, iterator)
        while chunk := coming.result():
            coming = reader.submit(_chunk, iterator)
            yield from chunk


def _chunk(iterator: Iterator[Item]) -> list[Item]:
    return list(islice(iterator, CHUNK))
