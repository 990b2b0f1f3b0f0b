"""A part of a recording, and a recording in another order that is as lawful."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from replay.sources.history import address_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from replay.sources.recording import Recorded

SHUFFLED_AT_ONCE: Final = 1000
"""Records that change places with one another; memory stays the same whatever there is."""


class Records(Protocol):
    """Records that can be read again and again, as `Recording` gives them."""

    records: int
    duplicates: int
    batches: int

    @property
    def parents(self) -> Mapping[str, str | None]:
        """Every shard, with its parent where that has records too."""

    def __iter__(self) -> Iterator[Recorded]: ...


class Between:
    """The records of a recording from one sequence number to another, both included."""

    def __init__(self, recording: Records, first: int | None, last: int | None) -> None:
        self._recording = recording
        self._first, self._last = first, last
        self.duplicates, self.batches, self.parents = recording.duplicates, recording.batches, recording.parents
        self.records = sum(1 for _ in self)

    def __iter__(self) -> Iterator[Recorded]:
        for recorded in self._recording:
            after_first = self._first is None or recorded.sequence >= self._first
            if after_first and (self._last is None or recorded.sequence <= self._last):
                yield recorded


@dataclass
class Shuffled:
    """A recording in another order: only the order of one item's records is promised, the others change places.

    Sequence numbers are dealt out anew, so that each shard's still rise. The same seed gives the same order.
    """

    recording: Records
    seed: int

    def __post_init__(self) -> None:
        self.records, self.duplicates = self.recording.records, self.recording.duplicates
        self.batches, self.parents = self.recording.batches, self.recording.parents

    def __iter__(self) -> Iterator[Recorded]:
        chance = random.Random(self.seed)  # noqa: S311 - chance, no secret
        records = iter(self.recording)
        while block := list(islice(records, SHUFFLED_AT_ONCE)):
            shards: dict[str, list[Recorded]] = defaultdict(list)
            for recorded in block:
                shards[recorded.shard].append(recorded)
            shuffled = {name: iter(_shuffled(own, chance)) for name, own in shards.items()}
            yield from (next(shuffled[recorded.shard]) for recorded in block)


def _shuffled(records: Sequence[Recorded], chance: random.Random) -> Iterator[Recorded]:
    """Draw the next record of any item, again and again, weighed by how many each has left."""
    items: dict[Hashable, deque[Recorded]] = defaultdict(deque)
    for recorded in records:
        items[address_of(recorded.wire["dynamodb"].get("Keys")) or recorded.number].append(recorded)
    turns = [item for item, own in items.items() for _ in own]
    chance.shuffle(turns)
    for place, item in zip(records, turns, strict=True):
        yield _renumbered(items[item].popleft(), place)


def _renumbered(recorded: Recorded, place: Recorded) -> Recorded:
    """Put a record in another's place."""
    change = {**recorded.wire["dynamodb"], "SequenceNumber": place.wire["dynamodb"]["SequenceNumber"]}
    return recorded._replace(wire={**recorded.wire, "dynamodb": change}, sequence=place.sequence, batch=place.batch)
