"""What the shards of one event source share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from replay.event_source.invocations import Invocation

if TYPE_CHECKING:
    from replay.event_source.lanes import Lane
    from replay.event_source.metrics import Metrics
    from replay.event_source.outbox import Outbox
    from replay.event_source.records import StreamRecord
    from replay.event_source.rules import Rules


class Context:
    """Rules, counts, numbers: one for all shards."""

    def __init__(self, rules: Rules, metrics: Metrics, outbox: Outbox, *, epoch_s: float, remembers: bool) -> None:
        self.rules = rules
        self.metrics = metrics
        self.outbox = outbox
        self.epoch_s = epoch_s
        self.remembers = remembers
        """Whether all records are kept, so that the mapping can be re-created."""
        self.skipped_up_to_s = -math.inf
        """LATEST: records available until then are not read."""
        self.offering_finished = False
        self._invocations = 0
        self._messages = 0

    def invocation(
        self,
        shard: str,
        records: tuple[StreamRecord, ...],
        now: float,
        window_keys: dict[str, Any] | None,
        lane: Lane | None,
    ) -> Invocation:
        """Number an invocation that starts now, and count its records; a redelivery is of no lane."""
        self._invocations += 1
        self.metrics.invoked += len(records)
        return Invocation(self._invocations, shard, records, now, window_keys, lane)

    def new_request_id(self) -> str:
        """Make a request id that no invocation has."""
        self._messages += 1
        return f"00000000-0000-4000-9000-{self._messages:012x}"
