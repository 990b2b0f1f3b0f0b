"""Faults at the calls that a handler makes, asked for by number: what fails, and which call.

    --crash-before 3            the handler's process ends before its 3rd call is sent
    --throttle PutItem:2        its 2nd PutItem fails as throttled
    --conflict TransactWriteItems    its 1st TransactWriteItems meets another transaction

Calls are counted over the whole run, from 1, as the handler makes them: what the SDK tries again below is one call.
"""

from __future__ import annotations

import difflib
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from replay.errors import WrongUse
from replay.function.control import GO, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from replay.function.control import Asked

Kind = Literal["crash-before", "crash-after", "throttle", "conflict", "timeout"]
KINDS: Final[tuple[Kind, ...]] = ("crash-before", "crash-after", "throttle", "conflict", "timeout")

WRITES: Final = (
    "BatchExecuteStatement",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "PutItem",
    "TransactWriteItems",
    "UpdateItem",
)
OPERATIONS: Final = (*WRITES, "BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems")

WRITTEN: Final = re.compile(r"(?P<number>[0-9]+)|(?P<operation>[A-Za-z][\w.]*)(?::(?P<nth>[0-9]+))?")
"""`3`, `PutItem`, `PutItem:2`."""

THROTTLED: Final = "ProvisionedThroughputExceededException"
CANCELED: Final = "TransactionCanceledException"
CONFLICT: Final = "TransactionConflictException"
"""AWS: DynamoDB API reference, errors of the operations; a write outside a transaction that meets one gets the last."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `operation` None counts every call that the fault can happen to."""

    kind: Kind
    operation: str | None
    number: int

    @classmethod
    def parse(cls, kind: Kind, text: str) -> Fault:
        """Read `N` or `OPERATION[:N]`; without a number it is the first.

        Raises:
            WrongUse: it is neither, or names an operation that there is not.
        """
        match = WRITTEN.fullmatch(text)
        number = int(match["number"] or match["nth"] or 1) if match is not None else 0
        if match is None or not number:
            raise WrongUse(f"--{kind} '{text}' is neither N nor OPERATION[:N] (counted from 1)")
        operation = match["operation"]
        if operation and operation not in OPERATIONS and "." not in operation:
            near = difflib.get_close_matches(operation, OPERATIONS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(OPERATIONS))}"
            raise WrongUse(f"--{kind} '{text}': there is no operation '{operation}'; {hint}")
        return cls(kind, operation, number)

    def counts(self, call: Asked) -> bool:
        """Whether a call is one of those that are counted; only writes can meet a conflict."""
        if self.operation is not None:
            return call.name == self.operation
        return self.kind != "conflict" or call.name in WRITES

    def __str__(self) -> str:
        where = str(self.number) if self.operation is None else f"{self.operation}:{self.number}"
        return f"--{self.kind} {where}"


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that came to pass, at which operation of which invocation."""

    fault: Fault
    operation: str
    request_id: str


class Faults:
    """A control that lets the faults asked for happen, each once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._waiting = dict.fromkeys(faults, 0)
        self._lock = threading.Lock()
        self.happened: list[Happened] = []

    @property
    def waiting(self) -> Sequence[Fault]:
        """Those that no call has come to yet."""
        return tuple(self._waiting)

    def asked(self, call: Asked) -> Order:
        """Count the call, and let it fail where it is due."""
        with self._lock:
            due = [fault for fault in self._waiting if fault.counts(call)]
            for fault in due:
                self._waiting[fault] += 1
            for fault in due:
                if self._waiting[fault] >= fault.number:  # one call meets one fault; the next due waits for the next
                    del self._waiting[fault]
                    self.happened.append(Happened(fault, call.name, call.request_id))
                    return _order(fault.kind, call)
        return GO

    def called(self, call: Asked, error: str | None) -> None:
        """Calls made change nothing."""


def _order(kind: Kind, call: Asked) -> Order:
    match kind:
        case "crash-before":
            return Order("kill")
        case "crash-after":
            return Order("kill-after")
        case "timeout":
            return Order("lose-answer")
        case "throttle":
            return Order("refuse", THROTTLED)
        case "conflict" if call.operation == "TransactWriteItems":
            return Order("refuse", CANCELED, {"CancellationReasons": _reasons(call.body)})
        case "conflict":
            return Order("refuse", CONFLICT)


def _reasons(body: Mapping[str, object]) -> list[dict[str, str]]:
    """Let the first action of a transaction meet another one."""
    actions = body.get("TransactItems")
    count = len(actions) if isinstance(actions, list) else 1
    conflict = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    return [conflict, *({"Code": "None"} for _ in range(count - 1))]
