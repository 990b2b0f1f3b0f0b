"""What is delivered: group rows to begin with, and batches of stream records; the same at every call.

The shapes of conversations: hot (one group, full batches), spread (batches with one message for each of a hundred
groups), mixed (groups drawn by Zipf's law), single (batches of one).
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Item = dict[str, Any]
Record = dict[str, Any]
Batch = tuple[Record, ...]

START = datetime(2026, 1, 1, 10, tzinfo=UTC)
FIRST_SEQUENCE = 100_000_000_000_000_000_000
"""Sequence numbers have 21 to 40 digits."""
BATCH_SIZE = 100
SPREAD_GROUPS = 100
MIXED_GROUPS = 200
MIXED_EXPONENT = 1.0
"""Zipf's law: the k-th busiest group gets a share of messages proportional to 1/k."""
SEED = 20260101
STREAM_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/bench/stream/2026-01-01T00:00:00.000"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many batches each scenario has, how many messages are given to who takes them one by one, how many passes.

    The passes are those of each contestant and scenario that are timed in a round; one before them is not.
    """

    hot: int
    spread: int
    mixed: int
    single: int
    one_by_one: int
    passes: int


FULL = Sizes(hot=41, spread=4, mixed=7, single=201, one_by_one=60, passes=3)
TINY = Sizes(hot=2, spread=2, mixed=2, single=3, one_by_one=12, passes=1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A table's rows and the batches that follow, in order of time."""

    name: str
    shape: str
    rows: tuple[Item, ...]
    batches: tuple[Batch, ...]

    @property
    def messages(self) -> int:
        """How many messages all batches hold."""
        return sum(map(len, self.batches))

    def first(self, messages: int, batch_size: int) -> Scenario:
        """Take so many messages only, in batches of another size."""
        records = [record for batch in self.batches for record in batch][:messages]
        batches = (tuple(records[at : at + batch_size]) for at in range(0, len(records), batch_size))
        return replace(self, batches=tuple(batches))

    def expected(self) -> list[Item]:
        """Say how the rows must be in the end: each with its group's last message."""
        last = {_group(record): record["dynamodb"]["NewImage"] for batch in self.batches for record in batch}
        rows = [
            {**row, "sk": newest["sk"], "message": newest["message"]}
            if (newest := last.get(row["message_group_uuid"]["S"]))
            else row
            for row in self.rows
        ]
        return ordered(rows)


def scenarios(sizes: Sizes) -> tuple[Scenario, ...]:
    """Make all four."""
    return (_hot(sizes.hot), _spread(sizes.spread), _mixed(sizes.mixed), _single(sizes.single))


def cold_starts(starts: int) -> Scenario:
    """Make as many batches of one message, all of one group."""
    return replace(_hot(-(-starts // BATCH_SIZE)).first(starts, batch_size=1), name="cold")


def stream(records: int) -> list[Record]:
    """Make records of one conversation, with nothing behind them."""
    talk = _Conversations(1)
    return [talk.message(talk.groups[0]) for _ in range(records)]


def ordered(rows: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Put rows into the order of their keys."""
    return sorted(map(dict, rows), key=lambda row: (row["pk"]["S"], row["sk"]["S"]))


@dataclass(frozen=True, slots=True)
class _Group:
    uuid: str
    members: tuple[str, str]


class _Conversations:
    """Groups of two, and messages in them, one a second."""

    def __init__(self, groups: int) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - the same data in every run
        self.groups = [_Group(self._uuid(), (self._uuid(), self._uuid())) for _ in range(groups)]
        self._messages = 0

    def rows(self) -> tuple[Item, ...]:
        return tuple(row for group in self.groups for row in self._rows(group))

    def message(self, group: _Group) -> Record:
        self._messages += 1
        number = self._messages
        sender = number % 2
        image = {
            "pk": {"S": f"MSG#{group.uuid}"},
            "sk": {"S": _time(number)},
            "message": {"S": f"This is message {number}, about as long as what people write to each other."},
            "message_uuid": {"S": self._uuid()},
            **_person(group.members[sender], sender),
        }
        return _record(image, number)

    def _rows(self, group: _Group) -> Iterator[Item]:
        for me, member in enumerate(group.members):
            yield {
                "pk": {"S": f"GRP#{member}"},
                "sk": {"S": _time(0)},
                "message_group_uuid": {"S": group.uuid},
                "message": {"S": "this is a filler message"},
                **_person(group.members[1 - me], 1 - me),
            }

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def _hot(batches: int) -> Scenario:
    talk = _Conversations(1)
    made = tuple(tuple(talk.message(talk.groups[0]) for _ in range(BATCH_SIZE)) for _ in range(batches))
    return Scenario("hot", f"1 group x {BATCH_SIZE} messages a batch", talk.rows(), made)


def _spread(batches: int) -> Scenario:
    talk = _Conversations(SPREAD_GROUPS)
    made = tuple(tuple(map(talk.message, talk.groups)) for _ in range(batches))
    return Scenario("spread", f"{SPREAD_GROUPS} groups x 1 message a batch", talk.rows(), made)


def _mixed(batches: int) -> Scenario:
    talk = _Conversations(MIXED_GROUPS)
    shares = list(accumulate((rank + 1) ** -MIXED_EXPONENT for rank in range(MIXED_GROUPS)))
    drawn = [talk.random.choices(talk.groups, cum_weights=shares, k=BATCH_SIZE) for _ in range(batches)]
    made = tuple(tuple(map(talk.message, groups)) for groups in drawn)
    return Scenario("mixed", f"{BATCH_SIZE} messages a batch, {MIXED_GROUPS} groups by Zipf's law", talk.rows(), made)


def _single(batches: int) -> Scenario:
    talk = _Conversations(SPREAD_GROUPS)
    made = tuple((talk.message(talk.groups[number % SPREAD_GROUPS]),) for number in range(batches))
    return Scenario("single", f"1 message a batch, {SPREAD_GROUPS} groups in turn", talk.rows(), made)


def _group(record: Record) -> str:
    key: str = record["dynamodb"]["Keys"]["pk"]["S"]
    return key.removeprefix("MSG#")


def _person(member: str, number: int) -> Item:
    name, handle = (("Andrew Brown", "andrewbrown"), ("Andrew Bayko", "bayko"))[number]
    return {"user_uuid": {"S": member}, "user_display_name": {"S": name}, "user_handle": {"S": handle}}


def _time(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def _record(image: Item, number: int) -> Record:
    """One record as Lambda passes it on (AWS: Lambda developer guide, with-ddb)."""
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": float(int(START.timestamp()) + number),
            "Keys": {"pk": image["pk"], "sk": image["sk"]},
            "NewImage": image,
            "SequenceNumber": str(FIRST_SEQUENCE + number),
            "SizeBytes": 300,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": STREAM_ARN,
    }
