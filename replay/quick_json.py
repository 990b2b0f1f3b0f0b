"""JSON as the standard library reads and writes it, several times as fast for what records are.

What the fast library refuses (lone surrogates, NaN, great integers, great depth) goes to the standard one, which reads
it or says what is wrong.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


def loads(text: bytes | str) -> Any:  # noqa: ANN401 - any JSON
    """Read one document.

    Raises:
        json.JSONDecodeError: it is none; with line and column.
        UnicodeDecodeError, RecursionError: it cannot be read.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def dumps(value: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Write one document in a line, in ASCII or UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()
