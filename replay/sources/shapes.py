"""Every form that records come in, and which one a document has."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from replay.errors import WrongUse
from replay.sources import exports, failures, get_records, kinesis, lambda_events, pipes, single_records

if TYPE_CHECKING:
    from replay.sources.shape import Document, Shape

SHAPES: tuple[Shape, ...] = (
    single_records.SHAPE,
    failures.SHAPE,
    kinesis.SHAPE,
    get_records.SHAPE,
    lambda_events.SHAPE,
    pipes.SHAPE,
    exports.SHAPE,
)
"""Tried in this order: a Lambda event is what the more telling forms before it are not."""


def recognised(document: Document) -> Shape | None:
    """Tell a document's form by its content; nothing for a document of no known form."""
    return next((shape for shape in SHAPES if shape.recognises(document)), None)


def named(name: str) -> Shape:
    """Find a form by its name.

    Raises:
        WrongUse: there is none of this name.
    """
    names = [shape.name for shape in SHAPES]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise WrongUse(f"there is no format '{name}'; " + (f"did you mean '{near[0]}'?" if near else ", ".join(names)))
    return next(shape for shape in SHAPES if shape.name == name)
