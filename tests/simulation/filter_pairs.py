"""Random pairs of pattern and record, in which matches and misses are both frequent.

A record is made first. A pattern is then written around some of its leaves, mostly with an operator that accepts the
leaf, at times with any other, with paths that are not there, with keys joined or split at dots, and with `$or` around
parts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

    from replay.event_source.filters import Dialect

KEYS = ["a", "b", "c", "d", "S", "L", "M", "a.b", "b.c", "prefix", "\U0001f600", "\ufb01", "$or", ""]
KEY_WEIGHTS = [6, 6, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1]
TEXTS = ["", "a", "ab", "abc", "b", "A", "aB", "cab", "5", "ß", "SS", "*", "x\\y", "null", "ab\n", "abcab"]
ADDRESSES = ["10.0.0.1", "10.0.0.01", "10.0.1.7", "::1", "0:0:0:0:0:0:0:1", "2001:db8::7", "08:23", "10.0.0.300"]
NUMBERS: list[Any] = [0, 1, 5, 5.0, -2.5, 1e3, 0.1, 100, 5_000_000_000, -5e9]
FAR_NUMBERS: list[Any] = [6e9, -6_000_000_000, 12345678901234567890]
"""For records only."""
BLOCKS = ["10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/64", "2001:db8::/32", "10.0.0.1/31"]
WILDCARDS = [
    "*",
    "a*",
    "*b",
    "a*b",
    "*a*",
    "",
    "ab",
    "\\*",
    "x\\\\*",
    "*\n",
    "a*c*",
    "c*",
    "a*a",
    "*bc*ca*",
    "*ab*ab*",
    "ab*b",
]
DEPTH_MAX = 4
CONDITIONS_MAX = 5
FIELDS_MAX = 24
"""Leaves of a record: the slow evaluator tries every choice of them."""
STARS_MAX = 3
"""Wildcards of a field, so that none is too complex; addresses, which repeat themselves, get none."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A valid pattern in this dialect, and a record."""

    pattern: str
    record: dict[str, Any]
    dialect: Dialect
    conditions: int


def make_pair(rng: random.Random) -> Pair:
    """Make the next pair."""
    while True:
        record = _object(rng, DEPTH_MAX)
        leaves = _leaves(record, ())
        if len(leaves) <= FIELDS_MAX:
            break
    dialect: Dialect = rng.choice(["lambda", "event-bus"])
    writer = _PatternWriter(rng, dialect)
    pattern = writer.write(leaves)
    return Pair(json.dumps(pattern, ensure_ascii=rng.random() < 0.5), record, dialect, writer.conditions)


# Records.


def _object(rng: random.Random, depth: int) -> dict[str, Any]:
    keys = rng.choices(KEYS, KEY_WEIGHTS, k=rng.randint(1, 4))
    return {key: _value(rng, depth - 1) for key in keys}


def _value(rng: random.Random, depth: int) -> Any:  # noqa: ANN401 - JSON
    kind = rng.random()
    if depth <= 0 or kind < 0.45:
        return _scalar(rng)
    if kind < 0.7:
        return _object(rng, depth) if rng.random() < 0.95 else {}
    if kind < 0.8:
        return [_scalar(rng) for _ in range(rng.randint(0, 3))]
    if kind < 0.9:
        return [_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    keys = rng.sample(KEYS[:6], 2)
    return [{key: _value(rng, depth - 2) for key in keys if rng.random() < 0.8} for _ in range(rng.randint(2, 3))]


def _scalar(rng: random.Random) -> Any:  # noqa: ANN401 - JSON
    return rng.choice(rng.choice([TEXTS, TEXTS, TEXTS, ADDRESSES, NUMBERS, NUMBERS, FAR_NUMBERS, [True, False, None]]))


def _leaves(value: Any, keys: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return [leaf for key, below in value.items() for leaf in _leaves(below, (*keys, key))]
    if isinstance(value, list):
        return [leaf for below in value for leaf in _leaves(below, keys)]
    return [(keys, value)]


# Patterns.


def _stars(written: list[Any]) -> int:
    return json.dumps(written).count("*")


class _PatternWriter:
    def __init__(self, rng: random.Random, dialect: Dialect) -> None:
        self.rng = rng
        self.wide = dialect == "event-bus"
        self.conditions = 0

    def write(self, leaves: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
        wanted = [self._condition(leaves)]
        for _ in range(self.rng.randrange(CONDITIONS_MAX)):
            siblings = [leaf for leaf in leaves if leaf[0][:-1] == wanted[-1][0][:-1]]
            wanted.append(self._condition(siblings if self.rng.random() < 0.5 else leaves))
        fields_named_or = any("$or" in keys for keys, _ in wanted)
        pattern = self._object(wanted, may_or=not fields_named_or, inside_or=False)
        return pattern or {"a": ["a"]}

    def _condition(self, leaves: list[tuple[tuple[str, ...], Any]]) -> tuple[tuple[str, ...], list[Any]]:
        """Make one path with its alternatives."""
        rng = self.rng
        if not leaves or rng.random() < 0.15:
            keys = tuple(rng.choices(KEYS, KEY_WEIGHTS, k=rng.randint(1, 3)))
            return keys, self._alternatives(_scalar(rng), exists=rng.choice([True, False, False]))
        keys, value = rng.choice(leaves)
        if rng.random() < 0.1 and len(keys) > 1:
            keys = keys[:-1]
        return self._respell(keys), self._alternatives(value, exists=rng.random() < 0.6)

    def _respell(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Join two keys with a dot, or split one at its dot, now and then."""
        if self.rng.random() < 0.85:
            return keys
        if len(keys) > 1 and self.rng.random() < 0.6:
            at = self.rng.randrange(len(keys) - 1)
            return (*keys[:at], f"{keys[at]}.{keys[at + 1]}", *keys[at + 2 :])
        return tuple(part for key in keys for part in key.split("."))

    def _object(
        self, wanted: list[tuple[tuple[str, ...], list[Any]]], *, may_or: bool, inside_or: bool
    ) -> dict[str, Any]:
        """Write conditions into one object, part of them within `$or`."""
        rng = self.rng
        pattern: dict[str, Any] = {}
        if may_or and len(wanted) > 1 and rng.random() < 0.35:
            inside = wanted[: rng.randint(2, len(wanted))]
            wanted = wanted[len(inside) :]
            cut = rng.randint(1, len(inside) - 1)
            members = [self._object(part, may_or=True, inside_or=True) for part in (inside[:cut], inside[cut:])]
            if all(members):
                pattern["$or"] = members
        for keys, alternatives in wanted:
            if not (inside_or and "prefix" in keys):
                self._put(pattern, keys, alternatives)
        return dict(rng.sample(list(pattern.items()), len(pattern)))

    def _put(self, pattern: dict[str, Any], keys: tuple[str, ...], alternatives: list[Any]) -> None:
        place = pattern
        for key in keys[:-1]:
            below = place.setdefault(key, {})
            if not isinstance(below, dict):
                return
            place = below
        if keys[-1] not in place:
            place[keys[-1]] = alternatives
            self.conditions += 1

    def _alternatives(self, value: Any, *, exists: bool) -> list[Any]:  # noqa: ANN401 - JSON
        rng = self.rng
        made = [
            self._accepting(value) if rng.random() < 0.7 else self._any(exists=exists) for _ in range(rng.randint(1, 3))
        ]
        kept = made[: 1 if rng.random() < 0.6 else 3]
        return kept if _stars(kept) <= STARS_MAX else kept[:1]

    def _accepting(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Write an alternative that accepts the value."""
        rng = self.rng
        if isinstance(value, str):
            return self._accepting_text(value)
        if isinstance(value, bool) or value is None:
            return rng.choice([value, {"exists": True}, self._anything_but()])
        if abs(value) > 5e9:
            return rng.choice([{"numeric": [">" if value > 0 else "<", 0]}, {"exists": True}, {"anything-but": 5}])
        ranged = {"numeric": [">=", max(value - 1, -5e9), "<=", max(value, 1)]}
        return rng.choice([value, value, {"numeric": ["=", value]}, {"numeric": ["<=", value]}, ranged])

    def _accepting_text(self, text: str) -> Any:  # noqa: ANN401 - JSON
        rng = self.rng
        made: list[Any] = [
            text,
            text,
            {"prefix": text[: rng.randint(0, len(text))]},
            {"suffix": text[rng.randint(0, len(text)) :]},
            {"equals-ignore-case": text.swapcase() if text.isascii() else text},
            {"exists": True},
            self._anything_but(),
        ]
        if self.wide:
            escaped = text.replace("\\", "\\\\").replace("*", "\\*")
            made += [
                {"wildcard": escaped},
                {"wildcard": f"{escaped}*" if text in TEXTS else escaped},
                {"wildcard": f"*{escaped}" if text in TEXTS else escaped},
                {"exactly": text},
                {"cidr": rng.choice(BLOCKS)},
                {"prefix": {"equals-ignore-case": text[:1].swapcase()}},
                {"suffix": {"equals-ignore-case": text[-1:]}},
            ]
        return rng.choice(made)

    def _any(self, *, exists: bool) -> Any:  # noqa: ANN401 - JSON
        """Write any alternative."""
        rng = self.rng
        text = rng.choice(TEXTS)
        low, high = sorted(rng.sample([-5e9, -3, 0, 0.1, 5, 100, 5e9], 2))
        made: list[Any] = [
            {"exists": exists},
            {"exists": exists},
            rng.choice([*TEXTS, *ADDRESSES, *NUMBERS, True, False, None]),
            {"prefix": text},
            {"suffix": text},
            {"equals-ignore-case": text},
            {"numeric": [rng.choice([">", ">="]), low, rng.choice(["<", "<="]), high]},
            {"numeric": [rng.choice(["=", "<", "<=", ">", ">="]), rng.choice(NUMBERS)]},
            self._anything_but(),
        ]
        if self.wide:
            made += [
                {"wildcard": rng.choice(WILDCARDS)},
                {"cidr": rng.choice(BLOCKS)},
                {"exactly": text},
                {rng.choice(["prefix", "suffix"]): {"equals-ignore-case": text}},
            ]
        return rng.choice(made)

    def _anything_but(self) -> Any:  # noqa: ANN401 - JSON
        rng = self.rng
        texts = rng.sample([*TEXTS, *ADDRESSES], rng.randint(1, 3))
        if not self.wide or rng.random() < 0.4:
            return {"anything-but": rng.choice([texts, texts[0], rng.sample(NUMBERS, 2), rng.choice(NUMBERS)])}
        name = rng.choice(["prefix", "suffix", "equals-ignore-case", "wildcard"])
        operands = [text for text in texts if text or name == "equals-ignore-case"] or ["a"]
        if name == "wildcard":
            operands = rng.sample(WILDCARDS, rng.randint(1, 2))
            operands = operands if _stars(operands) <= STARS_MAX else operands[:1]
        return {"anything-but": {name: rng.choice([operands, operands[0]])}}
