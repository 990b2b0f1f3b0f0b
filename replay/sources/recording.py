"""Recorded records of one or more files, checked, in order, each once.

Promises: everything is checked before anything is handed out, so nothing is half done. Within a shard records come by
sequence number, compared as integers; a record that is there twice comes once; two contents under one sequence number
are refused. Between shards the order is the files'. Where the files are in order already, memory stays the same
whatever their size; else the records are held in memory.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from replay.errors import WrongUse
from replay.event_source.records import DEFAULT_SHARD
from replay.sources import lambda_events
from replay.sources.documents import Document
from replay.sources.shape import Unreadable
from replay.sources.shapes import SHAPES, recognised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from replay.sources.documents import File
    from replay.sources.shape import Found, Shape

DIGITS_MAX: Final = 40
"""AWS: DynamoDB API reference, streams StreamRecord: 21 to 40 digits; fewer are let through."""

SHOWN_MAX: Final = 60
TOLD_EVERY: Final = 1_000


class Recorded(NamedTuple):
    """One record as it is delivered, and where it comes from.

    `number` tells records apart, `batch` numbers recorded batches, where there are any. A tuple, for the same reason as
    `Found`.
    """

    wire: Mapping[str, Any]
    sequence: int
    shard: str
    place: str
    number: int
    parent: str | None = None
    batch: int | None = None


@dataclass(slots=True)
class _Shard:
    """What is known of one shard while its records are checked."""

    parent: str | None
    place: str
    records: int = 0
    last: Recorded | None = None
    held: dict[int, Recorded] = field(default_factory=dict)


class Recording:
    """Records that can be read again and again.

    `records` counts them, `duplicates` those left out because the same was there before, `batches` the recorded
    batches, if the files hold any. `parents` has every shard in the order of its first record, with its parent where
    that has records too.
    """

    def __init__(
        self,
        files: tuple[File, ...],
        shape: Shape | None = None,
        watch: Callable[[int], None] = lambda _read: None,
        fault_in: Callable[[Mapping[str, Any]], str | None] = lambda _wire: None,
    ) -> None:
        """Read everything once and check it; `shape` None is told by the content of each file.

        `watch` is told now and then how many records were read; `fault_in` may say why a record is refused.

        Raises:
            WrongUse: a document or a record is broken, one sequence number has two contents, or there is no record.
        """
        self._fault_in = fault_in
        self._files = files
        self._shape = shape
        self._shards: dict[str, _Shard] = {}
        self._held: tuple[Recorded, ...] | None = None
        self.duplicates = 0
        self.batches = 0
        if not self._is_ordered(watch):
            self._held = self._sorted(watch)
        self.records = sum(shard.records for shard in self._shards.values())
        if not self.records:
            raise WrongUse(f"{', '.join(file.name for file in files)}: there is no record in it")
        self.parents = self._checked_parents()

    def __iter__(self) -> Iterator[Recorded]:
        if self._held is not None:
            yield from self._held
            return
        highest: dict[str, int] = {}
        for recorded in _read(self._files, self._shape):
            if recorded.sequence > highest.get(recorded.shard, -1):
                highest[recorded.shard] = recorded.sequence
                yield recorded

    def _is_ordered(self, watch: Callable[[int], None]) -> bool:
        """Check all records as they stand; stops where one comes before an earlier one of its shard."""
        for recorded in self._watched(watch):
            shard = self._shard_of(recorded)
            if shard.last is None or recorded.sequence > shard.last.sequence:
                shard.last = recorded
                shard.records += 1
            elif recorded.sequence == shard.last.sequence:
                self._count_duplicate(shard.last, recorded)
            else:
                return False
        return True

    def _sorted(self, watch: Callable[[int], None]) -> tuple[Recorded, ...]:
        """Read all records and sort each shard's; each shard keeps the places that it has among the others'."""
        self._shards, self.duplicates = {}, 0
        places: list[str] = []
        for recorded in self._watched(watch):
            shard = self._shard_of(recorded)
            before = shard.held.setdefault(recorded.sequence, recorded)
            if before is not recorded:
                self._count_duplicate(before, recorded)
            else:
                shard.records += 1
                places.append(recorded.shard)
        ordered = {
            name: iter(sorted(shard.held.values(), key=lambda recorded: recorded.sequence))
            for name, shard in self._shards.items()
        }
        return tuple(next(ordered[name]) for name in places)

    def _watched(self, watch: Callable[[int], None]) -> Iterator[Recorded]:
        for recorded in _read(self._files, self._shape):
            if recorded.number % TOLD_EVERY == 0:
                watch(recorded.number)
            fault = self._fault_in(recorded.wire)
            if fault is not None:
                raise WrongUse(f"{recorded.place}: {fault}; a stream has no such record, give it as it was")
            yield recorded

    def _shard_of(self, recorded: Recorded) -> _Shard:
        if recorded.batch is not None:
            self.batches = recorded.batch + 1
        shard = self._shards.setdefault(recorded.shard, _Shard(recorded.parent, recorded.place))
        shard.parent = shard.parent or recorded.parent
        if recorded.parent not in (None, shard.parent):
            raise WrongUse(
                f"{recorded.place}: the parent of shard {recorded.shard} is {recorded.parent}, "
                f"but {shard.parent} at {shard.place}"
            )
        return shard

    def _count_duplicate(self, before: Recorded, again: Recorded) -> None:
        if before.wire != again.wire:
            raise WrongUse(
                f"{again.place}: sequence number {again.sequence} is there before, with other content, "
                f"at {before.place}; are these recordings of two streams?"
            )
        self.duplicates += 1

    def _checked_parents(self) -> dict[str, str | None]:
        parents = {name: shard.parent if shard.parent in self._shards else None for name, shard in self._shards.items()}
        for name, parent in parents.items():
            seen, above = {name}, parent
            while above is not None:
                if above in seen:
                    raise WrongUse(f"{self._shards[name].place}: shard {name} is its own ancestor")
                seen.add(above)
                above = parents[above]
        return parents


def _read(files: Iterable[File], shape: Shape | None) -> Iterator[Recorded]:
    batches = 0
    numbers = itertools.count()
    readers: dict[str, Callable[[Any], Iterator[Found]]] = {}
    for file in files:
        of_file = shape
        for document in _unpacked(file.documents()):
            of_file = of_file or _recognised(document)
            if of_file.name not in readers:
                readers[of_file.name] = of_file.reader()
            for found in _found(document, of_file, readers[of_file.name]):
                yield _checked(found, document.place, next(numbers), batches if of_file.is_batch else None)
            batches += of_file.is_batch


def _unpacked(documents: Iterable[Document]) -> Iterator[Document]:
    """Take events out of an array of them."""
    for document in documents:
        if isinstance(document.content, list) and any(map(lambda_events.SHAPE.recognises, document.content)):
            yield from (Document(content, document.place) for content in document.content)
        else:
            yield document


def _recognised(document: Document) -> Shape:
    shape = recognised(document.content)
    if shape is None:
        known = ", ".join(shape.words for shape in SHAPES)
        raise WrongUse(f"{document.place}: {_described(document.content)} of no known form; known are {known}")
    return shape


def _found(document: Document, shape: Shape, reader: Callable[[Any], Iterator[Found]]) -> Iterator[Found]:
    """Take the records out of a document; one of another form than its file's first is refused."""
    if not shape.recognises(document.content):
        other = recognised(document.content)
        found = other.words if other is not None else _described(document.content)
        raise WrongUse(f"{document.place}: {found} where {shape.words} is expected; a file holds one form")
    try:
        yield from reader(document.content)
    except Unreadable as error:
        raise WrongUse(f"{document.place}: {error}") from None


def _checked(found: Found, place: str, number: int, batch: int | None) -> Recorded:
    """Check the little that must be there to deliver a record; all else is the handler's business."""
    change = found.wire.get("dynamodb") if isinstance(found.wire, dict) else None
    if not isinstance(change, dict):
        raise WrongUse(f"{place}: {_described(found.wire)} is no stream record: it has no 'dynamodb'")
    text = change.get("SequenceNumber")
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > DIGITS_MAX:
        given = "is missing" if text is None else f"is {_cut(repr(text))}"
        raise WrongUse(f"{place}: dynamodb.SequenceNumber {given}; it is a text of at most {DIGITS_MAX} digits")
    return Recorded(found.wire, int(text), found.shard or DEFAULT_SHARD, place, number, found.parent, batch)


def _described(content: object) -> str:
    if isinstance(content, dict):
        return f"an object with {_cut(', '.join(map(repr, list(content)))) or 'nothing'}"
    if content is None:
        return "null"
    names = {str: "a text", bool: "a truth value", int: "a number", float: "a number", list: "an array"}
    return names.get(type(content), type(content).__name__)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
