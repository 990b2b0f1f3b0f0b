"""A table of any schema as the explorer sees it, over an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.rows.wire import to_sdk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.exploration.any_schema.table import FreeTable
    from replay.rows.reading import Item
    from replay.tables.memory import Address


class FreeStore:
    """No group row, no index that lags; its rows are read from the endpoint."""

    def __init__(self, client: DynamoDBClient, name: str, table: FreeTable) -> None:
        self.table = table
        self._client = client
        self._name = name
        self._done: set[str] = set()

    def rows(self) -> list[Item]:
        """Read every row, by its key."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._name, ConsistentRead=True)
        return sorted((item for page in pages for item in page["Items"]), key=self.table.address)

    def write(self, item: Mapping[str, Any]) -> None:
        """Put a row as the application does."""
        self._client.put_item(TableName=self._name, Item=to_sdk(item))

    def happen(self, record: Mapping[str, Any]) -> None:
        """Write what the application wrote before the stream could tell of it, once."""
        change = record["dynamodb"]
        if change["SequenceNumber"] in self._done:
            return
        self._done.add(change["SequenceNumber"])
        image = change.get("NewImage")
        if record.get("eventName") == "REMOVE":
            self._client.delete_item(TableName=self._name, Key=to_sdk(change["Keys"]))
        elif isinstance(image, dict):
            self.write(image)

    def wipe(self) -> None:
        """Remove every row."""
        for item in self.rows():
            self._client.delete_item(TableName=self._name, Key={name: item[name] for name in self.table.key})

    # What the explorer asks of a messages table.

    def partition(self, partition_key: str) -> list[Item]:
        """Read the rows under a shown partition key; each says its shown sort key as `sk`."""
        rows = ((self.table.address(item), item) for item in self.rows())
        return [{**item, "sk": {"S": address[1]}} for address, item in rows if address[0] == partition_key]

    def put(self, item: Item) -> None:
        """Nothing: `happen` has written it."""

    def delete(self, address: Address) -> None:
        """Nothing: no member leaves."""

    def has(self, address: Address) -> bool:
        """Whether there is a row."""
        return any(self.table.address(item) == address for item in self.rows())

    def scan(self) -> tuple[Item, ...]:
        """Show the oracle no row."""
        return ()

    stream = ()
    """No change is followed: no reading meets half of a transaction."""

    def indexed(self, group: str) -> tuple[Item, ...]:  # noqa: ARG002 - as the explorer asks
        """No group is known."""
        return ()

    def hold_index(self) -> None:
        """Nothing: the index is the endpoint's."""

    def release_index(self) -> None:
        """Nothing: the index is the endpoint's."""

    def waiting(self) -> tuple[Address, ...]:
        """No row is late."""
        return ()

    def waiting_changes(self) -> tuple[tuple[Address, int], ...]:
        """No row is late."""
        return ()

    def group_of(self, address: Address) -> str:  # noqa: ARG002 - as the explorer asks
        """No row has a group."""
        return ""

    def show(self, address: Address) -> None:
        """Nothing: no row is late."""

    def follow(self, partition_keys: Iterable[str]) -> None:
        """Nothing: there is no copy."""

    def knows(self, group: str) -> bool:  # noqa: ARG002 - as the explorer asks
        """No group is known."""
        return False

    def read(self, request: object) -> Any:  # noqa: ANN401 - never
        """Never asked: no index entry is late."""
        raise NotImplementedError(request)

    def transact(self, actions: object) -> None:
        """Never asked: the handler has a process of its own."""
        raise NotImplementedError(actions)
