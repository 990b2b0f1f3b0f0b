"""Tests of one leaf's value: what an operator comes down to.

A leaf is a string, a number, a boolean or null. Whatever else a record holds in the place of one (Python objects that
are no JSON) satisfies negations and `exists`, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from replay.event_source.filters import addresses

Test: TypeAlias = Callable[[object], bool]
"""Whether a leaf's value is accepted."""

TextTest: TypeAlias = Callable[[str], bool]
"""Whether a string is accepted."""


def any_of(tests: list[Test]) -> Test:
    """Accept what one of the tests accepts."""
    if len(tests) == 1:
        return tests[0]
    return lambda value: any(test(value) for test in tests)


def anything(_value: object) -> bool:
    """Accept every leaf, null too."""
    return True


def one_of_texts(texts: frozenset[str]) -> Test:
    """Accept these strings, character for character."""
    if len(texts) == 1:
        text = next(iter(texts))
        return lambda value: value == text
    return lambda value: isinstance(value, str) and value in texts


def none_of_texts(texts: frozenset[str]) -> Test:
    """Accept all but these strings."""
    return lambda value: not (isinstance(value, str) and value in texts)


def on_text(test: TextTest) -> Test:
    """Accept the strings that the test accepts."""
    return lambda value: isinstance(value, str) and test(value)


def none_of(tests: list[TextTest]) -> Test:
    """Accept all but the strings that one of the tests accepts."""
    return lambda value: not (isinstance(value, str) and any(test(value) for test in tests))


def same_constant(constant: bool | None) -> Test:  # noqa: FBT001 - a JSON value, not a switch
    """Accept true, false or null, whichever it is."""
    return lambda value: value is constant


def same_number(number: float) -> Test:
    """Accept numbers of this value: 300, 300.0 and 3.0e2 are one.

    The EventBridge user guide (eb-create-pattern, considerations) says that numbers are compared by their text;
    recorded on AWS, 300 matches 300.0, as in the engine.
    """
    return lambda value: as_number(value) == number


def none_of_numbers(numbers: frozenset[float]) -> Test:
    """Accept all but numbers of these values."""
    return lambda value: as_number(value) not in numbers


def in_range(bottom: float, top: float, *, with_bottom: bool, with_top: bool) -> Test:
    """Accept the numbers of a range."""

    def accepts(value: object) -> bool:
        number = as_number(value)
        if number is None:
            return False
        above = bottom <= number if with_bottom else bottom < number
        return above and (number <= top if with_top else number < top)

    return accepts


def as_number(value: object) -> float | None:
    """Return a record's value as a number, or nothing: true, false and numeric strings are none."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return None


def same_address(text: str) -> Test:
    """Accept any spelling of an IP address: what a plain string means where it is one (aws/event-ruler, CIDR)."""
    address = addresses.read_address(text)
    return lambda value: isinstance(value, str) and (value == text or addresses.read_address(value) == address)


def in_block(low: addresses.Address, high: addresses.Address) -> Test:
    """Accept strings that are addresses of the block."""

    def accepts(value: object) -> bool:
        address = addresses.read_address(value) if isinstance(value, str) else None
        # An address begins with the bits of its family: those of the other one lie outside.
        return address is not None and low <= address <= high

    return accepts


def prefix(text: str) -> TextTest:
    """Accept strings that begin so; the empty prefix accepts every string."""
    return lambda value: value.startswith(text)


def suffix(text: str) -> TextTest:
    """Accept strings that end so; the empty suffix accepts every string."""
    return lambda value: value.endswith(text)


def ignoring_case(text: str) -> TextTest:
    """Accept the string in any mixture of cases."""
    pattern = re.compile(_cases(text))
    return lambda value: pattern.fullmatch(value) is not None


def prefix_ignoring_case(text: str) -> TextTest:
    """Accept strings that begin so in any mixture of cases."""
    pattern = re.compile(_cases(text))
    return lambda value: pattern.match(value) is not None


def suffix_ignoring_case(text: str) -> TextTest:
    """Accept strings that end so in any mixture of cases."""
    pattern = re.compile(_cases(text) + r"\Z")
    return lambda value: pattern.search(value) is not None


def _cases(text: str) -> str:
    """Write the text as a regular expression that takes each character's lower or upper form.

    Character by character, as aws/event-ruler does (EqualsIgnoreCaseParser): `ß` takes `ß` and `SS`, nothing else.
    """
    return "".join(f"(?:{re.escape(char.lower())}|{re.escape(char.upper())})" for char in text)
