"""What happens to records that are given up: told to the destination, or lost, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.event_source.destinations import FailureMessage, Sender, failure_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.event_source.destinations import Discard
    from replay.event_source.metrics import Metrics
    from replay.event_source.rules import Rules


class Outbox:
    """Sends failure messages, one at a time, in order."""

    def __init__(
        self,
        rules: Rules,
        metrics: Metrics,
        *,
        function_version: str,
        epoch_s: float,
        tell: Callable[[FailureMessage], None] | None,
    ) -> None:
        mapping = rules.mapping
        function_arn, executed_version = mapping.target(function_version)
        self._destination = mapping.destination
        self._blocks = rules.switches.failed_delivery == "block"
        self._metrics = metrics
        self.messages: list[FailureMessage] = []
        """What was delivered, in order; empty where somebody else is told."""
        self._tell = tell or self.messages.append
        self._sender = Sender(
            mapping_uuid=mapping.uuid,
            function_arn=function_arn,
            function_version=executed_version,
            stream_arn=mapping.stream_arn,
            epoch_s=epoch_s,
            kind=mapping.destination.kind if mapping.destination else "sqs",
            payload_as_text=rules.switches.s3_payload == "string",
        )

    @property
    def blocks(self) -> bool:
        """Whether what is given up now would hold up its shard for good."""
        return self._blocks and self._destination is not None and self._destination.fails

    def send(self, discard: Discard, now: float) -> None:
        """Tell the destination of one discard, or lose it."""
        count = len(discard.records)
        if self._destination is None:
            self._metrics.dropped += count
        elif self._destination.fails:
            self._metrics.destination_failures += 1
            self._metrics.dropped += 0 if self._blocks else count
        else:
            self._metrics.delivered_to_destination += count
            self._tell(failure_message(discard, self._sender, now))


class Notice:
    """What one batch gives up, told part by part, or neighbours together where messages are consolidated.

    Consolidated, parts share a message when their condition is equal and no delivered record lies between them.
    """

    def __init__(self, rules: Rules, send: Callable[[Discard, float], None]) -> None:
        self._consolidates = rules.switches.messages == "consolidated"
        self._first_request = rules.switches.request_id == "first"
        self._send = send
        self._held: Discard | None = None

    def add(self, discard: Discard, now: float) -> None:
        """Tell of a discard, now or together with its neighbours."""
        if not self._consolidates:
            self._send(discard, now)
        elif self._held and self._held.condition == discard.condition:
            self._held = self._held.joined(discard, first_request=self._first_request)
        else:
            self.close(now)
            self._held = discard

    def close(self, now: float) -> None:
        """Send what is held back: a delivered record follows, or nothing more of the batch."""
        if self._held:
            held, self._held = self._held, None
            self._send(held, now)
