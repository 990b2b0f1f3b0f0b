"""How one invocation of a handler ended.

Outcome
├── Returned         the handler returned; `value` is what JSON made of it
├── Unserialisable   it returned what JSON has no word for
├── Raised           it raised
├── TimedOut         it took longer than its timeout and was killed
└── Crashed          its process ended by itself
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replay.function.calls import Call


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned."""

    value: Any

    def __str__(self) -> str:
        return "returned"


@dataclass(frozen=True, slots=True)
class Unserialisable:
    """The handler returned something that is no JSON; Lambda calls it `Runtime.MarshalError`."""

    reason: str

    def __str__(self) -> str:
        return f"returned what is no JSON ({self.reason})"


@dataclass(frozen=True, slots=True)
class Raised:
    """The handler raised; `stack` has a line a frame, the handler's own first."""

    type: str
    message: str
    stack: tuple[str, ...]

    def __str__(self) -> str:
        return f"raised {self.type}: {self.message}"


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The handler was killed after its timeout, in seconds."""

    after_s: float

    def __str__(self) -> str:
        return f"timed out after {self.after_s:g} s"


@dataclass(frozen=True, slots=True)
class Crashed:
    """The handler's process ended: an exit status, or the negative number of the signal that ended it."""

    status: int

    def __str__(self) -> str:
        return f"was ended by signal {-self.status}" if self.status < 0 else f"exited with status {self.status}"


Outcome = Returned | Unserialisable | Raised | TimedOut | Crashed


@dataclass(frozen=True, slots=True)
class Invoked:
    """One invocation: how it ended, what it asked of AWS, how long it took, whether a process was started for it.

    `printed` are the handler's last lines where its process ended with the invocation.
    """

    request_id: str
    outcome: Outcome
    calls: tuple[Call, ...]
    duration_s: float
    cold_start: bool
    printed: tuple[str, ...] = ()
