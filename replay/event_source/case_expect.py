"""What a conformance case expects: a value that nothing could ever be is a mistake of the case, not a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.event_source.destinations import AGE_EXCEEDED, RETRIES_EXHAUSTED, UNHANDLED
from replay.event_source.errors import ContractError, InvalidParameterValueException, Unspecified
from replay.event_source.metrics import NAMES
from replay.event_source.shapes import (
    Shape,
    a_count,
    a_list,
    a_number,
    a_text,
    a_truth,
    an_object,
    one_of,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTCOMES = ("success", "partial", "failure")
CONDITIONS = (RETRIES_EXHAUSTED, AGE_EXCEEDED)
ERRORS = (InvalidParameterValueException.__name__, ContractError.__name__, Unspecified.__name__)
EVENT_KEYS = (
    "Records",
    "window",
    "state",
    "shardId",
    "eventSourceARN",
    "isFinalInvokeForWindow",
    "isWindowTerminatedEarly",
)


def read_expect(given: object) -> Mapping[str, Any]:
    """Read a case's `expect`; what it leaves out, at any level, is not looked for.

    Raises:
        WrongUse: A key or a value is none that could be seen.
    """
    expect = an_object(given, "expect", ("invocations", "destination", "checkpoint", "metrics", "error"))
    for key, shapes in (("invocations", INVOCATION), ("destination", MESSAGE)):
        for number, item in enumerate(a_list(expect.get(key, []), f"expect.{key}")):
            _check(item, f"expect.{key}[{number}]", shapes)
    for shard, sequence in an_object(expect.get("checkpoint", {}), "expect.checkpoint").items():
        _text_or_null(sequence, f"expect.checkpoint.{shard}")
    _check(expect.get("metrics", {}), "expect.metrics", dict.fromkeys(NAMES.values(), a_count))
    if expect.get("error") is not None:
        _check(expect["error"], "expect.error", ERROR)
    return expect


def _check(given: object, where: str, shapes: Mapping[str, Shape]) -> None:
    for key, value in an_object(given, where, tuple(shapes)).items():
        shapes[key](value, f"{where}.{key}")


def _among(*values: str) -> Shape:
    return lambda value, where: one_of(value, where, values)


def _event(value: object, where: str) -> None:
    an_object(value, where, EVENT_KEYS)


def _text_or_null(value: object, where: str) -> None:
    if value is not None:
        a_text(value, where)


def _function_error(value: object, where: str) -> None:
    if value is not None:
        one_of(value, where, (UNHANDLED,))


INVOCATION: Mapping[str, Shape] = {
    "sequences": texts,
    "shard": a_text,
    "at_s": a_number,
    "outcome": _among(*OUTCOMES),
    "event": _event,
}
MESSAGE: Mapping[str, Shape] = {
    "shard": a_text,
    "condition": _among(*CONDITIONS),
    "approximateInvokeCount": a_count,
    "batchSize": a_count,
    "startSequenceNumber": a_text,
    "endSequenceNumber": a_text,
    "responseContext": a_truth,
    "functionError": _function_error,
    "body": an_object,
    "key": a_text,
}
ERROR: Mapping[str, Shape] = {"type": _among(*ERRORS), "message": a_text}
