"""A conformance case, read strictly: what cannot be understood to the letter is refused.

The format is described in `fixtures/conformance/README.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast, get_args

from replay.errors import WrongUse
from replay.event_source.answers import FunctionResult, Raised, Returned, Throttled, TimedOut, Unserialisable
from replay.event_source.case_expect import read_expect
from replay.event_source.case_records import IMAGES_OF_VIEW, CaseRecords, read_records
from replay.event_source.destinations import Destination, Kind
from replay.event_source.errors import MappingRejected
from replay.event_source.mapping import NOT_FOR_DYNAMODB, PARAMETERS, TRIM_HORIZON, UNQUALIFIED, EventSourceMapping
from replay.event_source.shapes import (
    a_count,
    a_list,
    a_text,
    a_time,
    a_truth,
    an_object,
    one_line,
    one_of,
    read_json,
    shown,
    texts,
)
from replay.event_source.switches import Switches
from replay.event_source.virtual import Action, Deed
from replay.wording import unread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from replay.event_source.records import StreamRecord

CASE_KEYS = (
    "name",
    "source",
    "grade",
    "mapping",
    "switches",
    "records",
    "function",
    "actions",
    "destination",
    "function_version",
    "view_type",
    "partition_key",
    "expect",
)
ENDS = ("return", "raise", "timeout", "throttle", "unserialisable")
"""How a rule's function ends."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the function does with batches of one kind."""

    result: FunctionResult
    times: float = math.inf
    contains: frozenset[str] | None = None
    first: str | None = None
    at_least: int = 0
    at_most: float = math.inf

    def holds(self, sequences: list[str]) -> bool:
        """Say whether the rule is about this batch."""
        if self.contains is not None and self.contains.isdisjoint(sequences):
            return False
        if self.first is not None and sequences[:1] != [self.first]:
            return False
        return self.at_least <= len(sequences) <= self.at_most


@dataclass(frozen=True, slots=True)
class Case:
    """A mapping, records, a function's behaviour, and what must be seen."""

    name: str
    source: str
    grade: str
    mapping: EventSourceMapping | MappingRejected
    """What AWS would create, or why it would not."""
    switches: Switches
    stream: CaseRecords
    rules: tuple[Rule, ...]
    actions: tuple[Action, ...]
    function_version: str
    partition_key: str
    expect: Mapping[str, Any] | None


def load_case(path: Path) -> Case:
    """Read a case from a file.

    Raises:
        WrongUse: It is not there, no JSON, or no case; the text names the file and the place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WrongUse(f"there is no case '{path}'") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"case '{path}' cannot be read: {unread(error)}") from error
    try:
        return parse_case(read_json(text))
    except WrongUse as error:
        raise WrongUse(f"{path}: {one_line(str(error))}") from error


def parse_case(document: object) -> Case:
    """Understand a case.

    Raises:
        WrongUse: A key is unknown, a value has the wrong shape, a sequence number occurs twice.
    """
    case = an_object(document, "the case", CASE_KEYS)
    view_type = one_of(case["view_type"], "view_type", tuple(IMAGES_OF_VIEW)) if "view_type" in case else None
    stream = read_records(case.get("records", []), view_type)
    mapping = _mapping(case.get("mapping", {}), case.get("destination", {}))
    actions = _actions(case.get("actions", []), {record.text: record for record in stream.records})
    switches = Switches.of(an_object(case.get("switches", {}), "switches"))
    partition_key = a_text(case.get("partition_key", "pk"), "partition_key")
    if isinstance(mapping, EventSourceMapping):
        _refuse_strange_redeliveries(actions, mapping)
        if mapping.lanes > 1 and switches.lane_key == "partition":
            for record in stream.records:
                record.lane(mapping.lanes, partition_key)
    return Case(
        name=a_text(case.get("name", ""), "name"),
        source=a_text(case.get("source", ""), "source"),
        grade=a_text(case.get("grade", ""), "grade"),
        mapping=mapping,
        switches=switches,
        stream=stream,
        rules=tuple(
            _rule(item, f"function[{n}]") for n, item in enumerate(a_list(case.get("function", []), "function"))
        ),
        actions=actions,
        function_version=a_text(case.get("function_version", UNQUALIFIED), "function_version"),
        partition_key=partition_key,
        expect=read_expect(case["expect"]) if "expect" in case else None,
    )


def _mapping(given: object, destination: object) -> EventSourceMapping | MappingRejected:
    """Create the mapping; its own DestinationConfig wins over the case's destination."""
    parameters = an_object(given, "mapping", PARAMETERS, also=NOT_FOR_DYNAMODB)
    default = _destination(destination)
    try:
        mapping = EventSourceMapping.from_api({"StartingPosition": TRIM_HORIZON, **parameters})
    except MappingRejected as rejected:
        return rejected
    return mapping if parameters.get("DestinationConfig") is not None else replace(mapping, destination=default)


def _destination(given: object) -> Destination | None:
    if given is False:
        return None
    asked = an_object(given, "destination", ("type", "fifo", "fails"))
    kind = cast("Kind", one_of(asked.get("type", "sqs"), "destination.type", get_args(Kind)))
    name = "on-failure.fifo" if a_truth(asked.get("fifo", False), "destination.fifo") else "on-failure"
    arn = f"arn:aws:s3:::{name}" if kind == "s3" else f"arn:aws:{kind}:us-east-1:000000000000:{name}"
    return Destination(kind, arn, a_truth(asked.get("fails", False), "destination.fails"))


def _rule(given: object, where: str) -> Rule:
    rule = an_object(given, where, ("when", "times", "then"))
    if "then" not in rule:
        raise WrongUse(f"{where} needs 'then'")
    when = an_object(rule.get("when", {}), f"{where}.when", ("contains", "first", "at_least", "at_most"))
    return Rule(
        result=_result(rule["then"], f"{where}.then"),
        times=a_count(rule["times"], f"{where}.times") if "times" in rule else math.inf,
        contains=frozenset(texts(when["contains"], f"{where}.when.contains")) if "contains" in when else None,
        first=a_text(when["first"], f"{where}.when.first") if "first" in when else None,
        at_least=a_count(when.get("at_least", 0), f"{where}.when.at_least"),
        at_most=a_count(when["at_most"], f"{where}.when.at_most") if "at_most" in when else math.inf,
    )


def _result(given: object, where: str) -> FunctionResult:
    then = an_object(given, where, (*ENDS, "takes_s"))
    ends = [key for key in then if key != "takes_s"]
    if len(ends) != 1:
        raise WrongUse(f"{where} has {' and '.join(ends) or 'no end'}; the function ends in one way: {', '.join(ENDS)}")
    (end,) = ends
    takes_s = a_time(then.get("takes_s", 0), f"{where}.takes_s")
    if end == "return":
        return Returned(then[end], takes_s)
    if end == "raise":
        return Raised(a_text(then[end], f"{where}.raise"), takes_s)
    if then[end] is not True:
        raise WrongUse(f"{where}.{end} must be true, not {shown(then[end])}")
    if end == "timeout":
        return TimedOut(takes_s)
    if end == "unserialisable":
        return Unserialisable(takes_s)
    if "takes_s" in then:
        raise WrongUse(f"{where}: a throttled function does not start, so it takes no time")
    return Throttled()


def _actions(given: object, records: Mapping[str, StreamRecord]) -> tuple[Action, ...]:
    actions = [_action(item, f"actions[{n}]", records) for n, item in enumerate(a_list(given, "actions"))]
    for number, (before, after) in enumerate(pairwise(actions)):
        if after.at_s < before.at_s:
            raise WrongUse(f"actions[{number + 1}] is earlier than the one before it")
    return tuple(actions)


def _action(given: object, where: str, records: Mapping[str, StreamRecord]) -> Action:
    action = an_object(given, where, ("at_s", "do", "sequences"))
    for key in ("at_s", "do"):
        if key not in action:
            raise WrongUse(f"{where} needs '{key}'")
    at_s = a_time(action["at_s"], f"{where}.at_s")
    deed = cast("Deed", one_of(action["do"], f"{where}.do", get_args(Deed)))
    if deed != "redeliver":
        if "sequences" in action:
            raise WrongUse(f"{where}: only redeliver has sequences")
        return Action(at_s, deed)
    sequences = texts(action.get("sequences"), f"{where}.sequences")
    for sequence in sequences:
        if sequence not in records:
            raise WrongUse(f"{where}: there is no record {sequence}")
    batch = tuple(records[sequence] for sequence in dict.fromkeys(sequences))
    if len({record.shard for record in batch}) != 1:
        raise WrongUse(f"{where}: a batch is of one shard, and not empty")
    return Action(at_s, deed, batch)


def _refuse_strange_redeliveries(actions: tuple[Action, ...], mapping: EventSourceMapping) -> None:
    """Refuse to deliver once more what cannot have been delivered, as far as that is known beforehand."""
    for number, action in enumerate(actions):
        where = f"actions[{number}].sequences"
        if len(action.records) > mapping.batch_size:
            raise WrongUse(f"{where} are {len(action.records)}; a batch has at most {mapping.batch_size}")
        for record in action.records:
            if not mapping.filters.passes(record.wire):
                raise WrongUse(f"{where}: record {record.text} is filtered out, so it cannot come once more")
            if record.available_at_s >= action.at_s:
                raise WrongUse(f"{where}: record {record.text} is not available before {action.at_s} s")
