"""Sizes: a record's SizeBytes as DynamoDB reckons it, and its JSON as Lambda carries it."""

from __future__ import annotations

import base64
import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from replay import quick_json
from replay.rows.reading import number_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
"""The JSON of one event, `Records` wrapper included. (AWS: Lambda developer guide, gettingstarted-limits.)"""
WRAPPER_BYTES = len('{"Records":[]}')

SPELLING_MAX = 2
"""The quick library spells some floats shorter, `1e22` for `1e+22`, `null` for `Infinity`; by half at most."""


def json_bytes(value: object) -> int:
    """Measure a value as compact JSON in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def json_bytes_at_most(value: object) -> int:
    """Give a bound on `json_bytes` at a fraction of its cost, for values that cannot come near a limit."""
    return SPELLING_MAX * len(quick_json.dumps(value))


def item_bytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Reckon an item as DynamoDB does: names and values (AWS: DynamoDB developer guide, CapacityUnitCalculations)."""
    return sum(len(name.encode("utf-8", "surrogatepass")) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    total = 0
    for kind, content in value.items():
        match kind:
            case "S":
                total += len(str(content).encode("utf-8", "surrogatepass"))
            case "N":
                total += _number_bytes(str(content))
            case "B":
                total += _binary_bytes(content)
            case "SS":
                total += sum(len(str(text).encode("utf-8", "surrogatepass")) for text in content)
            case "NS":
                total += sum(_number_bytes(str(number)) for number in content)
            case "BS":
                total += sum(_binary_bytes(binary) for binary in content)
            case "L":
                total += 3 + sum(1 + _value_bytes(element) for element in content)
            case "M":
                total += 3 + len(content) + item_bytes(content)
            case _:  # BOOL, NULL
                total += 1
    return total


def _number_bytes(text: str) -> int:
    """Reckon a number like any row's; what is none as a text."""
    try:
        return number_bytes(Decimal(text))
    except (InvalidOperation, ValueError):
        return len(text.encode("utf-8", "surrogatepass"))


def _binary_bytes(content: object) -> int:
    text = str(content)
    try:
        return len(base64.b64decode(text, validate=True))
    except ValueError:
        return len(text)
