"""Explorations with defaults: a broken case to report, made by a wrong work that the case is known to convict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.checks.scenarios import TIMES, pair, said
from replay.exploration.campaign import BrokenCase, Result, in_memory
from replay.exploration.case import Case, Fault
from replay.exploration.outcome import Manner
from replay.reports.exploration import Exploration
from tests.handlers.wrong_works import DeletesThenPuts

if TYPE_CHECKING:
    from stream_processor.group import GroupWork

TELLING = Manner(tells=True)
MAPPING = {"BatchSize": 100, "MaximumRetryAttempts": 5, "FunctionResponseTypes": ["ReportBatchItemFailures"]}


def case(group: str = "g", text: str = "new", **parts: Any) -> Case:  # noqa: ANN401 - parts of a case
    """One conversation of two people and one message; `parts` come instead of, or on top of, what is there."""
    made: dict[str, Any] = {
        "name": "seed 7",
        "rows": pair(group, TIMES[1]),
        "records": (said(group, TIMES[2], text, "ana", 1),),
        "mapping": MAPPING,
    }
    return Case(**{**made, **parts})


def broken(
    given: Case | None = None, work: type[GroupWork] = DeletesThenPuts, ignored: frozenset[str] = frozenset()
) -> BrokenCase:
    """What a wrong work makes of a case."""
    told = given or case(faults=(Fault(1, 1, "throttle"),))
    execution = in_memory(told, work, Manner(tells=True, ignored=ignored))
    assert execution.broken, "the case is to break a rule"
    return BrokenCase(7, told, told, execution)


def wrong(found: BrokenCase | None = None, **more: Any) -> Exploration:  # noqa: ANN401 - fields
    """Make an exploration that found a broken case."""
    one = found or broken()
    result = Result(duration_s=2.0)
    result.count(one.seed, one.execution)
    return Exploration(result, one, {"handler": "app:handler", "table": "in memory"}, **more)


def right() -> Exploration:
    """Make an exploration in which all was right."""
    result = Result(duration_s=2.0)
    result.count(0, in_memory(case()))
    result.limited = 3
    return Exploration(result, None, {"handler": "app:handler"})
