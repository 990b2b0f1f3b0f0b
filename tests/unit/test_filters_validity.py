"""Which patterns are valid, and what is said of the others."""

from __future__ import annotations

import json
import pickle
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.errors import WrongUse
from replay.event_source.filters import Dialect, InvalidFilterPattern, compile_pattern, matches, pattern_warnings
from replay.event_source.filters.json_text import NESTING_MAX, PATTERN_CHARACTERS_MAX
from replay.event_source.filters.wildcards import measure_complexity, read_wildcard

DIALECTS = get_args(Dialect)

VALID_EVERYWHERE = [
    '{"a": ["b"]}',
    ' {"a" : [ null, true, false, "", 0, -1.5e3 ] }\n',
    '{"": [""]}',
    '{"a": [{"exists": true}]}',
    '{"a": [{"exists": false}, "b"]}',
    '{"a": [{"prefix": ""}]}',
    '{"a": [{"suffix": ""}]}',
    '{"a": [{"equals-ignore-case": ""}]}',
    '{"a": [{"anything-but": ""}]}',
    '{"a": [{"anything-but": 0}]}',
    '{"a": [{"anything-but": ["b"]}]}',
    '{"a": [{"anything-but": [1, 2.5]}]}',
    '{"a": [{"numeric": ["=", 5e9]}]}',
    '{"a": [{"numeric": ["<", -5e9]}]}',
    '{"a": [{"numeric": [">", 5000000000]}]}',
    '{"a": [{"numeric": [">", 0, "<", 1]}]}',
    '{"a": [{"numeric": [">=", -0.000001, "<=", 0]}]}',
    '{"a": {"b": {"c": [1]}}}',
    '{"exists": {"prefix": ["b"]}}',
    '{"$or": [{"a": [1]}, {"b": [1]}]}',
    '{"$or": {"a": [1]}}',
    '{"$or": ["a"]}',
    '{"$or": [{"prefix": "a"}]}',
    '{"$or": [{"numeric": [">", 0]}, {"exists": true}]}',
]

EVENT_BUS_ONLY = [
    ("wildcard", '{"a": [{"wildcard": "*"}]}'),
    ("cidr", '{"a": [{"cidr": "10.0.0.0/8"}]}'),
    ("cidr", '{"a": [{"cidr": "::1/0"}]}'),
    ("exactly", '{"a": [{"exactly": "b"}]}'),
    ("'prefix' with 'equals-ignore-case'", '{"a": [{"prefix": {"equals-ignore-case": "b"}}]}'),
    ("'suffix' with 'equals-ignore-case'", '{"a": [{"suffix": {"equals-ignore-case": "b"}}]}'),
    ("'anything-but' with 'prefix'", '{"a": [{"anything-but": {"prefix": "b"}}]}'),
    ("'anything-but' with 'suffix'", '{"a": [{"anything-but": {"suffix": ["b", "c"]}}]}'),
    ("'anything-but' with 'wildcard'", '{"a": [{"anything-but": {"wildcard": ""}}]}'),
    ("'anything-but' with 'equals-ignore-case'", '{"a": [{"anything-but": {"equals-ignore-case": ["b", ""]}}]}'),
    ("cidr", '{"$or": [{"cidr": "10.0.0.0/24"}]}'),
    ("cidr", '{"$or": [{"numeric": [">", 0]}, {"cidr": "10.0.0.0/8"}]}'),
]

INVALID = [
    ("T-G11 no object", "single-string", "not JSON"),
    ("T-G11 no JSON", '[{"eventName": ["INSERT"=123}]', "not JSON"),
    ("nothing", "", "not JSON"),
    ("text", '"a"', 'a pattern is a JSON object, got "a"'),
    ("number", "1", "a pattern is a JSON object, got 1"),
    ("null", "null", "a pattern is a JSON object, got null"),
    ("array", '[{"a": [1]}]', "a pattern is a JSON object, got [an object]"),
    ("unclosed", '{"a": [1]', "not JSON"),
    ("single quotes", "{'a': [1]}", "not JSON"),
    ("trailing comma", '{"a": [1],}', "not JSON"),
    ("more text", '{"a": [1]} {}', "not JSON"),
    ("comment", '{"a": [1]} // b', "not JSON"),
    ("leading zero", '{"a": [01]}', "not JSON"),
    ("control character", '{"a": ["\n"]}', "not JSON"),
    ("NaN", '{"a": [NaN]}', "NaN is no JSON number"),
    ("Infinity", '{"a": [-Infinity]}', "-Infinity is no JSON number"),
    ("empty object", "{}", "an empty object; name at least one field"),
    ("empty object below", '{"a": {"b": {}}}', "at a.b: an empty object"),
    ("empty array", '{"a": []}', "at a: an empty array"),
    ("empty array below", '{"a": {"b": []}}', "at a.b: an empty array"),
    ("scalar", '{"a": 1}', "at a: a field takes an array or an object, got 1"),
    ("text instead of array", '{"a": {"b": "c"}}', 'at a.b: a field takes an array or an object, got "c"'),
    ("null instead of array", '{"a": null}', "at a: a field takes an array or an object, got null"),
    ("array of arrays", '{"a": [["b"]]}', "at a[0]: a value is a string, a number"),
    ("empty expression", '{"a": ["b", {}]}', "at a[1]: an empty object"),
    ("unknown operator", '{"a": [{"b": "c"}]}', "at a[0]: there is no operator 'b'; operators are anything-but"),
    ("nearly an operator", '{"a": [{"prefixes": "c"}]}', "did you mean 'prefix'?"),
    ("recorded: upper case", '{"a": [{"EXISTS": true}]}', "there is no operator 'EXISTS'; did you mean 'exists'?"),
    ("two operators", '{"a": [{"prefix": "b", "suffix": "c"}]}', "one key an object, got prefix, suffix"),
    ("an operator twice", '{"a": [{"prefix": "b", "prefix": "b"}]}', "one key an object, got prefix, prefix"),
    ("recorded: prefix of a number", '{"a": [{"prefix": 1}]}', "at a[0].prefix: 'prefix' takes a string, got 1"),
    ("recorded: prefixes", '{"a": [{"prefix": ["b"]}]}', "'prefix' takes a string, got [\"b\"]"),
    ("prefix of null", '{"a": [{"prefix": null}]}', "'prefix' takes a string, got null"),
    ("prefix of nothing", '{"a": [{"prefix": {}}]}', "an empty object; write equals-ignore-case"),
    (
        "prefix of an operator",
        '{"a": [{"prefix": {"suffix": "b"}}]}',
        "takes a string or equals-ignore-case, got 'suffix'",
    ),
    ("recorded: suffix of a number", '{"a": [{"suffix": 1}]}', "'suffix' takes a string, got 1"),
    ("recorded: suffixes", '{"a": [{"suffix": ["b"]}]}', "'suffix' takes a string"),
    ("recorded: ignoring case of a list", '{"a": [{"equals-ignore-case": ["b"]}]}', "takes a string"),
    ("recorded: of an operator", '{"a": [{"equals-ignore-case": {"prefix": "b"}}]}', "takes a string, got an object"),
    ("exists as text", '{"a": [{"exists": "true"}]}', "'exists' takes true or false, got \"true\""),
    ("exists as number", '{"a": [{"exists": 1}]}', "'exists' takes true or false, got 1"),
    ("exists as null", '{"a": [{"exists": null}]}', "'exists' takes true or false, got null"),
    ("exists with more", '{"a": [{"exists": true, "b": 1}]}', "one key an object"),
    ("recorded: anything but null", '{"a": [{"anything-but": null}]}', "'anything-but' takes a string"),
    ("recorded: anything but nulls", '{"a": [{"anything-but": [null]}]}', "got [null]"),
    ("anything but true", '{"a": [{"anything-but": true}]}', "got true"),
    ("anything but true or one", '{"a": [{"anything-but": [true, 1]}]}', "got [true, 1]"),
    ("anything but mixed", '{"a": [{"anything-but": ["b", 1]}]}', 'got ["b", 1]'),
    ("anything but none", '{"a": [{"anything-but": []}]}', "got []"),
    ("anything but lists", '{"a": [{"anything-but": [["b"]]}]}', "'anything-but' takes"),
    ("anything but an empty object", '{"a": [{"anything-but": {}}]}', "an empty object"),
    ("anything but numeric", '{"a": [{"anything-but": {"numeric": [">", 0]}}]}', "negates equals-ignore-case, prefix"),
    ("anything but exists", '{"a": [{"anything-but": {"exists": true}}]}', "not 'exists'"),
    (
        "anything but far numbers",
        '{"a": [{"anything-but": [5e9, 5000000001]}]}',
        "from -5.0e9 to 5.0e9, got 5000000001",
    ),
    ("far number", '{"a": [5000000000.1]}', "at a[0]: a number must be from -5.0e9 to 5.0e9"),
    ("far negative number", '{"a": ["b", -5000000001]}', "at a[1]: a number must be from -5.0e9 to 5.0e9"),
    ("account number", '{"a": [123456789012]}', "a number must be from -5.0e9 to 5.0e9"),
    ("number beyond floats", '{"a": [1e999]}', "a number must be from -5.0e9 to 5.0e9"),
    ("numeric of a number", '{"a": [{"numeric": 5}]}', "'numeric' takes a list"),
    ("numeric of nothing", '{"a": [{"numeric": []}]}', "'numeric' takes a list"),
    ("numeric of a sign", '{"a": [{"numeric": ["="]}]}', "'numeric' takes a list"),
    ("recorded: half a range", '{"a": [{"numeric": [">", 0, "<"]}]}', "'numeric' takes a list"),
    ("numeric with more", '{"a": [{"numeric": [">", 0, "<", 1, "<", 2]}]}', "'numeric' takes a list"),
    ("numeric of text", '{"a": [{"numeric": ["=", "5"]}]}', 'a number is wanted here, got "5"'),
    ("numeric of true", '{"a": [{"numeric": ["=", true]}]}', "a number is wanted here, got true"),
    ("numeric of null", '{"a": [{"numeric": ["=", null]}]}', "a number is wanted here, got null"),
    ("numeric without sign", '{"a": [{"numeric": [5, "="]}]}', "a number is wanted here"),
    ("numeric of a list", '{"a": [{"numeric": [["="], 5]}]}', "compares with =, <, <=, > or >="),
    ("unknown sign", '{"a": [{"numeric": ["==", 5]}]}', 'compares with =, <, <=, > or >=, got "=="'),
    ("not equal", '{"a": [{"numeric": ["<>", 5]}]}', "compares with =, <, <=, > or >="),
    ("far bound", '{"a": [{"numeric": [">", 5000000001]}]}', "a number must be from -5.0e9 to 5.0e9"),
    ("range top first", '{"a": [{"numeric": ["<", 1, ">", 0]}]}', "a numeric range begins with > or >="),
    ("recorded: two bottoms", '{"a": [{"numeric": [">", 0, ">", 0]}]}', "a numeric range ends with < or <="),
    ("equals and more", '{"a": [{"numeric": ["=", 0, "<", 5]}]}', "a numeric range begins with > or >="),
    ("empty range", '{"a": [{"numeric": [">", 1, "<", 1]}]}', "has its bottom below its top"),
    ("range of one number", '{"a": [{"numeric": [">=", 1, "<=", 1]}]}', "has its bottom below its top"),
    ("range upside down", '{"a": [{"numeric": [">", 30, "<", 1]}]}', "has its bottom below its top, got 30 and 1"),
    ("or with one", '{"$or": [{"a": [1]}]}', "at $or: $or takes at least 2 objects, got 1"),
    ("or with none", '{"$or": []}', "$or takes at least 2 objects, got 0"),
    (
        "or with a list",
        '{"d": {"$or": [{"a": [1]}, {"b": [1]}, [{"c": [1]}]]}}',
        "at d.$or: $or takes an array of objects",
    ),
    ("or with an empty object", '{"$or": [{"a": [1]}, {}]}', "an empty object"),
    ("or with a scalar", '{"$or": 1}', "$or takes an array of objects, got 1"),
    ("operators for or", '{"$or": [{"numeric": 123}, {"prefix": "abc"}]}', "at $or[0].numeric: 'numeric' takes a list"),
    (
        "or with a name reserved below",
        '{"$or": [{"a": {"prefix": ["b"]}}, {"b": [1]}]}',
        "at a.prefix: 'prefix' is an oper",
    ),
    ("or with a future operator", '{"$or": [{"regex": ["b"]}, {"b": [1]}]}', "'regex' is an operator"),
    ("one or wrong, the other reread", '{"$or": [{"a": [1]}, {"b": [1]}], "c": {"$or": "d"}}', "at c.$or"),
]

INVALID_ON_EVENT_BUSES = [
    ("recorded: wildcard of a number", '{"a": [{"wildcard": 123}]}', "'wildcard' takes a string, got 123"),
    ("recorded: wildcards", '{"a": [{"wildcard": ["*"]}]}', "'wildcard' takes a string"),
    ("recorded: side by side", '{"a": [{"wildcard": "arn:**:x"}]}', "wildcards side by side at character 5"),
    ("escape of another character", '{"a": [{"wildcard": "a\\\\b"}]}', "a backslash escapes only * and \\"),
    ("escape at the end", '{"a": [{"wildcard": "a*\\\\"}]}', "a backslash at the end"),
    ("recorded: too complex", '{"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}', "too complex"),
    ("too complex together", json.dumps({"a": [{"wildcard": f"*{n}"} for n in range(10)]}), "too complex"),
    ("too complex, negated", '{"a": [{"anything-but": {"wildcard": "*a*a*a*a*a*"}}]}', "too complex"),
    ("recorded: negated wildcards", '{"a": [{"anything-but": {"wildcard": [123, "*"]}}]}', "takes a string, got 123"),
    ("negated side by side", '{"a": [{"anything-but": {"wildcard": ["b", "**"]}}]}', "side by side"),
    ("negated wildcards, none", '{"a": [{"anything-but": {"wildcard": []}}]}', "needs text that is not empty"),
    ("recorded: negated prefix", '{"a": [{"anything-but": {"prefix": 123}}]}', "'prefix' takes a string, got 123"),
    ("recorded: negated prefixes", '{"a": [{"anything-but": {"prefix": [123, "b"]}}]}', "takes a string, got 123"),
    ("recorded: negated empty prefix", '{"a": [{"anything-but": {"prefix": ""}}]}', "needs text that is not empty"),
    (
        "recorded: negated empty suffix",
        '{"a": [{"anything-but": {"suffix": ["b", ""]}}]}',
        "needs text that is not empty",
    ),
    (
        "recorded: negated prefix ignoring case",
        '{"a": [{"anything-but": {"prefix": {"equals-ignore-case": "b"}}}]}',
        "'prefix' takes a string, got an object",
    ),
    (
        "recorded: negated ignoring case",
        '{"a": [{"anything-but": {"equals-ignore-case": [1]}}]}',
        "takes a string, got 1",
    ),
    ("negated twice", '{"a": [{"anything-but": {"prefix": "b", "suffix": "c"}}]}', "one key an object"),
    ("recorded: no mask", '{"a": [{"cidr": "10.0.0.0"}]}', "cidr needs one '/'"),
    ("two masks", '{"a": [{"cidr": "10.0.0.0/8/8"}]}', "cidr needs one '/'"),
    ("empty mask", '{"a": [{"cidr": "10.0.0.0/"}]}', "cidr needs one '/'"),
    ("recorded: mask of letters", '{"a": [{"cidr": "10.0.0.0/xx"}]}', "cidr mask must be an integer, got 'xx'"),
    ("recorded: no address", '{"a": [{"cidr": "xx.11.xx/8"}]}', "cidr needs an IPv4 or IPv6 address, got 'xx.11.xx'"),
    ("recorded: no IPv6 address", '{"a": [{"cidr": "xxxx:db8:1234:1a00::/64"}]}', "cidr needs an IPv4 or IPv6 address"),
    ("octet too great", '{"a": [{"cidr": "10.0.0.256/8"}]}', "cidr needs an IPv4 or IPv6 address"),
    ("mask of all bits", '{"a": [{"cidr": "10.0.0.1/32"}]}', "cidr mask must be from 0 to 31, got 32"),
    ("mask of all bits, IPv6", '{"a": [{"cidr": "::1/128"}]}', "cidr mask must be from 0 to 127, got 128"),
    ("negative mask", '{"a": [{"cidr": "10.0.0.1/-1"}]}', "cidr mask must be from 0 to 31, got -1"),
    ("recorded: cidr of a list", '{"a": [{"cidr": ["10.0.0.0/8"]}]}', "'cidr' takes a string"),
    ("exactly a number", '{"a": [{"exactly": 33}]}', "'exactly' takes a string, got 33"),
]


def complaint(pattern: str, dialect: Dialect = "lambda") -> str:
    with pytest.raises(InvalidFilterPattern) as caught:
        compile_pattern(pattern, dialect=dialect)
    with pytest.raises(InvalidFilterPattern):
        matches(pattern, {}, dialect=dialect)
    with pytest.raises(InvalidFilterPattern):
        pattern_warnings(pattern, dialect=dialect)
    assert str(caught.value).startswith("invalid filter pattern")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("pattern", VALID_EVERYWHERE)
def test_valid_patterns(pattern: str, dialect: Dialect) -> None:
    assert matches(pattern, {}, dialect=dialect) in (True, False)


@pytest.mark.parametrize(("name", "pattern"), EVENT_BUS_ONLY)
def test_event_bus_operators_are_refused_by_name_in_lambda(name: str, pattern: str) -> None:
    """T-G19."""
    assert matches(pattern, {}, dialect="event-bus") is False
    said = complaint(pattern)
    assert name in said
    assert "works on event buses only" in said


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("pattern", "said"), [pytest.param(*c[1:], id=c[0]) for c in INVALID])
def test_invalid_patterns(pattern: str, said: str, dialect: Dialect) -> None:
    assert said in complaint(pattern, dialect)


@pytest.mark.parametrize(("pattern", "said"), [pytest.param(*c[1:], id=c[0]) for c in INVALID_ON_EVENT_BUSES])
def test_invalid_operands_on_event_buses(pattern: str, said: str) -> None:
    assert said in complaint(pattern, "event-bus")
    complaint(pattern, "lambda")


def test_error_carries_place_reason_and_the_words_of_the_api() -> None:
    with pytest.raises(InvalidFilterPattern) as caught:
        compile_pattern('{"dynamodb": {"Keys": {"pk": {"S": ["a", {"prefix": 5}]}}}}')
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error, WrongUse)
    assert error.path == "dynamodb.Keys.pk.S[1].prefix"
    assert error.reason == "'prefix' takes a string, got 5"
    assert error.api_message == "Invalid filter pattern definition."
    assert str(error) == f"invalid filter pattern at {error.path}: {error.reason}"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(copy), copy.path, copy.reason) == (str(error), error.path, error.reason)


def test_unknown_dialect_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="there is no dialect 'eventbus'; dialects are lambda, event-bus"):
        compile_pattern('{"a": [1]}', dialect="eventbus")  # type: ignore[arg-type]  # what is tested


def test_pattern_must_be_text() -> None:
    with pytest.raises(InvalidFilterPattern, match="a pattern is JSON text, got dict; quote it"):
        compile_pattern({"a": [1]})  # type: ignore[arg-type]  # what is tested


def padded(length: int) -> str:
    bare = '{"a": [""]}'
    return f'{{"a": ["{"x" * (length - len(bare))}"]}}'


def test_length_is_limited_in_characters() -> None:
    """T-G16, length."""
    assert len(padded(PATTERN_CHARACTERS_MAX)) == 4096
    assert not matches(padded(PATTERN_CHARACTERS_MAX), {})
    assert not matches(padded(PATTERN_CHARACTERS_MAX).replace("x", "é"), {})
    assert "4,097 characters, at most 4,096" in complaint(padded(PATTERN_CHARACTERS_MAX + 1))


def nested(levels: int) -> str:
    return '{"a":' * levels + "[1]" + "}" * levels


def test_depth_is_limited() -> None:
    assert not matches(nested(NESTING_MAX), {})
    assert "nested deeper than 200 levels" in complaint(nested(NESTING_MAX + 2))
    assert "nested deeper than 200 levels" in complaint(nested(600))
    assert "nested deeper than 200 levels" in complaint("[" * 4000) or "not JSON" in complaint("[" * 4000)


def test_combinations_are_limited() -> None:
    ten = [{str(number): [1]} for number in range(10)]
    thousand = {"a": {"$or": ten}, "b": {"$or": ten}, "c": {"$or": ten}}
    assert not matches(json.dumps(thousand, separators=(",", ":")), {})
    assert matches(json.dumps(thousand, separators=(",", ":")), {"a": {"9": 1}, "b": {"0": 1}, "c": {"5": 1}})
    more = {**thousand, "d": {"$or": ten[:2]}}
    assert "more than 1,000 combinations of $or" in complaint(json.dumps(more, separators=(",", ":")))
    most: dict[str, Any] = {str(number): {"$or": ten[:2]} for number in range(100)}
    assert "more than 1,000 combinations of $or" in complaint(json.dumps(most, separators=(",", ":")))


@pytest.mark.parametrize(
    ("wildcards", "complexity"),
    [
        (["*"], 1),
        (["abc"], 1),
        (["*ab"], 2),
        (["*aa"], 3),
        (["a*b"], 2),
        (["aa*"], 2),
        (["a*bc"], 2),
        (["a*bb"], 3),
        (["a*bcb"], 3),
        (["*ab*ad"], 4),
        (["*aba*"], 4),
        (["a*b*bb"], 5),
        (["a*b*cd"], 3),
        (["*ab*b*b*"], 7),
        (["*a*a*a*a*a*a*a*a*"], 10),
        (["*", "ab*c"], 3),
        (["ab*c", "x*xx"], 3),
        (["*abc", "*abcde"], 4),
        (["a*aaa", "aa*aa"], 7),
        (["ab*c", "ab*c"], 2),
        (["ab*cd", "ab*wx", "ab*yz"], 6),
        (["*:*:*:*:*:event-bus/*"], 10),
        (["/Users/*/dir/dir/dir/dir/dir/doc.txt"], 7),
        (["arn:aws:events:us-east-1:*:event-bus/*"], 3),
        (["*" + "ab" * 2000], 10),
        (["*" + "a" + "b" * 4000], 2),
    ],
)
def test_complexity_of_wildcards(wildcards: list[str], complexity: int) -> None:
    assert measure_complexity([read_wildcard(text, "a") for text in wildcards]) == complexity


def test_complexity_is_a_field_s_own() -> None:
    pattern = {name: [{"wildcard": "*a*a*a*"}] for name in "abcd"}
    assert not matches(json.dumps(pattern), {}, dialect="event-bus")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a", "*", "\\", ">", "=", "10.0.0.0/8"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "$or", "prefix", "wildcard", "numeric", "exists", "cidr", "anything-but", "suffix"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@given(pattern=json_values | st.text(), record=json_values, dialect=st.sampled_from(DIALECTS))
def test_whatever_is_given_is_answered_or_refused(pattern: object, record: object, dialect: Dialect) -> None:
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    try:
        accepts = compile_pattern(text, dialect=dialect)
    except InvalidFilterPattern:
        return
    assert accepts({"a": record, "$or": record}) in (True, False)


@given(pattern=json_values)
def test_what_a_mapping_may_use_an_event_bus_may_use_too(pattern: object) -> None:
    text = json.dumps(pattern)
    try:
        pattern_warnings(text)
    except InvalidFilterPattern:
        return
    assert pattern_warnings(text, dialect="event-bus") is not None
