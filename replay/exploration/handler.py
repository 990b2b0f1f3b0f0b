"""A handler that is stopped at each of its calls: what the explorer steps.

`Stepped` is one invocation under way. The explorer sees the call that comes next, lets it happen or fail, and goes on
until there is a result. Two kinds exist: the project's own function over a store in this process (`ours`), and any
handler in a process of its own, stopped inside botocore (`foreign`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from replay.event_source.answers import FunctionResult
    from replay.exploration.account import Account
    from replay.exploration.case import FaultKind
    from replay.exploration.torn import View
    from replay.tables.memory import Address

CallKind = Literal["index", "read", "write", "quarantine", "other"]


@dataclass(frozen=True, slots=True)
class NextCall:
    """The call that a handler is about to make: what kind, how it reads, which rows it would touch.

    `group` is the one that an index query, or a reading with a filter, asks for. `partition` is the one that is read;
    `is_query` whether as a whole, so that the reading may meet half a transaction.
    """

    kind: CallKind
    text: str
    touches: tuple[Address, ...] = ()
    group: str = ""
    partition: str = ""
    is_query: bool = False


class Stepped(Protocol):
    """One invocation, stopped at its next call."""

    @property
    def call(self) -> NextCall | None:
        """The next call; nothing when it has ended."""
        ...

    @property
    def result(self) -> FunctionResult | None:
        """How it ended; nothing while it has not."""
        ...

    @property
    def account(self) -> Account | None:
        """What it says of itself; nothing where nobody hears it, or it has no quarantine."""
        ...

    def go(self, fault: FaultKind | None = None, torn: View | None = None) -> str:
        """Let the next call happen, or fail as `fault` says, and go on to the one behind; how it went, in a word.

        A reading that meets half a transaction is shown the rows of `torn` as they are there.
        """
        ...

    def drop(self) -> None:
        """Let go of an invocation that nobody waits for any more."""
        ...


class Handler(Protocol):
    """Starts invocations."""

    def start(self, event: dict[str, Any], request_id: str) -> Stepped:
        """Begin an invocation and stop it at its first call."""
        ...

    def quarantined(self) -> Collection[str] | None:
        """Sequence numbers of the records that the handler set aside for good; nothing where nobody can know."""
        ...
