"""A table of any schema under exploration: its keys are the template's, its rules the user's.

The oracle knows the messages table only, so it is silent here. What must hold is what the user states, and of itself:
answers are lawful, quiet is reached, and what is delivered again once everything was taken leaves every row as it is.
The index is the endpoint's: it is never behind.
"""

from __future__ import annotations

import contextlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from replay.checks.compare import Difference
from replay.errors import WrongUse
from replay.exploration.execution import execute
from replay.exploration.foreign import SteppedHandler
from replay.exploration.given import Given, read_records, read_rows, wires
from replay.exploration.ground import forked
from replay.exploration.handler import NextCall
from replay.exploration.outcome import RULES
from replay.function.calls import READS
from replay.tables.wire import to_sdk
from replay.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.checks.reading import Item
    from replay.exploration.case import Case
    from replay.exploration.ground import CarryOut, Subject
    from replay.exploration.invariants import Moment, Scanned, Watch
    from replay.exploration.outcome import Execution, Manner
    from replay.function.channel import Message
    from replay.function.forked import ForkedFunction, ForkedInvocation
    from replay.tables.endpoint import Endpoint
    from replay.tables.memory import Address

TABLE_TYPES: Final = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::Serverless::SimpleTable")
INDEX_LISTS: Final = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
INDEX_PARTS: Final = ("IndexName", "KeySchema", "Projection")
SIMPLE_KEY: Final = {"Name": "id", "Type": "String"}
"""AWS: SAM developer guide, AWS::Serverless::SimpleTable: the key where none is said."""
MESSAGES_RULES: Final = frozenset(RULES) - {"answers are lawful", "quiet is reached"}
"""Rules that need to know what a message is."""
ROW_CHARS_MAX: Final = 300
REDELIVERY: Final = "redelivery leaves every row as it is"
FREE_RULES: Final = (REDELIVERY,)
"""Rules that only a table of any schema has; on the messages table the oracle says more."""
WRITES: Final = {"PutItem": "Item", "UpdateItem": "Key", "DeleteItem": "Key"}


@dataclass(frozen=True, slots=True)
class FreeTable:
    """A table as CreateTable takes it, and the names of its key, the partition key first."""

    arguments: Mapping[str, Any]
    key: tuple[str, ...]

    @classmethod
    def load(cls, path: Path, logical_id: str | None = None) -> FreeTable:
        """Read the one table of a template, or the one that is named.

        Raises:
            WrongUse: the template cannot be read, or has no such table, or several.
        """
        template = Template.load(path)
        tables = {name: found for kind in TABLE_TYPES for name, found in template.resources(kind).items()}
        names = ", ".join(tables) or "none"
        if logical_id is not None and logical_id not in tables:
            raise WrongUse(f"{path} has no table '{logical_id}'; it has: {names}")
        if logical_id is None and len(tables) != 1:
            raise WrongUse(f"{path} holds these tables: {names}; name one with --table")
        chosen = tables[logical_id or next(iter(tables))]
        try:
            return _table(_simple(chosen.properties) if "Serverless" in chosen.type else chosen.properties)
        except (KeyError, TypeError) as error:
            raise WrongUse(f"{path}: {chosen.logical_id} is no complete table, at {error}") from error

    def address(self, item: Mapping[str, Any]) -> Address:
        """Show a row's key as two texts; KeyError where it has none."""
        shown = [_shown(item[name]) for name in self.key]
        return shown[0], shown[1] if len(shown) > 1 else ""

    def differences(self, first: Iterable[Item], second: Iterable[Item]) -> list[Difference]:
        """Compare two whole tables row by row."""
        one, other = ({self.address(item): item for item in items} for items in (first, second))
        return [
            Difference(" ".join(address).strip(), None, None, _row(one.get(address)), _row(other.get(address)))
            for address in sorted(one.keys() | other.keys())
            if one.get(address) != other.get(address)
        ]

    def given(self, rows: Path | None, records: Path) -> Given:
        """Read rows and records of this table; rows that the records presuppose need not be given.

        Raises:
            WrongUse: a file cannot be read, holds something else, or has no key of this table.
        """
        found: dict[Address, Item] = {}
        for item in read_rows(rows) if rows else ():
            found[self._address_in(rows, item)] = item
        read, seen = read_records(records), set(found)
        for recorded in read:
            change = recorded.wire["dynamodb"]
            address = self._address_in(records, change.get("Keys") or {})
            if address not in seen and isinstance(change.get("OldImage"), dict):
                found[address] = change["OldImage"]
            seen.add(address)
        return Given(tuple(found.values()), wires(read), is_messages=False)

    def _address_in(self, path: Path | None, item: Mapping[str, Any]) -> Address:
        try:
            return self.address(item)
        except (KeyError, TypeError, ValueError):
            raise WrongUse(
                f"{path}: {json.dumps(item)[:ROW_CHARS_MAX]} has not the table's key ({', '.join(self.key)})"
            ) from None


@contextmanager
def free_ground(endpoint: Endpoint, subject: Subject, name: str, table: FreeTable) -> Iterator[CarryOut]:
    """Make the table and carry out cases on it.

    Raises:
        WrongUse: the table cannot be made, or the handler not be imported.
    """
    client = endpoint.client()
    try:
        client.create_table(TableName=name, **table.arguments)
    except ClientError as error:
        raise WrongUse(f"the template's table cannot be made: {error.response['Error'].get('Message')}") from error
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    with contextlib.ExitStack() as stack:
        stack.callback(client.delete_table, TableName=name)
        function = stack.enter_context(forked(endpoint, subject, name))

        def carry_out(case: Case, manner: Manner) -> Execution:
            store = FreeStore(client, name, table)
            try:
                for row in case.rows:
                    store.write(row)
                return _execute(case, store, FreeHandler(function, store), manner)
            finally:
                store.wipe()

        yield carry_out


def _execute(case: Case, store: FreeStore, handler: FreeHandler, manner: Manner) -> Execution:
    watched = replace(manner, ignored=manner.ignored | MESSAGES_RULES, watch=_FreeWatch(manner.watch, store))
    return execute(replace(case, rows=(), lags=(), writes=()), store, handler, watched)


class FreeStore:
    """The table as the explorer sees it: no group row, no index that lags; its rows are read from the endpoint."""

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


class FreeHandler:
    """A handler in processes of its own; what a record tells of has happened before it is delivered."""

    def __init__(self, function: ForkedFunction, store: FreeStore) -> None:
        self._function = function
        self._store = store

    def start(self, event: dict[str, Any], request_id: str) -> SteppedFree:
        """Begin an invocation and stop it at its first call."""
        for record in event["Records"]:
            self._store.happen(record)
        return SteppedFree(self._function.begin(event, request_id), self._store)

    def quarantined(self) -> None:
        """Say that nobody can know."""


class SteppedFree(SteppedHandler):
    """One invocation on a table of any schema."""

    def __init__(self, invocation: ForkedInvocation, store: FreeStore) -> None:
        self._table = store.table
        super().__init__(invocation, store)  # type: ignore[arg-type] # asked only for what it has

    def _look(self) -> None:
        super()._look()
        if self.call is not None:
            self.call = _told(self._invocation.asked[0], self._table)


class _FreeWatch:
    """Asks the user's rules, and whether what came again left every row as it was."""

    def __init__(self, watch: Watch | None, store: FreeStore) -> None:
        self._watch = watch
        self._store = store
        self._last: list[Item] | None = None

    def broken(self, moment: Moment, store: Scanned, records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        del store  # it shows the oracle no row
        rows = self._store.rows()
        if self._watch is not None:
            yield from self._watch.broken(moment, _Rows(rows), records)
        if moment == "finally":
            before, self._last = self._last, rows
            if before is not None and before != rows:
                yield REDELIVERY, _difference(before, rows, self._store.table)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows as they were read."""

    rows: Sequence[Item]

    def scan(self) -> Sequence[Item]:
        """Give them."""
        return self.rows


def _row(item: Item | None) -> str | None:
    return None if item is None else json.dumps(item, default=str, sort_keys=True)[:ROW_CHARS_MAX]


def _difference(before: Sequence[Item], after: Sequence[Item], table: FreeTable) -> str:
    first = table.differences(before, after)[0]
    moved = f"row {first.row} went from {first.first or 'nothing'} to {first.second or 'nothing'}"
    return f"everything had been taken, and was delivered once more: {moved}"


def _told(asked: Message, table: FreeTable) -> NextCall:
    operation, body = asked["operation"], asked["body"]
    if asked["service"] != "dynamodb":
        return NextCall("other", f"{asked['service']} {operation}")
    if operation in READS:
        return NextCall("read", f"{operation} {body.get('IndexName', '')}".rstrip())
    touches = tuple(_touches(operation, body, table))
    named = ", ".join(" ".join(address).strip() for address in touches)
    return NextCall("write", f"{operation} {named}".rstrip(), touches)


def _touches(operation: str, body: Mapping[str, Any], table: FreeTable) -> Iterator[Address]:
    """Name the rows of the table that a request writes, as far as it names them."""
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        if operation in WRITES:
            yield table.address(body[WRITES[operation]])
        for action in body.get("TransactItems", ()) if operation == "TransactWriteItems" else ():
            for name, content in action.items():
                if f"{name}Item" in WRITES:
                    yield table.address(content[WRITES[f"{name}Item"]])
        for writes in body.get("RequestItems", {}).values() if operation == "BatchWriteItem" else ():
            for write in writes:
                for name, content in write.items():
                    yield table.address(content[WRITES[f"{name.removesuffix('Request')}Item"]])


def _table(properties: Mapping[str, Any]) -> FreeTable:
    arguments: dict[str, Any] = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": list(properties["AttributeDefinitions"]),
        "KeySchema": list(properties["KeySchema"]),
    }
    for kind in INDEX_LISTS:
        if properties.get(kind):
            arguments[kind] = [{part: index[part] for part in INDEX_PARTS} for index in properties[kind]]
    roles = {part["KeyType"]: part["AttributeName"] for part in properties["KeySchema"]}
    return FreeTable(arguments, tuple(roles[role] for role in ("HASH", "RANGE") if role in roles))


def _simple(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    key = properties.get("PrimaryKey", SIMPLE_KEY)
    return {
        "AttributeDefinitions": [{"AttributeName": key["Name"], "AttributeType": key["Type"][0]}],
        "KeySchema": [{"AttributeName": key["Name"], "KeyType": "HASH"}],
    }


def _shown(value: Mapping[str, Any]) -> str:
    """Show a key's value: texts and numbers as they are."""
    ((_, content),) = value.items()
    return content if isinstance(content, str) else repr(content)
