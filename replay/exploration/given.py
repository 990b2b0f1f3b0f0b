"""A user's own rows and records, explored instead of drawn ones.

Each seed draws what happens to them: batches, faults, lag, redelivery, other owners' writes. What the records say
stays as it is: their order, and the shards they come from where there are several.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from hashlib import sha256
from json import dumps
from typing import TYPE_CHECKING, Any, Final

from replay.errors import WrongUse
from replay.exploration.draw import NAMES, draw
from replay.exploration.features import Features, Size
from replay.rows.attribute_values import fault_of
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX, membership_of
from replay.rows.said import said_by
from replay.sources.documents import opened
from replay.sources.history import History, address_of
from replay.sources.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from replay.exploration.case import Case, Lag, Redelivery, Write
    from replay.rows.reading import Item
    from replay.sources.documents import Document
    from replay.sources.recording import Recorded

    Wire = Mapping[str, Any]

SHARDS: Final = "AB"
"""A single shard's records come from two where shards are drawn; all records of one item from the same."""
OWN: Final = frozenset({"pk", "sk", "message", "message_group_uuid", "user_uuid"})
"""What no other owner of a row of the messages table sets."""
GROUPS_DRAWN: Final = 3


@dataclass(frozen=True, slots=True)
class Given:
    """Rows that are there before, records in stream order (with `shardId` where there are several shards).

    `is_messages` is whether they are the messages table's: else nobody but the handler writes meanwhile, and the index
    shows what it shows. `mapping` is what of the event source is given, and not drawn.
    """

    rows: tuple[Item, ...]
    records: tuple[Wire, ...]
    is_messages: bool = True
    mapping: Mapping[str, Any] = field(default_factory=dict)

    def case(self, seed: int, features: Features | None = None) -> Case:
        """Draw what happens to them; the same seed makes the same case."""
        drawn = draw(seed, Size(GROUPS_DRAWN, len(self.records), is_fixed=True), features=features)
        is_split = any("shardId" in record for record in drawn.records)
        case = replace(drawn, rows=self.rows, records=tuple(self._sharded(seed, is_split=is_split)))
        case = replace(case, redeliveries=tuple(self._redeliveries(drawn)), mapping={**drawn.mapping, **self.mapping})
        if not self.is_messages:
            return replace(case, lags=(), writes=())
        return replace(case, lags=tuple(self._lags(drawn)), writes=tuple(self._writes(drawn)))

    def _sharded(self, seed: int, *, is_split: bool) -> Iterator[Wire]:
        if not is_split or any("shardId" in record for record in self.records):
            yield from self.records
            return
        for record in self.records:
            keys = dumps([seed, record["dynamodb"].get("Keys")], sort_keys=True)
            yield {**record, "shardId": f"shardId-{SHARDS[sha256(keys.encode()).digest()[0] % len(SHARDS)]}"}

    def _redeliveries(self, drawn: Case) -> Iterator[Redelivery]:
        """Name the records that stand where those that were drawn stood."""
        places = {record["dynamodb"]["SequenceNumber"]: place for place, record in enumerate(drawn.records)}
        for each in drawn.redeliveries:
            chosen = [places[sequence] % len(self.records) for sequence in each.sequences]
            texts = tuple(self.records[place]["dynamodb"]["SequenceNumber"] for place in chosen)
            yield replace(each, sequences=texts)

    def _lags(self, drawn: Case) -> Iterator[Lag]:
        groups = sorted({lag.group for lag in drawn.lags})
        for number, group in enumerate(sorted(self._groups())):
            late = groups[number % len(groups)] if groups else None
            yield from (replace(lag, group=group) for lag in drawn.lags if lag.group == late)

    def _writes(self, drawn: Case) -> Iterator[Write]:
        """Let the application write to the rows and messages there are; what rows have is set where all have it."""
        groups = self._groups()
        views = [(group, member) for group, rows in sorted(groups.items()) for member in sorted(_members(rows))]
        for write in drawn.writes if views else ():
            seed = f"{write.at} {write.group} {write.member}"
            group, member = views[sha256(seed.encode()).digest()[0] % len(views)]
            match write.kind:
                case "leave":
                    yield replace(write, group=group, member=member)
                case "join":
                    yield replace(write, group=group, name=member)
                case "set" if write.name == NAMES[0]:
                    value = write.value if write.value.isdecimal() else "1"
                    for name in sorted(_shared_numbers(groups[group]))[:1]:
                        yield replace(write, group=group, member=member, name=name, value=value)
                case "set" if write.name in NAMES:
                    yield replace(write, group=group, member=member)
                case "remove-message":
                    yield from self._removal(write, seed)

    def _removal(self, write: Write, seed: str) -> Iterator[Write]:
        """Let one of the messages be removed."""
        told = (record["dynamodb"]["Keys"] for record in self.records if said_by(record, 0) is not None)
        keys = [(key["pk"]["S"].removeprefix(MESSAGE_PREFIX), key["sk"]["S"]) for key in told]
        if keys:
            group, time = keys[sha256(seed.encode()).digest()[1] % len(keys)]
            yield replace(write, group=group, time=time)

    def _groups(self) -> Mapping[str, Sequence[Item]]:
        groups: dict[str, list[Item]] = defaultdict(list)
        for row in self.rows:
            membership = membership_of(row)
            if membership is not None:
                groups[membership[0]].append(row)
        return groups


def given_messages(rows: Path | None, records: Path) -> Given:
    """Read rows and records of a messages table.

    Rows that the records presuppose need not be given. Records of group rows are the recorded handler's, or tell of
    rows that the application put: these are there from the beginning.

    Raises:
        WrongUse: a file cannot be read, or holds something else.
    """
    read = read_records(records)
    history = History([_messages_row(item, rows) for item in read_rows(rows)] if rows else ())
    for recorded in read:
        history.note(recorded)
    found = {address_of(item): item for item in history.initial}
    kept: list[Recorded] = []
    for recorded in read:
        address = address_of(recorded.wire["dynamodb"].get("Keys"))
        write = history.write_of(recorded)
        if address is None or not address[0].startswith(GROUP_PREFIX):
            kept.append(recorded)
        elif write is not None and write.item is not None:
            found.setdefault(address, write.item)
    if not kept:
        raise WrongUse(f"records {records}: every record is of a group row, which no handler of messages takes")
    return Given(tuple(found.values()), wires(kept))


def read_records(path: Path) -> list[Recorded]:
    """Read records in any form that `run` reads.

    Raises:
        WrongUse: the file cannot be read, or holds something else.
    """
    with opened((str(path),)) as files:
        return [_checked(recorded, path) for recorded in Recording(files)]


def wires(records: Iterable[Recorded]) -> tuple[Wire, ...]:
    """Take records as a case holds them."""
    listed = list(records)
    several = len({recorded.shard for recorded in listed}) > 1
    return tuple({**each.wire, "shardId": each.shard} if several else each.wire for each in listed)


def read_rows(path: Path) -> list[Item]:
    """Read rows in DynamoDB's JSON: items, `{"Item": …}` as exports have them, or an array of either.

    Raises:
        WrongUse: the file cannot be read, or holds something else.
    """
    with opened((str(path),)) as files:
        return [item for file in files for document in file.documents() for item in _items(document)]


def _items(document: Document) -> Iterator[Item]:
    for content in document.content if isinstance(document.content, list) else [document.content]:
        item = content.get("Item", content) if isinstance(content, dict) else content
        fault = fault_of(item)
        if fault is not None:
            raise WrongUse(
                f'{document.place}: no row in DynamoDB\'s JSON, such as {{"pk": {{"S": "GRP#ana"}}, …}}: {fault}'
            )
        yield item


def _checked(recorded: Recorded, path: Path) -> Recorded:
    """Refuse a record whose keys or images no stream can hold: the explorer writes them to its table."""
    change = recorded.wire["dynamodb"]
    for name in ("Keys", "NewImage", "OldImage"):
        if isinstance(change.get(name), dict) and (fault := fault_of(change[name])) is not None:
            number = change.get("SequenceNumber")
            raise WrongUse(f"records {path}: record {number}: {name}: {fault}")
    return recorded


def _messages_row(item: Item, path: Path | None) -> dict[str, dict[str, Any]]:
    if address_of(item) is None:
        raise WrongUse(f"rows {path}: a row has no texts pk and sk; name the template of another table with --template")
    return {name: dict(value) for name, value in item.items()}


def _members(rows: Sequence[Item]) -> set[str]:
    return {row["pk"]["S"].removeprefix(GROUP_PREFIX) for row in rows}


def _shared_numbers(rows: Sequence[Item]) -> set[str]:
    """Name the numbers that all rows have."""
    numbers = [{name for name, value in row.items() if "N" in value and name not in OWN} for row in rows]
    return set.intersection(*numbers) if numbers else set()
