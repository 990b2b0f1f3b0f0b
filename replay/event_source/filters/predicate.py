"""From a pattern to a predicate on records, compiled to closures once.

A record is looked at twice at most. The first look follows each path through plain objects, which is what nearly all
stream records are; it answers yes or no, or does not know, when it meets an array of objects or a key that contains a
dot. Then the second look gathers every leaf of every path with the array elements it lies in, and searches a choice of
leaves that satisfies all conditions and never takes two elements of one array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from replay.event_source.filters.look import compile_look
from replay.event_source.filters.pattern import PatternWarning, read_pattern
from replay.event_source.filters.search import search

if TYPE_CHECKING:
    from replay.event_source.filters.operators import Condition, Dialect

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]

PATTERNS_KEPT = 256
"""Compiled patterns that `matches` keeps."""


def matches(pattern: str, record: Mapping[str, Any], *, dialect: Dialect = "lambda") -> bool:
    """Tell whether the pattern (JSON text) accepts the record (as in a Lambda event's `Records`).

    Raises `InvalidFilterPattern` for a pattern that AWS refuses. The same pattern is compiled once.
    """
    return _kept(pattern, dialect)(record)


def compile_pattern(pattern: str, *, dialect: Dialect = "lambda") -> Predicate:
    """Return a predicate that accepts or rejects records; raises `InvalidFilterPattern`."""
    return _compile(pattern, dialect)


def pattern_warnings(pattern: str, *, dialect: Dialect = "lambda") -> tuple[PatternWarning, ...]:
    """Return what is legal in the pattern and probably not meant; raises `InvalidFilterPattern`."""
    return read_pattern(pattern, dialect).warnings


def _compile(pattern: str, dialect: Dialect) -> Predicate:
    branches = [_compile_branch(branch) for branch in read_pattern(pattern, dialect).branches]
    if len(branches) == 1:
        return branches[0]
    return lambda record: any(branch(record) for branch in branches)


_kept = lru_cache(maxsize=PATTERNS_KEPT)(_compile)


def _compile_branch(branch: Mapping[str, Condition]) -> Predicate:
    # The engine sorts paths as Java does, by UTF-16; the order matters to `exists` false only.
    ordered = sorted(branch.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
    look = compile_look(branch)

    def accepts(record: Mapping[str, Any]) -> bool:
        verdict = look(record)
        return search(record, ordered) if verdict is None else verdict

    return accepts
