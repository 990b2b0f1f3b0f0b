"""A messages table as it stands, on any endpoint: read page by page, whole or in parts. It writes nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from replay.errors import WrongUse
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX, PARTITION_KEY_BYTES_MAX
from replay.tables.schema import describe_differences, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

    from replay.rows.reading import Item
    from replay.tables.endpoint import Endpoint
    from replay.tables.schema import Key, TableSchema

KEY: Final[Key] = (("pk", "HASH"), ("sk", "RANGE"))
INDEX_KEY: Final[Key] = (("message_group_uuid", "HASH"), ("sk", "RANGE"))
PROJECTION: Final[Mapping[str, Any]] = {
    "ProjectionExpression": "#pk, #sk, #group, #user, #message",
    "ExpressionAttributeNames": {
        "#pk": "pk",
        "#sk": "sk",
        "#group": "message_group_uuid",
        "#user": "user_uuid",
        "#message": "message",
    },
}
"""What rows are judged by; it costs as many units as whole rows, and less time."""


@dataclass(frozen=True, slots=True)
class MessagesTable:
    """A table whose key is that of the messages table; `index` names the one that lists a group's rows, if any."""

    client: DynamoDBClient
    name: str
    approximate_rows: int
    index: str | None

    def scan(self) -> Iterator[Item]:
        """Read every row's part that is judged, eventually consistent."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, **PROJECTION)
        for page in pages:
            yield from page["Items"]

    def messages(self, group: str) -> Iterator[Item]:
        """Read a group's messages, as far as they are judged, consistently, in the order of their keys."""
        return self._query("pk = :key", MESSAGE_PREFIX + group, ConsistentRead=True, **PROJECTION)

    def rows_of(self, member: str) -> Iterator[Item]:
        """Read a member's rows of all groups, whole and consistently."""
        return self._query("pk = :key", GROUP_PREFIX + member, ConsistentRead=True)

    def entries(self, group: str) -> Iterator[Item]:
        """Read what the index shows of a group; it may be behind."""
        assert self.index is not None  # noqa: S101 - asked for on opening
        return self._query("message_group_uuid = :key", group, IndexName=self.index)

    def _query(self, condition: str, key: str, **arguments: Any) -> Iterator[Item]:  # noqa: ANN401 - Query's own
        if len(key.encode()) > PARTITION_KEY_BYTES_MAX:  # so an id found on a row says of a partition nobody can have
            return
        pages: Iterator[Any] = iter(
            self.client.get_paginator("query").paginate(
                TableName=self.name,
                KeyConditionExpression=condition,
                ExpressionAttributeValues={":key": {"S": key}},
                **arguments,
            )
        )
        for page in pages:
            yield from page["Items"]


def opened(endpoint: Endpoint, schema: TableSchema, name: str, *, needs_index: bool) -> MessagesTable:
    """Find a table that can be judged; what is no fault of its rows (the stream, say) is not looked at.

    Raises:
        WrongUse: it is missing, not active, or has another key; or it has no fit index, where one is needed.
    """
    client = endpoint.client()
    try:
        description = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        raise WrongUse(f"{missing(client, name)}; {_made_by(endpoint, name)} makes it") from None
    index = _group_index(description, schema)
    wanted = dataclasses.replace(
        schema, key=KEY, indexes=schema.indexes if needs_index and index is None else (), stream=None
    )
    differences = describe_differences(client, wanted, name)
    if differences:
        raise WrongUse("; ".join(differences))
    return MessagesTable(client, name, description.get("ItemCount", 0), index)


def _made_by(endpoint: Endpoint, name: str) -> str:
    if endpoint.is_local:
        return f"python -m replay live --table {name} --endpoint-url {endpoint.url}"
    return "make deploy"


def _group_index(description: TableDescriptionTypeDef, schema: TableSchema) -> str | None:
    """Find the index of groups by its key; it has any name, but the template's is preferred."""
    preferred = {index.name for index in schema.indexes}
    found = [
        index["IndexName"]
        for index in description.get("GlobalSecondaryIndexes", ())
        if tuple((part["AttributeName"], part["KeyType"]) for part in index["KeySchema"]) == INDEX_KEY
        and index["Projection"].get("ProjectionType") == "ALL"
    ]
    return next((name for name in found if name in preferred), found[0] if found else None)
