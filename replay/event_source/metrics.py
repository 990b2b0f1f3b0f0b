"""The counts an event source mapping reports (AWS: Lambda developer guide, monitoring-metrics-types).

All but the last count records. An idle mapping has 0 everywhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Metrics:
    """Sums over all shards; the fields' values only grow."""

    polled: int = 0
    """Records read from the stream, each once."""
    filtered_out: int = 0
    invoked: int = 0
    """Records of every try, throttled ones too."""
    failed_invoke: int = 0
    """Records of every try that was not a full success."""
    dropped: int = 0
    """Records given up that no destination has."""
    delivered_to_destination: int = 0
    destination_failures: int = 0
    """Messages the destination did not take."""

    def named(self) -> dict[str, int]:
        """Give the counts under CloudWatch's names."""
        return {NAMES[name]: count for name, count in asdict(self).items()}


NAMES = {
    "polled": "PolledEventCount",
    "filtered_out": "FilteredOutEventCount",
    "invoked": "InvokedEventCount",
    "failed_invoke": "FailedInvokeEventCount",
    "dropped": "DroppedEventCount",
    "delivered_to_destination": "OnFailureDestinationDeliveredEventCount",
    "destination_failures": "DestinationDeliveryFailures",
}
