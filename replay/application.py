"""The application's side of a replay: its rows are in the table by the time their records are delivered.

It follows the deliveries: before a batch is delivered, everything its shard's application wrote up to the batch's last
record is written, records that the filter drops included. The oracle is told of each row and each message.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Protocol

from replay.rows.keys import GROUP_PREFIX
from replay.rows.said import said_by
from replay.sources.history import Write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.checks.oracle import Oracle
    from replay.sources.history import Address, History, Item
    from replay.sources.recording import Recorded


class Writable(Protocol):
    """A table to write to."""

    def write(self, writes: Sequence[Write]) -> list[Write]:
        """Write rows; give back those that were refused."""


class Application:
    """Writes the recorded application's rows as deliveries come to them."""

    def __init__(self, history: History, parents: Mapping[str, str | None], table: Writable, oracle: Oracle) -> None:
        self.messages = 0
        """Messages that can be read, so far."""
        self.refused = 0
        """Rows that the table did not take."""
        self._history = history
        self._parents = parents
        self._table = table
        self._oracle = oracle
        self._expected: dict[str, deque[Recorded]] = defaultdict(deque)
        self._message_rows: dict[Address, Item] = {}

    def begin(self) -> None:
        """Put the rows that were there before the first record."""
        self._write([_put(item) for item in self._history.initial], delivery=0)

    def expect(self, recorded: Recorded) -> None:
        """Take note of a record that is on its way; in its shard's order."""
        self._expected[recorded.shard].append(recorded)

    def catch_up(self, shard: str, sequence: int, delivery: int) -> None:
        """Write everything up to a record that delivery number `delivery` is about to bring; parents first, whole."""
        reached: list[Recorded] = []
        parent = self._parents.get(shard)
        while parent is not None:
            reached = [*self._expected.pop(parent, ()), *reached]
            parent = self._parents.get(parent)
        waiting = self._expected[shard]
        while waiting and waiting[0].sequence <= sequence:
            reached.append(waiting.popleft())
        self._reach(reached, delivery)

    def finish(self, delivery: int) -> None:
        """Write what no delivery came to, and tell the oracle how the message rows ended."""
        for waiting in self._expected.values():
            self._reach(list(waiting), delivery)
        self._expected.clear()
        for item in self._message_rows.values():
            self._oracle.row_put(item)

    def _reach(self, reached: Sequence[Recorded], delivery: int) -> None:
        for recorded in reached:
            said = said_by(recorded.wire, delivery)
            if said is not None:
                self.messages += 1
                self._oracle.said(said)
        writes = [write for write in map(self._history.write_of, reached) if write is not None]
        if writes:
            self._write(writes, delivery)

    def _write(self, writes: Sequence[Write], delivery: int) -> None:
        refused = self._table.write(writes)
        self.refused += len(refused)
        for write in writes:
            if any(write is other for other in refused):
                continue
            if write.address[0].startswith(GROUP_PREFIX) and write.item is not None:
                self._oracle.row_put(write.item, delivery)
            elif write.item is None:
                self._message_rows.pop(write.address, None)
            else:
                self._message_rows[write.address] = write.item


def _put(item: Item) -> Write:
    return Write((item["pk"]["S"], item["sk"]["S"]), item)
