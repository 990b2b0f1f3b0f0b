"""A case as a file holds it: written, read, and held to what a case can be.

What no stream or table can hold is refused by name and value, so that nothing but a history is ever judged.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

from replay.errors import WrongUse
from replay.event_source.errors import InvalidParameterValueException
from replay.event_source.mapping import EventSourceMapping
from replay.exploration.case import NEEDED, Case, Fault, Lag, Redelivery, Turn, Twin, Write
from replay.exploration.other_writers import value_set
from replay.rows.attribute_values import fault_of, is_value
from replay.wording import unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NUMBER_MAX: Final = 1_000_000
"""Steps, calls, invocations and changes of a case are far fewer."""
SEQUENCE_DIGITS_MAX: Final = 40
"""AWS: DynamoDB API reference, StreamRecord: a sequence number has 21 to 40 digits."""
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
    except (OSError, ValueError, RecursionError) as error:
        raise WrongUse(f"case {path}: {unread(error)}") from error
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
    case = Case(**made)
    _check_rows(case.rows)
    _check_records(case.records)
    _check_changes(case)
    return case


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


def _check_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        fault = fault_of(row)
        if fault is not None and row:
            raise ValueError(f"'rows': {fault}")
        address = _text(row, "pk"), _text(row, "sk")
        if address in seen:
            raise ValueError(f"'rows': two rows stand under the key {address[0]}, {address[1]}")
        if "" not in address:
            seen.add(address)


def _check_records(records: Iterable[Mapping[str, Any]]) -> None:
    last: dict[str, int] = {}
    for record in records:
        change, shard = record.get("dynamodb"), record.get("shardId", "")
        number = change.get("SequenceNumber") if isinstance(change, dict) else None
        if not isinstance(number, str) or not (number.isascii() and number.isdigit()):
            raise ValueError("'records' holds stream records, each with a dynamodb.SequenceNumber of digits")
        if len(number) > SEQUENCE_DIGITS_MAX:
            raise ValueError(
                f"'records': a sequence number has {SEQUENCE_DIGITS_MAX} digits at most, not {len(number)}"
            )
        if not isinstance(shard, str):
            raise ValueError(f"'records': record {number}: shardId is a text, not {shard!r}")  # noqa: TRY004 - see parse
        if int(number) <= last.get(shard, -1):
            raise ValueError(f"'records': record {number} comes behind {last[shard]}; a shard's numbers rise")
        last[shard] = int(number)
        for name in ("Keys", "NewImage", "OldImage"):
            fault = fault_of(change[name]) if change and isinstance(change.get(name), dict) and change[name] else None
            if fault is not None:
                raise ValueError(f"'records': record {number}: {name}: {fault}")


def _check_changes(case: Case) -> None:
    """Refuse what would be spelled out without end, and what no owner of an attribute can do."""
    if sum(lag.changes for lag in case.lags) > NUMBER_MAX:
        raise ValueError(f"'lags' are of more than {NUMBER_MAX:,} changes together")
    for write in case.writes:
        if write.kind == "set" and (write.name in {"pk", "sk"} or not _is_set(write.value)):
            raise ValueError(
                f"'writes': a set gives what is no key a number or a value of DynamoDB's JSON, "
                f"not {write.name} '{write.value}'"
            )


def _is_set(text: str) -> bool:
    try:
        return is_value(value_set(text))
    except (ValueError, RecursionError):
        return False


def _text(row: Mapping[str, Any], name: str) -> str:
    text = row.get(name, {}).get("S") if isinstance(row.get(name), dict) else None
    return text if isinstance(text, str) else ""
