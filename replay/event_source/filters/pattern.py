"""From a pattern's text to branches: what must hold together, and which of them suffices.

Sources: EventBridge user guide, eb-create-pattern-operators ("$or"), and aws/event-ruler (README, JsonRuleCompiler),
whose reading of `$or` is followed to the letter:

- A branch is a set of paths with one condition each. `$or` multiplies the branches written so far by its own.
- A path written twice within a branch keeps the later condition, in the order of the text: in
  `{"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}` the first alternative replaces the outer condition on `a`.
- `$or` is the operator only as an array of at least two objects whose keys, at any depth, are no operators' names. If
  any `$or` of the pattern is not, the whole pattern is read again with `$or` as a field's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, get_args

from replay.errors import WrongUse
from replay.event_source.filters.errors import InvalidFilterPattern
from replay.event_source.filters.json_text import NESTING_MAX, Members, kind, read_json
from replay.event_source.filters.operators import OPERATORS, Condition, Dialect, read_condition

if TYPE_CHECKING:
    from collections.abc import Mapping

OR: Final = "$or"

BRANCHES_MAX = 1_000
"""Most branches that the `$or`s of a pattern may make (EventBridge refuses more than 1,000 rule combinations)."""

OR_MEMBERS_MIN = 2

RESERVED_IN_OR = OPERATORS | {
    *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"),
    *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
    *("ip-address-in-range", "ip-address-not-in-range"),
}
"""Names that no key inside `$or` may have (aws/event-ruler, Constants)."""

DOCUMENTED_KEYS = frozenset({"dynamodb", "eventName", "userIdentity"})
"""Top-level keys that AWS documents for filters on DynamoDB streams: with-ddb-filtering; the DynamoDB developer guide's
page on TTL and streams for userIdentity."""

IMAGES = frozenset({"Keys", "NewImage", "OldImage"})
TAGS = frozenset({"B", "BOOL", "BS", "L", "M", "N", "NS", "NULL", "S", "SS"})
PATH_OF_TAG = 3
"""Where the type tag stands in `dynamodb.NewImage.attribute.S`, counted from 0."""


@dataclass(frozen=True, slots=True)
class PatternWarning:
    """Something legal in a pattern that is probably not meant."""

    kind: str
    """`duplicate-key`, `undocumented-key`, `no-type-tag` or `numeric-on-string`."""
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern read and found valid: it accepts a record when one branch does."""

    branches: tuple[Mapping[str, Condition], ...]
    """Each a condition by path (keys joined by dots); all must hold."""
    warnings: tuple[PatternWarning, ...]


def read_pattern(text: str, dialect: Dialect) -> Pattern:
    """Read a pattern, or raise `InvalidFilterPattern`."""
    if dialect not in get_args(Dialect):
        raise WrongUse(f"there is no dialect '{dialect}'; dialects are {', '.join(get_args(Dialect))}")
    root = read_json(text)
    reader = _Reader(dialect, or_is_operator=True)
    try:
        branches = reader.read(root)
    except InvalidFilterPattern as error:
        reader = _Reader(dialect, or_is_operator=False)
        branches = _read_again(reader, root, error)
    return Pattern(tuple(branches), (*reader.warnings, *_find_warnings(branches, dialect)))


def _read_again(reader: _Reader, root: Members, first: InvalidFilterPattern) -> list[dict[str, Condition]]:
    """Read with `$or` as a field's name; if that fails too, raise the complaint about the reading that was meant."""
    try:
        return reader.read(root)
    except InvalidFilterPattern as second:
        meant_as_field = f"{OR}[" in second.path and not second.path.endswith("]")
        raise (second if meant_as_field else first) from None


@dataclass(slots=True)
class _Reader:
    dialect: Dialect
    or_is_operator: bool
    warnings: list[PatternWarning] = field(default_factory=list)

    def read(self, root: Members) -> list[dict[str, Condition]]:
        return self._object([{}], (), root, inside_or=False)

    def _object(
        self, branches: list[dict[str, Condition]], keys: tuple[str, ...], members: Members, *, inside_or: bool
    ) -> list[dict[str, Condition]]:
        """Return the branches with this object's conditions added."""
        if not members.pairs:
            raise InvalidFilterPattern("an empty object; name at least one field", ".".join(keys))
        if len(keys) > NESTING_MAX:
            raise InvalidFilterPattern(f"nested deeper than {NESTING_MAX} levels")
        self._warn_of_doubles(members, keys)
        for key, value in members.last_wins():
            path = ".".join((*keys, key))
            if key == OR and self.or_is_operator:
                branches = self._or(branches, keys, value)
            elif inside_or and key in RESERVED_IN_OR:
                raise InvalidFilterPattern(f"'{key}' is an operator and cannot name a field inside {OR}", path)
            elif isinstance(value, Members):
                branches = self._object(branches, (*keys, key), value, inside_or=inside_or)
            elif isinstance(value, list):
                self._write(branches, path, read_condition(value, path, self.dialect))
            else:
                raise InvalidFilterPattern(f"a field takes an array or an object, got {kind(value)}", path)
        return branches

    def _or(
        self, branches: list[dict[str, Condition]], keys: tuple[str, ...], members: object
    ) -> list[dict[str, Condition]]:
        path = ".".join((*keys, OR))
        if not isinstance(members, list) or not all(isinstance(member, Members) for member in members):
            raise InvalidFilterPattern(f"{OR} takes an array of objects, got {kind(members)}", path)
        if len(members) < OR_MEMBERS_MIN:
            raise InvalidFilterPattern(f"{OR} takes at least {OR_MEMBERS_MIN} objects, got {len(members)}", path)
        multiplied: list[dict[str, Condition]] = []
        for member in members:
            copies = [dict(branch) for branch in branches]
            multiplied += self._object(copies, keys, member, inside_or=True)
            if len(multiplied) > BRANCHES_MAX:
                raise InvalidFilterPattern(f"more than {BRANCHES_MAX:,} combinations of {OR}", path)
        return multiplied

    def _write(self, branches: list[dict[str, Condition]], path: str, condition: Condition) -> None:
        if any(path in branch for branch in branches):
            self._warn("duplicate-key", path, "this path stands twice; the earlier condition is replaced")
        for branch in branches:
            branch[path] = condition

    def _warn_of_doubles(self, members: Members, keys: tuple[str, ...]) -> None:
        for key in members.doubled():
            text = f"the key '{key}' stands more than once; only its last value counts"
            self._warn("duplicate-key", ".".join((*keys, key)), text)

    def _warn(self, what: str, path: str, text: str) -> None:
        warning = PatternWarning(what, path, text)
        if warning not in self.warnings:
            self.warnings.append(warning)


def _find_warnings(branches: list[dict[str, Condition]], dialect: Dialect) -> list[PatternWarning]:
    if dialect != "lambda":
        return []
    written = {path: condition for branch in branches for path, condition in branch.items()}
    found = [_warning_of(path, condition) for path, condition in written.items()]
    return [warning for warning in found if warning]


def _warning_of(path: str, condition: Condition) -> PatternWarning | None:
    first, *rest = path.split(".")
    if first not in DOCUMENTED_KEYS:
        documented = ", ".join(sorted(DOCUMENTED_KEYS))
        return PatternWarning(
            "undocumented-key", path, f"'{first}': filters on streams are documented for {documented}"
        )
    if first != "dynamodb" or not rest or rest[0] not in IMAGES:
        return None
    if len(rest) < PATH_OF_TAG or rest[-1] not in TAGS:
        return PatternWarning(
            "no-type-tag", path, "no type tag at the end (such as S or N), so no leaf is ever found there"
        )
    if rest[-1] in {"N", "NS"} and condition.numeric:
        return PatternWarning(
            "numeric-on-string", path, "DynamoDB's numbers are strings here; none compares with a number"
        )
    return None
