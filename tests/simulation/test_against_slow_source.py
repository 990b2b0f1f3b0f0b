"""The event source against its slow twin, on generated cases: every parameter, switch and action."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.event_source.case_run import run_case
from replay.event_source.cases import parse_case
from replay.event_source.switches import QUESTIONS
from tests.simulation.conformance import seq
from tests.simulation.slow_source import SlowSource

AGES = (0, 0, 0, 30, 55, 58, 61, 86_350, 86_395, 86_401)
TIMES = (0, 0, 0, 1, 2, 3, 5, 8, 9.5, 13, 20, 60, 61)
FAMILIES: tuple[dict[str, str | None], ...] = (
    {"A": None},
    {"A": None, "B": None},
    {"B": "A", "A": None},
    {"A": None, "B": "A", "C": "A"},
    {"A": "gone", "B": "A"},
)


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    family = draw(st.sampled_from(FAMILIES))
    found: list[dict[str, Any]] = []
    number = 0
    for shard, parent in family.items():
        count = draw(st.integers(0, 6))
        available = sorted(draw(st.lists(st.sampled_from(TIMES), min_size=count, max_size=count)))
        ages = draw(st.lists(st.sampled_from(AGES), min_size=count, max_size=count))
        created = sorted(at - age for at, age in zip(available, ages, strict=True))
        for at, made in zip(available, created, strict=True):
            number += 1
            event = draw(st.sampled_from(("INSERT", "INSERT", "MODIFY")))
            key = draw(st.sampled_from("abcd"))
            said = {"eventName": event, "dynamodb": {"Keys": {"pk": {"S": key}, "sk": {"S": str(number % 2)}}}}
            found.append(
                {
                    "sequence": seq(number),
                    "shard": shard,
                    "parent_shard": parent,
                    "available_at_s": at,
                    "age_s": max(0, at - made),
                    "record": said,
                }
            )
    order = draw(st.permutations(found)) if draw(st.booleans()) else found
    return list(order)


@st.composite
def mappings(draw: st.DrawFn) -> dict[str, Any]:
    mapping: dict[str, Any] = {
        "BatchSize": draw(st.integers(1, 4)),
        "MaximumBatchingWindowInSeconds": draw(st.sampled_from((0, 0, 0, 3, 10))),
        "ParallelizationFactor": draw(st.sampled_from((1, 1, 1, 2, 3))),
        "MaximumRetryAttempts": draw(st.sampled_from((0, 0, 1, 2, -1))),
        "MaximumRecordAgeInSeconds": draw(st.sampled_from((-1, -1, 60, 86_400, 604_800))),
        "BisectBatchOnFunctionError": draw(st.booleans()),
        "FunctionResponseTypes": draw(st.sampled_from(([], ["ReportBatchItemFailures"]))),
        "TumblingWindowInSeconds": draw(st.sampled_from((0, 0, 0, 5, 30))),
        "Enabled": draw(st.sampled_from((True, True, True, True, False))),
        "StartingPosition": draw(st.sampled_from(("TRIM_HORIZON", "TRIM_HORIZON", "LATEST"))),
    }
    if draw(st.booleans()):
        mapping["FilterCriteria"] = {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]}
    return mapping


@st.composite
def functions(draw: st.DrawFn, *, windowed: bool, sequences: list[str]) -> list[dict[str, Any]]:
    names = st.sampled_from([*sequences, seq(99)])
    failures = st.lists(st.fixed_dictionaries({"itemIdentifier": names | st.sampled_from(("", None))}), max_size=2)
    answers: st.SearchStrategy[Any] = st.sampled_from((None, {}, "", [])) | st.fixed_dictionaries(
        {"batchItemFailures": failures}
    )
    rare: st.SearchStrategy[Any] = st.sampled_from((7, {"statusCode": 200}, {"batchItemFailures": {}}))
    rules = []
    for _ in range(draw(st.integers(0, 5))):
        end = draw(
            st.sampled_from(("raise", "raise", "return", "return", "return", "timeout", "throttle", "unreadable"))
        )
        then: dict[str, Any] = {"takes_s": draw(st.sampled_from((0, 0, 1, 2.5, 5, 40)))}
        if end in ("return", "unreadable"):
            answer = draw(answers if end == "return" else rare)
            if windowed and draw(st.integers(0, 5)):
                answer = {**(answer if isinstance(answer, dict) else {}), "state": {"n": draw(st.sampled_from("abc"))}}
            then["return"] = answer
        elif end == "throttle":
            then = {"throttle": True}
        else:
            then[end] = "E" if end == "raise" else True
        when = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "contains": st.lists(names, max_size=2),
                    "first": names,
                    "at_least": st.integers(0, 3),
                    "at_most": st.integers(0, 3),
                },
            )
        )
        rules.append({"when": when, "times": draw(st.integers(1, 4)), "then": then})
    if windowed:
        rules.append({"then": {"return": {"state": {"n": "z"}}}})
    elif draw(st.integers(0, 9)) == 0:
        rules.append({"when": {"contains": draw(st.lists(names, max_size=1))}, "then": {"raise": "E", "takes_s": 30}})
    return rules


@st.composite
def actions(draw: st.DrawFn, stream: list[dict[str, Any]], *, filtered: bool) -> list[dict[str, Any]]:
    passing = [entry for entry in stream if not filtered or entry["record"]["eventName"] == "INSERT"]
    found: list[dict[str, Any]] = []
    deeds = ("disable", "enable", "enable", "restart", "recreate", "redeliver", "redeliver", "delete_table")
    for at in sorted(draw(st.lists(st.sampled_from((0, 1, 2, 3, 5, 7, 9, 14, 25, 70, 86_420)), max_size=4))):
        deed = draw(st.sampled_from(deeds))
        if deed == "redeliver":
            sequences = [entry["sequence"] for entry in passing if entry["available_at_s"] < at]
            if sequences:
                found.append({"at_s": at, "do": deed, "sequences": [draw(st.sampled_from(sequences))]})
        else:
            found.append({"at_s": at, "do": deed})
    return found


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    records = draw(streams())
    sequences = [entry["sequence"] for entry in records]
    mapping = draw(mappings())
    chosen = draw(st.sets(st.sampled_from(sorted(QUESTIONS)), max_size=6))
    switches = {number: draw(st.sampled_from(QUESTIONS[number].values)) for number in sorted(chosen)}
    if mapping["MaximumRetryAttempts"] == -1:
        switches.pop("Q16", None)
    return {
        "mapping": mapping,
        "switches": switches,
        "records": records,
        "function": draw(functions(windowed=mapping["TumblingWindowInSeconds"] > 0, sequences=sequences)),
        "actions": draw(actions(records, filtered="FilterCriteria" in mapping)),
        "destination": draw(st.sampled_from(({}, {}, False, {"fails": True}, {"type": "s3"}))),
    }


def compared(printed: dict[str, Any]) -> dict[str, Any]:
    """What both can tell: no bodies, and of events only what a tumbling window adds."""
    invocations = []
    for invocation in printed["invocations"]:
        event = invocation["event"]
        shown = {key: invocation[key] for key in ("sequences", "shard", "at_s", "outcome")}
        if "window" in event:
            shown["state"] = event["state"]
            shown["final"] = event["isFinalInvokeForWindow"]
            shown["early"] = event["isWindowTerminatedEarly"]
        invocations.append(shown)
    return {
        "invocations": invocations,
        "destination": [{k: v for k, v in m.items() if k not in ("body", "key")} for m in printed["destination"]],
        "checkpoint": printed["checkpoint"],
        "metrics": printed["metrics"],
        "error": printed["error"]["type"] if printed["error"] else None,
    }


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_event_source_does_what_its_slow_twin_does(case: dict[str, Any]) -> None:
    parsed = parse_case(case)
    slow = SlowSource(parsed).run()
    fast = compared(run_case(parsed))
    assert fast == slow
