"""Message rows of a case's table: what a record tells of has happened before it is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX

if TYPE_CHECKING:
    from replay.checks.store import Store
    from replay.event_source.records import StreamRecord
    from replay.exploration.judgement import Judgement
    from replay.rows.reading import Item
    from replay.tables.memory import Address


class MessageRows:
    """Puts and removes messages as the application does, each once."""

    def __init__(self, store: Store, judgement: Judgement) -> None:
        self._store = store
        self._judgement = judgement
        self._happened: set[str] = set()
        self._put: dict[Address, Item] = {}
        """Messages as they were said."""
        self._removed: set[Address] = set()

    def happen(self, record: StreamRecord) -> None:
        """Do what a record tells of, unless it was done."""
        if record.text in self._happened:
            return
        self._happened.add(record.text)
        name, change = record.wire.get("eventName"), record.wire["dynamodb"]
        item = change.get("Keys" if name == "REMOVE" else "NewImage")
        if not isinstance(item, dict):
            return
        try:
            address = item["pk"]["S"], item["sk"]["S"]
        except (KeyError, TypeError):
            return
        if not all(isinstance(part, str) and part for part in address) or address in self._removed:
            return
        if address[0].startswith(GROUP_PREFIX):  # its own handlers' work, or there from the beginning
            return
        if name == "REMOVE":
            if address[0].startswith(MESSAGE_PREFIX):
                self.remove(address)
            return
        if name == "MODIFY" or address not in self._put:
            self._put.setdefault(address, item)
            self._store.put(item)
            self._judgement.row_put(item)

    def remove(self, address: Address) -> bool:
        """Remove a message that was put; whether it was there."""
        if address not in self._put or not self._store.has(address):
            return False
        self._removed.add(address)
        self._store.delete(address)
        self._judgement.message_removed(self._put[address])
        return True
