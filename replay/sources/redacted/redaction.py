"""A finished recording, redacted: read three times, written once.

Promises: the same original has the same pseudonym wherever it stands, another has another; types and lengths in UTF-8
stay, so sizes do; texts of one group at one instant keep their order; so a handler does with the copy what it did with
the original, request by request. No original text, name or id of four bytes or more stands anywhere in the copy, unless
it is a word or a number of the format itself (`INSERT`, `message`, a digit string within a time) or a prefix of keys in
capitals (`ORDER#`).

What is not kept: the form of ids, blanks, letters and emoji of texts, the lanes that keys fall into when a shard is
worked on in parallel, and recordings' forms other than events and single records.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from replay.errors import WrongUse
from replay.event_source.records import DEFAULT_SHARD
from replay.sources.redacted.letters import START_BYTES, Letters
from replay.sources.redacted.order import Orders
from replay.sources.redacted.pseudonyms import Pseudonyms
from replay.sources.redacted.ranks import ranked
from replay.sources.redacted.walk import replaced
from replay.sources.single_records import PARENT, SHARD
from replay.wording import unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replay.sources.recording import Recorded
    from replay.sources.redacted.walk import Replacer

KEY_BYTES: Final = 32

Line = dict[str, Any]


def redacted(recording: Iterable[Recorded], key: bytes | None = None) -> Iterator[Line]:
    """Give the lines of a copy in which nobody can be known again; the recording is read three times.

    `key` decides the pseudonyms; it is drawn by chance and forgotten, so that nobody finds out by trying names. Batches
    that were recorded stay batches.

    Raises:
        WrongUse: there are more different texts of one short length than pseudonyms, or a record is nested too deep.
    """
    starts, orders = _Starts(), Orders()
    for recorded in recording:
        _replaced(recorded, starts)
        orders.note(recorded.wire)
    for recorded in recording:
        orders.collect(recorded.wire)
    letters = Letters(key or secrets.token_bytes(KEY_BYTES), starts.found)
    pseudonyms = Pseudonyms(letters, ranked(orders.texts, letters))
    yield from _lines(recording, pseudonyms)


def _replaced(recorded: Recorded, by: Replacer) -> Line:
    try:
        return replaced(recorded.wire, by)
    except RecursionError as error:
        raise WrongUse(f"{recorded.place}: the record cannot be redacted: {unread(error)}; leave it out") from None


def _lines(recording: Iterable[Recorded], by: Replacer) -> Iterator[Line]:
    batch: list[Line] = []
    of: Recorded | None = None
    for recorded in recording:
        if of is not None and recorded.batch != of.batch:
            yield _event(batch, of)
            batch, of = [], None
        wire = _replaced(recorded, by)
        if recorded.batch is None:
            yield wire | _beside(recorded)
        else:
            batch.append(wire)
            of = recorded
    if of is not None:
        yield _event(batch, of)


def _beside(recorded: Recorded) -> Line:
    """Name the shard, and its parent, where they were named."""
    beside = {SHARD: recorded.shard, PARENT: recorded.parent}
    return {name: value for name, value in beside.items() if value not in (None, DEFAULT_SHARD)}


def _event(batch: list[Line], of: Recorded) -> Line:
    return {"Records": batch} | ({SHARD: of.shard} if of.shard != DEFAULT_SHARD else {})


class _Starts:
    """Replaces nothing; remembers how originals begin that are long enough to be known again."""

    def __init__(self) -> None:
        self.found: set[bytes] = set()

    def text(self, text: str) -> str:
        """Remember how it begins."""
        start = text[:START_BYTES].encode("utf-8", "surrogatepass")
        if len(start) >= START_BYTES:
            self.found.add(start[:START_BYTES])
        return text

    number = binary = text
