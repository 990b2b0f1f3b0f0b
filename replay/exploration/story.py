"""What happened in a case, event by event, in order; kept only where somebody wants to hear it.

Steps are counted as a case counts them: a call's step is its place among all calls, from 0; whatever else happens has
the step of the call that comes next. Virtual time begins anew with each phase, for each has an event source of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from replay.event_source.answers import Meaning, Raised, Returned, TimedOut, Unserialisable
from replay.rows.keys import GROUP_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from replay.checks.store import Store
    from replay.event_source.answers import FunctionResult, Verdict
    from replay.event_source.invocations import Invocation
    from replay.event_source.records import StreamRecord
    from replay.exploration.case import FaultKind, Write, WriteKind
    from replay.exploration.handler import NextCall
    from replay.rows.reading import Item
    from replay.tables.memory import Address

Phase = Literal["faults on", "faults off", "everything once more"]
Why = Literal["batch", "retry", "redelivery", "twin"]
"""Why records are delivered: for the first time, again by the event source, again after the batch had ended, or a
second time beside the invocation that has them."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row before and after a write; nothing where there is none. Both are the same where the write failed."""

    address: Address
    before: Item | None
    after: Item | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, at a step, at a virtual time in seconds; its text is a line of the story."""

    kind: ClassVar[str]
    step: int
    now_s: float


@dataclass(frozen=True, slots=True)
class PhaseBegan(Event):
    """From here on the faults of the case happen, or no more, or all was right and must stay so."""

    kind: ClassVar[str] = "phase"
    phase: Phase

    def __str__(self) -> str:
        return f"{self.phase}:"


@dataclass(frozen=True, slots=True)
class Delivered(Event):
    """An invocation began. `lane` is its lane of the shard; redeliveries and twins have none.

    `attempt` counts the deliveries of its most often delivered record, this one included.
    """

    kind: ClassVar[str] = "delivery"
    invocation: int
    why: Why
    shard: str
    lane: int | None
    attempt: int
    sequences: tuple[str, ...]

    def __str__(self) -> str:
        where = self.shard if self.lane is None else f"lane {self.lane} of {self.shard}"
        why = self.why if self.attempt == 1 else f"{self.why}, delivery {self.attempt}"
        return f"invocation {self.invocation} ({why}, {where}) gets {' '.join(self.sequences)}"


@dataclass(frozen=True, slots=True)
class Called(Event):
    """An invocation's call happened, or failed as the fault says.

    `outcome` is a word: done, the fault, or the error that the call got. `changes` are the rows that a write names;
    `behind` the group rows whose newest version the index did not show when it was asked.
    """

    kind: ClassVar[str] = "call"
    invocation: int
    call: int
    does: str
    text: str
    fault: FaultKind | None
    outcome: str
    changes: tuple[RowChange, ...] = ()
    behind: tuple[Address, ...] = ()

    def __str__(self) -> str:
        fault = f" ({self.fault})" if self.fault not in {None, self.outcome} else ""
        late = ", ".join(" ".join(address) for address in self.behind)
        behind = f" (the index is behind in {late})" if late else ""
        return f"  {self.invocation}: {self.text} -> {self.outcome}{fault}{behind}"


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """An invocation ended; the verdict says what that meant to the event source, which waits for no twin."""

    kind: ClassVar[str] = "end"
    invocation: int
    result: str
    verdict: str | None

    def __str__(self) -> str:
        return f"  {self.invocation}: {self.result} -> {self.verdict or 'nobody waits for it'}"


@dataclass(frozen=True, slots=True)
class Wrote(Event):
    """The application wrote: another owner set an attribute, a member left or joined, a message was removed."""

    kind: ClassVar[str] = "write"
    does: WriteKind
    group: str
    member: str
    name: str
    value: str
    time: str
    changes: tuple[RowChange, ...]

    def __str__(self) -> str:
        done = {
            "set": f"{self.name} = {self.value} for {self.member} in {self.group}",
            "leave": f"{self.member} leaves {self.group}",
            "join": f"{self.member} joins {self.group}, with a row at {self.time} that shows {self.value!r}",
            "remove-message": f"the message of {self.group} at {self.time} is removed",
        }
        return f"  the application: {done[self.does]}"


@dataclass(frozen=True, slots=True)
class IndexShown(Event):
    """The index took a row's change that was late."""

    kind: ClassVar[str] = "index"
    address: Address

    def __str__(self) -> str:
        return f"  the index takes {' '.join(self.address)}"


@dataclass(frozen=True, slots=True)
class RuleBroken(Event):
    """Something that must hold does not."""

    kind: ClassVar[str] = "broken"
    rule: str
    text: str

    def __str__(self) -> str:
        return f"broken: {self.rule}: {self.text}"


class Storyteller:
    """Keeps what happens to a store; `when` says the step and the virtual time."""

    def __init__(self, store: Store, when: Callable[[], tuple[int, float]]) -> None:
        self.events: list[Event] = []
        self._store = store
        self._when = when
        self._deliveries: dict[str, int] = {}
        self._before: dict[Address, Item | None] = {}
        self._behind: tuple[Address, ...] = ()

    def phase_began(self, phase: Phase) -> None:
        """Keep that a phase began. Deliveries are counted anew: its event source knows of none before."""
        self._deliveries = {}
        self.events.append(PhaseBegan(*self._when(), phase))

    def delivered(self, number: int, records: Sequence[StreamRecord], delivery: Invocation | None) -> None:
        """Keep that an invocation began; nothing for a delivery is a twin."""
        for record in records:
            self._deliveries[record.text] = self._deliveries.get(record.text, 0) + 1
        attempt = max((self._deliveries[record.text] for record in records), default=1)
        lane = delivery.lane.number if delivery and delivery.lane else None
        why: Why
        if delivery is None:
            why = "twin"
        elif lane is None:
            why = "redelivery"
        else:
            why = "batch" if attempt == 1 else "retry"
        shard = records[0].shard if records else ""
        sequences = tuple(record.text for record in records)
        self.events.append(Delivered(*self._when(), number, why, shard, lane, attempt, sequences))

    def about_to_call(self, call: NextCall) -> None:
        """Look at what a call is going to change, and at what an index that it asks does not show."""
        self._before = self._rows(call.touches) if call.kind == "write" else {}
        late = self._store.waiting() if call.kind == "index" else ()
        self._behind = tuple(address for address in late if address[0].startswith(GROUP_PREFIX))

    def called(self, invocation: int, number: int, call: NextCall, fault: FaultKind | None, outcome: str) -> None:
        """Keep the call that has just happened."""
        step, now_s = self._when()
        does, text, changes = call.kind, call.text, self._changes()
        event = Called(step - 1, now_s, invocation, number, does, text, fault, outcome, changes, self._behind)
        self.events.append(event)

    def ended(self, invocation: int, result: FunctionResult, sequences: Sequence[str], verdict: Verdict | None) -> None:
        """Keep that an invocation ended."""
        meaning = None if verdict is None else _meaning(verdict, sequences)
        self.events.append(Ended(*self._when(), invocation, _result(result), meaning))

    def about_to_write(self, touches: Iterable[Address]) -> None:
        """Look at what the application is going to change."""
        self._before = self._rows(touches)

    def wrote(self, write: Write) -> None:
        """Keep the write of the application that has just happened."""
        group, member, name, value, time = write.group, write.member, write.name, write.value, write.time
        self.events.append(Wrote(*self._when(), write.kind, group, member, name, value, time, self._changes()))

    def index_shown(self, address: Address) -> None:
        """Keep that the index took a change that was late."""
        self.events.append(IndexShown(*self._when(), address))

    def broke(self, rule: str, text: str) -> None:
        """Keep that a rule is broken."""
        self.events.append(RuleBroken(*self._when(), rule, text))

    def _changes(self) -> tuple[RowChange, ...]:
        after = self._rows(self._before)
        return tuple(RowChange(address, item, after[address]) for address, item in self._before.items())

    def _rows(self, addresses: Iterable[Address]) -> dict[Address, Item | None]:
        """Read rows from the base table as they are now."""
        found: dict[Address, Item | None] = dict.fromkeys(addresses)
        for partition_key in {address[0] for address in found}:
            for item in self._store.partition(partition_key):
                address = partition_key, item["sk"]["S"]
                if address in found:
                    found[address] = item
        return found


def _result(result: FunctionResult) -> str:
    match result:
        case Returned(value=value):
            return f"returned {value!r}"
        case Raised(error=error, detail=detail):
            return f"raised {error}" + (f": {detail}" if detail else "")
        case TimedOut():
            return "timed out"
        case Unserialisable():
            return "returned what is no JSON"
        case _:
            return "was not started"


def _meaning(verdict: Verdict, sequences: Sequence[str]) -> str:
    if verdict.meaning is Meaning.PARTIAL:
        return f"unfinished from {sequences[verdict.unfinished_from]}"
    return {
        Meaning.SUCCESS: "success",
        Meaning.REFUSED: "an answer that names no record: failure",
        Meaning.UNREADABLE: verdict.reason,
        Meaning.THROTTLED: "not started",
    }.get(verdict.meaning, "failure")
