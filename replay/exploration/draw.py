"""A case drawn from a seed: people, groups, messages, batches, faults, lag and everybody else's writes.

Swarm style: each seed uses a random subset of what may happen, so that some histories have much of one thing and none
of another. Only what AWS allows is drawn. Ids begin with a tag where cases share a table.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from replay.exploration.case import FAULT_KINDS, TORN_READS, Case, Fault, Lag, Redelivery, Turn, Twin, Write
from replay.exploration.dice import Dice
from replay.exploration.drawn_records import DrawnRecords
from replay.exploration.features import Features, Size
from replay.exploration.instants import FLOOD, Instants
from replay.exploration.population import PEOPLE, Population
from replay.exploration.vocabulary import OWNED, PLAIN_TEXTS, TEXTS
from replay.rows.keys import GROUP_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.exploration.case import FaultKind

DELAY_MAX = 30
CHANGES_LATE_MAX = 20
"""Index changes of a group that may be late."""
STEPS_AHEAD = 60
"""Steps within which things are drawn to happen: a case of this size makes about as many calls."""
RUSHES: tuple[FaultKind, ...] = ("little-time", "little-time", "timeout-after", "crash-after")
"""What happens between two transactions of one group."""
DISTURBANCES = tuple(kind for kind in FAULT_KINDS if kind not in TORN_READS)
NAMES = ("unread", "unread", "muted", "pinned")
"""What other owners set; rows begin with the first, if with any."""
NAMES_OF_THE_APPLICATION = ("user_display_name", "user_handle")
"""What the application sets anew where somebody changes their name."""
VALUES = tuple(value for values in OWNED.values() for value in values)


def draw(seed: int, size: Size | None = None, tag: str = "", features: Features | None = None) -> Case:
    """Draw the case of a seed, with a random subset of features or with those given."""
    dice = Dice(seed)
    return _Drawing(dice, size or Size(), tag, features or Features.drawn(dice)).case(seed)


def _exact(features: Features) -> Features:
    """Leave out what changes a row's size or key meanwhile: texts may then fit to the byte."""
    return replace(features, owners=False, doubled=False, heaps=False, collisions=False, ties=False)


class _Drawing:
    """One case while it is drawn."""

    def __init__(self, dice: Dice, size: Size, tag: str, features: Features) -> None:
        self._dice = dice
        self._size = size
        self._tag = tag
        self._features = features = _exact(features) if features.large and dice.coin(0.5) else features
        self._fault_chance = dice.choice((0.02, 0.1, 0.3))
        self._messages = DrawnRecords.length(dice, features, size)
        self._moments = Instants(dice, features, self._messages)
        self._people = Population(dice, features, size, tag, self._moments)
        self._telling = DrawnRecords(dice, features, size, self._moments, self._people)

    def case(self, seed: int) -> Case:
        rows = self._people.rows()
        records = tuple(self._telling.records(rows, self._messages))
        is_flood = self._messages >= FLOOD[0] and not self._size.is_fixed
        return Case(
            name=f"seed {seed}",
            rows=rows,
            records=records,
            mapping={**self._mapping(), "BatchSize": 100} if is_flood else self._mapping(),
            page_items=self._page_items(),
            cuts=() if is_flood else tuple(self._dice.up_to(5) for _ in range(self._dice.randrange(len(records) + 1))),
            lags=tuple(self._lags()),
            faults=tuple(self._faults()),
            writes=tuple(self._writes()),
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
        return self._dice.up_to(4) + max(map(len, self._people.members.values())) // 6

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
        for _ in range(self._dice.up_to(3)):
            start = int(self._dice.random() * self._dice.random() * len(records))  # the first come in time
            shard = records[start].get("shardId")
            behind = [record for record in records[start:] if record.get("shardId") == shard][: self._dice.up_to(4)]
            yield Redelivery(self._dice.up_to(8), tuple(record["dynamodb"]["SequenceNumber"] for record in behind))

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
                if self._people.is_rush and self._features.faults and (invocation, call) == (1, 2):
                    yield Fault(invocation, call, self._dice.choice(RUSHES))
                    continue
                if self._features.faults and self._dice.coin(self._fault_chance):
                    yield Fault(invocation, call, self._dice.choice(DISTURBANCES))
                elif self._features.torn and call > 1 and self._dice.coin(0.5):
                    yield Fault(invocation, call, self._dice.choice(TORN_READS))

    # Everybody else.

    def _lags(self) -> Iterator[Lag]:
        if self._features.lag:
            for group in self._people.groups:
                for change in range(CHANGES_LATE_MAX):
                    steps = self._dice.choice(
                        (0, self._dice.up_to(5), self._dice.up_to(DELAY_MAX), -1 if self._dice.coin(0.2) else 0)
                    )
                    if steps:
                        yield Lag(group, change, steps)

    def _writes(self) -> Iterator[Write]:
        people = self._people
        late = list(people.late)
        for number in range(self._dice.up_to(4)):
            group = self._dice.choice(people.groups)
            member = self._dice.choice(people.members[group])
            if self._features.leavers and self._dice.coin(0.3):
                yield Write(self._soon(), "leave", group, member)
                if self._features.joiners and self._dice.coin(0.5):
                    late.append((group, member, self._dice.choice(people.members[group])))
            elif self._features.owners:
                yield self._set(group, member, str(number + 1))
        if self._features.joiners and self._dice.coin(0.3):
            group = self._dice.choice(people.groups)
            late.append((group, self._tag + self._dice.choice(PEOPLE), self._dice.choice(people.members[group])))
        yield from (self._join(*each) for each in late)
        for group, time in self._telling.removed:
            if self._dice.coin(0.5):
                yield Write(self._soon(), "remove-message", group, time=time)

    def _set(self, group: str, member: str, number: str) -> Write:
        """Let another owner, or the application, give an attribute a number or a value of any type."""
        names = self._dice.choice((NAMES, NAMES, NAMES_OF_THE_APPLICATION, self._people.owned or NAMES))
        if names is NAMES_OF_THE_APPLICATION:
            value = json.dumps({"S": f"renamed {number}"})
        else:
            value = json.dumps(self._dice.choice(VALUES), ensure_ascii=False) if self._dice.coin(0.5) else number
        return Write(self._soon(), "set", group, member, self._dice.choice(names), value)

    def _join(self, group: str, member: str, other: str) -> Write:
        """Let a member's row be put late, under a time before every message's or among theirs."""
        is_old = self._dice.coin(0.5)
        place = self._moments.of_row() if is_old else self._moments.of_message(self._dice.up_to(self._messages))
        time = self._people.take(GROUP_PREFIX + member, place)
        text = self._dice.choice(TEXTS if self._features.texts else PLAIN_TEXTS[:3])
        return Write(self._soon(), "join", group, member, other, text, time)

    def _soon(self) -> int:
        return self._dice.randrange(STEPS_AHEAD // 2)
