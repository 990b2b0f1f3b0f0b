"""A table in memory and our function on it, which takes one delivery after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.checks.world import World
from replay.tables.memory import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.checks.world import Record
    from replay.rows.reading import Item


def world(items: Iterable[Item], *, in_transit: bool = False) -> World:
    """A world whose index shows its rows, or none of them."""
    store = MemoryTable()
    if in_transit:
        store.hold_index()
    made = World(store)
    made.begin(items)
    return made


def deliver(made: World, *records: Record) -> None:
    """Let the function take one batch to its end."""
    invocation = made.invoke("delivery", records)
    made.finish(invocation)
    assert invocation.succeeded
