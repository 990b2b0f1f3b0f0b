"""The meaning of a pattern a second time: slow, obvious, and without a line of `replay.event_source.filters`.

The record is flattened whole into fields; each field knows which element of which array it lies in. The pattern is
written out as alternatives, each a list of conditions. An alternative holds when some choice of one field (or absence)
for each condition is consistent; every choice is tried. Patterns are taken as valid.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
from fractions import Fraction
from typing import Any, NamedTuple

OPERATOR_NAMES = {
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exactly",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
}


class Field(NamedTuple):
    """A leaf of the record: path, value, and the element of each array it lies in (number of the array: index)."""

    path: str
    value: Any
    elements: dict[int, int]


def slow_matches(pattern: str, record: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether the pattern accepts the record."""
    parsed = json.loads(pattern, parse_float=Fraction)
    fields = flatten(record)
    use_or = all(is_or(value) for value in values_of_or(parsed))
    return any(holds(dict(conditions), fields) for conditions in alternatives(parsed, "", use_or=use_or))


# The record.


def flatten(record: Any) -> list[Field]:  # noqa: ANN401 - JSON
    """List every leaf of a record."""
    arrays = itertools.count()

    def walk(value: Any, path: str, elements: dict[int, int]) -> list[Field]:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return [
                field
                for key, below in value.items()
                for field in walk(below, f"{path}.{key}" if path is not root else key, elements)
            ]
        if isinstance(value, list):
            array = next(arrays)
            return [
                field
                for index, below in enumerate(value)
                for field in walk(
                    below, path, {**elements, array: index} if isinstance(below, (dict, list)) else elements
                )
            ]
        return [Field(path, value, elements)]

    root = "the record itself, which is no step of a path"
    return walk(record, root, {})


# The pattern.


def values_of_or(pattern: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """List what stands behind every `$or` that could be the operator."""
    if not isinstance(pattern, dict):
        return []
    found = [pattern["$or"]] if "$or" in pattern else []
    for key, value in pattern.items():
        for inner in value if key == "$or" and isinstance(value, list) else [value]:
            found += values_of_or(inner)
    return found


def is_or(value: Any) -> bool:  # noqa: ANN401 - JSON
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(member, dict) and not names_operator(member) for member in value)
    )


def names_operator(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether a key, at any depth of objects, is an operator's name."""
    if not isinstance(value, dict):
        return False
    return any(key in OPERATOR_NAMES or names_operator(below) for key, below in value.items() if key != "$or")


def alternatives(pattern: dict[str, Any], path: str, *, use_or: bool) -> list[list[tuple[str, list[Any]]]]:
    """Write a pattern out as alternatives of (path, list of values); of two with one path the later will count."""
    written: list[list[tuple[str, list[Any]]]] = [[]]
    for key, value in pattern.items():
        if key == "$or" and use_or:
            options = [option for member in value for option in alternatives(member, path, use_or=True)]
        elif isinstance(value, dict):
            options = alternatives(value, f"{path}{key}.", use_or=use_or)
        else:
            options = [[(f"{path}{key}", value)]]
        written = [before + option for before in written for option in options]
    return written


def holds(conditions: dict[str, list[Any]], fields: list[Field]) -> bool:
    """Try every choice of a field, or absence, for each condition."""
    paths = sorted(conditions, key=utf_16)
    of_path = {path: [field for field in fields if field.path == path] for path in paths}
    options = [
        [None, *(field for field in of_path[path] if any(accepts(wanted, field.value) for wanted in conditions[path]))]
        for path in paths
    ]
    return any(
        consistent(list(zip(paths, choice, strict=True)), conditions, of_path) for choice in itertools.product(*options)
    )


def consistent(
    choice: list[tuple[str, Field | None]], conditions: dict[str, list[Any]], of_path: dict[str, list[Field]]
) -> bool:
    """Tell whether the chosen fields share the elements of common arrays, and what is called absent is absent there."""
    chosen: dict[int, int] = {}
    for path, field in choice:
        if field is None:
            if {"exists": False} not in conditions[path]:
                return False
            if any(agrees(other.elements, chosen) for other in of_path[path]):
                return False
        elif not agrees(field.elements, chosen):
            return False
        else:
            chosen = {**chosen, **field.elements}
    return True


def agrees(one: dict[int, int], other: dict[int, int]) -> bool:
    return all(one[array] == other[array] for array in one if array in other)


def utf_16(text: str) -> list[int]:
    """List the code units by which Java sorts."""
    units = text.encode("utf-16-be", "surrogatepass")
    return [256 * high + low for high, low in zip(units[::2], units[1::2], strict=True)]


# One value.


def accepts(wanted: Any, value: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether one alternative of a list accepts a leaf."""
    if not isinstance(wanted, dict):
        return same(wanted, value)
    ((operator, operand),) = wanted.items()
    if operator == "exists":
        return bool(operand)
    if operator == "anything-but":
        return not any(excluded(each, value) for each in excluded_values(operand))
    if operator == "numeric":
        return is_number(value) and all(
            compare(number(value), sign, number(bound)) for sign, bound in zip(operand[::2], operand[1::2], strict=True)
        )
    if isinstance(operand, dict):
        operator, operand = f"{operator} ignoring case", operand["equals-ignore-case"]
    return isinstance(value, str) and text_accepted(operator, operand, value)


def same(wanted: Any, value: Any) -> bool:  # noqa: ANN401 - JSON
    if is_number(wanted) and is_number(value):
        return number(wanted) == number(value)
    if isinstance(wanted, str) and isinstance(value, str):
        address = as_address(wanted)
        return wanted == value or (address is not None and address == as_address(value))
    return type(wanted) is type(value) and wanted == value


def excluded_values(operand: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """List what `anything-but` excludes, one at a time."""
    if isinstance(operand, dict):
        ((operator, inner),) = operand.items()
        return [{operator: each} for each in (inner if isinstance(inner, list) else [inner])]
    return operand if isinstance(operand, list) else [operand]


def excluded(each: Any, value: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(each, str):
        return isinstance(value, str) and each == value
    return accepts(each, value)


def is_number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)


def number(value: Any) -> Fraction:  # noqa: ANN401 - JSON
    """Read a number by its decimal digits."""
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def compare(left: Fraction, sign: str, right: Fraction) -> bool:
    return {
        "=": left == right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[sign]


def text_accepted(operator: str, operand: str, value: str) -> bool:
    if operator == "cidr":
        address = as_address(value)
        return address is not None and address in ipaddress.ip_network(operand, strict=False)
    if operator == "wildcard":
        return re.fullmatch(wildcard_as_expression(operand), value) is not None
    return {
        "prefix": value[: len(operand)] == operand,
        "suffix": value[len(value) - len(operand) :] == operand and len(value) >= len(operand),
        "exactly": value == operand,
        "equals-ignore-case": "" in tails_ignoring_case(operand, value),
        "prefix ignoring case": bool(tails_ignoring_case(operand, value)),
        "suffix ignoring case": any("" in tails_ignoring_case(operand, tail) for tail in tails_of(value)),
    }[operator]


def tails_of(text: str) -> list[str]:
    return [text[start:] for start in range(len(text) + 1)]


def tails_ignoring_case(text: str, value: str) -> set[str]:
    """List what can be left of a value after each character of the text has taken its lower or upper form from it."""
    tails = {value}
    for character in text:
        forms = {character.lower(), character.upper()}
        tails = {tail[len(form) :] for tail in tails for form in forms if tail.startswith(form)}
    return tails


def wildcard_as_expression(wildcard: str) -> str:
    steps = re.findall(r"\\.|[^\\]", wildcard, re.DOTALL)
    return "".join(r"[\s\S]*" if step == "*" else re.escape(step[-1]) for step in steps)


def as_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address; IPv4 parts are decimal whatever zeros they begin with."""
    parts = text.split(".")
    if len(parts) == 4 and all(re.fullmatch("[0-9]+", part) for part in parts):
        text = ".".join(part.lstrip("0") or "0" for part in parts)
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
