"""Stand-ins that keep what they are given: the telemetry and the quarantine of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_processor.quarantine import Quarantined
    from stream_processor.telemetry import BatchReport, FailureReport


@dataclass
class Recorder:
    """A telemetry that remembers; `lines` are (kind, what was told)."""

    lines: list[tuple[str, Any]] = field(default_factory=list)

    def batch(self, report: BatchReport) -> None:
        self.lines.append(("batch", report))

    def failure(self, report: FailureReport) -> None:
        self.lines.append(("failure", report))

    def orphan(self, group: str, sequence: str) -> None:
        self.lines.append(("orphan", (group, sequence)))

    def healed(self, group: str, rows: int) -> None:
        self.lines.append(("healed", (group, rows)))

    def future_dated(self, group: str, sequence: str, ahead_s: int) -> None:
        self.lines.append(("future-dated", (group, sequence, ahead_s)))

    def quarantined(self, sequence: str, reason: str, key: str) -> None:
        self.lines.append(("quarantined", (sequence, reason, key)))

    def of(self, kind: str) -> list[Any]:
        """Everything told of one kind."""
        return [told for name, told in self.lines if name == kind]

    @property
    def report(self) -> BatchReport:
        """The one report of the batch, which is told last."""
        assert [name for name, _ in self.lines].index("batch") == len(self.lines) - 1
        report: BatchReport = self.lines[-1][1]
        return report

    @property
    def failures(self) -> list[FailureReport]:
        return self.of("failure")


@dataclass
class Shelf:
    """A quarantine that remembers; records of the numbers in `refusals` raise what stands there."""

    refusals: dict[str, Exception] = field(default_factory=dict)
    kept: dict[str, Quarantined] = field(default_factory=dict)
    puts: int = 0

    def put(self, quarantined: Quarantined) -> bool:
        self.puts += 1
        if quarantined.identifier in self.refusals:
            raise self.refusals[quarantined.identifier]
        if quarantined.key in self.kept:
            return False
        self.kept[quarantined.key] = quarantined
        return True

    @property
    def reasons(self) -> dict[str, str]:
        """Why each record is here, by sequence number."""
        return {each.identifier: each.reason for each in self.kept.values()}
