"""JSON of a known shape, read strictly: each function gives the value, or says where it is and what it should be.

All of them raise `WrongUse`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from replay.errors import WrongUse
from replay.event_source.mapping import refuse_unknown
from replay.wording import unread

Shape = Callable[[object, str], object]
"""Takes a value and where it is, and raises unless the value has the shape."""
TIME_MAX_S = 1_000_000_000
"""Thirty years: enough for any case, few enough for dates to be dates."""
SHOWN_MAX = 60
"""Characters of a wrong value in a message: one line holds it."""
LINE_MAX = 600
"""Characters of a message, whatever it quotes."""


def an_object(
    value: object, where: str, known: tuple[str, ...] | None = None, *, also: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    """Give an object; one with keys that are not known is refused."""
    if not isinstance(value, Mapping):
        raise WrongUse(f"{where} must be an object, not {shown(value)}")
    if known is not None:
        refuse_unknown(value, known, "key", also=also, where=f" in {where}")
    return value


def a_list(value: object, where: str) -> list[Any]:
    """Give a list."""
    if not isinstance(value, list):
        raise WrongUse(f"{where} must be a list, not {shown(value)}")
    return value


def a_text(value: object, where: str) -> str:
    """Give a text."""
    if not isinstance(value, str):
        raise WrongUse(f"{where} must be a text, not {shown(value)}")
    return value


def texts(value: object, where: str) -> list[str]:
    """Give a list of texts."""
    return [a_text(item, f"{where}[{n}]") for n, item in enumerate(a_list(value, where))]


def a_truth(value: object, where: str) -> bool:
    """Give true or false."""
    if not isinstance(value, bool):
        raise WrongUse(f"{where} must be true or false, not {shown(value)}")
    return value


def one_of(value: object, where: str, allowed: tuple[str, ...]) -> str:
    """Give one of the values allowed."""
    if value not in allowed:
        raise WrongUse(f"{where} must be {' or '.join(allowed)}, not {shown(value)}")
    return str(value)


def a_count(value: object, where: str) -> int:
    """Give a whole number from 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise WrongUse(f"{where} must be a whole number from 0, not {shown(value)}")
    return value


def a_number(value: object, where: str) -> float:
    """Give a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise WrongUse(f"{where} must be a number, not {shown(value)}")
    return value


def a_time(value: object, where: str) -> float:
    """Give a number of seconds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= TIME_MAX_S:
        raise WrongUse(f"{where} must be a number of seconds from 0 to {TIME_MAX_S}, not {shown(value)}")
    return value


def an_item(value: object, where: str) -> Mapping[str, Any]:
    """Give an object of DynamoDB's typed values, `{"pk": {"S": "text"}}`."""
    item = an_object(value, where)
    for name, typed in item.items():
        _check_typed(typed, f"{where}.{name}")
    return item


def _check_typed(value: object, where: str) -> None:
    if not isinstance(value, Mapping) or len(value) != 1 or not _TYPES.keys() >= value.keys():
        example = '{"S": "text"}'
        raise WrongUse(f"{where}: keys and images hold DynamoDB values such as {example}, not {shown(value)}")
    for tag, content in value.items():
        _TYPES[tag](content, f"{where}.{tag}")


def _check_list(value: object, where: str) -> None:
    for number, typed in enumerate(a_list(value, where)):
        _check_typed(typed, f"{where}[{number}]")


_TYPES: Mapping[str, Shape] = {
    "S": a_text,
    "N": a_text,
    "B": a_text,
    "BOOL": a_truth,
    "NULL": a_truth,
    "SS": texts,
    "NS": texts,
    "BS": texts,
    "L": _check_list,
    "M": an_item,
}


def shown(value: object) -> str:
    """Show a value in a message, cut short."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def one_line(text: str) -> str:
    """Give a message that quotes its input as one line of a length to be read."""
    joined = " ".join(text.split())
    return joined if len(joined) <= LINE_MAX else f"{joined[: LINE_MAX // 2]} … {joined[-LINE_MAX // 2 :]}"


def printable(text: str) -> str:
    """Escape what UTF-8 cannot say: half a surrogate pair, as JSON may hold. Text that is JSON stays JSON."""
    return text.encode(errors="backslashreplace").decode()


def read_json(text: str) -> object:
    """Read JSON; a key that stands twice, NaN and numbers beyond all bounds are refused."""
    try:
        return json.loads(
            text, object_pairs_hook=_object_without_doubles, parse_constant=_refuse_constant, parse_float=_a_fraction
        )
    except json.JSONDecodeError as error:
        raise WrongUse(f"no JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"no JSON that can be read: {unread(error)}") from error


def _object_without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise WrongUse(f"the key '{key}' stands twice in one object")
        found[key] = value
    return found


def _a_fraction(text: str) -> float:
    """Read a number; what Python makes infinite could not be written as JSON again."""
    number = float(text)
    if math.isinf(number):
        raise WrongUse(f"{text} is too large a number")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise WrongUse(f"{name} is no JSON")
