"""A mapping's filters together: how many there may be, which records pass, what deserves a warning."""

from __future__ import annotations

import re
from typing import Any

import pytest

from replay.errors import WrongUse
from replay.event_source.filters import InvalidFilterPattern, check_filter_criteria, pattern_warnings

INSERTS = '{"eventName": ["INSERT"]}'
REMOVES = '{"eventName": ["REMOVE"]}'


def criteria(*patterns: object) -> dict[str, Any]:
    return {"Filters": [{"Pattern": pattern} for pattern in patterns]}


@pytest.mark.parametrize("empty", [None, {}, {"Filters": None}, {"Filters": []}])
def test_without_filters_every_record_passes(empty: dict[str, Any] | None) -> None:
    filters = check_filter_criteria(empty)
    assert filters.passes({"eventName": "anything"})
    assert filters.patterns == ()


def test_one_filter_that_accepts_is_enough() -> None:
    """T-G12, what matches."""
    filters = check_filter_criteria(criteria(INSERTS, REMOVES))
    assert filters.passes({"eventName": "INSERT"})
    assert filters.passes({"eventName": "REMOVE"})
    assert not filters.passes({"eventName": "MODIFY"})
    assert filters.patterns == (INSERTS, REMOVES)


def test_number_of_filters_is_limited() -> None:
    """T-G16, count."""
    assert check_filter_criteria(criteria(*[INSERTS] * 5)).passes({"eventName": "INSERT"})
    with pytest.raises(InvalidFilterPattern, match="6 filters; a mapping has at most 5, 10 after a quota increase"):
        check_filter_criteria(criteria(*[INSERTS] * 6))
    assert check_filter_criteria(criteria(*[INSERTS] * 10), filters_max=10).passes({"eventName": "INSERT"})
    with pytest.raises(InvalidFilterPattern, match=r"11 filters; a mapping has at most 10$"):
        check_filter_criteria(criteria(*[INSERTS] * 11), filters_max=10)


@pytest.mark.parametrize("quota", [0, 4, 11])
def test_quota_is_one_that_aws_grants(quota: int) -> None:
    with pytest.raises(WrongUse, match="AWS grants from 5 to 10"):
        check_filter_criteria(None, filters_max=quota)


def test_dialect_is_passed_on() -> None:
    with pytest.raises(InvalidFilterPattern, match="event buses only"):
        check_filter_criteria(criteria('{"a": [{"wildcard": "b*"}]}'))
    assert check_filter_criteria(criteria('{"a": [{"wildcard": "b*"}]}'), dialect="event-bus").passes({"a": "bc"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Filter": []}, "FilterCriteria has the one key Filters, got an object with Filter"),
        ({"Filters": [], "More": 1}, "FilterCriteria has the one key Filters"),
        ([], "FilterCriteria has the one key Filters, got list"),
        ({"Filters": {"Pattern": INSERTS}}, "at Filters: Filters is a list, got an object with Pattern"),
        ({"Filters": [INSERTS]}, "at Filters[0]: a filter has the one key Pattern, got str"),
        ({"Filters": [{}]}, "at Filters[0]: a filter has the one key Pattern, got an object with no key"),
        ({"Filters": [{"Pattern": INSERTS, "Name": "x"}]}, "a filter has the one key Pattern"),
        (
            criteria(INSERTS, {"eventName": ["INSERT"]}),
            "at Filters[1]: Pattern is JSON text, got an object with eventName",
        ),
        (criteria(INSERTS, ""), "at Filters[1].Pattern: not JSON"),
        (criteria('{"a": [{"prefix": 1}]}'), "at Filters[0].Pattern, a[0].prefix: 'prefix' takes a string"),
    ],
)
def test_wrong_shape_is_refused_with_its_place(given: Any, said: str) -> None:  # noqa: ANN401 - JSON
    with pytest.raises(InvalidFilterPattern, match=re.escape(said)) as caught:
        check_filter_criteria(given)
    assert caught.value.api_message == "Invalid filter pattern definition."


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (INSERTS, []),
        ('{"dynamodb": {"Keys": {"pk": {"S": ["a"]}}}, "userIdentity": {"type": ["Service"]}}', []),
        ('{"dynamodb": {"SequenceNumber": ["1"], "ApproximateCreationDateTime": [{"numeric": [">", 0]}]}}', []),
        ('{"eventSource": ["aws:dynamodb"]}', [("undocumented-key", "eventSource")]),
        ('{"$or": [{"awsRegion": ["a"]}, {"eventName": ["b"]}]}', [("undocumented-key", "awsRegion")]),
        ('{"eventName": ["a"], "eventName": ["b"]}', [("duplicate-key", "eventName")]),
        (
            '{"dynamodb": {"Keys": {"pk": {"S": ["a"]}}}, "dynamodb": {"NewImage": {"b": {"S": ["c"]}}}}',
            [("duplicate-key", "dynamodb")],
        ),
        (
            '{"dynamodb": {"Keys": {"pk": {"S": ["a"], "S": ["b"], "S": ["c"]}}}}',
            [("duplicate-key", "dynamodb.Keys.pk.S")],
        ),
        ('{"eventName": ["a"], "$or": [{"eventName": ["b"]}, {"eventName": ["c"]}]}', [("duplicate-key", "eventName")]),
        ('{"dynamodb": {"NewImage": {"a": [{"exists": false}]}}}', [("no-type-tag", "dynamodb.NewImage.a")]),
        ('{"dynamodb": {"OldImage": {"S": ["x"]}}}', [("no-type-tag", "dynamodb.OldImage.S")]),
        ('{"dynamodb": {"NewImage": {"a": {"L": {"M": {"b": {"S": ["c"]}}}}}}}', []),
        (
            '{"dynamodb": {"NewImage": {"a": {"N": [{"numeric": [">", 1]}]}}}}',
            [("numeric-on-string", "dynamodb.NewImage.a.N")],
        ),
        ('{"dynamodb": {"NewImage": {"a": {"N": [1]}}}}', [("numeric-on-string", "dynamodb.NewImage.a.N")]),
        (
            '{"dynamodb": {"NewImage": {"a": {"NS": [{"anything-but": 1}]}}}}',
            [("numeric-on-string", "dynamodb.NewImage.a.NS")],
        ),
        ('{"dynamodb": {"NewImage": {"a": {"N": ["1"]}}}}', []),
    ],
)
def test_warnings_name_what_is_probably_not_meant(pattern: str, found: list[tuple[str, str]]) -> None:
    """T-G20 warns, among others."""
    warnings = pattern_warnings(pattern)
    assert [(warning.kind, warning.path) for warning in warnings] == found
    assert check_filter_criteria(criteria(pattern)).warnings == warnings
    assert all(warning.text for warning in warnings)


def test_event_buses_have_no_undocumented_keys() -> None:
    assert pattern_warnings('{"detail": {"a": [1]}}', dialect="event-bus") == ()
