"""What one event source goes by: its mapping, the switches, and what follows from both."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from replay.event_source.mapping import FOREVER
from replay.event_source.records import RETENTION_S

if TYPE_CHECKING:
    import random

    from replay.event_source.mapping import EventSourceMapping
    from replay.event_source.switches import Switches

FIRST_PAUSE_S = 1.0
PAUSE_GROWTH = 1.6
"""With a first pause of 1 s: eight tries within a minute, as recorded on AWS; the schedule is not documented."""
PAUSE_MAX_S = 300.0
CONSTANT_PAUSE_S = 5.0
_PAUSES_TO_MAX = math.ceil(math.log(PAUSE_MAX_S / FIRST_PAUSE_S, PAUSE_GROWTH))

_CLOCK_DIGITS = 6
"""The clock counts microseconds: sums of decimal fractions come out as written."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The mapping and the switches, with limits combined once."""

    mapping: EventSourceMapping
    switches: Switches
    random: random.Random | None = None
    """Cuts batches short and spreads pauses, as AWS may; none: batches are filled as far as possible."""
    partition_key: str = "pk"
    """The key attribute that decides the lane under `lane_key="partition"`."""
    expiry_s: float = field(init=False)
    """The age beyond which a record is tried no more."""

    def __post_init__(self) -> None:
        age_max_s = self.mapping.record_age_max_s
        limited = age_max_s != FOREVER and age_max_s <= RETENTION_S
        object.__setattr__(self, "expiry_s", age_max_s if limited else RETENTION_S)

    @property
    def retention_is_told(self) -> bool:
        """Whether the stream's retention counts as an age limit."""
        return self.switches.retention_message == "age"

    @property
    def lane_attribute(self) -> str | None:
        """The attribute that decides a record's lane; None: the whole key."""
        return self.partition_key if self.switches.lane_key == "partition" else None

    @property
    def stops_lanes(self) -> bool:
        """Whether a failing lane holds up the others of its shard."""
        return self.switches.other_lanes == "stop"

    @property
    def skips_oversized(self) -> bool:
        """Whether records beyond 6 MB are passed over."""
        return self.switches.oversized_record == "skip"

    @property
    def commits_filtered(self) -> bool:
        """Whether filtered records advance the checkpoint as soon as they are read."""
        return self.switches.filtered_checkpoint == "immediate"

    def exhausted(self, attempts: int) -> bool:
        """Say whether so many failed attempts are too many."""
        return self.mapping.retries_max != FOREVER and attempts > self.mapping.retries_max

    def shortened(self, available: int) -> int | None:
        """Draw a batch's size, where that is asked for: AWS promises no full batches."""
        return self.random.randint(1, min(available, self.mapping.batch_size)) if self.random else None

    def pause_s(self, pauses_before: int) -> float:
        """Give the pause before the next try of the same batch."""
        if self.switches.pauses == "constant":
            return CONSTANT_PAUSE_S
        pause = min(PAUSE_MAX_S, FIRST_PAUSE_S * PAUSE_GROWTH ** min(pauses_before, _PAUSES_TO_MAX))
        return pause if self.random is None else pause * self.random.uniform(0.5, 1.0)


def later(now: float, seconds: float) -> float:
    """Add on the event source's clock."""
    return round(now + seconds, _CLOCK_DIGITS)
