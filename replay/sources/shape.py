"""The forms in which records come, as values: what a form looks like, and how records are taken out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Document = Any
"""One JSON document of a file: a line, or a pretty-printed object or array."""


class Found(NamedTuple):
    """One record as a document has it, in Lambda's shape, with the shard where the document says it.

    Millions are made: a tuple is made in a quarter of the time of a frozen dataclass.
    """

    wire: Mapping[str, Any]
    shard: str | None = None
    parent: str | None = None


class Unreadable(ValueError):
    """A document has the form and does not keep it; the text says what is wrong, without file and line."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One form. `name` is for `--format`, `words` for sentences. `is_batch`: a document is one invocation's event.

    `reader` makes the function that takes the records out of one document after the other, of all files in turn; it may
    remember what it has seen. It raises `Unreadable`, or lets through what is no record: that is checked behind it.
    """

    name: str
    words: str
    recognises: Callable[[Document], bool]
    reader: Callable[[], Callable[[Document], Iterator[Found]]]
    is_batch: bool = False


def records_in(document: Document, key: str = "Records") -> list[Mapping[str, Any]]:
    """Give the objects in a document's list; none where there is no such list."""
    listed = document.get(key) if isinstance(document, dict) else None
    return [record for record in listed if isinstance(record, dict)] if isinstance(listed, list) else []
