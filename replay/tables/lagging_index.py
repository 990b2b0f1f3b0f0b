"""An index that is behind: queries of it are answered as it was a while ago, some calls ago, or at the beginning.

What the table's stream tells is put into an index of our own, where each change waits until it is due; answers to
queries of one group are then taken from there. Queries by something else than a group, with a filter or in pages of
their own are answered by the table.
"""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from replay.errors import WrongUse
from replay.function.control import GO, Order
from replay.function.gate import packed
from replay.rows.wire import to_sdk
from replay.sources.history import address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from replay.function.control import Asked
    from replay.rows.wire import Item
    from replay.sources.history import Address

GROUP: Final = "message_group_uuid"
NOT_FOLLOWED: Final = frozenset(
    {"ExclusiveStartKey", "FilterExpression", "Limit", "ProjectionExpression", "QueryFilter"}
)
EQUALITY: Final = re.compile(r"([#\w]+)\s*=\s*(:\w+)")

Change = tuple["Address", "Item | None"]
"""A row's key, and what it is now; nothing where it was removed."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far an index is behind: seconds, calls of the handler, or for ever."""

    kind: Literal["seconds", "calls", "forever"]
    amount: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Lag:
        """Read `SECONDS`, `calls:N` or `forever`.

        Raises:
            WrongUse: it is none of them.
        """
        if text == "forever":
            return cls("forever")
        kind, _, amount = text.rpartition(":")
        try:
            if kind == "calls" and int(amount) >= 0:
                return cls("calls", int(amount))
            if not kind and 0 <= float(amount) < float("inf"):
                return cls("seconds", float(amount))
        except ValueError:
            pass
        raise WrongUse(f"--lag '{text}' is neither seconds, nor calls:N, nor forever")


class LaggingIndex:
    """A control that answers index queries from the past.

    `changes` gives what has changed in the table since it was last called, in order.
    """

    def __init__(
        self,
        index: str,
        lag: Lag,
        changes: Callable[[], Iterable[Change]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._lag = lag
        self._changes = changes
        self._now = now
        self._lock = threading.Lock()
        self._calls = 0
        self._waiting: deque[tuple[float, Change]] = deque()
        self._groups: dict[str, dict[Address, Item]] = defaultdict(dict)
        self._group_of: dict[Address, str] = {}
        self.answered = 0
        """Queries answered from the past."""

    def begin(self) -> None:
        """Take in what is there before the first delivery: the index shows it."""
        for change in self._changes():
            self._show(change)

    def asked(self, call: Asked) -> Order:
        """Count a call; answer a query of the index."""
        with self._lock:
            self._take_in()
            self._calls += 1
            group = _group_asked(call, self._index)
            if group is None:
                return GO
            self.answered += 1
            return Order(items=self._answer(group, call.body))

    def called(self, call: Asked, error: str | None) -> None:  # noqa: ARG002 - a control's
        """Take in what a call has changed, so that its wait begins now."""
        with self._lock:
            self._take_in()

    def _take_in(self) -> None:
        due = {
            "seconds": self._now() + self._lag.amount,
            "calls": self._calls + self._lag.amount,
            "forever": float("inf"),
        }
        self._waiting.extend((due[self._lag.kind], change) for change in self._changes())
        reached = self._calls if self._lag.kind == "calls" else self._now()
        while self._waiting and self._waiting[0][0] <= reached:
            self._show(self._waiting.popleft()[1])

    def _show(self, change: Change) -> None:
        address, item = change
        before = self._group_of.pop(address, None)
        if before is not None:
            del self._groups[before][address]
        group = None if item is None else item.get(GROUP, {}).get("S")
        if item is not None and isinstance(group, str):
            self._groups[group][address] = item
            self._group_of[address] = group

    def _answer(self, group: str, body: Mapping[str, Any]) -> list[Any]:
        entries = self._groups[group]
        backward = body.get("ScanIndexForward") is False
        ordered = sorted(entries, key=lambda address: (address[1], address[0]), reverse=backward)
        return [packed(to_sdk(entries[address])) for address in ordered]


def change_of(wire: Mapping[str, Any]) -> Change | None:
    """Read a stream record as a change of a row; nothing where its key is not the messages table's."""
    change = wire["dynamodb"]
    address = address_of(change.get("Keys"))
    return None if address is None else (address, change.get("NewImage"))


def _group_asked(call: Asked, index: str) -> str | None:
    """Tell which group a query of the index is for; nothing for any other call."""
    body = call.body
    if call.name != "Query" or body.get("IndexName") != index or not NOT_FOLLOWED.isdisjoint(body):
        return None
    if "KeyConditions" in body:
        values = body["KeyConditions"].get(GROUP, {}).get("AttributeValueList") or [{}]
        return _text(values[0])
    names: Mapping[str, str] = body.get("ExpressionAttributeNames") or {}
    for name, value in EQUALITY.findall(body.get("KeyConditionExpression", "")):
        if names.get(name, name) == GROUP:
            return _text((body.get("ExpressionAttributeValues") or {}).get(value, {}))
    return None


def _text(value: Mapping[str, Any]) -> str | None:
    text = value.get("S")
    return text if isinstance(text, str) else None
