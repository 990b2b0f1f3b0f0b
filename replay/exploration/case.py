"""A case: everything that decides how one history goes, as plain data that a file can hold.

The same case makes the same history. Steps are the calls that handlers make, counted from 0 over all invocations;
invocations are counted from 1 in order of start; calls of one invocation from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

FaultKind = Literal[
    "crash-before",
    "crash-after",
    "timeout-before",
    "timeout-after",
    "throttle",
    "conflict",
    "lost-request",
    "lost-answer",
    "little-time",
    "torn-read",
    "torn-read-puts",
]
"""What may happen at a call: the process ends before or after the call took effect; the function's time is over before
or after; the table throttles, or has a conflict; the request, or its answer, is lost and botocore reports a timeout;
from this call on the remaining time is next to nothing; a reading sees of another invocation's transaction only the
deletes, or only the puts."""

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
TORN_READS: tuple[FaultKind, ...] = ("torn-read", "torn-read-puts")
"""AWS: DynamoDB developer guide, "Isolation level for DynamoDB transactions": a Query is not isolated as a unit from a
TransactWriteItems."""


WriteKind = Literal["set", "leave", "join", "remove-message"]
NEEDED: Mapping[WriteKind, tuple[str, ...]] = {
    "set": ("group", "member", "name", "value"),
    "leave": ("group", "member"),
    "join": ("group", "member", "time"),
    "remove-message": ("group", "time"),
}
"""What a write of each kind has to say."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault at one call of one invocation."""

    invocation: int
    call: int
    kind: FaultKind


@dataclass(frozen=True, slots=True)
class Write:
    """A write of the application before a step.

    Another owner `set`s a `member`'s attribute `name` to the number `value`; a member `leave`s; somebody `join`s: a row
    of theirs comes under the sort key `time`, names the member `name` and shows the text `value`; `remove-message`
    removes the message under the sort key `time`.
    """

    at: int
    kind: WriteKind
    group: str
    member: str = ""
    name: str = ""
    value: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A batch that was delivered comes once more, when as many invocations have ended."""

    after: int
    sequences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Twin:
    """From a step on, the records of a running invocation are delivered a second time beside it."""

    at: int
    invocation: int


@dataclass(frozen=True, slots=True)
class Turn:
    """From a step on, another running invocation goes on: the n-th of those at work, modulo their number."""

    at: int
    which: int


@dataclass(frozen=True, slots=True)
class Lag:
    """The index falls behind: it shows some changes of a group only so many steps later (-1: once the faults end).

    These are the `change`-th, counted from 0, and those right after it, `changes` in all.
    """

    group: str
    change: int
    steps: int
    changes: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One history. `rows` are there before it; `records` are in stream order, with `shardId` where there are several.

    `mapping` has the API's parameters. `cuts` are the sizes of batches in order of forming, then as full as can be.
    A reading in memory answers `page_items` items a page; 0 stands for as many as there are.
    """

    rows: tuple[Mapping[str, Any], ...]
    records: tuple[Mapping[str, Any], ...]
    mapping: Mapping[str, Any]
    cuts: tuple[int, ...] = ()
    lags: tuple[Lag, ...] = ()
    faults: tuple[Fault, ...] = ()
    writes: tuple[Write, ...] = ()
    redeliveries: tuple[Redelivery, ...] = ()
    twins: tuple[Twin, ...] = ()
    turns: tuple[Turn, ...] = ()
    page_items: int = 0
    name: str = ""

    @property
    def weight(self) -> tuple[int, int, int]:
        """How much there is to it: faults and the like, records, rows."""
        events = (self.faults, self.lags, self.writes, self.redeliveries, self.twins, self.turns)
        return sum(map(len, events)), len(self.records), len(self.rows)
