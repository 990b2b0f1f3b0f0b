"""A case drawn from a seed: people, groups, messages, batches, faults, lag and everybody else's writes.

Swarm style: each seed uses a random subset of what may happen, so that some histories have much of one thing and none
of another. Only what AWS allows is drawn. Ids begin with a tag where cases share a table.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from replay.checks.scenarios import row, said
from replay.errors import WrongUse
from replay.exploration.case import FAULT_KINDS, Case, Fault, Lag, Redelivery, Turn, Twin, Write

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from replay.checks.reading import Item
    from replay.exploration.case import FaultKind

PEOPLE = ("ana", "ben", "cem", "dee", "eli")
STRANGER = "zoe"
EPOCH = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
MOMENTS = 12
"""Distinct instants where ties are wanted: few, so that ties and collisions happen."""
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

    @classmethod
    def drawn(cls, random: Random) -> Features:
        """Draw a subset; most cases have batches."""
        chances = {"batches": 0.9}
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


def draw(seed: int, size: Size | None = None, tag: str = "", features: Features | None = None) -> Case:
    """Draw the case of a seed, with a random subset of features or with those given."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    return _Drawing(random, size or Size(), tag, features or Features.drawn(random)).case(seed)


class _Drawing:
    """One case while it is drawn."""

    def __init__(self, random: Random, size: Size, tag: str, features: Features) -> None:
        self._random = random
        self._size = size
        self._tag = tag
        self._features = features
        self._fault_chance = random.choice((0.02, 0.1, 0.3))
        self._groups = [
            f"{tag}g{number}" for number in range(size.groups if size.is_fixed else self._up_to(size.groups))
        ]
        self._members: dict[str, list[str]] = {}
        self._sequence = 0

    def case(self, seed: int) -> Case:
        rows = tuple(self._rows())
        records = tuple(self._records())
        return Case(
            name=f"seed {seed}",
            rows=rows,
            records=records,
            mapping=self._mapping(),
            cuts=tuple(self._up_to(5) for _ in range(self._random.randrange(len(records) + 1))),
            lags=tuple(self._lags()),
            faults=tuple(self._faults()),
            writes=tuple(self._writes(rows)),
            redeliveries=tuple(self._redeliveries(records)),
            twins=tuple(self._twins()),
            turns=tuple(self._turns()),
        )

    # The table.

    def _rows(self) -> Iterator[Item]:
        taken: set[tuple[str, str]] = set()
        for group in self._groups:
            count = self._random.choices(tuple(GROUP_SIZES), tuple(GROUP_SIZES.values()))[0]
            self._members[group] = [self._tag + name for name in self._random.sample(PEOPLE, count)]
            for member in self._members[group]:
                others = [other for other in self._members[group] if other != member] or [member]
                yield self._row(group, member, self._random.choice(others), taken)
                if self._features.doubled and self._coin(0.2):
                    yield self._row(group, member, self._random.choice(others), taken)

    def _row(self, group: str, member: str, other: str, taken: set[tuple[str, str]]) -> Item:
        while True:
            sort_key = f"no time {self._up_to(100)}" if self._coin(0.03) else self._spelled(-self._up_to(MOMENTS))
            if (member, sort_key) not in taken:
                taken.add((member, sort_key))
                break
        item = dict(row(member, group, sort_key, self._random.choice("abc"), other))
        if self._features.owners and self._coin(0.8):
            item["unread"] = {"N": "0"}
        if self._coin(0.05):
            del item["message"]
        return item

    # The stream.

    def _records(self) -> Iterator[Mapping[str, Any]]:
        count = self._size.messages if self._size.is_fixed else self._up_to(self._size.messages)
        for _ in range(count):
            self._sequence += 1
            record = self._message(self._random.choice(self._groups))
            if self._features.poison and self._coin(0.08):
                record = _poisoned(record, self._random)
            if self._features.shards:
                record = {**record, "shardId": f"shardId-{self._random.choice('AB')}"}
            yield record
            if self._features.edits and self._coin(0.4) and "NewImage" in record["dynamodb"]:
                self._sequence += 1
                yield _edited(record, self._sequence)

    def _message(self, group: str) -> dict[str, Any]:
        moment = self._random.randrange(MOMENTS) if self._features.ties else self._sequence
        senders = [*self._members[group], *self._members[group], self._tag + STRANGER, None]
        text, sender = self._random.choice("abcd"), self._random.choice(senders)
        return said(group, self._spelled(moment), text, sender, self._sequence)

    def _spelled(self, moment: int) -> str:
        instant = EPOCH + timedelta(seconds=moment)
        plain = instant.isoformat()
        match self._random.randrange(5):
            case 0:
                return plain[:19] + ".000000+00:00"
            case 1:
                return plain
            case 2:
                return plain[:19].replace("T", " ")
            case 3:
                return plain[:19] + "Z"
            case _:
                return (instant + timedelta(hours=5, minutes=30)).isoformat()[:19] + "+05:30"

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
        texts = [record["dynamodb"]["SequenceNumber"] for record in records]
        for _ in range(self._up_to(3)):
            start = self._random.randrange(len(texts))
            yield Redelivery(self._up_to(8), tuple(texts[start : start + self._up_to(4)]))

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
            for group in self._groups:
                for change in range(CHANGES_LATE_MAX):
                    steps = self._random.choice(
                        (0, self._up_to(5), self._up_to(DELAY_MAX), -1 if self._coin(0.2) else 0)
                    )
                    if steps:
                        yield Lag(group, change, steps)

    def _writes(self, rows: tuple[Item, ...]) -> Iterator[Write]:
        for number in range(self._up_to(4)):
            group = self._random.choice(self._groups)
            member = self._random.choice(self._members[group])
            at = self._random.randrange(STEPS_AHEAD // 2)
            if self._features.leavers and self._coin(0.3):
                yield Write(at, "leave", group, member)
            elif self._features.owners and self._is_known(rows, group):
                yield Write(at, "set", group, member, "unread", str(number + 1))

    def _is_known(self, rows: tuple[Item, ...], group: str) -> bool:
        """Whether every reader meets the attribute's name on some row: a name not seen is a stated limit."""
        own = ["unread" in item for item in rows if item["message_group_uuid"]["S"] == group]
        return all(own) if self._features.lag or self._features.leavers or self._features.doubled else any(own)

    def _up_to(self, limit: int) -> int:
        return 1 + int(self._random.random() * limit)

    def _coin(self, chance: float) -> bool:
        return self._random.random() < chance


def _edited(record: Mapping[str, Any], sequence: int) -> Mapping[str, Any]:
    """Make the record of a message whose text was changed later."""
    change = record["dynamodb"]
    edited = {**change["NewImage"], "message": {"S": "edited"}}
    number = f"{100000000000000000000 + sequence}"
    changed = {**change, "OldImage": change["NewImage"], "NewImage": edited, "SequenceNumber": number}
    return {**record, "eventName": "MODIFY", "eventID": f"{sequence:032x}", "dynamodb": changed}


def _poisoned(record: dict[str, Any], random: Random) -> dict[str, Any]:
    """Spoil a record in one of the ways that can never be mended."""
    change = dict(record["dynamodb"])
    image = dict(change["NewImage"])
    match random.randrange(4):
        case 0:
            del change["NewImage"]
            return {**record, "dynamodb": change}
        case 1:
            image["message"] = {"N": "1"}
        case 2:
            del image["message"]
        case _:
            image["sk"] = {"S": "yesterday"}
            change["Keys"] = {**change["Keys"], "sk": image["sk"]}
    return {**record, "dynamodb": {**change, "NewImage": image}}
