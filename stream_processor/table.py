"""The table behind the group rows: what can be asked of it, and DynamoDB's way of answering.

`GroupTable` is the seam that the function and the harness share: whoever keeps its contract (one suite of tests states
it) can stand in for DynamoDB. Requests are values; each becomes a call in one place, here. The index is a hint: it may
show rows that are gone and miss rows that are there. Reads of a member's partition and of a group's messages are
consistent. AWS's error codes become errors in one table, here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError  # noqa: A004

from stream_processor.errors import ConditionFailed, RefusedError, TransientError
from stream_processor.message import GROUP_PREFIX, MESSAGE_PREFIX, GroupId, MemberId
from stream_processor.transaction import Check, Delete, NoRow, Put, Transaction, Unchanged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from stream_processor.row import Item
    from stream_processor.transaction import Action

SENDERS_MESSAGES_MAX = 20
"""How many of a group's newest messages are asked for their senders where no row is found."""


@dataclass(frozen=True, slots=True)
class ReadIndex:
    """One page of the index entries of a group; eventually consistent."""

    group: GroupId
    after: Item | None = None


@dataclass(frozen=True, slots=True)
class ReadMember:
    """One page of a member's rows of a group, from the base table; consistent."""

    member: MemberId
    group: GroupId
    after: Item | None = None


@dataclass(frozen=True, slots=True)
class ReadSenders:
    """One page of a group's newest messages (by text of their times), their senders only; consistent."""

    group: GroupId
    limit: int = SENDERS_MESSAGES_MAX
    after: Item | None = None


Read = ReadIndex | ReadMember | ReadSenders


@dataclass(frozen=True, slots=True)
class Page:
    """Items in the order of their sort keys, and where the next page begins; nothing on the last one."""

    items: tuple[Item, ...]
    next: Item | None = None


class GroupTable(Protocol):
    """Where group rows live.

    Both methods raise `TransientError` for what another try may mend, `RefusedError` for what it will not.
    """

    def read(self, request: Read) -> Page:
        """Answer one page."""
        ...

    def transact(self, actions: Transaction) -> None:
        """Do all actions or none.

        Raises:
            ConditionFailed: a condition did not hold; nothing was done.
        """
        ...


TRANSIENT_CODES: Final = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""AWS: DynamoDB developer guide, "Error handling"; API reference, TransactWriteItems (cancellation reasons)."""
CONDITION_FAILED: Final = "ConditionalCheckFailed"
NO_REASON: Final = "None"
SERVER_FAULT_STATUS: Final = 500


class DynamoGroupTable:
    """A `GroupTable` on DynamoDB.

    The client tries each call once: tries again belong to the group's work, where they are counted and bounded.
    """

    def __init__(self, client: DynamoDBClient, table_name: str, index_name: str) -> None:
        self._client = client
        self._table_name = table_name
        self._index_name = index_name

    def read(self, request: Read) -> Page:
        """Answer one page by a Query."""
        arguments = _query(request, self._index_name)
        if request.after is not None:
            arguments["ExclusiveStartKey"] = request.after
        try:
            answer = self._client.query(TableName=self._table_name, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise _table_error(error) from error
        return Page(tuple(answer["Items"]), answer.get("LastEvaluatedKey"))

    def transact(self, actions: Transaction) -> None:
        """Do all actions or none by TransactWriteItems."""
        items: Any = [_transact_item(self._table_name, action) for action in actions]
        try:
            self._client.transact_write_items(TransactItems=items)
        except (ClientError, BotoCoreError) as error:
            raise _table_error(error) from error


def _query(request: Read, index_name: str) -> dict[str, Any]:
    match request:
        case ReadIndex(group=group):
            return {
                "IndexName": index_name,
                "KeyConditionExpression": "message_group_uuid = :group",
                "ExpressionAttributeValues": {":group": {"S": group}},
            }
        case ReadMember(member=member, group=group):
            return {
                "ConsistentRead": True,
                "KeyConditionExpression": "pk = :member",
                "FilterExpression": "message_group_uuid = :group",
                "ExpressionAttributeValues": {":member": {"S": GROUP_PREFIX + member}, ":group": {"S": group}},
            }
        case ReadSenders(group=group, limit=limit):
            return {
                "ConsistentRead": True,
                "ScanIndexForward": False,
                "Limit": limit,
                "KeyConditionExpression": "pk = :messages",
                "ProjectionExpression": "user_uuid",
                "ExpressionAttributeValues": {":messages": {"S": MESSAGE_PREFIX + group}},
            }


def _transact_item(table_name: str, action: Action) -> Mapping[str, Any]:
    arguments: dict[str, Any] = {
        "TableName": table_name,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **_condition(action.condition),
    }
    match action:
        case Put(item=item):
            return {"Put": {"Item": item, **arguments}}
        case Delete(key=key):
            return {"Delete": {"Key": key.item, **arguments}}
        case Check(key=key):
            return {"ConditionCheck": {"Key": key.item, **arguments}}


def _condition(condition: Unchanged | NoRow) -> dict[str, Any]:
    if isinstance(condition, NoRow):
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    terms: list[str] = []
    for number, (name, value) in enumerate(condition.equal):
        names[f"#{number}"], values[f":{number}"] = name, value
        terms.append(f"#{number} = :{number}")
    for number, name in enumerate(condition.absent, start=len(condition.equal)):
        names[f"#{number}"] = name
        terms.append(f"attribute_not_exists(#{number})")
    return {
        "ConditionExpression": " AND ".join(terms),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _table_error(error: ClientError | BotoCoreError) -> ConditionFailed | TransientError | RefusedError:
    if isinstance(error, ClientError):
        return _answered_error(error)
    if isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError):
        return TransientError(type(error).__name__, "the table did not answer in time or the connection broke")
    return RefusedError(type(error).__name__, "the request could not be sent")


def _answered_error(error: ClientError) -> ConditionFailed | TransientError | RefusedError:
    code = error.response.get("Error", {}).get("Code", "Unknown")
    if code == "TransactionCanceledException":
        reasons: Sequence[Any] = error.response.get("CancellationReasons", ())
        return _cancellation(reasons)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in TRANSIENT_CODES or status >= SERVER_FAULT_STATUS:
        return TransientError(code)
    return RefusedError(code)


def _cancellation(reasons: Sequence[Mapping[str, Any]]) -> ConditionFailed | TransientError | RefusedError:
    """Judge a cancelled transaction: a failed condition first, since another try meets it again."""
    codes = [reason.get("Code", NO_REASON) for reason in reasons]
    if CONDITION_FAILED in codes:
        return ConditionFailed(
            [
                reason.get("Item", {}) if code == CONDITION_FAILED else None
                for reason, code in zip(reasons, codes, strict=True)
            ]
        )
    refused = [code for code in codes if code != NO_REASON and code not in TRANSIENT_CODES]
    if refused or not any(code in TRANSIENT_CODES for code in codes):
        return RefusedError(refused[0] if refused else "TransactionCanceledException")
    return TransientError(next(code for code in codes if code in TRANSIENT_CODES))
