"""What must become of every record: taken, given up where something stood in the way, set aside where nobody could.

Rules about records rather than rows: they hold on a table of any schema, but for those that need to know a message.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from replay.event_source.mapping import EventSourceMapping
from replay.exploration.case import TORN_READS
from replay.rows.keys import membership_of
from replay.rows.reading import fits, room, value_of
from replay.rows.said import is_unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from replay.checks.store import Store
    from replay.event_source.records import StreamRecord
    from replay.event_source.source import EventSource
    from replay.exploration.case import Case
    from replay.exploration.handler import Handler
    from replay.rows.reading import Item
    from replay.rows.said import Said

GIVEN_UP: Final = "healthy records are not given up"
UNREADABLE: Final = "what nobody can read is set aside"
UNFIT: Final = "what does not fit is set aside"
HEALTHY: Final = "healthy records are not set aside"
SPARE_BYTES: Final = 4096
"""What may be added to a row in one history, amply: a message that leaves so much room fits at every moment."""

Finding = tuple[str, str]
"""The rule that is broken, and the evidence."""


class RecordRules:
    """Knows what the records of a case are; `said` is what each says as a message, by its sequence number.

    Where `is_messages` is not so, nobody knows what a record says: each counts as healthy.
    """

    def __init__(  # noqa: PLR0913 - all that it looks at
        self,
        case: Case,
        records: Sequence[StreamRecord],
        said: Mapping[str, Said | None],
        *,
        is_messages: bool,
        handler: Handler,
        store: Store,
    ) -> None:
        self._is_disturbed = any(fault.kind not in TORN_READS for fault in case.faults)
        is_torn = any(fault.kind in TORN_READS for fault in case.faults)
        self._sees_everybody = not (case.lags or is_torn or any(write.kind == "join" for write in case.writes))
        self._said = {text: each for text, each in said.items() if each is not None}
        delivered = _delivered(case, records)
        self._unreadable = [record.text for record in delivered if is_messages and is_unreadable(record.wire)]
        self._healthy = [record.text for record in delivered if not is_messages or record.text in self._said]
        self._began = case.rows
        self._handler = handler
        self._store = store

    def at_quiet(self, source: EventSource, succeeded: Collection[str]) -> Iterator[Finding]:
        """Look at a history with faults: what the event source takes for done is done, or kept somewhere."""
        is_short = source.metrics.dropped + len(source.discards) > 0
        if is_short and not self._is_disturbed:
            for text in self._healthy:
                if text not in succeeded and self._fits_everybody(text):
                    yield GIVEN_UP, f"record {text} was discarded"
        yield from self._swallowed([text for text in self._unreadable if text in succeeded])
        if self._sees_everybody:  # a limit would explain what did not fit a row that was not seen
            yield from self._lost(succeeded)

    def at_calm(self, taken: Collection[str]) -> Iterator[Finding]:
        """Look at the end: without faults everything was taken, and set aside is what nobody could take."""
        for text in self._healthy:
            if text not in taken and self._fits_everybody(text):
                yield GIVEN_UP, f"record {text} is not taken even where nothing fails"
        yield from self._swallowed(self._unreadable)
        yield from self._lost(taken)
        for text in sorted(self._handler.quarantined() or ()):
            if text in self._said and self._fits_everybody(text):
                yield HEALTHY, f"record {text} was set aside although it can be read and fits"

    def _swallowed(self, texts: Sequence[str]) -> Iterator[Finding]:
        set_aside = self._handler.quarantined()
        if set_aside is not None:
            yield from ((UNREADABLE, f"record {text} went by unseen") for text in texts if text not in set_aside)

    def _lost(self, counted: Collection[str]) -> Iterator[Finding]:
        set_aside = self._handler.quarantined()
        if set_aside is None:
            return
        for text in self._unfit():
            if text in counted and text not in set_aside:
                yield UNFIT, f"record {text} fits not every row, and went by unseen"

    def _unfit(self) -> Iterator[str]:
        """Name the messages that some row of their group would show, were they not too large for it."""
        rows: dict[str, list[Item]] = defaultdict(list)
        for item in self._store.scan():
            rows[_group(item)].append(item)
        for text, said in self._said.items():
            if any(
                value_of(row) < said.value and not fits(row, room(row), said.value) for row in rows.get(said.group, ())
            ):
                yield text

    def _fits_everybody(self, text: str) -> bool:
        """Whether a message fits every row of its group at every moment, with room to spare."""
        said = self._said.get(text)
        if said is None:
            return True
        rows = [item for item in (*self._began, *self._store.scan()) if _group(item) == said.group]
        return all(fits(row, room(row) - SPARE_BYTES, said.value) for row in rows)


def _group(item: Item) -> str:
    membership = membership_of(item)
    return membership[0] if membership else ""


def _delivered(case: Case, records: Sequence[StreamRecord]) -> Sequence[StreamRecord]:
    """Leave out what the event source drops."""
    if not case.mapping.get("FilterCriteria"):
        return records
    filters = EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON", **case.mapping}).filters
    return [record for record in records if filters.passes(record.wire)]
