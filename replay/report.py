"""What a replay came to: counts of what happened, and what is wrong at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from replay.wording import counted

if TYPE_CHECKING:
    from replay.checks.oracle import Finding
    from replay.event_source.destinations import FailureMessage
    from replay.function.calls import Call

FAILURES_KEPT: Final = 20

Word = Literal["right", "wrong", "incomplete", "not judged"]


@dataclass(frozen=True, slots=True)
class Traced:
    """One finding, with the number of the delivery that last touched the row, if any did."""

    finding: Finding
    delivery: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """One delivery that did not end well."""

    delivery: int
    records: int
    first_sequence: str
    outcome: str
    stack: tuple[str, ...] = ()
    printed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault that came to pass: what was asked for, at which operation, in which delivery."""

    asked: str
    operation: str
    delivery: int


@dataclass(slots=True)
class Report:
    """What happened, and what is wrong at the end.

    `deliveries` counts invocations, `batches` those that brought records for the first time, `redeliveries` those that
    were asked for again; the rest are retries.
    `own_writes` are the changes that the handler made to rows. Read units are as the table counts them, write units as
    AWS counts the changes made, in the table and in its index (a transaction's twice). `elsewhere` are requests that
    the handler meant for another address. `ended` says why the run could not go on, if it could not.
    """

    findings: tuple[Traced, ...] = ()
    judged: bool = True
    """Whether there was a table to judge, and a message to judge it by."""
    quiet: bool = True
    ended: str | None = None
    records: int = 0
    duplicates: int = 0
    filtered: int = 0
    messages: int = 0
    refused_rows: int = 0
    deliveries: int = 0
    batches: int = 0
    own_batches: int = 0
    """Those of them that brought the handler's own writes."""
    redeliveries: int = 0
    cold_starts: int = 0
    own_writes: int = 0
    rounds: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    write_units: int = 0
    index_units: int = 0
    elsewhere: Counter[str] = field(default_factory=Counter)
    faults: list[InjectedFault] = field(default_factory=list)
    faults_left: list[str] = field(default_factory=list)
    """Faults asked for that no call came to."""
    lagging_queries: int = 0
    failures: list[Failure] = field(default_factory=list)
    failed: int = 0
    last_failure: Failure | None = None
    discards: list[FailureMessage] = field(default_factory=list)
    rows: int = 0
    duration_s: float = 0.0

    def count(self, call: Call) -> None:
        """Count one request of the handler's."""
        self.requests[call.name] += 1
        if call.error:
            self.errors[f"{call.name}: {call.error}"] += 1
        if call.elsewhere:
            self.elsewhere[f"{call.name} to {call.elsewhere}"] += 1
        self.read_units += call.read_units or 0.0

    def keep(self, failure: Failure) -> None:
        """Count a delivery that did not end well, and keep the first few."""
        self.failed += 1
        self.last_failure = failure
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(failure)

    @property
    def word(self) -> Word:
        """The verdict in a word.

        Wrong: the table is not what the messages say, or the handler did not leave it at that; or it never succeeded
        and wrote nothing; or, where nothing is judged, records were given up. Incomplete: a fault that was asked for
        never happened.
        """
        if self.findings or not self.quiet or self.ended is not None or self.untaken:
            return "wrong"
        if self.faults_left:
            return "incomplete"
        return "right" if self.judged else "not judged"

    @property
    def untaken(self) -> str:
        """Say what the handler did not take, where that by itself is wrong; nothing where all is well.

        Where the table is judged, records may be given up, and a batch that is raised may have done all it could: some
        records can never be applied.
        """
        if self.deliveries and self.failed == self.deliveries and not (self.judged and self.own_writes):
            return "no delivery succeeded"
        return f"{counted(self.given_up, 'record')} given up" if self.given_up and not self.judged else ""

    @property
    def given_up(self) -> int:
        """Count the records that the event source discarded."""
        return sum(len(message.discard.records) for message in self.discards)

    @property
    def retries(self) -> int:
        """Deliveries of records that had been delivered before, because that had failed or gone half way."""
        return self.deliveries - self.batches - self.redeliveries

    @property
    def amplification(self) -> float | None:
        """Stream records a message: the message's own and those of the handler's writes."""
        return (self.messages + self.own_writes) / self.messages if self.messages else None

    @property
    def requests_per_message(self) -> float | None:
        """Requests the handler made, a message."""
        return sum(self.requests.values()) / self.messages if self.messages else None
