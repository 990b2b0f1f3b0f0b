"""A pattern's JSON, read so that a key given twice is seen.

JSON objects become `Members`, which keep every pair in order; arrays and scalars are Python's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NoReturn

from replay.event_source.filters.errors import InvalidFilterPattern

PATTERN_CHARACTERS_MAX = 4096
"""Longest pattern (Lambda developer guide, invocation-eventfiltering; PutRule's EventPattern has the same limit)."""

NESTING_MAX = 200
"""Deepest pattern. AWS names no limit; 4,096 characters could nest 800 objects, and every walk here recurses once a
level. DynamoDB nests attributes 32 deep, which is 68 levels of a pattern."""


@dataclass(frozen=True, slots=True)
class Members:
    """A JSON object: its pairs in the order of the text, doubles included."""

    pairs: list[tuple[str, object]]

    def last_wins(self) -> list[tuple[str, object]]:
        """Return each key once, with its last value and in its last place."""
        last = {key: index for index, (key, _) in enumerate(self.pairs)}
        return [pair for index, pair in enumerate(self.pairs) if last[pair[0]] == index]

    def doubled(self) -> list[str]:
        """Name the keys that stand more than once."""
        keys = [key for key, _ in self.pairs]
        return [key for key in dict.fromkeys(keys) if keys.count(key) > 1]


def read_json(text: str) -> Members:
    """Read a pattern's text; it must be one JSON object."""
    if not isinstance(text, str):
        raise InvalidFilterPattern(f"a pattern is JSON text, got {type(text).__name__}; quote it")
    if len(text) > PATTERN_CHARACTERS_MAX:
        raise InvalidFilterPattern(f"{len(text):,} characters, at most {PATTERN_CHARACTERS_MAX:,} are allowed")
    parsed = _parse(text)
    if not isinstance(parsed, Members):
        raise InvalidFilterPattern(f"a pattern is a JSON object, got {kind(parsed)}")
    return parsed


def kind(value: object) -> str:
    """Name a value the way JSON does, for messages."""
    if isinstance(value, Members):
        return "an object"
    if isinstance(value, list):
        return f"[{', '.join(map(kind, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _parse(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=Members, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise InvalidFilterPattern(f"not JSON: {error.msg[0].lower()}{error.msg[1:]} ({where})") from error
    except RecursionError as error:
        raise InvalidFilterPattern(f"nested deeper than {NESTING_MAX} levels") from error


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidFilterPattern(f"{name} is no JSON number")
