"""A replay's report as JSON: the verdict, what is wrong, and a summary.

{"verdict": "right"|"wrong"|"incomplete"|"not judged",
 "findings": [{"kind", "group", "member", "expected", "found", "delivery"}],
 "summary": {...}}
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.event_source.destinations import FailureMessage
    from replay.report import Report, Traced


def as_json(report: Report, about: Mapping[str, str]) -> dict[str, Any]:
    """Make the object; `about` says what was run on what, and goes first in the summary."""
    return {
        "verdict": report.word,
        "findings": [_finding(traced) for traced in report.findings],
        "summary": {**about, **_summary(report)},
    }


def _finding(traced: Traced) -> dict[str, Any]:
    finding = traced.finding
    return {
        "kind": finding.kind,
        "group": finding.group,
        "member": finding.member,
        "expected": finding.expected,
        "found": finding.found,
        "delivery": traced.delivery,
    }


def _summary(report: Report) -> dict[str, Any]:
    return {
        "records": report.records,
        "duplicates": report.duplicates,
        "filtered": report.filtered,
        "messages": report.messages,
        "batches": report.batches,
        "own_batches": report.own_batches,
        "deliveries": report.deliveries,
        "retries": report.retries,
        "redeliveries": report.redeliveries,
        "failed_deliveries": report.failed,
        "failures": [
            {
                "delivery": failure.delivery,
                "records": failure.records,
                "first_sequence": failure.first_sequence,
                "outcome": failure.outcome,
                "printed": list(failure.printed),
            }
            for failure in report.failures
        ],
        "faults": [asdict(fault) for fault in report.faults],
        "faults_left": report.faults_left,
        "lagging_queries": report.lagging_queries,
        "cold_starts": report.cold_starts,
        "requests": dict(sorted(report.requests.items())),
        "requests_per_message": _rounded(report.requests_per_message),
        "request_errors": dict(sorted(report.errors.items())),
        "requests_elsewhere": dict(sorted(report.elsewhere.items())),
        "read_units": report.read_units,
        "write_units": report.write_units,
        "index_write_units": report.index_units,
        "own_writes": report.own_writes,
        "amplification": _rounded(report.amplification),
        "quiet": report.quiet,
        "ended": report.ended,
        "discards": [discard_summary(message) for message in report.discards],
        "refused_rows": report.refused_rows,
        "rows": report.rows,
        "judged": report.judged,
        "duration_s": round(report.duration_s, 3),
    }


def discard_summary(message: FailureMessage) -> dict[str, Any]:
    """Say what was given up and why, without the records."""
    discard = message.discard
    return {
        "shard": discard.shard,
        "first_sequence": discard.records[0].text,
        "last_sequence": discard.records[-1].text,
        "records": len(discard.records),
        "condition": discard.condition,
        "deliveries": discard.invoke_count,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
