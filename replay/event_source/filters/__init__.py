"""Filters of an event source mapping: which records a function gets to see at all.

    matches('{"eventName": ["INSERT"]}', record)        one question
    compile_pattern('{"eventName": ["INSERT"]}')        a predicate for many records, compiled once
    check_filter_criteria({"Filters": [{"Pattern": …}]}) a mapping's whole setting: limits, warnings, one predicate
    pattern_warnings(pattern)                           what is legal and probably not meant

A pattern is JSON text. Its semantics are those of Amazon EventBridge event patterns, taken in this order from: the
Lambda developer guide (invocation-eventfiltering, with-ddb-filtering), recordings made on AWS, the EventBridge user
guide (eb-create-pattern, eb-create-pattern-operators), and the public engine behind it, github.com/aws/event-ruler.
Where they depart from one another, a comment at the place says which one is followed.

What surprises, and is right:

- A leaf is what is not an object: `{"attribute": [{"exists": false}]}` matches every record, since an attribute is an
  object such as `{"S": "text"}`. The path must go down to the type tag.
- DynamoDB's numbers are strings at filter time: `numeric` on `N` matches nothing.
- Arrays of the event are flattened. Two keys below one array must hold in the same element.
- Keys are joined by dots: `{"a": {"b": […]}}` and `{"a.b": […]}` are one path, in patterns and in records.
- A key given twice counts once, with its last value.
- `anything-but` also accepts other types and null, but never a missing field.

Dialect `lambda` is what event source mappings (and pipes) document; `event-bus` adds `wildcard`, `cidr`, `exactly`,
`prefix` and `suffix` with `equals-ignore-case`, and `anything-but` with `prefix`, `suffix`, `wildcard` or
`equals-ignore-case`. In `lambda` these are refused by name.
"""

from __future__ import annotations

from replay.event_source.filters.criteria import Filters, check_filter_criteria
from replay.event_source.filters.errors import InvalidFilterPattern
from replay.event_source.filters.operators import Dialect
from replay.event_source.filters.pattern import PatternWarning
from replay.event_source.filters.predicate import Predicate, compile_pattern, matches, pattern_warnings

__all__ = [
    "Dialect",
    "Filters",
    "InvalidFilterPattern",
    "PatternWarning",
    "Predicate",
    "check_filter_criteria",
    "compile_pattern",
    "matches",
    "pattern_warnings",
]
