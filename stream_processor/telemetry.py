"""What the function says about itself: one log line a batch, one a failure, and embedded metrics.

Never a message's text, a name or a whole event. The keys are fixed: saved queries, alarms and people rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

NAMESPACE = "InboxStreamProcessor"

Outcome = Literal["done", "partial", "raised"]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of one batch.

    `moved` counts rows, `unchanged` groups that needed nothing, `failed` failures, `re_reads` consistent readings of a
    group, `healed_rows` rows removed because their member had another, `untimed_rows` rows moved although their
    sort key was no time, `unchecked_attributes` attributes for which a condition had no room, `quarantined` first
    writes only. `lag_ms` is the age of the batch's last record, nothing where the record does not say.
    """

    request_id: str | None
    first_sequence: str | None
    last_sequence: str | None
    records: int
    ignored: int
    messages: int
    groups: int
    moved: int
    unchanged: int
    failed: int
    re_reads: int
    healed_rows: int
    untimed_rows: int
    unchecked_attributes: int
    transaction_retries: int
    orphans: int
    quarantined: int
    future_dated: int
    lag_ms: int | None
    duration_ms: int
    cold_start: bool
    outcome: Outcome
    answer: str | None


@dataclass(frozen=True, slots=True)
class FailureReport:
    """One thing that is not done; `code` is AWS's word, an error's name or a permanent reason."""

    request_id: str | None
    group: str | None
    sequence: str
    code: str
    retryable: bool
    reason: str


BATCH_KEYS = tuple(each.name for each in fields(BatchReport))
FAILURE_KEYS = tuple(each.name for each in fields(FailureReport))
COUNTS = {
    "Received": "records",
    "Ignored": "ignored",
    "Messages": "messages",
    "Moved": "moved",
    "Unchanged": "unchanged",
    "Failed": "failed",
    "ReReads": "re_reads",
    "HealedRows": "healed_rows",
    "TransactionRetries": "transaction_retries",
    "Orphans": "orphans",
    "Quarantined": "quarantined",
    "FutureDated": "future_dated",
}
"""Metrics that count, and the value of the batch's report that each is."""


class Telemetry(Protocol):
    """Where a batch's story goes; called from one thread, after the work."""

    def batch(self, report: BatchReport) -> None:
        """Tell how a batch ended; the last call of an invocation."""
        ...

    def failure(self, report: FailureReport) -> None:
        """Tell of one failure."""
        ...

    def orphan(self, group: str, sequence: str) -> None:
        """Tell of a message whose group has no row anywhere."""
        ...

    def healed(self, group: str, rows: int) -> None:
        """Tell that rows went because their members had others."""
        ...

    def future_dated(self, group: str, sequence: str, ahead_s: int) -> None:
        """Tell of a message dated after its record's creation."""
        ...

    def quarantined(self, sequence: str, reason: str, key: str) -> None:
        """Tell where a record was put for good."""
        ...


class CloudWatchTelemetry:
    """Structured log lines and embedded metrics on standard output, as Lambda takes them.

    `service` stands in every line and is the dimension of every metric. Lambda filters lines by level only where their
    timestamp is RFC 3339 (AWS: Lambda developer guide, "Log level filtering").
    """

    def __init__(self, service: str) -> None:
        self._logger = Logger(service=service, use_rfc3339=True)
        self._metrics = Metrics(namespace=NAMESPACE, service=service)

    def batch(self, report: BatchReport) -> None:
        """Log the batch and write its metrics."""
        self._logger.info("batch", extra={key: getattr(report, key) for key in BATCH_KEYS})
        metrics = {name: _metric(MetricUnit.Count, getattr(report, key)) for name, key in COUNTS.items()}
        if report.lag_ms is not None:
            metrics["LagMs"] = _metric(MetricUnit.Milliseconds, report.lag_ms)
        self._metrics.metric_set.update(metrics)  # all at once: one by one takes as long as planning the batch
        self._metrics.flush_metrics()

    def failure(self, report: FailureReport) -> None:
        """Log a failure as an error."""
        self._logger.error("failure", extra={key: getattr(report, key) for key in FAILURE_KEYS})

    def orphan(self, group: str, sequence: str) -> None:
        """Log an orphan as a warning."""
        self._logger.warning("orphan", extra={"group": group, "sequence": sequence})

    def healed(self, group: str, rows: int) -> None:
        """Log a healing."""
        self._logger.info("healed", extra={"group": group, "rows": rows})

    def future_dated(self, group: str, sequence: str, ahead_s: int) -> None:
        """Log a date in the future as a warning."""
        self._logger.warning("future-dated", extra={"group": group, "sequence": sequence, "ahead_s": ahead_s})

    def quarantined(self, sequence: str, reason: str, key: str) -> None:
        """Log a quarantined record as a warning."""
        self._logger.warning("quarantined", extra={"sequence": sequence, "reason": reason, "key": key})


def _metric(unit: MetricUnit, value: int) -> dict[str, Any]:
    return {"Unit": unit.value, "Value": [value]}
