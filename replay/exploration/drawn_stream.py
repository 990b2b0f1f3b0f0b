"""The stream of a case while it is drawn: messages in all spellings of time, edited, removed, or spoiled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from replay.checks.scenarios import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from replay.exploration.dice import Dice
    from replay.exploration.draw import Features

EPOCH = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
MOMENTS = 12
"""Distinct instants where ties are wanted: few, so that ties and collisions happen."""
STRANGER = "zoe"

Wire = dict[str, Any]


class DrawnStream:
    """Draws the records of a case; `members` are those of each group, with a row or without one."""

    def __init__(self, dice: Dice, tag: str, features: Features, members: Mapping[str, Sequence[str]]) -> None:
        self._dice = dice
        self._tag = tag
        self._features = features
        self._members = members
        self._sequence = 0
        self._to_remove: list[Wire] = []
        self._said: set[tuple[str, str]] = set()
        self.removed: list[tuple[str, str]] = []
        """Groups and sort keys of messages that are removed; no other message comes under such a key."""

    def records(self, count: int) -> Iterator[Mapping[str, Any]]:
        """Draw so many messages, and what becomes of them."""
        for _ in range(count):
            record = self._message(self._dice.choice(tuple(self._members)))
            if self._features.poison and self._dice.coin(0.08):
                record = _poisoned(record, self._dice)
            if self._features.shards:
                record = {**record, "shardId": f"shardId-{self._dice.choice('AB')}"}
            yield record
            if "NewImage" in record["dynamodb"]:
                yield from self._later(record)
        yield from map(self._removed, self._to_remove)

    def spelled(self, moment: int) -> str:
        """Write an instant in one of the ways of the table."""
        instant = EPOCH + timedelta(seconds=moment)
        plain = instant.isoformat()
        match self._dice.randrange(5):
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

    def moment(self) -> int:
        """Choose when a message is said: one after the other, or at one of few instants."""
        return self._dice.randrange(MOMENTS) if self._features.ties else self._sequence

    def _message(self, group: str) -> Wire:
        self._sequence += 1
        senders = [*self._members[group], *self._members[group], self._tag + STRANGER, None]
        while True:
            time = self.spelled(self.moment())
            if (group, time) not in self.removed:
                break
        if self._features.removals and (group, time) not in self._said and self._dice.coin(0.1):
            self.removed.append((group, time))
        self._said.add((group, time))
        text, sender = self._dice.choice("abcd"), self._dice.choice(senders)
        return said(group, time, text, sender, self._sequence)

    def _later(self, record: Wire) -> Iterator[Wire]:
        """Draw what is done to a message after it was written, and to earlier ones."""
        if self._features.edits and self._dice.coin(0.4):
            self._sequence += 1
            yield _edited(record, self._sequence)
        image = record["dynamodb"]["NewImage"]
        if (image["pk"]["S"].removeprefix("MSG#"), image["sk"]["S"]) in self.removed:
            self._to_remove.append(record)
        if self._to_remove and self._dice.coin(0.3):
            yield self._removed(self._to_remove.pop(0))

    def _removed(self, record: Wire) -> Wire:
        """Make the record of a message's removal."""
        self._sequence += 1
        change = {name: part for name, part in record["dynamodb"].items() if name != "NewImage"}
        number = f"{100000000000000000000 + self._sequence}"
        changed = {**change, "OldImage": record["dynamodb"]["NewImage"], "SequenceNumber": number}
        return {**record, "eventName": "REMOVE", "eventID": f"{self._sequence:032x}", "dynamodb": changed}


def _edited(record: Wire, sequence: int) -> Wire:
    """Make the record of a message whose text was changed later."""
    change = record["dynamodb"]
    edited = {**change["NewImage"], "message": {"S": "edited"}}
    number = f"{100000000000000000000 + sequence}"
    changed = {**change, "OldImage": change["NewImage"], "NewImage": edited, "SequenceNumber": number}
    return {**record, "eventName": "MODIFY", "eventID": f"{sequence:032x}", "dynamodb": changed}


def _poisoned(record: Wire, dice: Dice) -> Wire:
    """Spoil a record in one of the ways that can never be mended."""
    change = dict(record["dynamodb"])
    image = dict(change["NewImage"])
    match dice.randrange(4):
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
