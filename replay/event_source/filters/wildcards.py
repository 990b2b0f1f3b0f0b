r"""Wildcards: `*` stands for any characters, also none; `\*` and `\\` for themselves.

Two rules come with them (EventBridge user guide, eb-create-pattern-operators, wildcard matching): no two wildcards side
by side, and no pattern that is too complex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from replay.event_source.filters.errors import InvalidFilterPattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COMPLEXITY_REFUSED = 10
"""Simultaneous wildcard prefixes from which a field is refused as too complex. AWS publishes the measure
(aws/event-ruler, class MachineComplexityEvaluator) and not the number; recorded on AWS: `*:*:*:*:*:event-bus/*` (10) is
refused, `/Users/*/dir/dir/dir/dir/dir/doc.txt` (7) is not."""

PREFIX_SETS_MAX = 20_000
"""Sets of prefixes looked at before a field counts as too complex; 4,096 characters with one wildcard need as many."""

Position: TypeAlias = tuple[int, int]
"""Which wildcard pattern, and how many of its tokens the text so far has used up."""


def read_wildcard(text: str, path: str) -> list[str]:
    """Split a wildcard pattern at its wildcards; the pieces have their escapes resolved."""
    pieces = [""]
    characters = iter(enumerate(text))
    previous = ""
    for index, character in characters:
        if character == "*":
            if previous == "*":
                raise InvalidFilterPattern(f"wildcards side by side at character {index} of '{text}'", path)
            pieces.append("")
        elif character == "\\":
            pieces[-1] += _escaped(next(characters, (index, ""))[1], text, path)
        else:
            pieces[-1] += character
        previous = character
    return pieces


def compile_wildcard(pieces: list[str]) -> Callable[[str], bool]:
    """Return a test of a string, linear in its length."""
    if len(pieces) == 1:
        return lambda value: value == pieces[0]
    first, *middle, last = pieces

    def accepts(value: str) -> bool:
        end = len(value) - len(last)
        if end < len(first) or not value.startswith(first) or not value.endswith(last):
            return False
        position = len(first)
        for piece in middle:
            position = value.find(piece, position, end)
            if position < 0:
                return False
            position += len(piece)
        return True

    return accepts


def check_complexity(wildcards: Iterable[list[str]], path: str) -> None:
    """Refuse the wildcards of one field if too many of their prefixes can match one text at once."""
    complexity = measure_complexity(wildcards)
    if complexity >= COMPLEXITY_REFUSED:
        raise InvalidFilterPattern(
            "too complex: use fewer wildcards, or fewer repeated sequences of characters after a wildcard", path
        )


def measure_complexity(wildcards: Iterable[list[str]]) -> int:
    """Return the most wildcard prefixes that one text can match at once, at most `COMPLEXITY_REFUSED`.

    `*ab` has the prefixes `*`, `*a` and `*ab`; the text "ab" matches two of them, and none matches more.
    """
    patterns = [_tokens(pieces) for pieces in dict.fromkeys(map(tuple, wildcards))]
    start = frozenset(position for index in range(len(patterns)) for position in _reach((index, 0), patterns))
    seen, waiting, complexity = {start}, [start], 0
    while waiting and complexity < COMPLEXITY_REFUSED:
        for prefixes in _steps(waiting.pop(), patterns):
            complexity = max(complexity, len(prefixes))
            if prefixes and prefixes not in seen:
                seen.add(prefixes)
                waiting.append(prefixes)
        if len(seen) > PREFIX_SETS_MAX:
            return COMPLEXITY_REFUSED
    return min(complexity, COMPLEXITY_REFUSED)


def _escaped(character: str, text: str, path: str) -> str:
    if character not in {"*", "\\"}:
        shown = f"\\{character}" if character else "a backslash at the end"
        raise InvalidFilterPattern(f"{shown} in '{text}': a backslash escapes only * and \\", path)
    return character


def _tokens(pieces: tuple[str, ...]) -> list[str]:
    tokens = list(pieces[0])
    for piece in pieces[1:]:
        tokens += ["", *piece]
    return tokens


def _reach(position: Position, patterns: list[list[str]]) -> list[Position]:
    """Return the position, and the one behind a wildcard that stands there and may match nothing."""
    index, used = position
    tokens = patterns[index]
    return [position, (index, used + 1)] if used < len(tokens) and not tokens[used] else [position]


def _steps(prefixes: frozenset[Position], patterns: list[list[str]]) -> list[frozenset[Position]]:
    """Return the prefixes matched after one more character, for each character that makes a difference."""
    kept = [(index, used) for index, used in prefixes if used and not patterns[index][used - 1]]
    waited_for: dict[str, list[Position]] = {"": []}
    for index, used in prefixes:
        if used < len(patterns[index]) and patterns[index][used]:
            waited_for.setdefault(patterns[index][used], []).append((index, used + 1))
    return [
        frozenset(reached for position in (*kept, *advanced) for reached in _reach(position, patterns))
        for advanced in waited_for.values()
    ]
