"""Comparing what a case expects with what was seen, and saying readably where they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SHOWN_MAX = 160
"""Characters of a value in a difference."""


def differences(expected: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
    """List the differences, one line each; what `expected` leaves out is not compared."""
    found = _compare(expected, seen, "")
    if any(line.startswith("invocations") for line in found):
        found += ["seen:", *(f"  {_invocation(invocation)}" for invocation in seen["invocations"])]
    return found


def _compare(expected: object, seen: object, where: str) -> list[str]:
    if isinstance(expected, Mapping) and isinstance(seen, Mapping):
        found = []
        for key, value in expected.items():
            place = f"{where}.{key}" if where else str(key)
            if key in seen:
                found += _compare(value, seen[key], place)
            else:
                found.append(f"{place}: expected {_shown(value)}, it is not there")
        return found
    if isinstance(expected, list) and isinstance(seen, list):
        if len(expected) != len(seen):
            return [f"{where}: expected {len(expected)}, not {len(seen)}"]
        return [
            line
            for number, (one, other) in enumerate(zip(expected, seen, strict=True))
            for line in _compare(one, other, f"{where}[{number}]")
        ]
    return [] if _same(expected, seen) else [f"{where}: expected {_shown(expected)}, not {_shown(seen)}"]


def _same(expected: object, seen: object) -> bool:
    """Compare two values of JSON: 1 is 1.0, and true is not 1."""
    return isinstance(expected, bool) == isinstance(seen, bool) and expected == seen


def _invocation(invocation: Mapping[str, Any]) -> str:
    sequences = ", ".join(invocation["sequences"]) or "no records"
    return f"at {invocation['at_s']} s, {invocation['shard']}: {sequences}: {invocation['outcome']}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
