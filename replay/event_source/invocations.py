"""One call of the function, and the records tried together behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replay.event_source.lanes import Lane
    from replay.event_source.records import StreamRecord


@dataclass(slots=True)
class Part:
    """Records that are tried together: a batch as formed, a remainder, or a half."""

    records: tuple[StreamRecord, ...]
    due_at_s: float
    """When it may be tried next."""
    attempts: int = 0
    """Failed attempts that count against MaximumRetryAttempts."""
    invokes: int = 0
    """Invocations of exactly these records, expired ones in front included."""
    pauses: int = 0
    first_request: Invocation | None = None
    last_request: Invocation | None = None
    function_error: str | None = None
    """The last attempt's."""
    final: bool = False
    """It closes a tumbling window."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the function that starts now."""

    number: int
    """Counted from 1 in order of start, over all shards."""
    shard: str
    records: tuple[StreamRecord, ...]
    at_s: float
    window_keys: dict[str, Any] | None = None
    """What a tumbling window adds to the event."""
    lane: Lane | None = field(default=None, repr=False, compare=False)
    """The event source's own; None: a redelivery."""

    @property
    def event(self) -> dict[str, Any]:
        """What the function gets. The records are shared: copy before handing them to code that may change them."""
        event: dict[str, Any] = {"Records": [record.wire for record in self.records]}
        return event | self.window_keys if self.window_keys else event

    @property
    def sequences(self) -> list[str]:
        """The records' sequence numbers, verbatim."""
        return [record.text for record in self.records]

    @property
    def request_id(self) -> str:
        """The id Lambda gives the call, the same in every run."""
        return f"{self.number & 0xFFFFFFFF:08x}-0000-4000-8000-{self.number:012x}"

    @property
    def iterator_age_s(self) -> float | None:
        """Lambda's IteratorAge, here in seconds: how old its last record is (AWS: monitoring-metrics-types)."""
        return self.at_s - self.records[-1].created_at_s if self.records else None
