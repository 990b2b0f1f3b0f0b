"""Any handler, stepped at every call that botocore makes in it, against a table on an endpoint.

Faults are made at the gate in the handler's process: before a call is sent, or after it took effect. The index's lag is
made by putting other items into the answers of its queries: what the index would show if it were that far behind. A
query with a filter, a projection or a page limit is answered as the endpoint answers it. Half a transaction is put into
the answer of a partition's query in the same way, behind a filter too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.event_source.answers import Raised, Returned, TimedOut, Unserialisable
from replay.exploration.handler import NextCall
from replay.function.calls import READS, touched_by
from replay.function.gate import packed
from replay.rows.keys import GROUP_PREFIX
from stream_processor.message import GroupId
from stream_processor.table import ReadIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.event_source.answers import FunctionResult
    from replay.exploration.case import FaultKind
    from replay.exploration.torn import View
    from replay.function.channel import Message
    from replay.function.forked import ForkedFunction, ForkedInvocation
    from replay.tables.dynamo import DynamoStore

GO: Message = {"do": "go", "items": None}
THROTTLED = "ProvisionedThroughputExceededException"
CONFLICT = "TransactionConflictException"
CANCELLED = "TransactionCanceledException"
NOT_TORN = ("ProjectionExpression", "Limit", "ExclusiveStartKey", "Select")
DETAIL_CHARS = 300
NOT_HELD_BACK = ("FilterExpression", *NOT_TORN)


class ForeignHandler:
    """A handler in processes of its own, over a store whose copy follows what it writes."""

    def __init__(self, function: ForkedFunction, store: DynamoStore) -> None:
        self._function = function
        self._store = store

    def start(self, event: dict[str, Any], request_id: str) -> SteppedHandler:
        """Begin an invocation and stop it at its first call."""
        return SteppedHandler(self._function.begin(event, request_id), self._store)

    def quarantined(self) -> None:
        """Say that nobody can know."""


class SteppedHandler:
    """One invocation of a foreign handler."""

    account = None

    def __init__(self, invocation: ForkedInvocation, store: DynamoStore) -> None:
        self._invocation = invocation
        self._store = store
        self.result: FunctionResult | None = None
        self.call: NextCall | None = None
        self._look()

    def go(self, fault: FaultKind | None = None, torn: View | None = None) -> str:
        """Let the next call happen, or fail."""
        asked = self._invocation.asked[0]
        how = self._go(asked, fault, torn)
        if self.call is not None and self.call.kind == "write":
            self._store.follow(address[0] for address in self.call.touches)
        self._look()
        return how

    def drop(self) -> None:
        """End the handler's process."""
        self._invocation.kill()

    def _go(self, asked: Message, fault: FaultKind | None, torn: View | None) -> str:
        invocation = self._invocation
        match fault:
            case "crash-before" | "timeout-before":
                invocation.kill()
                return self._killed(fault)
            case "crash-after" | "timeout-after":
                invocation.order_and_kill(GO)
                return self._killed(fault)
            case "throttle":
                invocation.order({"do": "refuse", "code": THROTTLED, "more": {}})
            case "conflict":
                invocation.order(_conflict(asked))
            case "lost-request":
                invocation.order({"do": "lose-request"})
            case "lost-answer":
                invocation.order({"do": "lose-answer"})
            case "little-time":
                return self._called(invocation.order({"do": "little-time", "items": self._held_back(asked)}))
            case "torn-read" | "torn-read-puts" if torn is not None:
                return self._called(invocation.order({"do": "go", **_half_seen(asked, torn)}))
            case _:
                return self._called(invocation.order({"do": "go", "items": self._held_back(asked)}))
        return fault

    def _called(self, called: Message | None) -> str:
        error = None if called is None else called.get("error")
        return "ConditionFailed" if error in {"ConditionalCheckFailedException", CANCELLED} else error or "done"

    def _killed(self, fault: FaultKind) -> str:
        self.result = TimedOut() if fault.startswith("timeout") else Raised("Runtime.ExitError")
        return fault

    def _look(self) -> None:
        """See what comes next: a call, or the end."""
        ended = self._invocation.ended
        if ended is None:
            self.call = _told(self._invocation.asked[0], self._store)
            return
        self.call = None
        if self.result is None:
            self.result = _result(ended)

    def _held_back(self, asked: Message) -> list[Any] | None:
        """What an index that is behind shows instead; nothing where it is up to date or the query is no plain one."""
        body: Mapping[str, Any] = asked["body"]
        if _kind(asked) != "index" or not self._store.waiting() or any(name in body for name in NOT_HELD_BACK):
            return None
        for value in _texts(body):
            items = self._store.read(ReadIndex(GroupId(value))).items
            if items or self._store.knows(value):
                newest_first = body.get("ScanIndexForward") is False
                return [packed(item) for item in (reversed(items) if newest_first else items)]
        return None


def _told(asked: Message, store: DynamoStore) -> NextCall:
    operation, body = asked["operation"], asked["body"]
    kind = _kind(asked)
    touches = tuple((row.partition_key, row.sort_key) for row in _touched(asked)) if kind == "write" else ()
    named = ", ".join(f"{row.way} {row.partition_key} {row.sort_key}" for row in _touched(asked))
    detail = named or " ".join([*body.get("IndexName", "").split(), *_texts(body)])
    text = f"{operation} {detail}".rstrip()
    if kind not in {"index", "read"}:
        return NextCall(kind, text, touches)
    texts = [*_texts(body), *_texts({"ExpressionAttributeValues": body.get("Key", {})})]
    is_narrow = kind == "index" or "FilterExpression" in body or "QueryFilter" in body
    group = next((value for value in texts if store.knows(value)), "") if is_narrow else ""
    partition = next((value for value in texts if value.startswith(GROUP_PREFIX)), "") if kind == "read" else ""
    is_query = operation == "Query" and not any(name in body for name in NOT_TORN)
    return NextCall(kind, text, group=group, partition=partition, is_query=is_query)


def _half_seen(asked: Message, torn: View) -> Message:
    """Say which rows a reading is not to see, by their keys, and which it is to see as they were."""
    return {
        "without": [list(address) for address in torn],
        "with": [packed(item) for item in torn.values() if item is not None],
        "backward": asked["body"].get("ScanIndexForward") is False,
    }


def _kind(asked: Message) -> Any:  # noqa: ANN401 - a CallKind
    if asked["service"] != "dynamodb":
        return "other"
    if asked["operation"] in READS:
        return "index" if "IndexName" in asked["body"] else "read"
    return "write" if _touched(asked) else "other"


def _touched(asked: Message) -> tuple[Any, ...]:
    return touched_by(asked["operation"], asked["body"]) if asked["service"] == "dynamodb" else ()


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    """The texts that a query compares with, in both of DynamoDB's ways of saying it."""
    for value in body.get("ExpressionAttributeValues", {}).values():
        if "S" in value:
            yield value["S"]
    for condition in body.get("KeyConditions", {}).values():
        for value in condition.get("AttributeValueList", ()):
            if "S" in value:
                yield value["S"]


def _conflict(asked: Message) -> Message:
    """A conflict with another transaction, as each kind of call is told of it; reads only throttle."""
    if asked["operation"] == "TransactWriteItems":
        reasons = [{"Code": "TransactionConflict"}] + [{"Code": "None"}] * (len(asked["body"]["TransactItems"]) - 1)
        return {"do": "refuse", "code": CANCELLED, "more": {"CancellationReasons": reasons}}
    return {"do": "refuse", "code": CONFLICT if _kind(asked) == "write" else THROTTLED, "more": {}}


def _result(ended: Message) -> FunctionResult:
    match ended["is"]:
        case "returned":
            return Returned(ended["value"])
        case "unserialisable":
            return Unserialisable()
        case "raised":
            return Raised(ended["type"], detail=_detail(ended))
        case "timed-out":
            return TimedOut()
        case _:
            return Raised("Runtime.ExitError")


def _detail(ended: Message) -> str:
    """What an exception said, and the line of the handler that it came from."""
    said = ended["message"].splitlines()[:1]
    return ": ".join([*said, *(ended["stack"][-1:])])[:DETAIL_CHARS]
