"""Records read while somebody else works: what is behind the next ones is there when they are asked for."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Read = TypeVar("Read")

PORTION: Final = 100
"""About as many as are read while a handler that does little answers a batch of as many."""
AHEAD_MAX: Final = 512


class ReadAhead(Generic[Read]):
    """Gives what an iterator gives, in the same order; `read` takes some of it before it is asked for."""

    def __init__(self, source: Iterator[Read]) -> None:
        self._source = source
        self._ready: deque[Read] = deque()

    def __iter__(self) -> Iterator[Read]:
        return self

    def __next__(self) -> Read:
        return self._ready.popleft() if self._ready else next(self._source)

    def read(self) -> None:
        """Take a portion, unless enough is there."""
        if len(self._ready) < AHEAD_MAX:
            self._ready.extend(islice(self._source, PORTION))
