"""A table's state: the rows to begin with, where the records do not tell them.

From exports on a local disk: full ones hold rows, incremental ones what changed since, applied on top by the time of
writing. From records that come before those that are delivered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.errors import WrongUse
from replay.rows.attribute_values import fault_of
from replay.sources.exports import is_change, is_row, row_of, written_at
from replay.sources.history import address_of
from replay.sources.shape import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replay.sources.documents import Document, File
    from replay.sources.history import Address, Item
    from replay.sources.recording import Recorded


def read_state(files: Iterable[File]) -> list[Item]:
    """Read the rows of a table as exports have them.

    Raises:
        WrongUse: a file is broken, or holds something else than an export.
    """
    rows: dict[Address, Item] = {}
    changes: list[tuple[int, Address, Item | None]] = []
    for document in _documents(files):
        key, item = row_of(document.content)
        address = address_of(key)
        if address is None:
            raise WrongUse(f"{document.place}: the row's key is not the messages table's (texts pk and sk)")
        if item is not None and (fault := fault_of(item)) is not None:
            raise WrongUse(f"{document.place}: {fault}; a table has no such row, give the export as it was")
        if item is not None and is_row(document.content):
            rows[address] = item
        else:
            changes.append((_time(document), address, item))
    for _, address, item in sorted(changes, key=lambda change: change[0]):
        if item is None:
            rows.pop(address, None)
        else:
            rows[address] = item
    return list(rows.values())


def carried_on(rows: Iterable[Item], records: Iterable[Recorded]) -> list[Item]:
    """Tell the rows after further records: the application's and the recorded handler's."""
    state = {address: row for row in rows if (address := address_of(row)) is not None}
    for recorded in records:
        change = recorded.wire["dynamodb"]
        address, item = address_of(change.get("Keys")), change.get("NewImage")
        if address is None:
            continue
        if recorded.wire.get("eventName") == "REMOVE":
            state.pop(address, None)
        elif isinstance(item, dict) and address_of(item) == address:
            state[address] = item
    return list(state.values())


def _documents(files: Iterable[File]) -> Iterator[Document]:
    for file in files:
        for document in file.documents():
            if not is_row(document.content) and not is_change(document.content):
                raise WrongUse(f"{document.place}: no line of a table export; that is {{'Item': ...}} or a change")
            yield document


def _time(document: Document) -> int:
    try:
        return written_at(document.content)
    except Unreadable as error:
        raise WrongUse(f"{document.place}: {error}") from None
