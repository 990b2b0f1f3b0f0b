"""What is an item in DynamoDB's JSON, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from replay.rows.attribute_values import DEPTH_MAX, fault_of, is_value


@pytest.mark.parametrize(
    "value",
    [
        {"S": ""},
        {"S": "Grüße"},
        {"N": "-1.5E+20"},
        {"B": "Zm9v"},
        {"B": b"foo"},
        {"BOOL": False},
        {"NULL": True},
        {"SS": ["a", "b"]},
        {"NS": ["1", "2"]},
        {"BS": ["Zm9v"]},
        {"L": [{"S": "a"}, {"L": []}]},
        {"M": {"": {"N": "1"}}},
    ],
    ids=repr,
)
def test_every_type_is_a_value(value: dict[str, Any]) -> None:
    assert is_value(value)
    assert fault_of({"name": value}) is None


@pytest.mark.parametrize(
    "value",
    [
        1,
        {},
        {"S": "a", "N": "1"},
        {"X": "a"},
        {"S": 1},
        {"S": None},
        {"S": [1]},
        {"S": "\ud800"},
        {"N": 1},
        {"N": "abc"},
        {"N": "NaN"},
        {"N": "1" * 201},
        {"B": 1},
        {"B": "no base64!"},
        {"BOOL": "true"},
        {"NULL": False},
        {"SS": []},
        {"SS": [1]},
        {"NS": ["a"]},
        {"L": [1]},
        {"L": {}},
        {"M": []},
        {"M": {"\ud800": {"S": "a"}}},
        {"M": {"a": {"S": 1}}},
    ],
    ids=ascii,
)
def test_anything_else_is_none_and_is_named(value: object) -> None:
    assert not is_value(value)
    told = fault_of({"pk": {"S": "a"}, "odd": value})
    assert told is not None
    assert told.startswith("odd is ")
    assert told.isascii() or "…" in told


def test_values_nest_as_deep_as_dynamodb_lets_them() -> None:
    value: dict[str, Any] = {"S": "deep"}
    for _ in range(DEPTH_MAX - 1):
        value = {"L": [value]}
    assert is_value(value)
    assert not is_value({"L": [value]})


@pytest.mark.parametrize("item", [None, [], {}, "text"], ids=repr)
def test_what_is_no_object_is_no_item(item: object) -> None:
    assert fault_of(item) is not None


def test_a_name_that_cannot_be_written_is_told() -> None:
    assert fault_of({"\ud800": {"S": "a"}}) == "'\\ud800' is no attribute's name"
