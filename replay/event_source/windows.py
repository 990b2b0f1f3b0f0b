"""Tumbling windows: fixed spans of creation time whose records share a state.

(AWS: Lambda developer guide, services-ddb-windows.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from replay.event_source.sizes import json_bytes

if TYPE_CHECKING:
    from replay.event_source.records import StreamRecord

STATE_BYTES_MAX = 1024 * 1024
"""A window whose state grows beyond 1 MB is closed early."""
EMPTY_STATE_BYTES = len("{}")


@dataclass(slots=True)
class TumblingWindow:
    """One window that has been opened in one lane."""

    index: int
    """The window spans [index · W, (index + 1) · W) of creation time."""
    length_s: int
    state: object = field(default_factory=dict)
    state_bytes: int = EMPTY_STATE_BYTES
    last_batch: tuple[StreamRecord, ...] = ()
    early: bool = False
    """Its state has been too large: it closes with the batch, whatever the state is by then."""

    @property
    def end_s(self) -> int:
        """When it ends."""
        return (self.index + 1) * self.length_s

    def keep(self, state: object) -> None:
        """Take over the state of an answer."""
        self.state = state
        self.state_bytes = json_bytes(state)
        self.early = self.early or self.state_bytes > STATE_BYTES_MAX

    def event_keys(self, shard: str, stream_arn: str, epoch_s: float, *, final: bool) -> dict[str, Any]:
        """Give the keys it adds to an event."""
        return {
            "window": {
                "start": _instant(epoch_s + self.index * self.length_s),
                "end": _instant(epoch_s + self.end_s),
            },
            "state": self.state,
            "shardId": shard,
            "eventSourceARN": stream_arn,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": final and self.early,
        }


def window_index(record: StreamRecord, length_s: int) -> int:
    """Tell which window a record belongs to."""
    return record.created_at_s // length_s


def _instant(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
