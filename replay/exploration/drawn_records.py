"""What the stream tells in one case: messages, what became of them, and what it tells of group rows.

Lawful: an item is inserted once, its records come in the order of its changes and from one shard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.checks.scenarios import said
from replay.exploration.instants import FLOOD
from replay.exploration.vocabulary import NEAR_TIMES, NO_TEXTS, OTHER_PREFIXES
from replay.rows.keys import MESSAGE_PREFIX, membership_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from replay.exploration.dice import Dice
    from replay.exploration.features import Features, Size
    from replay.exploration.instants import Instants
    from replay.exploration.population import Population
    from replay.rows.reading import Item

    Record = dict[str, Any]

PLAIN_NUMBER: Final = 10**20
WIDTHS: Final = (21, 0, 0, 0, 0, 40)
"""How many digits a sequence number has at least, with zeros in front; DynamoDB Local and recordings have 21."""


class DrawnRecords:
    """The records of one case while they are drawn."""

    def __init__(self, dice: Dice, features: Features, size: Size, moments: Instants, people: Population) -> None:
        self._dice = dice
        self._features = features
        self._size = size
        self._moments = moments
        self._people = people
        self._shards: dict[tuple[str, str], str] = {}
        self._removals: list[Record] = []
        self._own: set[tuple[str, str]] = set()
        """Addresses of group rows whose insert was told."""
        self._number = PLAIN_NUMBER
        self._width = 0
        self.removed: list[tuple[str, str]] = []
        """Groups and sort keys of messages that are removed."""

    @staticmethod
    def length(dice: Dice, features: Features, size: Size) -> int:
        """Draw how many messages there are."""
        if size.is_fixed:
            return size.messages
        if features.floods and dice.coin(0.5):
            return dice.choice(FLOOD[: 8 * size.messages])
        if features.crowds and dice.coin(0.4):
            return 1
        return dice.up_to(size.messages)

    def records(self, rows: Sequence[Item], count: int) -> Iterator[Mapping[str, Any]]:
        """Tell `count` messages, with everything that comes between them."""
        if self._features.numbers:
            self._number = 10 ** self._dice.randrange(3, 30) - self._dice.randrange(1, count + 2)
            self._width = self._dice.choice(WIDTHS)
        group_rows = [item for item in rows if membership_of(item) is not None]
        for number in range(1, count + 1):
            for record in self._told(number, group_rows):
                yield self._numbered(record)
        for record in self._removals:
            yield self._numbered(record)

    def _told(self, number: int, rows: Sequence[Item]) -> Iterator[Record]:
        features = self._features
        if features.own_records:
            yield from self._no_messages(number, rows)
        if features.removals and self._dice.coin(0.1):
            yield self._removal(self._message(self._dice.choice(self._people.groups), number))
        record = self._message(self._dice.choice(self._people.groups), number)
        if features.poison and self._dice.coin(0.08):
            record = self._poisoned(record, number)
        if features.undated and self._dice.coin(0.4):
            del record["dynamodb"]["ApproximateCreationDateTime"]
        yield record
        if "NewImage" not in record["dynamodb"]:
            return
        if features.edits and self._dice.coin(0.4):
            record = _edited(record)
            yield record
        if features.removals and self._dice.coin(0.15):
            self._removals.append(self._removal(record))
            keys = record["dynamodb"]["Keys"]
            if keys["pk"]["S"] != MESSAGE_PREFIX:
                self.removed.append((keys["pk"]["S"].removeprefix(MESSAGE_PREFIX), keys["sk"]["S"]))
        if self._removals and self._dice.coin(0.5):
            yield self._removals.pop(0)

    def _message(self, group: str, number: int) -> Record:
        birth = self._people.births.pop(group, None)
        partition_key = MESSAGE_PREFIX + group
        if birth:
            sort_key = self._people.take(partition_key, birth.place, birth.sort_key)
            return self._people.message(group, sort_key, birth.text, birth.sender, number)
        sort_key = self._people.take(partition_key, self._moments.of_message(number))
        return self._people.message(group, sort_key, self._people.text(), self._people.sender(group), number)

    def _removal(self, record: Record) -> Record:
        """Make the record of a message that is removed: it was there, perhaps since before the first record."""
        change = {name: value for name, value in record["dynamodb"].items() if name != "NewImage"}
        return {**record, "eventName": "REMOVE", "dynamodb": {**change, "OldImage": record["dynamodb"]["NewImage"]}}

    def _no_messages(self, number: int, rows: Sequence[Item]) -> Iterator[Record]:
        """Tell of group rows, seldom of rows that are neither these nor messages."""
        if rows and self._dice.coin(0.3):
            yield self._own_record(self._dice.choice(rows))
        if self._dice.coin(0.1):
            yield self._of_another_kind(self._message(self._dice.choice(self._people.groups), number))

    def _own_record(self, item: Item) -> Record:
        """Tell what the handler, or the application, did to a group row: its insert once, then its changes."""
        address = item["pk"]["S"], item["sk"]["S"]
        if self._dice.coin(0.3):  # the row as it was before it moved: under a key of its own
            sort_key = self._people.take(address[0], self._moments.of_row())
            return _of_row({**item, "sk": {"S": sort_key}}, "REMOVE")
        if address in self._own or self._dice.coin(0.3):
            self._own.add(address)  # an insert may come no more
            return _of_row(item, "MODIFY")
        self._own.add(address)
        return _of_row(item, "INSERT")

    def _of_another_kind(self, record: Record) -> Record:
        """Make the record of a row that looks like a message and is none: its key says so."""
        change = record["dynamodb"]
        partition_key = self._dice.choice(OTHER_PREFIXES) + change["Keys"]["pk"]["S"].removeprefix(MESSAGE_PREFIX)
        return _standing(record, "pk", partition_key)

    def _poisoned(self, record: Record, number: int) -> Record:
        """Spoil a record in one of the ways that can never be mended."""
        change = dict(record["dynamodb"])
        image = dict(change["NewImage"])
        partition_key, sort_key = change["Keys"]["pk"]["S"], change["Keys"]["sk"]["S"]
        match self._dice.randrange(7):
            case 0:
                del change["NewImage"]
                return {**record, "dynamodb": change}
            case 1:
                image["message"] = self._dice.choice(NO_TEXTS)
            case 2:
                del image["message"]
            case 3 if not self._people.tag and self._people.takes(MESSAGE_PREFIX, sort_key):
                return _standing(record, "pk", MESSAGE_PREFIX)
            case 4 | 5:
                text = self._dice.choice(NEAR_TIMES)
                return _standing(record, "sk", text if self._people.takes(partition_key, text) else f"{text} {number}")
            case _:
                return _standing(record, "sk", f"yesterday {number}")
        return {**record, "dynamodb": {**change, "NewImage": image}}

    def _numbered(self, record: Record) -> Record:
        """Give a record its place in the stream, and its shard where there are several."""
        self._number += 1 if self._number >= PLAIN_NUMBER or self._dice.coin(0.7) else self._dice.randrange(2, 9)
        record["dynamodb"]["SequenceNumber"] = str(self._number).zfill(self._width)
        record["eventID"] = f"{self._number:032x}"
        if self._features.shards:
            keys = record["dynamodb"]["Keys"]
            address = keys["pk"]["S"], keys["sk"]["S"]
            record["shardId"] = self._shards.setdefault(address, f"shardId-{self._dice.choice('AB')}")
        return record


def _edited(record: Record) -> Record:
    """Make the record of a message whose text was changed later."""
    change = record["dynamodb"]
    edited = {**change["NewImage"], "message": {"S": "edited"}}
    return {**record, "eventName": "MODIFY", "dynamodb": {**change, "OldImage": change["NewImage"], "NewImage": edited}}


def _of_row(item: Item, name: str) -> Record:
    """Make a record of a group row; a change is another owner's, of long ago."""
    record: Record = dict(said("", item["sk"]["S"], "", None, 1))
    change = {part: value for part, value in record["dynamodb"].items() if part != "NewImage"}
    change["Keys"] = {"pk": item["pk"], "sk": item["sk"]}
    if name != "REMOVE":
        change["NewImage"] = dict(item)
    if name != "INSERT":
        change["OldImage"] = dict(item) if name == "REMOVE" else {**item, "seen": {"BOOL": False}}
    return {**record, "eventName": name, "dynamodb": change}


def _standing(record: Record, name: str, text: str) -> Record:
    """Let a record's item stand under another key."""
    change, value = record["dynamodb"], {"S": text}
    keys, image = {**change["Keys"], name: value}, {**change["NewImage"], name: value}
    return {**record, "dynamodb": {**change, "Keys": keys, "NewImage": image}}
