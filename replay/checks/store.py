"""A table as exploration needs it: the function's side, the application's, and an index that can be held back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from replay.rows.reading import Item
    from replay.tables.memory import Address, Change
    from stream_processor.table import Page, Read
    from stream_processor.transaction import Transaction


class Store(Protocol):
    """A `GroupTable` with the application's side and an index whose entries can be held back."""

    def read(self, request: Read) -> Page:
        """Answer one page."""
        ...

    def transact(self, actions: Transaction) -> None:
        """Do all actions or none."""
        ...

    def put(self, item: Item) -> None:
        """Write a whole row."""
        ...

    def delete(self, address: Address) -> None:
        """Remove a row if it is there."""
        ...

    def partition(self, partition_key: str) -> Sequence[Item]:
        """Read a partition's rows consistently, by sort key."""
        ...

    def has(self, address: Address) -> bool:
        """Whether there is a row."""
        ...

    def scan(self) -> Iterable[Item]:
        """Read every row."""
        ...

    @property
    def stream(self) -> Sequence[Change]:
        """Every change of a row so far, in order."""
        ...

    def indexed(self, group: str) -> Sequence[Item]:
        """List what the index shows of a group."""
        ...

    def hold_index(self) -> None:
        """From now on index changes wait until they are shown."""
        ...

    def waiting(self) -> tuple[Address, ...]:
        """Rows of which the index does not show the newest version."""
        ...

    def waiting_changes(self) -> tuple[tuple[Address, int], ...]:
        """Rows of which the index does not show the newest version, with the number of their changes that wait."""
        ...

    def group_of(self, address: Address) -> str:
        """Name the group of a waiting row; empty where it is no group row."""
        ...

    def show(self, address: Address) -> None:
        """Let the index take a waiting row's next change."""
        ...

    def release_index(self) -> None:
        """Let the index take every change, from now on at once."""
        ...
