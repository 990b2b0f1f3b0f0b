"""A table on a DynamoDB endpoint as the checks need it: the function's own calls, the application's side, a held index.

DynamoDB Local's index is never behind, so lag is made here: every change is followed on a copy in memory, and while the
index is held its readings are answered by the copy. The copy doubles as a second opinion: base rows must be the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.rows.keys import GROUP_PREFIX
from replay.tables.memory import MemoryTable
from stream_processor.table import DynamoGroupTable, ReadIndex
from stream_processor.transaction import Delete, Put

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.tables.memory import Address, Change
    from stream_processor.row import Item
    from stream_processor.table import Page, Read
    from stream_processor.transaction import Transaction


BATCH_WRITE_MAX = 25
"""Writes of one BatchWriteItem. AWS: DynamoDB API reference."""


class DynamoStore:
    """Rows on an endpoint; only those that went through this object are known to it."""

    def __init__(self, client: DynamoDBClient, table_name: str, index_name: str) -> None:
        self._client = client
        self._table_name = table_name
        self._group_table = DynamoGroupTable(client, table_name, index_name)
        self._copy = MemoryTable()
        self._holding = False

    def read(self, request: Read) -> Page:
        """Answer one page: the endpoint's, or the copy's where the index is held."""
        if isinstance(request, ReadIndex) and self._holding:
            return self._copy.read(request)
        return self._group_table.read(request)

    def transact(self, actions: Transaction) -> None:
        """Do all actions or none on the endpoint, then follow on the copy."""
        self._group_table.transact(actions)
        for action in actions:
            if isinstance(action, Put):
                self._copy.put(action.item)
            elif isinstance(action, Delete):
                self._copy.delete((GROUP_PREFIX + action.key.member, action.key.sort_key))

    def wipe(self) -> None:
        """Remove every row of the partitions that went through this object."""
        addresses = [(item["pk"]["S"], item["sk"]["S"]) for item in self.scan()]
        for start in range(0, len(addresses), BATCH_WRITE_MAX):
            deletes: Any = [
                {"DeleteRequest": {"Key": _key(address)}} for address in addresses[start : start + BATCH_WRITE_MAX]
            ]
            self._client.batch_write_item(RequestItems={self._table_name: deletes})

    def follow(self, partition_keys: Iterable[str]) -> None:
        """Take into the copy what somebody else wrote to these partitions."""
        for partition_key in sorted(set(partition_keys)):
            actual = {item["sk"]["S"]: item for item in self._query(partition_key)}
            for item in self._copy.partition(partition_key):
                if item["sk"]["S"] not in actual:
                    self._copy.delete((partition_key, item["sk"]["S"]))
            for item in actual.values():
                self._copy.put(item)

    def knows(self, group: str) -> bool:
        """Whether a group ever had a row."""
        return self._copy.knows(group)

    def put(self, item: Item) -> None:
        """Write a whole row."""
        self._client.put_item(TableName=self._table_name, Item=item)
        self._copy.put(item)

    def delete(self, address: Address) -> None:
        """Remove a row if it is there."""
        self._client.delete_item(TableName=self._table_name, Key=_key(address))
        self._copy.delete(address)

    def has(self, address: Address) -> bool:
        """Whether there is a row."""
        return self._copy.has(address)

    def partition(self, partition_key: str) -> list[Item]:
        """Read a partition's rows by sort key."""
        return self._copy.partition(partition_key)

    def scan(self) -> Iterator[Item]:
        """Read every known partition from the endpoint, consistently."""
        for partition_key in sorted(self._copy.partitions()):
            yield from self._query(partition_key)

    @property
    def stream(self) -> list[Change]:
        """Every change of a row that went through this object so far, in order."""
        return self._copy.stream

    def indexed(self, group: str) -> list[Item]:
        """List what the index shows of a group."""
        return self._copy.indexed(group)

    def hold_index(self) -> None:
        """From now on index changes wait until they are shown."""
        self._holding = True
        self._copy.hold_index()

    def waiting(self) -> tuple[Address, ...]:
        """Rows of which the index does not show the newest version."""
        return self._copy.waiting()

    def waiting_changes(self) -> tuple[tuple[Address, int], ...]:
        """Rows of which the index does not show the newest version, with the number of their changes that wait."""
        return self._copy.waiting_changes()

    def group_of(self, address: Address) -> str:
        """Name the group of a waiting row; empty where it is no group row."""
        return self._copy.group_of(address)

    def show(self, address: Address) -> None:
        """Let the index take a waiting row's next change."""
        self._copy.show(address)

    def release_index(self) -> None:
        """Let the index take every change, from now on at once."""
        self._copy.release_index()
        self._holding = False

    def _query(self, partition_key: str) -> Iterator[Item]:
        arguments: dict[str, Any] = {
            "TableName": self._table_name,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :partition",
            "ExpressionAttributeValues": {":partition": {"S": partition_key}},
        }
        pages: Iterator[Any] = iter(self._client.get_paginator("query").paginate(**arguments))
        for page in pages:
            yield from page["Items"]


def _key(address: Address) -> Item:
    return {"pk": {"S": address[0]}, "sk": {"S": address[1]}}
