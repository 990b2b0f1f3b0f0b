"""The event source: what stands between a stream and a function, as a value without I/O.

    source = EventSource(mapping)
    source.offer(records)
    for invocation in source.starts(now): …call the function…
    source.finish(invocation, Returned({"batchItemFailures": []}), now)
    source.next_at()

Promises: no thread, no sleep, no clock, no I/O; time is given and only grows. Whoever drives it calls the function:
`replay.event_source.virtual` on a virtual clock, or a driver by the wall clock. At one instant the order is: `finish`
for what ends, then actions, then `advance` (availability, window ends), then `starts`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from replay.event_source.answers import FunctionResult, Meaning, Verdict, judge
from replay.event_source.context import Context
from replay.event_source.errors import RunEnded
from replay.event_source.mapping import LATEST, UNQUALIFIED
from replay.event_source.metrics import Metrics
from replay.event_source.outbox import Outbox
from replay.event_source.rules import Rules
from replay.event_source.shards import Shard
from replay.event_source.switches import Switches

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator

    from replay.event_source.destinations import FailureMessage
    from replay.event_source.invocations import Invocation
    from replay.event_source.mapping import EventSourceMapping
    from replay.event_source.records import StreamRecord


class EventSource:
    """One event source mapping at work on one stream."""

    def __init__(  # noqa: PLR0913 - settings, each by its name
        self,
        mapping: EventSourceMapping,
        *,
        switches: Switches | None = None,
        random: random.Random | None = None,
        partition_key: str = "pk",
        function_version: str = UNQUALIFIED,
        epoch_s: float = 0.0,
        opens_at_s: float = 0.0,
        remembers: bool = False,
        tell: Callable[[FailureMessage], None] | None = None,
    ) -> None:
        """Set up; nothing happens before `advance`.

        Args:
            mapping: The parameters in force.
            switches: Answers to AWS's open questions; by default the conservative ones.
            random: Cuts batches at random, as AWS may. None: batches are as full as they can be.
            partition_key: The table's, for `lane_key="partition"`.
            function_version: What the mapping invokes, `$LATEST` or a version, unless its function is named with one.
            epoch_s: The wall clock at 0 of the clock given, for the instants in messages and windows.
            opens_at_s: When the mapping works; under LATEST, what is available until then is never seen.
            remembers: Keep every record, so that `recreate` works.
            tell: Gets each failure message; by default they are kept in `discards`.
        """
        self.mapping = mapping
        self.metrics = Metrics()
        self.is_enabled = mapping.enabled
        self.has_ended = False
        self._switches = switches or Switches()
        rules = Rules(mapping, self._switches, random, partition_key)
        self._outbox = Outbox(rules, self.metrics, function_version=function_version, epoch_s=epoch_s, tell=tell)
        self._context = Context(rules, self.metrics, self._outbox, epoch_s=epoch_s, remembers=remembers)
        self._shards: dict[str, Shard] = {}
        self._unopened: list[Shard] = []
        self._skip(up_to_s=opens_at_s)

    # Records.

    def add_shard(self, name: str, parent: str | None = None) -> None:
        """Make a shard known; shards take turns in this order. A child is read when its parent is finished.

        A parent that is not known counts as finished once `finish_offering` says that no shard will follow.
        """
        if name not in self._shards:
            self._shards[name] = Shard(name, parent, self._context, len(self._shards))
            self._unopened.append(self._shards[name])
        elif parent is not None:
            self._shards[name].parent = parent

    def offer(self, records: Iterable[StreamRecord]) -> None:
        """Add records, at any time; within a shard in order of sequence number."""
        shards = self._shards
        for record in records:
            if record.shard not in shards:
                self.add_shard(record.shard)
            shards[record.shard].log.offer(record)

    def close_shard(self, name: str) -> None:
        """Say that no further record of this shard will come: its children may follow."""
        self.add_shard(name)
        self._shards[name].is_closed = True

    def finish_offering(self) -> None:
        """Say that no further shard and no further record will come."""
        self._context.offering_finished = True

    # Time.

    def next_at(self, *, reading_only: bool = False) -> float:
        """Say when something happens next, running invocations aside; infinite: nothing does, unless offered more.

        A time that has passed means now. `reading_only` looks at nothing but the availability of records.
        """
        if not self.is_enabled or self.has_ended:
            return math.inf
        if reading_only:
            return min((shard.next_available_at() for shard in self._shards.values()), default=math.inf)
        if self._unopened and any(self._may_open(shard) for shard in self._unopened):
            return -math.inf
        return min((shard.next_at() for shard in self._shards.values()), default=math.inf)

    def advance(self, now: float) -> None:
        """Read what has become available; open shards whose parents are finished."""
        if not self.is_enabled or self.has_ended:
            return
        for shard in self._shards.values():
            if shard.is_open:
                shard.read(now)
            if shard.is_blocked:
                self._lose_gone(shard, now)
        while opening := [shard for shard in self._unopened if self._may_open(shard)]:
            for shard in opening:
                self._unopened.remove(shard)
                shard.open(now)
                shard.read(now)

    def starts(self, now: float) -> Iterator[Invocation]:
        """Give the invocations that start now, one after the other, each shard in its turn.

        Raises:
            Unspecified: A record is larger than an invocation carries.
        """
        try:
            for shard in list(self._shards.values()):
                if self.is_enabled and not self.has_ended:
                    yield from shard.starts(now)
        except RunEnded:
            self._stop(now)
            raise

    # Results.

    def judge(self, invocation: Invocation, result: FunctionResult) -> Verdict:
        """Say what a result means, without applying it."""
        return judge(
            result,
            invocation.records,
            self._switches,
            partial_responses=self.mapping.partial_responses,
            windowed=self.mapping.tumbling_window_s > 0,
        )

    def finish(self, invocation: Invocation, result: FunctionResult | Verdict, now: float) -> None:
        """Apply the result of an invocation; it counts unless a restart came between.

        Raises:
            ContractError: An answer nobody can read. The run cannot go on.
        """
        if not self.is_running(invocation):
            return
        verdict = result if isinstance(result, Verdict) else self.judge(invocation, result)
        if verdict.meaning is not Meaning.SUCCESS:
            self.metrics.failed_invoke += len(invocation.records)
            if verdict.meaning is Meaning.UNREADABLE:
                self._stop(now)
                verdict.raise_unreadable()
        self._shards[invocation.shard].settle(invocation, verdict, now)

    def is_running(self, invocation: Invocation) -> bool:
        """Say whether the result of this invocation will count."""
        return not self.has_ended and self._shards[invocation.shard].is_running(invocation)

    def turn_of(self, invocation: Invocation) -> int:
        """Give the place of its shard among those whose invocations end at one instant."""
        return self._shards[invocation.shard].turn

    # Actions.

    def disable(self, now: float) -> None:
        """Stop further tries; what runs ends, and its result counts."""
        if self.is_enabled:
            self.is_enabled = False
            for shard in self._shards.values():
                shard.suspend(now)

    def enable(self, now: float) -> None:
        """Go on from the checkpoint."""
        if not self.is_enabled:
            self.is_enabled = True
            for shard in self._shards.values():
                shard.resume(now)

    def restart(self, now: float) -> None:
        """Lose everything but the checkpoint, results still to come too."""
        for shard in self._shards.values():
            shard.restart(now)

    def recreate(self, now: float) -> None:
        """Delete the mapping and create it anew, at its StartingPosition. Needs `remembers`."""
        if not self._context.remembers:
            raise ValueError("recreate needs an EventSource(remembers=True)")
        self.is_enabled = self.mapping.enabled
        for shard in self._shards.values():
            shard.recreate(now)
        self._unopened = list(self._shards.values())
        self._skip(up_to_s=math.nextafter(now, -math.inf) if now > 0 else now)

    def redeliver(self, records: Iterable[StreamRecord]) -> None:
        """Deliver a batch of one shard once more, as soon as nothing runs there; never retried.

        Whether the function has had these records is for the caller to know.
        """
        batch = tuple(sorted(records, key=lambda record: record.sequence))
        self._shards[batch[0].shard].redeliver(batch)

    def end(self, now: float) -> None:
        """End the run (the table is deleted, or nothing more happens): the rest counts as gone."""
        if not self.has_ended:
            self.has_ended = True
            for shard in self._shards.values():
                shard.abandon(now)

    # What has happened.

    @property
    def discards(self) -> list[FailureMessage]:
        """The messages delivered to the destination, in order; empty where `tell` gets them."""
        return self._outbox.messages

    @property
    def checkpoints(self) -> dict[str, str | None]:
        """For each shard the highest sequence number up to which everything is finished."""
        return {
            name: shard.log.checkpoint.text if shard.log.checkpoint else None for name, shard in self._shards.items()
        }

    @property
    def backlog(self) -> int:
        """How many records it holds: offered, not finished."""
        return sum(shard.log.backlog for shard in self._shards.values())

    def _stop(self, now: float) -> None:
        """End the run where it stands."""
        self.has_ended = True
        for shard in self._shards.values():
            shard.stop(now)

    @staticmethod
    def _lose_gone(shard: Shard, now: float) -> None:
        """Blocked for good: once its records are gone from the stream, nothing is left to wait for."""
        if now >= shard.log.all_gone_at:
            shard.abandon(now)

    def _may_open(self, shard: Shard) -> bool:
        if shard.parent is None:
            return True
        parent = self._shards.get(shard.parent)
        return parent.is_finished if parent else self._context.offering_finished

    def _skip(self, *, up_to_s: float) -> None:
        if self.mapping.starting_position == LATEST:
            self._context.skipped_up_to_s = up_to_s
