"""A case drawn from a seed: people, groups, messages, batches, faults, lag and everybody else's writes.

Swarm style: each seed uses a random subset of what may happen, so that some histories have much of one thing and none
of another. Only what AWS allows is drawn. Ids begin with a tag where cases share a table.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from replay.errors import WrongUse
from replay.exploration.case import FAULT_KINDS, Case, Fault, Lag, Redelivery, Turn, Twin, Write
from replay.exploration.moments import Moments
from replay.exploration.population import Population
from replay.exploration.quick import Quick
from replay.exploration.telling import FLOOD, Telling

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from random import Random

    from replay.checks.reading import Item
    from replay.exploration.case import FaultKind

DELAY_MAX = 30
CHANGES_LATE_MAX = 20
"""Index changes of a group that may be late."""
STEPS_AHEAD = 60
"""Steps within which things are drawn to happen: a case of this size makes about as many calls."""
CHANCE: Final = 0.4
CHANCES: Final = {
    "batches": 0.9,
    **dict.fromkeys(("fractions", "distances", "newer_rows", "texts", "ids", "attributes"), 0.3),
    **dict.fromkeys(("earlier", "removals", "own_records", "undated", "numbers", "pages"), 0.2),
    **dict.fromkeys(("heaps", "collisions"), 0.1),
    "crowds": 0.05,
    **dict.fromkeys(("floods", "large"), 0.03),
}
"""How often a seed has what, where not as often as anything else."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large cases are; `messages` is for all groups together."""

    groups: int = 3
    messages: int = 16
    is_fixed: bool = False
    """Exactly that large, for measurements; else up to it."""


@dataclass(frozen=True, slots=True)
class Features:
    """What may happen in one case."""

    batches: bool
    """More than one record a batch."""
    lag: bool
    faults: bool
    lanes: bool
    shards: bool
    redelivery: bool
    twins: bool
    owners: bool
    leavers: bool
    doubled: bool
    ties: bool
    edits: bool
    """Messages change after they were written: MODIFY records."""
    poison: bool
    bisect: bool
    fractions: bool
    """Instants microseconds apart."""
    distances: bool
    """Instants hours, days and years apart, far from when their records were made."""
    newer_rows: bool
    """Rows at the very instant of a message, or newer than some or all."""
    texts: bool
    ids: bool
    attributes: bool
    """Other owners' attributes of every type; rows without `user_uuid` and names."""
    earlier: bool
    """Messages there before the first record; messages that stand in the index."""
    removals: bool
    own_records: bool
    """Records of group rows: what the handler and the application did."""
    undated: bool
    """Records that do not say when they were made."""
    numbers: bool
    """Sequence numbers whose order as texts is another."""
    pages: bool
    heaps: bool
    """Three and more rows of one member."""
    collisions: bool
    """Rows of other groups stand where a group's rows move to."""
    crowds: bool
    floods: bool
    """More than fifty records a batch."""
    large: bool

    @classmethod
    def drawn(cls, random: Random) -> Features:
        """Draw a subset; most cases have batches, and few what makes them long."""
        return cls(**{name: random.random() < CHANCES.get(name, CHANCE) for name in cls.__slots__})

    @classmethod
    def only(cls, names: Collection[str]) -> Features:
        """Take just these.

        Raises:
            WrongUse: there is no such feature.
        """
        for name in names:
            if name not in cls.__slots__:
                near = difflib.get_close_matches(name, cls.__slots__, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(cls.__slots__)}"
                raise WrongUse(f"nothing called '{name}' can happen in a case; {hint}")
        return cls(**{name: name in names for name in cls.__slots__})


def draw(seed: int, size: Size | None = None, tag: str = "", features: Features | None = None) -> Case:
    """Draw the case of a seed, with a random subset of features or with those given."""
    random = Quick(seed)
    return _Drawing(random, size or Size(), tag, features or Features.drawn(random)).case(seed)


class _Drawing:
    """One case while it is drawn."""

    def __init__(self, random: Random, size: Size, tag: str, features: Features) -> None:
        self._random = random
        self._size = size
        self._features = features
        self._fault_chance = random.choice((0.02, 0.1, 0.3))
        self._messages = Telling.length(random, features, size)
        self._moments = Moments(random, features, self._messages)
        self._people = Population(random, features, size, tag, self._moments)

    def case(self, seed: int) -> Case:
        rows = self._people.rows()
        telling = Telling(self._random, self._features, self._size, self._moments, self._people)
        records = tuple(telling.records(rows, self._messages))
        is_flood = self._messages >= FLOOD[0] and not self._size.is_fixed
        return Case(
            name=f"seed {seed}",
            rows=rows,
            records=records,
            mapping={**self._mapping(), "BatchSize": 100} if is_flood else self._mapping(),
            page_items=self._page_items(),
            cuts=() if is_flood else tuple(self._up_to(5) for _ in range(self._random.randrange(len(records) + 1))),
            lags=tuple(self._lags()),
            faults=tuple(self._faults()),
            writes=tuple(self._writes(rows)),
            redeliveries=tuple(self._redeliveries(records)),
            twins=tuple(self._twins()),
            turns=tuple(self._turns()),
        )

    def _page_items(self) -> int:
        """Draw how small pages are; a crowd's not so small that reading it takes all the calls of a case.

        Pages are no snapshot: who moves between two of them may be on neither, which is a stated limit.
        """
        features = self._features
        if not features.pages or features.lag or features.lanes or features.shards or features.twins:
            return 0
        return self._up_to(4) + max(map(len, self._people.members.values())) // 6

    # The event source.

    def _mapping(self) -> dict[str, Any]:
        mapping: dict[str, Any] = {
            "BatchSize": self._random.choice((2, 3, 5, 10, 100)) if self._features.batches else 1,
            "MaximumRetryAttempts": self._random.choice((2, 5, 20)),
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": self._features.bisect,
        }
        if self._features.lanes:
            mapping["ParallelizationFactor"] = self._up_to(3)
        return mapping

    def _redeliveries(self, records: tuple[Mapping[str, Any], ...]) -> Iterator[Redelivery]:
        if not self._features.redelivery:
            return
        for _ in range(self._up_to(3)):
            start = int(self._random.random() * self._random.random() * len(records))  # the first come in time
            shard = records[start].get("shardId")
            behind = [record for record in records[start:] if record.get("shardId") == shard][: self._up_to(4)]
            yield Redelivery(self._up_to(8), tuple(record["dynamodb"]["SequenceNumber"] for record in behind))

    def _twins(self) -> Iterator[Twin]:
        if self._features.twins:
            for _ in range(self._up_to(4)):
                yield Twin(self._random.randrange(STEPS_AHEAD // 2), self._up_to(8))

    def _turns(self) -> Iterator[Turn]:
        if self._features.twins or self._features.lanes or self._features.shards:
            for at in range(STEPS_AHEAD):
                if self._coin(0.4):
                    yield Turn(at, self._random.randrange(4))

    def _faults(self) -> Iterator[Fault]:
        if not self._features.faults:
            return
        kinds: tuple[FaultKind, ...] = FAULT_KINDS
        for invocation in range(1, 20):
            for call in range(1, 9):
                if self._coin(self._fault_chance):
                    yield Fault(invocation, call, self._random.choice(kinds))

    # Everybody else.

    def _lags(self) -> Iterator[Lag]:
        if self._features.lag:
            for group in self._people.groups:
                for change in range(CHANGES_LATE_MAX):
                    steps = self._random.choice(
                        (0, self._up_to(5), self._up_to(DELAY_MAX), -1 if self._coin(0.2) else 0)
                    )
                    if steps:
                        yield Lag(group, change, steps)

    def _writes(self, rows: tuple[Item, ...]) -> Iterator[Write]:
        for number in range(self._up_to(4)):
            group = self._random.choice(self._people.groups)
            member = self._random.choice(self._people.members[group])
            at = self._random.randrange(STEPS_AHEAD // 2)
            if self._features.leavers and self._coin(0.3):
                yield Write(at, "leave", group, member)
            elif self._features.owners and self._is_known(rows, group):
                yield Write(at, "set", group, member, "unread", str(number + 1))

    def _is_known(self, rows: tuple[Item, ...], group: str) -> bool:
        """Whether every reader meets the attribute's name on some row: a name not seen is a stated limit."""
        features = self._features
        own = ["unread" in item for item in rows if item["pk"]["S"].startswith("GRP#") and _group_of(item) == group]
        return all(own) if features.lag or features.leavers or features.doubled or features.heaps else any(own)

    def _up_to(self, limit: int) -> int:
        return 1 + int(self._random.random() * limit)

    def _coin(self, chance: float) -> bool:
        return self._random.random() < chance


def _group_of(item: Item) -> str | None:
    return item.get("message_group_uuid", {}).get("S")
