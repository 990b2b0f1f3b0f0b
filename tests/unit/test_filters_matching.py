"""What a filter accepts: every operator and corner, held to EventBridge's semantics.

Ids `T-G…` are the conformance cases that concern matching; ids beginning with "recorded" repeat what was seen on AWS.
"""

from __future__ import annotations

import json
import random
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import pytest

from replay.event_source.filters import Dialect, compile_pattern, matches

if TYPE_CHECKING:
    from collections.abc import Mapping


def record(image: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A stream record with this new image; other top-level fields by name."""
    keys = {"pk": {"S": "MSG#g1"}, "sk": {"S": "2026-01-01T10:00:00+00:00"}}
    dynamodb: dict[str, Any] = {
        "ApproximateCreationDateTime": 1664559083.0,
        "Keys": keys,
        "NewImage": {**keys, **(image or {})},
        "SequenceNumber": "100000000000000000001",
        "SizeBytes": 59,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": dynamodb, **fields}


def image(condition: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A pattern on the new image."""
    return {"dynamodb": {"NewImage": condition}}


def answer(pattern: object, event: Mapping[str, Any], dialect: Dialect = "event-bus") -> bool:
    return matches(json.dumps(pattern), event, dialect=dialect)


TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
BY_TTL = {"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}
PRESENT = {"presentKey": {"S": "presentValue"}}
ORGANIZATIONS = {"Organizations": {"L": [{"S": "a"}, {"S": "b"}]}}
OR_TABLE = {"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]}

STREAM_CASES = [
    ("T-G1-insert", {"eventName": ["INSERT"]}, record(), True),
    ("T-G1-modify", {"eventName": ["INSERT"]}, record(eventName="MODIFY"), False),
    ("T-G2-insert", {"eventName": ["INSERT", "MODIFY"]}, record(), True),
    ("T-G2-modify", {"eventName": ["INSERT", "MODIFY"]}, record(eventName="MODIFY"), True),
    ("T-G2-remove", {"eventName": ["INSERT", "MODIFY"]}, record(eventName="REMOVE"), False),
    ("T-G3-insert", {"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}, record(), True),
    ("T-G3-modify", {"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}, record(eventName="MODIFY"), False),
    ("T-G4-present", image({"presentKey": {"S": ["presentValue"]}}), record(PRESENT), True),
    ("T-G4-missing", image({"presentKey": {"S": ["presentValue"]}}), record(), False),
    ("T-G4-without-type-tag", image({"presentKey": ["presentValue"]}), record(PRESENT), False),
    ("T-G5-present", image({"presentKey": {"S": [{"exists": True}]}}), record(PRESENT), True),
    ("T-G5-missing", image({"presentKey": {"S": [{"exists": True}]}}), record(), False),
    ("T-G5-other-type", image({"presentKey": {"S": [{"exists": False}]}}), record({"presentKey": {"N": "1"}}), True),
    ("T-G6-present", image({"presentKey": [{"exists": False}]}), record(PRESENT), True),
    ("T-G6-missing", image({"presentKey": [{"exists": False}]}), record(), True),
    ("T-G7-on-the-attribute", image({"Organizations": [{"exists": True}]}), record(ORGANIZATIONS), False),
    ("T-G7-on-leaves", image({"Organizations": {"L": {"S": [{"exists": True}]}}}), record(ORGANIZATIONS), True),
    ("T-G7-in-the-list", image({"Organizations": {"L": {"S": ["b"]}}}), record(ORGANIZATIONS), True),
    ("T-G7-not-in-the-list", image({"Organizations": {"L": {"S": ["c"]}}}), record(ORGANIZATIONS), False),
    (
        "T-G8-42",
        image({"numericFilter": {"N": [{"numeric": [">", 100]}, {"anything-but": "101"}]}}),
        record({"numericFilter": {"N": "42"}}),
        True,
    ),
    (
        "T-G8-101",
        image({"numericFilter": {"N": [{"numeric": [">", 100]}, {"anything-but": "101"}]}}),
        record({"numericFilter": {"N": "101"}}),
        False,
    ),
    (
        "T-G9-prefix",
        image({"prefix": {"S": [{"prefix": "us-1"}]}}),
        record({"prefix": {"S": "us-1-other-suffix"}}),
        True,
    ),
    ("T-G9-other", image({"prefix": {"S": [{"prefix": "us-1"}]}}), record({"prefix": {"S": "other"}}), False),
    ("T-G10", {"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">", 0]}]}}, record(), True),
    ("T-G17-ttl", BY_TTL, record(eventName="REMOVE", userIdentity=TTL), True),
    ("T-G17-by-hand", BY_TTL, record(eventName="REMOVE"), False),
    ("T-G18-null", {"UserID": [None]}, {"UserID": None}, True),
    ("T-G18-null-and-text", {"UserID": [None]}, {"UserID": "null"}, False),
    ("T-G18-null-and-missing", {"UserID": [None]}, {}, False),
    ("T-G18-empty", {"LastName": [""]}, {"LastName": ""}, True),
    ("T-G18-empty-and-null", {"LastName": [""]}, {"LastName": None}, False),
    ("T-G18-empty-and-missing", {"LastName": [""]}, {}, False),
    ("T-G18-equals", {"Name": ["Alice"]}, {"Name": "Alice"}, True),
    ("T-G18-equals-with-case", {"Name": ["Alice"]}, {"Name": "alice"}, False),
    ("T-G18-equals-ignore-case", {"Name": [{"equals-ignore-case": "alice"}]}, {"Name": "ALICE"}, True),
    ("T-G18-suffix", {"FileName": [{"suffix": ".png"}]}, {"FileName": "a.png"}, True),
    ("T-G18-suffix-elsewhere", {"FileName": [{"suffix": ".png"}]}, {"FileName": "a.png.txt"}, False),
    ("T-G18-anything-but", {"Weather": [{"anything-but": ["Raining"]}]}, {"Weather": "Sunny"}, True),
    ("T-G18-anything-but-it", {"Weather": [{"anything-but": ["Raining"]}]}, {"Weather": "Raining"}, False),
    ("T-G18-or-first", OR_TABLE, {"Location": "New York", "Day": "Sunday"}, True),
    ("T-G18-or-second", OR_TABLE, {"Location": "Rome", "Day": "Monday"}, True),
    ("T-G18-or-none", OR_TABLE, {"Location": "Rome", "Day": "Sunday"}, False),
    ("T-G18-and", {"Location": ["New York"], "Day": ["Monday"]}, {"Location": "New York", "Day": "Sunday"}, False),
    ("T-G18-between", {"Price": [{"numeric": [">", 10, "<=", 20]}]}, {"Price": 20}, True),
    ("T-G21-old-image-of-an-insert", {"dynamodb": {"OldImage": {"a": {"S": [{"exists": True}]}}}}, record(), False),
]


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize(("pattern", "event", "expected"), [pytest.param(*c[1:], id=c[0]) for c in STREAM_CASES])
def test_stream_records(pattern: object, event: dict[str, Any], expected: bool, dialect: Dialect) -> None:  # noqa: FBT001
    assert answer(pattern, event, dialect) is expected


VALUES: dict[str, Any] = {
    "text": "abc",
    "empty": "",
    "numeric text": "5",
    "five": 5,
    "five float": 5.0,
    "five decimal": Decimal("5.0"),
    "zero": 0,
    "one": 1,
    "minus": -0.5,
    "huge": 10**15,
    "true": True,
    "false": False,
    "null": None,
    "object": {"b": 5},
    "no value": [],
    "array": ["abc", 7],
    "array of objects": [{"b": 5}],
}
"""Values of the field `a`; `missing` stands for a record without it."""

EVERY = set(VALUES)
ABSENT = {"object", "no value", "array of objects", "missing"}
LEAVES = EVERY - ABSENT
TEXTS = {"text", "empty", "numeric text", "array"}
FIVES = {"five", "five float", "five decimal"}
NUMBERS = FIVES | {"zero", "one", "minus", "huge", "array"}

OPERATOR_CASES: list[tuple[str, list[Any], set[str]]] = [
    ("text", ["abc"], {"text", "array"}),
    ("several texts", ["abc", "", "x"], {"text", "empty", "array"}),
    ("empty text", [""], {"empty"}),
    ("numeric text", ["5"], {"numeric text"}),
    ("number", [5], FIVES),
    ("number as float", [5.0], FIVES),
    ("number with exponent", [0.5e1], FIVES),
    ("zero is not false", [0], {"zero"}),
    ("one is not true", [1], {"one"}),
    ("minus zero is zero", [-0.0], {"zero"}),
    ("true is not one", [True], {"true"}),
    ("false is not zero", [False], {"false"}),
    ("null is not missing", [None], {"null"}),
    ("mixed values", ["abc", 5, True, None], {"text", "array", "true", "null"} | FIVES),
    ("exists", [{"exists": True}], LEAVES),
    ("exists not", [{"exists": False}], ABSENT),
    ("exists or not", [{"exists": True}, {"exists": False}], EVERY | {"missing"}),
    ("exists not or value", [{"exists": False}, "abc"], ABSENT | {"text", "array"}),
    ("prefix", [{"prefix": "a"}], {"text", "array"}),
    ("prefix is the whole", [{"prefix": "abc"}], {"text", "array"}),
    ("prefix too long", [{"prefix": "abcd"}], set()),
    ("prefix minds case", [{"prefix": "A"}], set()),
    ("empty prefix is any text", [{"prefix": ""}], TEXTS),
    ("prefix of a number", [{"prefix": "1"}], set()),
    ("suffix", [{"suffix": "c"}], {"text", "array"}),
    ("empty suffix is any text", [{"suffix": ""}], TEXTS),
    ("suffix of a number", [{"suffix": "5"}], {"numeric text"}),
    ("ignore case", [{"equals-ignore-case": "aBC"}], {"text", "array"}),
    ("ignore case of a part", [{"equals-ignore-case": "AB"}], set()),
    ("ignore case of nothing", [{"equals-ignore-case": ""}], {"empty"}),
    ("ignore case is no prefix", [{"equals-ignore-case": "TRUE"}], set()),
    ("prefix ignoring case", [{"prefix": {"equals-ignore-case": "AB"}}], {"text", "array"}),
    ("empty prefix ignoring case", [{"prefix": {"equals-ignore-case": ""}}], TEXTS),
    ("suffix ignoring case", [{"suffix": {"equals-ignore-case": "BC"}}], {"text", "array"}),
    ("empty suffix ignoring case", [{"suffix": {"equals-ignore-case": ""}}], TEXTS),
    ("exactly", [{"exactly": "abc"}], {"text", "array"}),
    ("equals", [{"numeric": ["=", 5]}], FIVES),
    ("less", [{"numeric": ["<", 5]}], {"zero", "one", "minus"}),
    ("at most", [{"numeric": ["<=", 5]}], {"zero", "one", "minus"} | FIVES),
    ("more", [{"numeric": [">", 5]}], {"huge", "array"}),
    ("at least", [{"numeric": [">=", 5]}], {"huge", "array"} | FIVES),
    ("open range", [{"numeric": [">", 0, "<", 5]}], {"one"}),
    ("closed range", [{"numeric": [">=", 0, "<=", 5]}], {"zero", "one"} | FIVES),
    ("range open below", [{"numeric": [">", 0, "<=", 5]}], {"one"} | FIVES),
    ("range open above", [{"numeric": [">=", 0, "<", 5]}], {"zero", "one"}),
    ("anything but text", [{"anything-but": "abc"}], LEAVES - {"text"}),
    ("anything but texts", [{"anything-but": ["abc", ""]}], LEAVES - {"text", "empty"}),
    ("anything but nothing", [{"anything-but": ""}], LEAVES - {"empty"}),
    ("anything but a number", [{"anything-but": 5}], LEAVES - FIVES),
    ("anything but numbers", [{"anything-but": [5, 7, 1]}], LEAVES - FIVES - {"one"}),
    ("anything but zero", [{"anything-but": [0]}], LEAVES - {"zero"}),
    ("anything but prefix", [{"anything-but": {"prefix": "a"}}], LEAVES - {"text"}),
    ("anything but prefixes", [{"anything-but": {"prefix": ["a", "5"]}}], LEAVES - {"text", "numeric text"}),
    ("anything but suffix", [{"anything-but": {"suffix": "c"}}], LEAVES - {"text"}),
    ("anything but suffixes", [{"anything-but": {"suffix": ["c", "5"]}}], LEAVES - {"text", "numeric text"}),
    ("anything but ignoring case", [{"anything-but": {"equals-ignore-case": "ABC"}}], LEAVES - {"text"}),
    ("anything but these", [{"anything-but": {"equals-ignore-case": ["ABC", ""]}}], LEAVES - {"text", "empty"}),
    ("anything but wildcard", [{"anything-but": {"wildcard": "*b*"}}], LEAVES - {"text"}),
    ("anything but wildcards", [{"anything-but": {"wildcard": ["*b*", "5"]}}], LEAVES - {"text", "numeric text"}),
    ("anything but no text", [{"anything-but": {"wildcard": ""}}], LEAVES - {"empty"}),
    ("anything but one or it", [{"anything-but": "abc"}, "abc"], LEAVES),
    ("wildcard", [{"wildcard": "a*c"}], {"text", "array"}),
    ("wildcard alone is any text", [{"wildcard": "*"}], TEXTS),
    ("empty wildcard", [{"wildcard": ""}], {"empty"}),
    ("wildcard without wildcard", [{"wildcard": "abc"}], {"text", "array"}),
    ("wildcard does not repeat", [{"wildcard": "abc*abc"}], set()),
    ("cidr", [{"cidr": "10.0.0.0/8"}], set()),
]


@pytest.mark.parametrize(("alternatives", "accepted"), [pytest.param(*c[1:], id=c[0]) for c in OPERATOR_CASES])
def test_operators_on_every_kind_of_value(alternatives: list[Any], accepted: set[str]) -> None:
    accepts = compile_pattern(json.dumps({"a": alternatives}), dialect="event-bus")
    found = {name for name, value in VALUES.items() if accepts({"a": value})}
    found |= {"missing"} if accepts({}) else set()
    assert found == accepted
    assert accepted & ABSENT in (set(), ABSENT)


@pytest.mark.parametrize(
    ("wildcard", "text", "expected"),
    [
        ("*", "", True),
        ("a*", "a", True),
        ("a*", "ba", False),
        ("*a", "ba", True),
        ("*a", "ab", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ab*", "xabxab", True),
        ("*ab*ab*", "xab", False),
        ("a*b*c", "a-b-c-b-c", True),
        ("a*bc*c", "abc", False),
        ("*bc*cd*", "abcd", False),
        ("a\\*c", "a*c", True),
        ("a\\*c", "abc", False),
        ("a\\\\*", "a\\b", True),
        ("a\\\\*", "ab", False),
        ("\\**", "*b", True),
        ("a*\n", "ab\n", True),
        ("dir/*.png", "dir/sub/x.png", True),
        ("*/lib/*", "/usr/lib/x", True),
        ("ä*ß", "ä-ß", True),
        ("?[a]", "?[a]", True),
    ],
)
def test_wildcards(wildcard: str, text: str, expected: bool) -> None:  # noqa: FBT001
    assert answer({"a": [{"wildcard": wildcard}]}, {"a": text}) is expected
    assert answer({"a": [{"anything-but": {"wildcard": wildcard}}]}, {"a": text}) is not expected


@pytest.mark.parametrize(
    ("pattern_text", "text", "expected"),
    [
        ("ÄÖü", "äöÜ", True),
        ("straße", "STRASSE", True),
        ("straße", "strasse", False),
        ("STRASSE", "straße", False),
        ("K", "\u212a", False),  # the Kelvin sign folds to k, which is not how the engine folds
        ("ǅ", "ǆ", True),
        ("ǅ", "ǅ", False),  # a title-case letter is neither of its own cases
        ("i", "İ", False),
        ("a.c", "abc", False),
        ("a\nb", "A\nB", True),
        ("😀", "😀", True),
    ],
)
def test_cases_are_those_of_single_characters(pattern_text: str, text: str, expected: bool) -> None:  # noqa: FBT001
    for operand in (
        {"equals-ignore-case": pattern_text},
        {"prefix": {"equals-ignore-case": pattern_text}},
        {"suffix": {"equals-ignore-case": pattern_text}},
    ):
        assert answer({"a": [operand]}, {"a": text}) is expected
    assert answer({"a": [{"anything-but": {"equals-ignore-case": [pattern_text]}}]}, {"a": text}) is not expected


@pytest.mark.parametrize(
    ("operand", "text", "expected"),
    [
        ({"cidr": "10.0.0.0/24"}, "10.0.0.0", True),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.255", True),
        ({"cidr": "10.0.0.0/24"}, "10.0.1.0", False),
        ({"cidr": "10.0.0.0/24"}, "9.255.255.255", False),
        ({"cidr": "10.0.0.77/24"}, "10.0.0.3", True),
        ({"cidr": "0.0.0.0/0"}, "255.1.2.3", True),
        ({"cidr": "10.0.0.0/24"}, "10.0.0", False),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.1/24", False),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.256", False),
        ({"cidr": "10.0.0.0/24"}, "010.000.000.001", True),
        ({"cidr": "10.0.0.0/24"}, "0000000010.0.0.1", False),
        ({"cidr": "10.0.0.0/24"}, "::ffff:a00:1", True),
        ({"cidr": "10.0.0.0/8"}, "a00::1", False),
        ({"cidr": "::/0"}, "10.0.0.1", False),
        ({"cidr": "2001:db8:1234:1a00::/64"}, "2001:db8:1234:1a00:1:2:3:4", True),
        ({"cidr": "2001:db8:1234:1a00::/64"}, "2001:0db8:123f:1a01:0000:0000:0000:0000", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.01", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("08:23", "08:23", True),
        ("08:23", "8:23", False),
        ({"anything-but": "10.0.0.1"}, "10.0.0.01", True),
        ({"exactly": "10.0.0.1"}, "10.0.0.01", False),
        ({"prefix": "10."}, "10.0.0.1", True),
    ],
)
def test_addresses(operand: object, text: str, expected: bool) -> None:  # noqa: FBT001
    assert answer({"a": [operand]}, {"a": text}) is expected


NUMBER_CASES = [
    ("recorded: 300 is 300.0", [300], 300.0, True),
    ("six decimals", [1.000001], 1.000001, True),
    ("seven decimals differ", [1.0000001], 1.0, False),
    ("small range", [{"numeric": [">", 2e-6, "<", 4e-6]}], 3e-6, True),
    ("small range, bottom", [{"numeric": [">", 2e-6, "<", 4e-6]}], 2e-6, False),
    ("bounds of patterns", [{"numeric": [">=", -5e9, "<=", 5e9]}], 5_000_000_000, True),
    ("greatest exact", [5_000_000_000], 5e9, True),
    ("least exact", [-5e9], -5_000_000_000, True),
    ("fractions near the bound", [{"numeric": ["<", 4_999_999_999.99999]}], 4_999_999_999.99998, True),
    ("a record's number beyond", [{"numeric": [">", 0]}], 6e9, True),
    ("a record's negative number beyond", [{"numeric": ["<", 0]}], -6e9, True),
    ("a record's number beyond, closed", [{"numeric": [">", 0, "<=", 5e9]}], 6e9, False),
    ("anything but, beyond", [{"anything-but": 5}], 123456789012345678901234567890, True),
    ("time of a record", [{"numeric": [">=", 1628872008, "<=", 1629044808]}], 1629044808.0, True),
    ("decimal fraction", [0.1], Decimal("0.1"), True),
]


@pytest.mark.parametrize(("alternatives", "value", "expected"), [pytest.param(*c[1:], id=c[0]) for c in NUMBER_CASES])
def test_numbers_compare_by_value(alternatives: list[Any], value: object, expected: bool) -> None:  # noqa: FBT001
    assert answer({"a": alternatives}, {"a": value}) is expected


PEOPLE = {
    "employees": [
        [
            {"firstName": "John", "lastName": "Doe", "ids": [1234, 1000, 9999]},
            {"firstName": "Anna", "lastName": "Smith"},
        ],
        [{"firstName": "Peter", "lastName": "Jones", "ids": []}],
    ]
}
SONGS = {
    "Year": 1966,
    "Genres": [{"Pop": True}, {"Classical": False}],
    "Songs": [
        {
            "Name": "Paperback Writer",
            "Writers": [{"First": "John", "Last": "Lennon"}, {"First": "Paul", "Last": "McCartney"}],
        },
        {
            "Name": "Paint It Black",
            "Writers": [{"First": "Mick", "Last": "Jagger"}, {"First": "Keith", "Last": "Richards"}],
        },
    ],
}


def employee(**conditions: list[Any]) -> dict[str, Any]:
    return {"employees": conditions}


def song(**conditions: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"Songs": conditions}


NOT = [{"exists": False}]
EMOJI_FIRST = {"d": [{"\U0001f600": 1}, {"\ufb01": 2}]}
ANY = [{"exists": True}]
ARRAY_CASES = [
    ("one field", employee(firstName=["Anna"]), PEOPLE, True),
    ("both in one element", employee(firstName=["Anna"], lastName=["Smith"]), PEOPLE, True),
    ("from two elements", employee(firstName=["Anna"], lastName=["Doe"]), PEOPLE, False),
    ("from two arrays", employee(firstName=["Anna"], lastName=["Jones"]), PEOPLE, False),
    ("array within the element", employee(firstName=["John"], ids=[1000]), PEOPLE, True),
    ("array of another element", employee(firstName=["Anna"], ids=[1000]), PEOPLE, False),
    ("absent from the element", employee(firstName=["Anna"], ids=NOT), PEOPLE, True),
    ("present in the element", employee(firstName=["John"], ids=NOT), PEOPLE, False),
    ("empty array is absent", employee(firstName=["Peter"], ids=NOT), PEOPLE, True),
    ("array of objects is no leaf", {"employees": ["Anna"]}, PEOPLE, False),
    ("array of objects is absent", {"employees": NOT}, PEOPLE, True),
    ("two levels", song(Name=["Paperback Writer"], Writers={"First": ["Paul"], "Last": ["McCartney"]}), SONGS, True),
    ("two levels, inner split", song(Writers={"First": ["Mick"], "Last": ["McCartney"]}), SONGS, False),
    ("two levels, outer split", song(Name=["Paperback Writer"], Writers={"First": ["Mick"]}), SONGS, False),
    ("two arrays are free", {"Genres": {"Pop": [True]}, **song(Name=["Paint It Black"])}, SONGS, True),
    ("no element has both", {"Genres": {"Pop": [True], "Classical": [False]}}, SONGS, False),
    ("array and scalar", {"Year": [1966], **song(Name=["Paint It Black"])}, SONGS, True),
    ("any scalar of an array", {"a": ["x"]}, {"a": ["y", "x"]}, True),
    ("scalars of two arrays", {"a": ["x"], "b": [2]}, {"a": ["y", "x"], "b": [1, 2]}, True),
    ("scalars lie in no element", {"d": {"a": ["x"], "b": ["y"]}}, {"d": {"a": ["x", "z"], "b": ["w", "y"]}}, True),
    ("nested arrays of scalars", {"a": ["x"]}, {"a": [["y"], [["x"]]]}, True),
    ("scalar beside an object", {"a": ["x"]}, {"a": [{"b": 1}, "x"]}, True),
    ("object beside a scalar", {"a": {"b": [1]}}, {"a": ["x", {"b": 1}]}, True),
    ("anything but in an array", {"a": [{"anything-but": "x"}]}, {"a": ["x", "y"]}, True),
    ("anything but of all", {"a": [{"anything-but": "x"}]}, {"a": ["x", "x"]}, False),
    ("anything but of none", {"a": [{"anything-but": "x"}]}, {"a": []}, False),
    ("null of an empty array", {"a": [None]}, {"a": []}, False),
    ("empty array is absent as a leaf", {"a": NOT}, {"a": []}, True),
    ("array of empty arrays is absent", {"a": NOT}, {"a": [[], [[]]]}, True),
    ("array of null is present", {"a": NOT}, {"a": [None]}, False),
    ("array with a leaf is present", {"a": NOT}, {"a": [{"b": 1}, 5]}, False),
    ("absent from every element", {"d": {"b": NOT}}, {"d": [{"a": 1}, {"a": 2}]}, True),
    ("absent from one element only", {"d": {"b": NOT}}, {"d": [{"a": 1}, {"b": 2}]}, False),
    ("absent after a match", {"d": {"a": ["x"], "b": NOT}}, {"d": [{"a": "x"}, {"b": 1}]}, True),
    # The engine walks the paths in order of their names: nothing is chosen yet when `a` is looked for.
    ("absent before a match", {"d": {"a": NOT, "b": ["x"]}}, {"d": [{"a": 1}, {"b": "x"}]}, False),
    ("order of names is that of UTF-16", {"d": {"\U0001f600": [1], "\ufb01": NOT}}, EMOJI_FIRST, True),
    ("later element holds both", {"d": {"a": ANY, "b": ANY}}, {"d": [{"a": 1}, {"b": 2}, {"a": 3, "b": 4}]}, True),
    ("same element of nested arrays", {"d": {"a": [1], "b": [2]}}, {"d": [[{"a": 1}], [{"b": 2}]]}, False),
    ("inner array of the same element", {"d": {"a": [1], "b": {"c": [2]}}}, {"d": [{"a": 1, "b": [{"c": 2}]}]}, True),
    ("tuples are arrays", {"d": {"a": [1], "b": [2]}}, {"d": ({"a": 1}, {"b": 2})}, False),
]


@pytest.mark.parametrize(("pattern", "event", "expected"), [pytest.param(*c[1:], id=c[0]) for c in ARRAY_CASES])
def test_keys_below_an_array_hold_in_one_element(pattern: object, event: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert answer(pattern, event, "lambda") is expected


STATUS = {"detail": {"state.status": ["running"]}}
DOT_CASES = [
    ("recorded: dot in the pattern", STATUS, {"detail": {"state": {"status": "running"}}}, True),
    ("dot in both", STATUS, {"detail": {"state.status": "running"}}, True),
    (
        "dot in the record",
        {"detail": {"state": {"status": ["running"]}}},
        {"detail": {"state.status": "running"}},
        True,
    ),
    ("dot across more steps", {"a": {"b": {"c": [1]}}}, {"a.b": {"c": 1}}, True),
    ("all in one key", {"a": {"b": {"c": [1]}}}, {"a.b.c": 1}, True),
    ("both spellings, the dotted one right", {"a": {"b": [1]}}, {"a": {"b": 2}, "a.b": 1}, True),
    ("both spellings, the plain one right", {"a": {"b": [1]}}, {"a": {"b": 1}, "a.b": 2}, True),
    ("dotted key is present", {"a": {"b": NOT}}, {"a.b": 1}, False),
    ("dotted key below an object", {"x": [1], "a": {"b": NOT}}, {"x": 1, "a": {}, "a.b": 1}, False),
    ("other dotted keys are absent", {"a": {"b": NOT}}, {"a.c": 1, "ab": 1, "a.": 1, ".b": 1}, True),
    ("dot joins, never more", {"a": {"b": [1]}}, {"a..b": 1, "a.b.": 1}, False),
    ("empty keys are steps", {"a": {"": [1]}}, {"a.": 1}, True),
    ("recorded: dot does not replace a step", {"d": {"s.t": {"t": [1]}}}, {"d": {"s": {"t": 1}}}, False),
    ("leaf and object at once", {"a": [1], "a.b": [2]}, {"a": [1, {"b": 2}]}, True),
    ("leaf, and below it nothing", {"a": [1], "a.b": NOT}, {"a": 1}, True),
    ("leaf and object, leaf missing", {"a": [1], "a.b": [2]}, {"a": {"b": 2}}, False),
]


@pytest.mark.parametrize(("pattern", "event", "expected"), [pytest.param(*c[1:], id=c[0]) for c in DOT_CASES])
def test_keys_are_joined_by_dots(pattern: object, event: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert answer(pattern, event, "lambda") is expected


OR_CASES = [
    ("outside holds, inside fails", {"s": [1], **OR_TABLE}, {"s": 1, "Day": "Sunday"}, False),
    ("outside fails, inside holds", {"s": [1], **OR_TABLE}, {"s": 2, "Day": "Monday"}, False),
    ("both hold", {"s": [1], **OR_TABLE}, {"s": 1, "Day": "Monday"}, True),
    ("below a key", {"d": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"d": {"b": 2}}, True),
    ("and inside", {"$or": [{"a": [1], "b": [2]}, {"c": [3]}]}, {"a": 1, "b": 3}, False),
    ("nested", {"$or": [{"a": [1], "$or": [{"b": [2]}, {"c": [3]}]}, {"d": [4]}]}, {"a": 1, "c": 3}, True),
    ("nested, outer missing", {"$or": [{"a": [1], "$or": [{"b": [2]}, {"c": [3]}]}, {"d": [4]}]}, {"c": 3}, False),
    ("two of them are both needed", {**OR_TABLE, "d": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"Day": "Monday"}, False),
    ("two of them", {**OR_TABLE, "d": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"Day": "Monday", "d": {"b": 2}}, True),
    ("inner path replaces outer", {"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}, {"a": 2}, True),
    ("replaced outer is gone", {"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}, {"a": 1}, False),
    ("other branch keeps it", {"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}, {"a": 1, "b": 3}, True),
    ("later outer path replaces inner", {"$or": [{"a": [2]}, {"b": [3]}], "a": [1]}, {"a": 1}, True),
    ("in one element each", {"d": {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}}, {"d": [{"b": 2}, {"c": 3}]}, False),
    ("exists within", {"$or": [{"a": NOT}, {"b": [2]}]}, {"a": 1, "b": 3}, False),
    ("an object is an ordinary field", {"$or": {"a": [1]}}, {"$or": {"a": 1}}, True),
    ("texts are an ordinary field", {"$or": ["x", "y"]}, {"$or": "y"}, True),
    ("one operator is an ordinary field", {"$or": [{"prefix": "x"}]}, {"$or": "xy"}, True),
    ("operators are an ordinary field", {"$or": [{"prefix": "x"}, {"numeric": ["<", 2]}]}, {"$or": 1}, True),
    (
        "and then all of them are",
        {"$or": ["x"], "d": {"$or": [{"prefix": "y"}, "z"]}},
        {"$or": "x", "d": {"$or": "z"}},
        True,
    ),
]


@pytest.mark.parametrize(("pattern", "event", "expected"), [pytest.param(*c[1:], id=c[0]) for c in OR_CASES])
def test_or(pattern: object, event: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert answer(pattern, event, "lambda") is expected


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        pytest.param('{"a": [1], "a": [2]}', {"a": 1}, False, id="first value"),
        pytest.param('{"a": [1], "a": [2]}', {"a": 2}, True, id="last value"),
        pytest.param('{"a": [1], "a": {"b": [2]}}', {"a": {"b": 2}}, True, id="of another kind"),
        pytest.param('{"a": {"b": [1]}, "a": {"c": [2]}}', {"a": {"b": 9, "c": 2}}, True, id="T-G20"),
        pytest.param('{"a": {"b": [1], "b": [2]}}', {"a": {"b": 2}}, True, id="below a key"),
        pytest.param('{"a": {"b": [1]}, "a.b": [2]}', {"a": {"b": 2}}, True, id="spelled with a dot"),
        pytest.param('{"$or": [{"a": [1]}, {"a": [2]}], "$or": [{"b": [1]}, {"b": [2]}]}', {"b": 1}, True, id="$or"),
        pytest.param(
            '{"detail": {"location": [{"prefix": "us-"}], "location": [{"anything-but": "us-east"}]}}',
            {"detail": {"location": "eu-central-1"}},
            True,
            id="recorded",
        ),
    ],
)
def test_last_of_duplicate_keys_wins(pattern: str, event: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert matches(pattern, event) is expected


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        pytest.param({"prefix": {"S": ["x"]}}, {"prefix": {"S": "x"}}, True, id="field named like an operator"),
        pytest.param({"exists": [False]}, {"exists": False}, True, id="field named exists"),
        pytest.param({"numeric": [">", 1]}, {"numeric": ">"}, True, id="field named numeric"),
        pytest.param({"a": [{"prefix": "é"}]}, {"a": "é!"}, True, id="composed"),
        pytest.param({"a": ["é"]}, {"a": "e\u0301"}, False, id="no Unicode normalisation"),
        pytest.param({"ключ": ["значение"]}, {"ключ": "значение"}, True, id="keys beyond ASCII"),
        pytest.param({"Name": ["x"]}, {"name": "x"}, False, id="keys mind case"),
        pytest.param({"a": ["\x00"]}, {"a": "\x00"}, True, id="control characters"),
        pytest.param({"a": {"b": [1]}}, {"a": 1}, False, id="scalar where an object is wanted"),
        pytest.param({"a": {"b": NOT}}, {"a": 1}, True, id="absent below a scalar"),
        pytest.param({"a": {"b": NOT}}, {"a": None}, True, id="absent below null"),
        pytest.param({"a": ["x"]}, {"a": b"x"}, False, id="bytes are no text"),
        pytest.param({"a": ANY}, {"a": b"x"}, True, id="bytes are a leaf"),
    ],
)
def test_other_corners(pattern: object, event: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert answer(pattern, event, "lambda") is expected


def test_any_mapping_is_an_object() -> None:
    event = MappingProxyType({"a": MappingProxyType({"b": [MappingProxyType({"c": 1})]})})
    assert answer({"a": {"b": {"c": [1]}}}, event)


def test_order_of_keys_does_not_matter_without_doubles() -> None:
    pattern = {"c": [3], "a": {"y": NOT, "x": ["1"]}, "$or": [{"b": [1]}, {"d": [{"prefix": "p"}]}]}
    event = {"c": 3, "a": [{"x": "1"}, {"z": 1}], "d": "pq"}
    shuffled = list(pattern.items())
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order, no secret
        assert answer(dict(shuffled), event)


def test_many_free_arrays_take_no_time() -> None:
    names = [f"k{number:02}" for number in range(30)]
    event: dict[str, Any] = {name: [{"v": element} for element in range(30)] for name in names}
    pattern = {name: {"v": [{"numeric": ["<", 20]}]} for name in names}
    assert answer(pattern, event)
    assert not answer(pattern, {**event, "k29": [{"v": 99}]})


def test_deep_records_are_walked() -> None:
    event: dict[str, Any] = {"a": 1}
    deep: Any = 1
    for _ in range(1_500):
        deep = [deep]
    assert answer({"a": [1], "b": [1]}, {**event, "b": deep})


def test_long_paths_are_walked() -> None:
    keys = ["k"] * 100
    pattern: Any = [1]
    event: Any = 1
    for key in keys:
        pattern, event = {key: pattern}, {key: event}
    assert answer(pattern, event)
    assert answer({".".join(keys): [1]}, event)
    assert answer(pattern, {".".join(keys): 1})
    assert not answer(pattern, {".".join(keys[1:]): 1})
