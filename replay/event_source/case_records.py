"""The records of a conformance case: complete ones, made from the few words a case says."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from replay.errors import WrongUse
from replay.event_source.mapping import DEFAULT_STREAM_ARN
from replay.event_source.records import DEFAULT_SHARD, StreamRecord
from replay.event_source.shapes import a_count, a_list, a_number, a_text, a_time, an_item, an_object, shown
from replay.event_source.sizes import item_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from replay.event_source.records import WireRecord
    from replay.event_source.shapes import Shape

EPOCH_S = 1_767_225_600
"""The instant of t = 0: 2026-01-01T00:00:00Z."""
SEQUENCE_DIGITS_MAX = 40

DEFAULT_VIEW_TYPE = "NEW_AND_OLD_IMAGES"
IMAGES_OF_VIEW = {
    "KEYS_ONLY": (),
    "NEW_IMAGE": ("NewImage",),
    "OLD_IMAGE": ("OldImage",),
    "NEW_AND_OLD_IMAGES": ("NewImage", "OldImage"),
}
IMAGES_OF_EVENT = {"INSERT": ("NewImage",), "MODIFY": ("NewImage", "OldImage"), "REMOVE": ("OldImage",)}


def _a_creation_time(value: object, where: str) -> None:
    """Accept a number, and the quoted one of some samples."""
    if not isinstance(value, str):
        a_number(value, where)


RECORD_SHAPES: Mapping[str, Shape] = {
    "eventID": a_text,
    "eventName": a_text,
    "eventVersion": a_text,
    "eventSource": a_text,
    "awsRegion": a_text,
    "dynamodb": an_object,
    "eventSourceARN": a_text,
    "userIdentity": an_object,
}
CHANGE_SHAPES: Mapping[str, Shape] = {
    "ApproximateCreationDateTime": _a_creation_time,
    "Keys": an_item,
    "NewImage": an_item,
    "OldImage": an_item,
    "SequenceNumber": a_text,
    "SizeBytes": a_count,
    "StreamViewType": a_text,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a case's `records`."""

    sequence: str
    shard: str
    parent: str | None
    available_at_s: float
    created_at_s: float
    record: Mapping[str, Any]
    """What the case says of the record itself; null removes a key of the default."""


@dataclass(frozen=True, slots=True)
class CaseRecords:
    """All records of a case."""

    shards: tuple[tuple[str, str | None], ...]
    """Names with parents, in the order in which they take turns."""
    records: tuple[StreamRecord, ...]
    """Shard by shard in order of sequence number."""


def read_records(given: object, view_type: str | None) -> CaseRecords:
    """Read a case's `records` and complete them.

    Args:
        given: The list as the case has it; its order decides in which order shards take turns.
        view_type: The stream's, where the case sets one: images it excludes are removed.

    Raises:
        WrongUse: A value has the wrong shape, a sequence number occurs twice, time runs backwards along a shard, or
            shards descend from themselves.
    """
    lines = [_line(item, f"records[{number}]") for number, item in enumerate(a_list(given, "records"))]
    _refuse_doubles(lines)
    by_shard: dict[str, list[Line]] = {}
    for line in lines:
        by_shard.setdefault(line.shard, []).append(line)
    parents = {shard: _parent(shard, of_shard) for shard, of_shard in by_shard.items()}
    _refuse_circles(parents)
    for of_shard in by_shard.values():
        of_shard.sort(key=lambda line: int(line.sequence))
        _refuse_decrease(of_shard)
    records = tuple(_record(line, view_type) for of_shard in by_shard.values() for line in of_shard)
    return CaseRecords(tuple(parents.items()), records)


def _line(given: object, where: str) -> Line:
    item = an_object(given, where, ("sequence", "shard", "parent_shard", "age_s", "available_at_s", "record"))
    sequence = item.get("sequence")
    if not isinstance(sequence, str) or not (sequence.isascii() and sequence.isdigit()):
        raise WrongUse(f"{where}.sequence must be a text of digits, not {shown(sequence)}")
    if len(sequence) > SEQUENCE_DIGITS_MAX:
        raise WrongUse(f"{where}.sequence has {len(sequence)} digits; there are at most {SEQUENCE_DIGITS_MAX}")
    record = _said(item.get("record", {}), sequence, f"{where}.record")
    parent = item.get("parent_shard")
    available_at_s = a_time(item.get("available_at_s", 0), f"{where}.available_at_s")
    return Line(
        sequence=sequence,
        shard=a_text(item.get("shard", DEFAULT_SHARD), f"{where}.shard"),
        parent=None if parent is None else a_text(parent, f"{where}.parent_shard"),
        available_at_s=available_at_s,
        created_at_s=round(available_at_s - a_time(item.get("age_s", 0), f"{where}.age_s"), 6),
        record=record,
    )


def _said(given: object, sequence: str, where: str) -> Mapping[str, Any]:
    """Check what a case says of the record itself; null stands for any of it."""
    record = an_object(given, where, tuple(RECORD_SHAPES))
    _check_shapes(record, RECORD_SHAPES, where)
    change = record.get("dynamodb")
    if change is not None:
        where = f"{where}.dynamodb"
        _check_shapes(an_object(change, where, tuple(CHANGE_SHAPES)), CHANGE_SHAPES, where)
        if change.get("SequenceNumber", sequence) not in (sequence, None):
            raise WrongUse(f"{where}.SequenceNumber is {shown(change['SequenceNumber'])}; the record's is {sequence}")
    return record


def _check_shapes(given: Mapping[str, Any], shapes: Mapping[str, Shape], where: str) -> None:
    for key, value in given.items():
        if value is not None:
            shapes[key](value, f"{where}.{key}")


def _refuse_doubles(lines: Iterable[Line]) -> None:
    seen = set()
    for line in lines:
        if int(line.sequence) in seen:
            raise WrongUse(f"sequence number {line.sequence} occurs twice in records; it is unique in a case")
        seen.add(int(line.sequence))


def _parent(shard: str, lines: Iterable[Line]) -> str | None:
    named = {line.parent for line in lines if line.parent is not None}
    if len(named) > 1:
        raise WrongUse(f"shard {shard} has one parent, not {' and '.join(sorted(named))}")
    return next(iter(named), None)


def _refuse_circles(parents: Mapping[str, str | None]) -> None:
    for shard in parents:
        line = [shard]
        while (parent := parents.get(line[-1])) is not None:
            if parent in line:
                raise WrongUse(f"shards descend from themselves: {', '.join([*line, parent])}")
            line.append(parent)


def _refuse_decrease(lines: list[Line]) -> None:
    for before, after in pairwise(lines):
        if after.available_at_s < before.available_at_s:
            raise WrongUse(f"record {after.sequence} is available before {before.sequence}, which precedes it")
        if after.created_at_s < before.created_at_s:
            raise WrongUse(f"record {after.sequence} was created before {before.sequence}, which precedes it")


def _record(line: Line, view_type: str | None) -> StreamRecord:
    wire = _merged(
        {
            "eventID": hashlib.md5(line.sequence.encode(), usedforsecurity=False).hexdigest(),
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {},
            "eventSourceARN": DEFAULT_STREAM_ARN,
        },
        line.record,
    )
    if "dynamodb" in wire:
        wire["dynamodb"] = _change(line, wire["dynamodb"], wire.get("eventName"), view_type)
    return StreamRecord(cast("WireRecord", wire), line.sequence, line.shard, line.created_at_s, line.available_at_s)


def _change(line: Line, given: Mapping[str, Any], event_name: object, view_type: str | None) -> dict[str, Any]:
    keys = given.get("Keys", {"pk": {"S": line.sequence}})
    change = _merged(
        {
            "ApproximateCreationDateTime": float(EPOCH_S + math.floor(line.created_at_s)),
            "Keys": keys,
            **dict.fromkeys(IMAGES_OF_EVENT.get(str(event_name), ()), keys or {}),
            "SequenceNumber": line.sequence,
            "SizeBytes": 0,
            "StreamViewType": view_type or DEFAULT_VIEW_TYPE,
        },
        given,
    )
    if view_type:
        excluded = {"NewImage", "OldImage"}.difference(IMAGES_OF_VIEW[view_type])
        change = {key: value for key, value in change.items() if key not in excluded}
    if "SizeBytes" not in given:
        change["SizeBytes"] = sum(
            item_bytes(change[part]) for part in ("Keys", "NewImage", "OldImage") if part in change
        )
    return change


def _merged(default: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**default, **given}.items() if value is not None}
