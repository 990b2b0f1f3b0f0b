"""A case: everything that decides how one history goes, as plain data that a file can hold.

The same case makes the same history. Steps are the calls that handlers make, counted from 0 over all invocations;
invocations are counted from 1 in order of start; calls of one invocation from 1.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

from replay.errors import WrongUse
from replay.event_source.errors import InvalidParameterValueException
from replay.event_source.mapping import EventSourceMapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FaultKind = Literal[
    "crash-before",
    "crash-after",
    "timeout-before",
    "timeout-after",
    "throttle",
    "conflict",
    "lost-request",
    "lost-answer",
    "little-time",
    "torn-read",
    "torn-read-puts",
]
"""What may happen at a call: the process ends before or after the call took effect; the function's time is over before
or after; the table throttles, or has a conflict; the request, or its answer, is lost and botocore reports a timeout;
from this call on the remaining time is next to nothing; a reading sees of another invocation's transaction only the
deletes, or only the puts."""

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
TORN_READS: tuple[FaultKind, ...] = ("torn-read", "torn-read-puts")
"""AWS: DynamoDB developer guide, "Isolation level for DynamoDB transactions": a Query is not isolated as a unit from a
TransactWriteItems."""


WriteKind = Literal["set", "leave", "join", "remove-message"]
NEEDED: Mapping[WriteKind, tuple[str, ...]] = {
    "set": ("group", "member", "name", "value"),
    "leave": ("group", "member"),
    "join": ("group", "member", "time"),
    "remove-message": ("group", "time"),
}
"""What a write of each kind has to say."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault at one call of one invocation."""

    invocation: int
    call: int
    kind: FaultKind


@dataclass(frozen=True, slots=True)
class Write:
    """A write of the application before a step.

    Another owner `set`s a `member`'s attribute `name` to the number `value`; a member `leave`s; somebody `join`s: a row
    of theirs comes under the sort key `time`, names the member `name` and shows the text `value`; `remove-message`
    removes the message under the sort key `time`.
    """

    at: int
    kind: WriteKind
    group: str
    member: str = ""
    name: str = ""
    value: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A batch that was delivered comes once more, when as many invocations have ended."""

    after: int
    sequences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Twin:
    """From a step on, the records of a running invocation are delivered a second time beside it."""

    at: int
    invocation: int


@dataclass(frozen=True, slots=True)
class Turn:
    """From a step on, another running invocation goes on: the n-th of those at work, modulo their number."""

    at: int
    which: int


@dataclass(frozen=True, slots=True)
class Lag:
    """The index falls behind: it shows some changes of a group only so many steps later (-1: once the faults end).

    These are the `change`-th, counted from 0, and those right after it, `changes` in all.
    """

    group: str
    change: int
    steps: int
    changes: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One history. `rows` are there before it; `records` are in stream order, with `shardId` where there are several.

    `mapping` has the API's parameters. `cuts` are the sizes of batches in order of forming, then as full as can be.
    A reading in memory answers `page_items` items a page; 0 stands for as many as there are.
    """

    rows: tuple[Mapping[str, Any], ...]
    records: tuple[Mapping[str, Any], ...]
    mapping: Mapping[str, Any]
    cuts: tuple[int, ...] = ()
    lags: tuple[Lag, ...] = ()
    faults: tuple[Fault, ...] = ()
    writes: tuple[Write, ...] = ()
    redeliveries: tuple[Redelivery, ...] = ()
    twins: tuple[Twin, ...] = ()
    turns: tuple[Turn, ...] = ()
    page_items: int = 0
    name: str = ""

    @property
    def weight(self) -> tuple[int, int, int]:
        """How much there is to it: faults and the like, records, rows."""
        events = (self.faults, self.lags, self.writes, self.redeliveries, self.twins, self.turns)
        return sum(map(len, events)), len(self.records), len(self.rows)


NUMBER_MAX: Final = 1_000_000
"""Steps, calls, invocations and changes of a case are far fewer."""
REQUIRED = frozenset({"rows", "records", "mapping"})
_PARTS: dict[str, type] = {
    "faults": Fault,
    "lags": Lag,
    "writes": Write,
    "redeliveries": Redelivery,
    "twins": Twin,
    "turns": Turn,
}


def dump(case: Case) -> str:
    """Write a case as JSON; what is empty is left out, but for what every case has."""
    plain = {name: value for name, value in asdict(case).items() if value or name in REQUIRED}
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def load(path: Path) -> Case:
    """Read a case from a file.

    Raises:
        WrongUse: the file cannot be read, is no JSON or no case.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongUse(f"case {path}: {error.strerror}") from error
    except ValueError as error:
        raise WrongUse(f"case {path}: no JSON ({error})") from error
    try:
        return parse(plain)
    except (TypeError, ValueError) as error:
        raise WrongUse(f"case {path}: {error}") from error


def parse(plain: Any) -> Case:  # noqa: ANN401 - whatever a file holds
    """Make a case of plain data.

    Raises:
        ValueError: a key is unknown, or a part has the wrong form.
    """
    if not isinstance(plain, dict):
        raise ValueError(f"a case is an object, not {type(plain).__name__}")  # noqa: TRY004 - one kind of refusal
    known = {each.name for each in fields(Case)}
    unknown = sorted(set(plain) - known)
    if unknown:
        raise ValueError(f"unknown key '{unknown[0]}'; a case has {', '.join(sorted(known))}")
    missing = sorted(REQUIRED - set(plain))
    if missing:
        raise ValueError(f"'{missing[0]}' is missing")
    made: dict[str, Any] = {}
    for name, value in plain.items():
        made[name] = _part(name, value)
    return Case(**made)


def _part(name: str, value: Any) -> Any:  # noqa: ANN401 - by name
    if name == "page_items":
        return _checked(name, int, value)
    kinds: dict[str, tuple[Any, str]] = {"name": (str, "a text"), "mapping": (dict, "an object")}
    wanted, called = kinds.get(name, (list, "a list"))
    if not isinstance(value, wanted):
        raise ValueError(f"'{name}' is {called}, not {type(value).__name__}")  # noqa: TRY004 - see parse
    if name == "mapping":
        try:
            EventSourceMapping.from_api({"StartingPosition": "TRIM_HORIZON", **value})
        except InvalidParameterValueException as error:
            raise ValueError(f"'mapping': {error}") from error
    return tuple(_element(name, each) for each in value) if isinstance(value, list) else value


def _element(name: str, value: Any) -> Any:  # noqa: ANN401 - by name
    if name == "cuts":
        return _checked("cuts", int, value)
    if not isinstance(value, dict):
        raise ValueError(f"'{name}' holds objects, not {type(value).__name__}")  # noqa: TRY004 - see parse
    if name == "records":
        change = value.get("dynamodb")
        number = change.get("SequenceNumber") if isinstance(change, dict) else None
        if not isinstance(number, str) or not (number.isascii() and number.isdigit()):
            raise ValueError("'records' holds stream records, each with a dynamodb.SequenceNumber of digits")
    if name not in _PARTS:
        return value
    hints = get_type_hints(_PARTS[name])
    try:
        part = _PARTS[name](**{key: _checked(f"{name}.{key}", hints.get(key), each) for key, each in value.items()})
    except TypeError as error:
        raise ValueError(f"'{name}': {error}") from error
    if isinstance(part, Write):
        for key in NEEDED[part.kind]:
            if not getattr(part, key):
                raise ValueError(f"'writes.{key}' is missing; '{part.kind}' needs {', '.join(NEEDED[part.kind])}")
    return part


def _checked(what: str, hint: Any, value: Any) -> Any:  # noqa: ANN401 - by hint
    """Hold a value to a field's type; a field that there is not is refused by its class."""
    if hint is int and not (type(value) is int and -1 <= value <= NUMBER_MAX):
        raise ValueError(f"'{what}' is a whole number from -1 to {NUMBER_MAX:,}, not {value!r}")
    if hint is str and not isinstance(value, str):
        raise ValueError(f"'{what}' is a text, not {value!r}")
    if get_origin(hint) is Literal and value not in get_args(hint):
        raise ValueError(f"'{what}' is none of {', '.join(get_args(hint))}: {value!r}")
    if get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValueError(f"'{what}' is a list of texts, not {value!r}")
        return tuple(value)
    return value
