"""What a run would deliver, without a handler and without a table: how many batches, and about how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from replay.delivery_round import Round
from replay.event_source.records import StreamRecord
from replay.function.outcome import Invoked, Returned
from replay.report import Report
from replay.rows.said import said_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.event_source.mapping import EventSourceMapping
    from replay.event_source.switches import Switches
    from replay.sources.selection import Records

REQUESTS_A_GROUP: Final = 2
"""The project's function asks the index once and writes once for each group of a batch."""
REQUEST_S: Final = 0.008
DELIVERY_S: Final = 0.003
START_S: Final = 3.0
"""On DynamoDB Local and a machine of two cores, measured; a slower one takes longer."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be delivered; requests and seconds are for the project's function on DynamoDB Local."""

    records: int
    duplicates: int
    filtered: int
    messages: int
    shards: int
    groups: int
    deliveries: int
    requests_at_most: int
    seconds: float


class _Counting:
    """A handler that looks at the messages of each batch."""

    def __init__(self) -> None:
        self.messages = 0
        self.touched = 0
        self.groups: set[str] = set()

    def invoke(self, event: Mapping[str, Any], request_id: str) -> Invoked:
        """Count; always a success."""
        said = [said for record in event["Records"] if (said := said_by(record, 0)) is not None]
        groups = {message.group for message in said}
        self.messages += len(said)
        self.touched += len(groups)
        self.groups |= groups
        return Invoked(request_id, Returned(None), (), 0.0, cold_start=False)


def forecast(recording: Records, mapping: EventSourceMapping, switches: Switches | None) -> Forecast:
    """Deliver everything to nobody, and count."""
    counting, report = _Counting(), Report()
    deliveries = Round([counting], mapping, switches, report, called=lambda *_: None)
    filtered = deliveries.deliver(_records(recording), recording.parents)
    requests = REQUESTS_A_GROUP * counting.touched
    return Forecast(
        records=recording.records,
        duplicates=recording.duplicates,
        filtered=filtered,
        messages=counting.messages,
        shards=len(recording.parents),
        groups=len(counting.groups),
        deliveries=report.deliveries,
        requests_at_most=requests,
        seconds=round(START_S + report.deliveries * DELIVERY_S + requests * REQUEST_S, 1),
    )


def _records(recording: Records) -> Iterator[StreamRecord]:
    for recorded in recording:
        wire: Any = recorded.wire
        yield StreamRecord.of(wire, shard=recorded.shard, available_at_s=0.0, created_at_s=0.0)
