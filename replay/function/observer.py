"""Watches every request that botocore sends in this process, whoever made the client and in whichever thread.

It stands on botocore's documented events (`before-send`, `response-received`, ...) and hooks itself into each session
as it is made (`botocore.register_initializer`), so that it must be installed before the handler is imported.

Promises: each request sent is told once, also retries of the SDK. With a local endpoint no request leaves for AWS:
DynamoDB's are sent to that endpoint whatever address the handler has written down, others fail as unreachable. The
handler sees no trace of the capacity that is asked for on the way.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import botocore
from botocore.exceptions import EndpointConnectionError

from replay.function.calls import READS, Call, touched_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.model import OperationModel

    from replay.function.calls import Touched

STARTED: Final = "replay_started"
ADDED_CAPACITY: Final = "replay_added_capacity"
ELSEWHERE: Final = "replay_elsewhere"
ATTEMPT: Final = "replay_attempt"
SENT: Final = "replay_sent"

LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Observer:
    """Tells each call to `tell`; `endpoint` is the local DynamoDB that everything goes to, None lets all out."""

    def __init__(self, tell: Callable[[Call], None], endpoint: str | None) -> None:
        self._tell = tell
        self._endpoint = urlsplit(endpoint) if endpoint else None

    def install(self) -> None:
        """Watch every session made from now on."""
        botocore.register_initializer(self._attach)

    def _attach(self, session: Any) -> None:  # noqa: ANN401 - botocore's Session, untyped here
        session.register("before-parameter-build.dynamodb", self._ask_for_capacity)
        session.register("before-send", self._before_send)
        session.register("response-received", self._received)
        session.register("after-call.dynamodb", self._hide_capacity)

    def _ask_for_capacity(
        self, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: object
    ) -> None:
        members = model.input_shape.members if model.input_shape else {}
        if "ReturnConsumedCapacity" in members and "ReturnConsumedCapacity" not in params:
            params["ReturnConsumedCapacity"] = "INDEXES"
            context[ADDED_CAPACITY] = True

    def _before_send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> None:
        context: dict[str, Any] = request.context  # type: ignore[attr-defined] # the stubs lack it
        context[ATTEMPT] = context.get(ATTEMPT, 0) + 1
        context[STARTED] = time.perf_counter()
        service, operation = event_name.split(".")[1:]
        context[SENT] = service, operation, touched_by(operation, _content(request)) if service == "dynamodb" else ()
        self._keep_here(request, service, context)

    def _keep_here(self, request: AWSPreparedRequest, service: str, context: dict[str, Any]) -> None:
        if self._endpoint is None:
            return
        wanted = urlsplit(str(request.url))
        if service == "dynamodb" and wanted.netloc != self._endpoint.netloc:
            context[ELSEWHERE] = f"{wanted.scheme}://{wanted.netloc}"
            here = wanted._replace(scheme=self._endpoint.scheme, netloc=self._endpoint.netloc)
            request.url = here.geturl()
        elif wanted.hostname not in LOCAL_HOSTS | {self._endpoint.hostname}:
            context[ELSEWHERE] = f"{wanted.scheme}://{wanted.netloc}"
            raise EndpointConnectionError(endpoint_url=context[ELSEWHERE])

    def _received(
        self,
        parsed_response: Mapping[str, Any] | None,
        context: Mapping[str, Any],
        exception: Exception | None,
        **_: object,
    ) -> None:
        service, operation, touched = context[SENT]
        answer: Mapping[str, Any] = parsed_response or {}
        code = answer.get("Error", {}).get("Code")
        self._tell(
            Call(
                service=service,
                operation=operation,
                attempt=context[ATTEMPT],
                duration_ms=round(1000 * (time.perf_counter() - context[STARTED]), 3),
                error=type(exception).__name__ if exception is not None else code,
                items=len(touched) or answer.get("Count", 1 if "Item" in answer else 0),
                touched=() if code else _done(touched, answer),
                read_units=_read_units(operation, answer.get("ConsumedCapacity")),
                elsewhere=context.get(ELSEWHERE),
            )
        )

    def _hide_capacity(self, parsed: dict[str, Any], context: Mapping[str, Any], **_: object) -> None:
        if context.get(ADDED_CAPACITY):
            parsed.pop("ConsumedCapacity", None)


def _content(request: AWSPreparedRequest) -> Mapping[str, Any]:
    """Read a request's body; empty where it is no JSON object."""
    try:
        content = json.loads(request.body if isinstance(request.body, bytes | str) else "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _done(touched: tuple[Touched, ...], answer: Mapping[str, Any]) -> tuple[Touched, ...]:
    """Leave out what BatchWriteItem says it did not write."""
    left = touched_by("BatchWriteItem", {"RequestItems": answer.get("UnprocessedItems") or {}})
    return tuple(row for row in touched if row not in left)


def _read_units(operation: str, consumed: Any) -> float | None:  # noqa: ANN401 - one of two shapes, or nothing
    """Sum what a read says it consumed; nothing for a write."""
    if not consumed or operation not in READS:
        return None
    parts = consumed if isinstance(consumed, list) else [consumed]
    return float(sum(part.get("CapacityUnits", 0.0) for part in parts))
