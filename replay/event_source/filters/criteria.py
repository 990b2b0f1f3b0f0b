"""A mapping's filters as a whole: how many, how long, and which records pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replay.errors import WrongUse
from replay.event_source.filters.errors import InvalidFilterPattern
from replay.event_source.filters.predicate import compile_pattern, pattern_warnings

if TYPE_CHECKING:
    from replay.event_source.filters.operators import Dialect
    from replay.event_source.filters.pattern import PatternWarning
    from replay.event_source.filters.predicate import Predicate

FILTERS_MAX = 5
"""Filters a mapping may have (Lambda developer guide, invocation-eventfiltering)."""
FILTERS_QUOTA_MAX = 10
"""The same after a quota increase."""


@dataclass(frozen=True, slots=True)
class Filters:
    """A mapping's patterns, checked and compiled. None of them: every record passes."""

    patterns: tuple[str, ...]
    passes: Predicate
    """Whether a record passes: one of the patterns accepts it."""
    warnings: tuple[PatternWarning, ...]


def check_filter_criteria(
    criteria: Mapping[str, Any] | None, *, filters_max: int = FILTERS_MAX, dialect: Dialect = "lambda"
) -> Filters:
    """Check and compile a FilterCriteria in the API's shape, `{"Filters": [{"Pattern": "…"}]}`.

    `filters_max` is the account's quota, 5 to 10. Raises `InvalidFilterPattern` for whatever AWS refuses: too many
    filters, a filter without pattern, an invalid or too long pattern; its path begins with the filter's place.
    """
    if not FILTERS_MAX <= filters_max <= FILTERS_QUOTA_MAX:
        raise WrongUse(f"a quota of {filters_max} filters; AWS grants from {FILTERS_MAX} to {FILTERS_QUOTA_MAX}")
    filters = _read_filters(criteria)
    if len(filters) > filters_max:
        more = f", {FILTERS_QUOTA_MAX} after a quota increase" if filters_max < FILTERS_QUOTA_MAX else ""
        raise InvalidFilterPattern(f"{len(filters)} filters; a mapping has at most {filters_max}{more}", "Filters")
    patterns = tuple(_read_pattern_of(entry, f"Filters[{index}]") for index, entry in enumerate(filters))
    predicates = [_compile(pattern, index, dialect) for index, pattern in enumerate(patterns)]
    warnings = tuple(warning for pattern in patterns for warning in pattern_warnings(pattern, dialect=dialect))
    return Filters(patterns, _any_of(predicates), warnings)


def _read_filters(criteria: object) -> list[object]:
    if criteria is None:
        return []
    if not isinstance(criteria, Mapping) or set(criteria) - {"Filters"}:
        raise InvalidFilterPattern(f"FilterCriteria has the one key Filters, got {_shown(criteria)}")
    filters = criteria.get("Filters")
    if filters is not None and not isinstance(filters, list):
        raise InvalidFilterPattern(f"Filters is a list, got {_shown(filters)}", "Filters")
    return filters or []


def _read_pattern_of(entry: object, path: str) -> str:
    if not isinstance(entry, Mapping) or set(entry) != {"Pattern"}:
        raise InvalidFilterPattern(f"a filter has the one key Pattern, got {_shown(entry)}", path)
    pattern = entry["Pattern"]
    if not isinstance(pattern, str):
        raise InvalidFilterPattern(f"Pattern is JSON text, got {_shown(pattern)}; quote it", path)
    return pattern


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return f"an object with {', '.join(map(str, value)) or 'no key'}"
    return type(value).__name__


def _compile(pattern: str, index: int, dialect: Dialect) -> Predicate:
    try:
        return compile_pattern(pattern, dialect=dialect)
    except InvalidFilterPattern as error:
        place = f"Filters[{index}].Pattern"
        raise InvalidFilterPattern(error.reason, f"{place}, {error.path}" if error.path else place) from error


def _any_of(predicates: list[Predicate]) -> Predicate:
    if not predicates:
        return lambda _record: True
    if len(predicates) == 1:
        return predicates[0]
    return lambda record: any(predicate(record) for predicate in predicates)
