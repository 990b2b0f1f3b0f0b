"""Who decides about a handler's calls: before each is made, and when it has been made.

A control is asked in the thread that delivers, one call at a time; with several handlers at once, from several threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

Do = Literal["go", "refuse", "lose-answer", "kill", "kill-after"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a handler is about to make; `body` is the request as the service gets it."""

    service: str
    operation: str
    body: Mapping[str, Any]
    request_id: str
    """Of the invocation."""

    @property
    def name(self) -> str:
        """`Query`, or `s3.PutObject` for services other than DynamoDB."""
        return self.operation if self.service == "dynamodb" else f"{self.service}.{self.operation}"


@dataclass(frozen=True, slots=True)
class Order:
    """What becomes of a call.

    `go` lets it happen, `refuse` fails it unsent with `code` (and `more` beside the error), `lose-answer` lets it
    happen and the handler wait in vain, `kill` and `kill-after` end the process before it, or after it took effect.
    `items` are put into its answer in the place of those found, in the SDK's form, packed.
    """

    do: Do = "go"
    code: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    items: list[Any] | None = None


GO = Order()


class Control(Protocol):
    """Decides about calls."""

    def asked(self, call: Asked) -> Order:
        """Decide about a call before it is made."""

    def called(self, call: Asked, error: str | None) -> None:
        """Take note that a call was made; `error` is the service's code, if it was refused."""
