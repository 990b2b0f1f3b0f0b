"""A case drawn from a seed: people, groups, messages, batches, faults, lag and everybody else's writes.

Swarm style: each seed uses a random subset of what may happen, so that some histories have much of one thing and none
of another. Only what AWS allows is drawn. Ids begin with a tag where cases share a table.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replay.checks.scenarios import row
from replay.errors import WrongUse
from replay.exploration.case import FAULT_KINDS, TORN_READS, Case, Fault, Lag, Redelivery, Turn, Twin, Write
from replay.exploration.dice import Dice
from replay.exploration.drawn_stream import MOMENTS, DrawnStream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from random import Random

    from replay.checks.reading import Item

PEOPLE = ("ana", "ben", "cem", "dee", "eli")
GROUP_SIZES = {1: 1, 2: 8, 3: 3, 4: 1, 5: 1}
DELAY_MAX = 30
CHANGES_LATE_MAX = 20
"""Index changes of a group that may be late."""
STEPS_AHEAD = 60
"""Steps within which things are drawn to happen: a case of this size makes about as many calls."""


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
    joiners: bool
    """Rows of members that come late: somebody joins, or the application has not put every row yet."""
    removals: bool
    """Messages are removed after they were written."""
    torn: bool
    """A reading that meets another invocation's transaction sees half of it."""

    @classmethod
    def drawn(cls, random: Random) -> Features:
        """Draw a subset; most cases have batches, fewer what makes calls more or findings explained."""
        chances = {"batches": 0.9, "joiners": 0.25, "removals": 0.25, "torn": 0.25}
        return cls(**{name: random.random() < chances.get(name, 0.4) for name in cls.__slots__})

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


DISTURBANCES = tuple(kind for kind in FAULT_KINDS if kind not in TORN_READS)
NAMES = ("unread", "unread", "muted", "pinned")
"""What other owners set; rows begin with the first, if with any."""


def draw(seed: int, size: Size | None = None, tag: str = "", features: Features | None = None) -> Case:
    """Draw the case of a seed, with a random subset of features or with those given."""
    dice = Dice(seed)
    return _Drawing(dice, size or Size(), tag, features or Features.drawn(dice)).case(seed)


class _Drawing:
    """One case while it is drawn."""

    def __init__(self, dice: Dice, size: Size, tag: str, features: Features) -> None:
        self._dice = dice
        self._size = size
        self._tag = tag
        self._features = features
        self._fault_chance = dice.choice((0.02, 0.1, 0.3))
        self._groups = [
            f"{tag}g{number}" for number in range(size.groups if size.is_fixed else dice.up_to(size.groups))
        ]
        self._members: dict[str, list[str]] = {}
        self._late: list[tuple[str, str, str]] = []
        """Group, member, and whom their row is to name: rows that are put later."""
        self._stream = DrawnStream(dice, tag, features, self._members)

    def case(self, seed: int) -> Case:
        rows = tuple(self._rows())
        count = self._size.messages if self._size.is_fixed else self._dice.up_to(self._size.messages)
        records = tuple(self._stream.records(count))
        return Case(
            name=f"seed {seed}",
            rows=rows,
            records=records,
            mapping=self._mapping(),
            cuts=tuple(self._dice.up_to(5) for _ in range(self._dice.randrange(len(records) + 1))),
            lags=tuple(self._lags()),
            faults=tuple(self._faults()),
            writes=tuple(self._writes()),
            redeliveries=tuple(self._redeliveries(records)),
            twins=tuple(self._twins()),
            turns=tuple(self._turns()),
        )

    # The table.

    def _rows(self) -> Iterator[Item]:
        taken: set[tuple[str, str]] = set()
        for group in self._groups:
            count = self._dice.choices(tuple(GROUP_SIZES), tuple(GROUP_SIZES.values()))[0]
            self._members[group] = [self._tag + name for name in self._dice.sample(PEOPLE, count)]
            for member in self._members[group]:
                others = [other for other in self._members[group] if other != member] or [member]
                if self._features.joiners and self._dice.coin(0.3):
                    self._late.append((group, member, self._dice.choice(others)))
                    continue
                yield self._row(group, member, self._dice.choice(others), taken)
                if self._features.doubled and self._dice.coin(0.2):
                    yield self._row(group, member, self._dice.choice(others), taken)

    def _row(self, group: str, member: str, other: str, taken: set[tuple[str, str]]) -> Item:
        while True:
            is_time = not self._dice.coin(0.03)
            sort_key = self._opening() if is_time else f"no time {self._dice.up_to(100)}"
            if (member, sort_key) not in taken:
                taken.add((member, sort_key))
                break
        item = dict(row(member, group, sort_key, self._dice.choice("abc"), other))
        if self._features.owners and self._dice.coin(0.8):
            item[NAMES[0]] = {"N": "0"}
        if self._dice.coin(0.05):
            del item["message"]
        return item

    def _opening(self) -> str:
        """Draw a time before every message's."""
        return self._stream.spelled(-self._dice.up_to(MOMENTS))

    # The event source.

    def _mapping(self) -> dict[str, Any]:
        mapping: dict[str, Any] = {
            "BatchSize": self._dice.choice((2, 3, 5, 10, 100)) if self._features.batches else 1,
            "MaximumRetryAttempts": self._dice.choice((2, 5, 20)),
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": self._features.bisect,
        }
        if self._features.lanes:
            mapping["ParallelizationFactor"] = self._dice.up_to(3)
        return mapping

    def _redeliveries(self, records: tuple[Mapping[str, Any], ...]) -> Iterator[Redelivery]:
        if not self._features.redelivery:
            return
        texts = [record["dynamodb"]["SequenceNumber"] for record in records]
        for _ in range(self._dice.up_to(3)):
            start = self._dice.randrange(len(texts))
            yield Redelivery(self._dice.up_to(8), tuple(texts[start : start + self._dice.up_to(4)]))

    def _twins(self) -> Iterator[Twin]:
        if self._features.twins:
            for _ in range(self._dice.up_to(4)):
                yield Twin(self._dice.randrange(STEPS_AHEAD // 2), self._dice.up_to(8))

    def _turns(self) -> Iterator[Turn]:
        if self._features.twins or self._features.lanes or self._features.shards:
            for at in range(STEPS_AHEAD):
                if self._dice.coin(0.4):
                    yield Turn(at, self._dice.randrange(4))

    def _faults(self) -> Iterator[Fault]:
        if not self._features.faults and not self._features.torn:
            return
        for invocation in range(1, 20):
            for call in range(1, 9):
                if self._features.faults and self._dice.coin(self._fault_chance):
                    yield Fault(invocation, call, self._dice.choice(DISTURBANCES))
                elif self._features.torn and call > 1 and self._dice.coin(0.5):
                    yield Fault(invocation, call, self._dice.choice(TORN_READS))

    # Everybody else.

    def _lags(self) -> Iterator[Lag]:
        if self._features.lag:
            for group in self._groups:
                for change in range(CHANGES_LATE_MAX):
                    steps = self._dice.choice(
                        (0, self._dice.up_to(5), self._dice.up_to(DELAY_MAX), -1 if self._dice.coin(0.2) else 0)
                    )
                    if steps:
                        yield Lag(group, change, steps)

    def _writes(self) -> Iterator[Write]:
        for number in range(self._dice.up_to(4)):
            group = self._dice.choice(self._groups)
            member = self._dice.choice(self._members[group])
            if self._features.leavers and self._dice.coin(0.3):
                yield Write(self._soon(), "leave", group, member)
                if self._features.joiners and self._dice.coin(0.5):
                    self._late.append((group, member, self._dice.choice(self._members[group])))
            elif self._features.owners:
                yield Write(self._soon(), "set", group, member, self._dice.choice(NAMES), str(number + 1))
        if self._features.joiners and self._dice.coin(0.3):
            group = self._dice.choice(self._groups)
            self._late.append((group, self._tag + self._dice.choice(PEOPLE), self._dice.choice(self._members[group])))
        for group, member, other in self._late:
            time = self._opening() if self._dice.coin(0.5) else self._stream.spelled(self._stream.moment())
            yield Write(self._soon(), "join", group, member, other, self._dice.choice("abc"), time)
        for group, time in self._stream.removed:
            if self._dice.coin(0.5):
                yield Write(self._soon(), "remove-message", group, time=time)

    def _soon(self) -> int:
        return self._dice.randrange(STEPS_AHEAD // 2)
