"""A gate before every call that botocore makes, in whichever thread: nothing is sent before the harness says so.

It stands on botocore's events `before-call` and `after-call`, so that it sees each API call once, whatever the SDK
retries below. The harness may let the call happen, let it fail before it is sent, lose its answer after it took effect,
or put other items into a query's answer (an index that is behind).
"""

from __future__ import annotations

import base64
import json
import queue
import threading
from typing import TYPE_CHECKING, Any, Final

import botocore
from botocore.exceptions import ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import OperationModel

    from replay.function.channel import Message

NUMBER: Final = "replay_gate_number"
ORDER: Final = "replay_gate_order"
REFUSED_STATUS: Final = 400


class Gate:
    """Asks before each call; `send` tells the harness, `answer` brings what it said."""

    def __init__(self, send: Callable[[Message], None], little_time: Callable[[], None]) -> None:
        self._send = send
        self._little_time = little_time
        self._waiting: dict[int, queue.SimpleQueue[Message]] = {}
        self._lock = threading.Lock()
        self._asked = 0

    def install(self) -> None:
        """Stand before the calls of every session made from now on."""
        botocore.register_initializer(self._attach)

    def answer(self, message: Message) -> None:
        """Hand the harness's word to the thread that waits for it."""
        self._waiting.pop(message["answer"]).put(message)

    def _attach(self, session: Any) -> None:  # noqa: ANN401 - botocore's Session, untyped here
        events = session.get_component("event_emitter")
        events.register_first("before-call", self._before)
        # The most specific name comes first: before a resource turns the items into Python's own values.
        events.register_first("after-call.dynamodb.Query", self._replace_items)
        events.register_first("after-call", self._after)

    def _before(
        self, model: OperationModel, params: dict[str, Any], context: dict[str, Any], **_: object
    ) -> tuple[Any, dict[str, Any]] | None:
        box: queue.SimpleQueue[Message] = queue.SimpleQueue()
        with self._lock:
            self._asked += 1
            number = self._asked
            self._waiting[number] = box
        service, operation = model.service_model.service_name, model.name
        self._send({"is": "asks", "number": number, "service": service, "operation": operation, "body": _body(params)})
        order = box.get()
        context[NUMBER], context[ORDER] = number, order
        match order["do"]:
            case "lose-request":
                raise ReadTimeoutError(endpoint_url=str(params.get("url")))
            case "refuse":
                return _Refusal(), {"Error": {"Code": order["code"], "Message": "injected"}, **order["more"]}
            case "little-time":
                self._little_time()
        return None

    def _after(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        number, order = context.get(NUMBER), context.get(ORDER, {})
        if number is None:
            return
        self._send({"is": "called", "number": number, "error": parsed.get("Error", {}).get("Code")})
        if order.get("do") == "lose-answer":
            raise ReadTimeoutError(endpoint_url="the table")

    def _replace_items(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        """Put the harness's items into an answer, where it gave any; leave out or add those of half a transaction."""
        order = context.get(ORDER, {})
        given = order.get("items")
        if given is not None and "Items" in parsed:
            items = [unpacked(item) for item in given]
            parsed.update({"Items": items, "Count": len(items), "ScannedCount": len(items)})
            parsed.pop("LastEvaluatedKey", None)
        if "without" in order and "Items" in parsed:
            left_out = {(address[0], address[1]) for address in order["without"]}
            items = [item for item in parsed["Items"] if _address(item) not in left_out]
            items = sorted([*items, *map(unpacked, order["with"])], key=_address, reverse=order["backward"])
            parsed.update({"Items": items, "Count": len(items)})


def _address(item: dict[str, Any]) -> tuple[str, str]:
    return item.get("pk", {}).get("S", ""), item.get("sk", {}).get("S", "")


class _Refusal:
    """Stands for the HTTP answer of a call that was refused before it was sent."""

    status_code = REFUSED_STATUS
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def packed(value: Any) -> Any:  # noqa: ANN401 - any JSON, and bytes
    """Make plain JSON of an item in wire form: bytes become base64 under a key of their own."""
    if isinstance(value, bytes):
        return {"replay-bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: packed(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [packed(part) for part in value]
    return value


def unpacked(value: Any) -> Any:  # noqa: ANN401 - what `packed` made
    """Undo `packed`."""
    if isinstance(value, dict):
        if value.keys() == {"replay-bytes"}:
            return base64.b64decode(value["replay-bytes"])
        return {name: unpacked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [unpacked(part) for part in value]
    return value


def _body(params: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the service speaks
    try:
        return json.loads(params.get("body") or "{}")
    except (TypeError, ValueError):
        return {}
