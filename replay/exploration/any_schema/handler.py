"""A handler on a table of any schema, stepped call by call."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from replay.exploration.foreign import SteppedHandler
from replay.exploration.handler import NextCall
from replay.function.calls import READS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.exploration.any_schema.store import FreeStore
    from replay.exploration.any_schema.table import FreeTable
    from replay.function.channel import Message
    from replay.function.forked import ForkedFunction, ForkedInvocation
    from replay.tables.memory import Address

WRITES: Final = {"PutItem": "Item", "UpdateItem": "Key", "DeleteItem": "Key"}


class FreeHandler:
    """A handler in processes of its own; what a record tells of has happened before it is delivered."""

    def __init__(self, function: ForkedFunction, store: FreeStore) -> None:
        self._function = function
        self._store = store

    def start(self, event: dict[str, Any], request_id: str) -> SteppedFree:
        """Begin an invocation and stop it at its first call."""
        for record in event["Records"]:
            self._store.happen(record)
        return SteppedFree(self._function.begin(event, request_id), self._store)

    def quarantined(self) -> None:
        """Say that nobody can know."""


class SteppedFree(SteppedHandler):
    """One invocation on a table of any schema."""

    def __init__(self, invocation: ForkedInvocation, store: FreeStore) -> None:
        self._table = store.table
        super().__init__(invocation, store)  # type: ignore[arg-type] # asked only for what it has

    def _look(self) -> None:
        super()._look()
        if self.call is not None:
            self.call = _told(self._invocation.asked[0], self._table)


def _told(asked: Message, table: FreeTable) -> NextCall:
    operation, body = asked["operation"], asked["body"]
    if asked["service"] != "dynamodb":
        return NextCall("other", f"{asked['service']} {operation}")
    if operation in READS:
        return NextCall("read", f"{operation} {body.get('IndexName', '')}".rstrip())
    touches = tuple(_touches(operation, body, table))
    named = ", ".join(" ".join(address).strip() for address in touches)
    return NextCall("write", f"{operation} {named}".rstrip(), touches)


def _touches(operation: str, body: Mapping[str, Any], table: FreeTable) -> Iterator[Address]:
    """Name the rows of the table that a request writes, as far as it names them."""
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        if operation in WRITES:
            yield table.address(body[WRITES[operation]])
        for action in body.get("TransactItems", ()) if operation == "TransactWriteItems" else ():
            for name, content in action.items():
                if f"{name}Item" in WRITES:
                    yield table.address(content[WRITES[f"{name}Item"]])
        for writes in body.get("RequestItems", {}).values() if operation == "BatchWriteItem" else ():
            for write in writes:
                for name, content in write.items():
                    yield table.address(content[WRITES[f"{name.removesuffix('Request')}Item"]])
