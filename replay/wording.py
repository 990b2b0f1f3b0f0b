"""How numbers are said with their nouns, why a file cannot be read, and a text as a terminal may show it."""

from __future__ import annotations

import json
from typing import Final

AS_MODULE: Final = "python -m replay"
"""What the command is called where it is not the installed one."""


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 case`, `2,000 cases`, `2 deliveries`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def visible(text: str) -> str:
    r"""Write out in one line what would move a terminal's cursor or cannot be encoded: a line's end becomes `\n`."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def unread(error: Exception) -> str:
    """Say why a file cannot be read, without the words of Python's own."""
    match error:
        case UnicodeDecodeError():
            return f"it is no UTF-8 text (byte {error.start + 1:,})"
        case json.JSONDecodeError():
            where = f"it is no JSON (line {error.lineno:,}, column {error.colno:,})"
            return where if error.doc.strip() else "it is empty"
        case OSError():
            words = {IsADirectoryError: "it is a folder", FileNotFoundError: "there is no such file"}
            return words.get(type(error)) or error.strerror or str(error)
        case RecursionError():
            return "it is nested too deep"
        case KeyError():
            return f"it has no '{error.args[0]}'"
        case _:
            return _not_as_expected(error)


def _not_as_expected(error: Exception) -> str:
    if isinstance(error, TypeError | AttributeError):
        return "it holds something else"
    return "it has a number of too many digits" if "int_max_str_digits" in str(error) else str(error)
