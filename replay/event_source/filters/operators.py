"""The operators: from one field's list of alternatives to one condition on a value.

Sources: Lambda developer guide, invocation-eventfiltering (the table of the dialect `lambda`); EventBridge user guide,
eb-create-pattern-operators (all of them); aws/event-ruler, JsonRuleCompiler, for what makes one invalid.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from replay.event_source.filters import addresses, values, wildcards
from replay.event_source.filters.errors import InvalidFilterPattern
from replay.event_source.filters.json_text import Members, kind

if TYPE_CHECKING:
    from replay.event_source.filters.values import Test, TextTest

Dialect: TypeAlias = Literal["lambda", "event-bus"]
"""`lambda`: what event source mappings document. `event-bus`: all that event buses document."""

NUMBER_MAX = 5_000_000_000
"""Greatest magnitude of a number in a pattern (EventBridge user guide: numeric matching is limited to -5.0e9 … 5.0e9).
The public engine has since widened it to all doubles; for patterns the guide stands. A record's numbers have no limit
and compare by value, as in the engine."""

EVENT_BUS_ONLY = frozenset({"cidr", "exactly", "wildcard"})
EVERYWHERE = frozenset({"anything-but", "equals-ignore-case", "exists", "numeric", "prefix", "suffix"})
OPERATORS = EVERYWHERE | EVENT_BUS_ONLY
NEGATED = frozenset({"equals-ignore-case", "prefix", "suffix", "wildcard"})
"""What `anything-but` can negate besides plain values; on event buses only."""

IGNORE_CASE: Final = "equals-ignore-case"
AFFIXES = {
    "prefix": (values.prefix, values.prefix_ignoring_case),
    "suffix": (values.suffix, values.suffix_ignoring_case),
}
"""The test of a plain operand, and of one within `equals-ignore-case` (event buses only)."""

BOTTOMS = {">": False, ">=": True}
"""Signs that open a numeric range, and whether they include the bound."""
TOPS = {"<": False, "<=": True}
"""Signs that close a numeric range, likewise."""
BOUND_LENGTH, RANGE_LENGTH = 2, 4
"""`[">", 0]` and `[">", 0, "<=", 5]`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field must satisfy: one of its alternatives."""

    accepts: Test
    """Whether a leaf's value satisfies it."""
    accepts_absence: bool
    """Whether a missing leaf does: `exists` false is among the alternatives."""
    numeric: bool
    """Whether it compares with a number in any way."""


def read_condition(alternatives: list[object], path: str, dialect: Dialect) -> Condition:
    """Read one field's list of alternatives; `path` is the field's, for messages."""
    if not alternatives:
        raise InvalidFilterPattern("an empty array; write at least one value", path)
    reader = _Reader(dialect)
    texts = frozenset(text for text in alternatives if isinstance(text, str) and addresses.read_address(text) is None)
    tests = [
        reader.read(alternative, f"{path}[{index}]")
        for index, alternative in enumerate(alternatives)
        if not (isinstance(alternative, str) and alternative in texts)
    ]
    wildcards.check_complexity(reader.wildcards, path)
    present = [test for test in tests if test is not None]
    if texts:
        present.insert(0, values.one_of_texts(texts))
    return Condition(values.any_of(present), None in tests, reader.numeric)


class _Reader:
    """Reads the alternatives of one field and remembers what they used."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.numeric = False
        self.wildcards: list[list[str]] = []

    def read(self, alternative: object, path: str) -> Test | None:
        """Return the test of one alternative (a string only where it is an address), or nothing for `exists` false."""
        if isinstance(alternative, Members):
            return self._expression(alternative, path)
        if isinstance(alternative, str):
            return values.same_address(alternative)
        if alternative is None or isinstance(alternative, bool):
            return values.same_constant(alternative)
        if isinstance(alternative, (int, float)):
            return values.same_number(self._number(alternative, path))
        wanted = "a string, a number, true, false, null or an operator"
        raise InvalidFilterPattern(f"a value is {wanted}, got an array", path)

    def _expression(self, expression: Members, path: str) -> Test | None:
        name, operand = _only_pair(expression, "an operator", path)
        self._know(name, path)
        path = f"{path}.{name}"
        if name in EVENT_BUS_ONLY:
            self._admit_event_bus(f"'{name}'", path)
        match name:
            case "exists":
                return _exists(operand, path)
            case "numeric":
                return self._numeric(operand, path)
            case "anything-but":
                return self._anything_but(operand, path)
            case "cidr":
                return values.in_block(*addresses.read_block(_text(operand, name, path), path))
            case "exactly":
                return values.one_of_texts(frozenset({_text(operand, name, path)}))
            case _:
                return values.on_text(self._text_test(name, operand, path))

    def _know(self, name: str, path: str) -> None:
        if name not in OPERATORS:
            known = OPERATORS if self.dialect == "event-bus" else EVERYWHERE
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; operators are {', '.join(sorted(known))}"
            raise InvalidFilterPattern(f"there is no operator '{name}'{hint}", path)

    def _admit_event_bus(self, what: str, path: str) -> None:
        if self.dialect != "event-bus":
            raise InvalidFilterPattern(f"{what} works on event buses only, not in an event source mapping", path)

    def _text_test(self, name: str, operand: object, path: str) -> TextTest:
        """Read one of the operators on strings."""
        if isinstance(operand, Members) and name in AFFIXES:
            inner, text = _only_pair(operand, IGNORE_CASE, path)
            if inner != IGNORE_CASE:
                raise InvalidFilterPattern(f"'{name}' takes a string or {IGNORE_CASE}, got '{inner}'", path)
            self._admit_event_bus(f"'{name}' with '{IGNORE_CASE}'", path)
            return AFFIXES[name][1](_text(text, inner, path))
        return self._plain_text_test(name, operand, path)

    def _plain_text_test(self, name: str, operand: object, path: str) -> TextTest:
        """Read one of the operators on strings in the form that `anything-but` can negate."""
        text = _text(operand, name, path)
        if name == "wildcard":
            pieces = wildcards.read_wildcard(text, path)
            self.wildcards.append(pieces)
            return wildcards.compile_wildcard(pieces)
        return AFFIXES[name][0](text) if name in AFFIXES else values.ignoring_case(text)

    def _anything_but(self, operand: object, path: str) -> Test:
        if isinstance(operand, Members):
            return self._negated(operand, path)
        excluded = operand if isinstance(operand, list) else [operand]
        texts = [text for text in excluded if isinstance(text, str)]
        if texts and len(texts) == len(excluded):
            return values.none_of_texts(frozenset(texts))
        numbers = [number for number in excluded if isinstance(number, (int, float)) and not isinstance(number, bool)]
        if numbers and len(numbers) == len(excluded):
            return values.none_of_numbers(frozenset(self._number(number, path) for number in numbers))
        wanted = "a string, a number, a list of strings or a list of numbers"
        raise InvalidFilterPattern(f"'anything-but' takes {wanted}, got {kind(operand)}", path)

    def _negated(self, operand: Members, path: str) -> Test:
        name, excluded = _only_pair(operand, "an operator", path)
        if name not in NEGATED:
            raise InvalidFilterPattern(f"'anything-but' negates {', '.join(sorted(NEGATED))}, not '{name}'", path)
        self._admit_event_bus(f"'anything-but' with '{name}'", path)
        path = f"{path}.{name}"
        operands = excluded if isinstance(excluded, list) else [excluded]
        if not operands or (name in AFFIXES and "" in operands):
            raise InvalidFilterPattern(f"'{name}' in 'anything-but' needs text that is not empty", path)
        return values.none_of([self._plain_text_test(name, text, path) for text in operands])

    def _numeric(self, operand: object, path: str) -> Test:
        """Read `["=", n]`, one bound, or a lower bound followed by an upper one."""
        if not isinstance(operand, list) or len(operand) not in {BOUND_LENGTH, RANGE_LENGTH}:
            raise InvalidFilterPattern(f'\'numeric\' takes a list such as [">", 0, "<=", 5], got {kind(operand)}', path)
        sign, number = operand[0], self._number(operand[1], path)
        if len(operand) == RANGE_LENGTH:
            return _range(sign, number, operand[2], self._number(operand[3], path), path)
        if sign == "=":
            return values.same_number(number)
        if isinstance(sign, str) and sign in BOTTOMS:
            return values.in_range(number, float("inf"), with_bottom=BOTTOMS[sign], with_top=True)
        if isinstance(sign, str) and sign in TOPS:
            return values.in_range(float("-inf"), number, with_bottom=True, with_top=TOPS[sign])
        raise InvalidFilterPattern(f"'numeric' compares with =, <, <=, > or >=, got {kind(sign)}", path)

    def _number(self, number: object, path: str) -> float:
        self.numeric = True
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise InvalidFilterPattern(f"a number is wanted here, got {kind(number)}", path)
        if not -NUMBER_MAX <= number <= NUMBER_MAX:
            raise InvalidFilterPattern(f"a number must be from -5.0e9 to 5.0e9, got {kind(number)}", path)
        return number


def _only_pair(members: Members, wanted: str, path: str) -> tuple[str, object]:
    if not members.pairs:
        raise InvalidFilterPattern(f"an empty object; write {wanted}", path)
    if len(members.pairs) > 1:
        names = ", ".join(key for key, _ in members.pairs)
        raise InvalidFilterPattern(f"one key an object, got {names}; give each an object of its own", path)
    return members.pairs[0]


def _text(operand: object, name: str, path: str) -> str:
    if not isinstance(operand, str):
        raise InvalidFilterPattern(f"'{name}' takes a string, got {kind(operand)}", path)
    return operand


def _exists(operand: object, path: str) -> Test | None:
    if not isinstance(operand, bool):
        raise InvalidFilterPattern(f"'exists' takes true or false, got {kind(operand)}", path)
    return values.anything if operand else None


def _range(bottom_sign: object, bottom: float, top_sign: object, top: float, path: str) -> Test:
    if not isinstance(bottom_sign, str) or bottom_sign not in BOTTOMS:
        raise InvalidFilterPattern(f"a numeric range begins with > or >=, got {kind(bottom_sign)}", path)
    if not isinstance(top_sign, str) or top_sign not in TOPS:
        raise InvalidFilterPattern(f"a numeric range ends with < or <=, got {kind(top_sign)}", path)
    if bottom >= top:
        raise InvalidFilterPattern(f"a numeric range has its bottom below its top, got {bottom} and {top}", path)
    return values.in_range(bottom, top, with_bottom=BOTTOMS[bottom_sign], with_top=TOPS[top_sign])
