"""An exploration as JSON: what `explore --json` prints. The classes below are its schema.

Items are in DynamoDB's JSON. What `broken` holds is about one case: the smallest that breaks what the first broken case
broke; `case` is that case as `explore --case` reads it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from replay.exploration.case_file import dump
from replay.exploration.story import Called, RowChange
from replay.reports.exploration import anomalies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.exploration.campaign import BrokenCase
    from replay.exploration.story import Event
    from replay.reports.exploration import Anomaly, Exploration


class ExplorationJson(TypedDict):
    """The whole report. `limited` counts findings that a stated limit explains; `broken_seeds` are all that broke.

    An exploration that was stopped before it had covered what it was asked for, or never came to a situation that it
    was asked for (`unreached`), is `incomplete`, unless it found something.
    """

    verdict: Literal["right", "wrong", "incomplete"]
    about: dict[str, str]
    cases: int
    calls: int
    writes: int
    limited: int
    duration_s: float
    situations: dict[str, int]
    unreached: list[str]
    broken_seeds: list[int]
    broken: BrokenJson | None
    again: dict[str, str]


class BrokenJson(TypedDict):
    """The smallest broken case: its name, what it breaks, how much there is to it, and what happened."""

    seed: int
    name: str
    rules: list[str]
    anomalies: list[AnomalyJson]
    disturbances: int
    case: dict[str, Any]
    story: list[dict[str, Any]]
    """Events, each with its `kind`, its `line` and the fields of its class in `replay.exploration.story`."""


class AnomalyJson(TypedDict):
    """One broken rule; `step` and `invocation` are of the call after which the rows are as they are, where known."""

    rule: str
    evidence: str
    why: str
    records: list[str]
    step: int | None
    invocation: int | None
    changes: list[ChangeJson]


class ChangeJson(TypedDict):
    """A row before and after that call; null where there is none."""

    pk: str
    sk: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def as_json(exploration: Exploration) -> ExplorationJson:
    """Make the object."""
    result, broken = exploration.result, exploration.broken
    return {
        "verdict": exploration.word,
        "about": dict(exploration.about),
        "cases": result.cases,
        "calls": result.calls,
        "writes": result.writes,
        "limited": result.limited,
        "duration_s": round(result.duration_s, 3),
        "situations": exploration.situations,
        "unreached": list(exploration.unreached),
        "broken_seeds": sorted(result.broken),
        "broken": None if broken is None else _broken(broken),
        "again": exploration.again(),
    }


def _broken(broken: BrokenCase) -> BrokenJson:
    return {
        "seed": broken.seed,
        "name": broken.smallest.name,
        "rules": sorted(broken.execution.rules),
        "anomalies": [_anomaly(anomaly) for anomaly in anomalies(broken)],
        "disturbances": broken.smallest.weight[0],
        "case": json.loads(dump(broken.smallest)),
        "story": [_event(event) for event in broken.execution.story],
    }


def _anomaly(anomaly: Anomaly) -> AnomalyJson:
    culprit = anomaly.culprit
    return {
        "rule": anomaly.rule,
        "evidence": anomaly.evidence,
        "why": anomaly.why,
        "records": list(anomaly.records),
        "step": culprit.step if culprit else None,
        "invocation": culprit.invocation if isinstance(culprit, Called) else None,
        "changes": [_change(change) for change in anomaly.changes],
    }


def _change(change: RowChange) -> ChangeJson:
    partition_key, sort_key = change.address
    return {"pk": partition_key, "sk": sort_key, "before": _item(change.before), "after": _item(change.after)}


def _item(item: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if item is None else {name: _wire(value) for name, value in item.items()}


def _wire(value: Any) -> Any:  # noqa: ANN401 - any attribute value
    """Write bytes as DynamoDB's own JSON does, in base64."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _wire(each) for name, each in value.items()}
        case list():
            return [_wire(each) for each in value]
        case _:
            return value


def _event(event: Event) -> dict[str, Any]:
    own = {each.name: _plain(getattr(event, each.name)) for each in fields(event)}
    return {"kind": event.kind, "line": str(event).strip(), **own}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a field of any event
    if isinstance(value, RowChange):
        return _change(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
