"""The table's schema, read from `template.yaml`: the one place where keys, index and stream are written down.

A template whose index projects less than ALL is refused: a move rewrites rows from what the index shows, so every
attribute that the index leaves out would be erased.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from replay.errors import WrongUse
from replay.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef, TableDescriptionTypeDef

    from replay.template import Resource

PACKAGE = Path(__file__).resolve().parents[1]
TABLE_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
INDEX_LISTS = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")

ACTIVE_POLL_S = 1
ACTIVE_POLLS_MAX = 300
"""CreateTable takes seconds on AWS and no time on a local engine; five minutes mean that something is wrong."""

Key = tuple[tuple[str, str], ...]
"""Attribute names with their roles, in the order of the key: `(("pk", "HASH"), ("sk", "RANGE"))`."""


@dataclass(frozen=True, slots=True)
class Index:
    """One secondary index; `kind` is the list of the template (and of CreateTable) it stands in."""

    name: str
    kind: str
    key: Key
    projection: str


@dataclass(frozen=True, slots=True)
class TableSchema:
    """What the template says about the table; `stream` is the view type, or nothing where no stream is on."""

    name: str
    attributes: tuple[tuple[str, str], ...]
    key: Key
    indexes: tuple[Index, ...]
    stream: str | None

    def create_arguments(self, name: str | None = None) -> CreateTableInputTypeDef:
        """Return the arguments of CreateTable, pay per request, for a table of this or another name."""
        arguments: dict[str, Any] = {
            "TableName": name or self.name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": a, "AttributeType": t} for a, t in self.attributes],
            "KeySchema": _key_argument(self.key),
        }
        for index in self.indexes:
            arguments.setdefault(index.kind, []).append(
                {
                    "IndexName": index.name,
                    "KeySchema": _key_argument(index.key),
                    "Projection": {"ProjectionType": index.projection},
                }
            )
        if self.stream:
            arguments["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": self.stream}
        return arguments  # type: ignore[return-value] # built from the template, checked by the service


def locate_template(package: Path = PACKAGE) -> Path:
    """Find the template: the repository's, or the copy inside an installed package."""
    candidates = (package.parent / "template.yaml", package / "resources" / "template.yaml")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise WrongUse(f"template.yaml is missing: looked for {' and '.join(map(str, candidates))}")


def load_schema(template: Path | None = None, parameters: Mapping[str, str] = MappingProxyType({})) -> TableSchema:
    """Read the schema of the one table in a template (default: the project's own).

    `parameters` are values for the template's parameters. `WrongUse`: the template cannot be read, makes no table (as
    with a parameter that names an existing one) or several, or its table is unfit for moving rows.
    """
    path = template or locate_template()
    loaded = Template.load(path, parameters)
    tables = [table for kind in TABLE_TYPES for table in loaded.resources(kind).values()]
    if len(tables) != 1:
        names = ", ".join(table.logical_id for table in tables)
        raise WrongUse(f"{path} must make one DynamoDB table; with these parameters it makes {names or 'none'}")
    return schema_of(tables[0], source=str(path))


def schema_of(table: Resource, source: str = "the template") -> TableSchema:
    """Read the schema from a template's resource; one that is incomplete or unfit for moving rows is `WrongUse`."""
    try:
        schema = _schema(table)
    except (KeyError, TypeError, AttributeError) as error:
        raise WrongUse(f"{source}: {table.logical_id} is no complete table, at {error}") from error
    faults = lint(schema)
    if faults:
        raise WrongUse(f"{source}: {'; '.join(faults)}")
    return schema


def _schema(table: Resource) -> TableSchema:
    properties = table.properties
    name = properties.get("TableName")
    stream = properties.get("StreamSpecification", {}).get("StreamViewType")
    return TableSchema(
        name=name if isinstance(name, str) else table.logical_id,
        attributes=tuple((a["AttributeName"], a["AttributeType"]) for a in properties["AttributeDefinitions"]),
        key=_key(properties["KeySchema"]),
        indexes=tuple(
            Index(
                _text(index["IndexName"]), kind, _key(index["KeySchema"]), _text(index["Projection"]["ProjectionType"])
            )
            for kind in INDEX_LISTS
            for index in properties.get(kind, ())
        ),
        stream=stream,
    )


def _text(value: object) -> str:
    """Refuse what only a deployment could resolve."""
    if not isinstance(value, str):
        raise TypeError(f"{value}, which is no plain text")
    return value


def lint(schema: TableSchema) -> list[str]:
    """Say what makes a schema unfit for moving rows; nothing when it is fit."""
    return [_projection_fault(index.name, index.projection) for index in schema.indexes if index.projection != "ALL"]


def _projection_fault(index: str, projection: str) -> str:
    return (
        f"index {index} projects {projection}; it must project ALL, "
        "or a move erases every attribute that the index does not show"
    )


def create_table(client: DynamoDBClient, schema: TableSchema, name: str | None = None) -> None:
    """Create the table and wait until it is active; one that exists is the service's ResourceInUseException."""
    arguments = schema.create_arguments(name)
    client.create_table(**arguments)
    waiter = client.get_waiter("table_exists")
    waiter.wait(
        TableName=arguments["TableName"], WaiterConfig={"Delay": ACTIVE_POLL_S, "MaxAttempts": ACTIVE_POLLS_MAX}
    )


def ensure_table(client: DynamoDBClient, schema: TableSchema, name: str | None = None) -> bool:
    """Create the table when it is missing and say so; one that exists and differs is `WrongUse`."""
    wanted = name or schema.name
    try:
        create_table(client, schema, wanted)
    except client.exceptions.ResourceInUseException:
        differences = describe_differences(client, schema, wanted)
        if differences:
            raise WrongUse("; ".join(differences)) from None
        return False
    return True


def describe_differences(client: DynamoDBClient, schema: TableSchema, name: str | None = None) -> list[str]:
    """Compare a table with the schema; a line for everything that keeps the function from working on it."""
    wanted = name or schema.name
    try:
        table = client.describe_table(TableName=wanted)["Table"]
    except client.exceptions.ResourceNotFoundException:
        return [missing(client, wanted)]
    return [f"table {wanted}: {fault}" for fault in _faults(table, schema)]


def _faults(table: TableDescriptionTypeDef, schema: TableSchema) -> Iterator[str]:
    if table.get("TableStatus") not in ("ACTIVE", "UPDATING"):
        yield f"it is {table.get('TableStatus')}, not ACTIVE; wait until it is"
    if _key(table["KeySchema"]) != schema.key:
        yield f"its key is {_words(_key(table['KeySchema']))}; it must be {_words(schema.key)}"
    types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    for attribute, kind in schema.attributes:
        if types.get(attribute, kind) != kind:
            yield f"its key attribute {attribute} is of type {types[attribute]}; it must be {kind}"
    existing = {index["IndexName"]: index for index in _indexes(table)}
    for index in schema.indexes:
        yield from _index_faults(index, existing)
    yield from _stream_faults(table, schema.stream)


def _indexes(table: TableDescriptionTypeDef) -> Iterator[Mapping[str, Any]]:
    yield from table.get("GlobalSecondaryIndexes", ())
    yield from table.get("LocalSecondaryIndexes", ())


def _index_faults(index: Index, existing: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if index.name not in existing:
        yield f"index {index.name} is missing{_nearest(index.name, existing)}"
        return
    found = existing[index.name]
    if _key(found["KeySchema"]) != index.key:
        yield f"index {index.name} has the key {_words(_key(found['KeySchema']))}; it must be {_words(index.key)}"
    projection = found["Projection"]["ProjectionType"]
    if projection != "ALL":
        yield _projection_fault(index.name, projection)
    if found.get("IndexStatus", "ACTIVE") not in ("ACTIVE", "UPDATING"):
        yield f"index {index.name} is {found['IndexStatus']}, not ACTIVE; wait until it is"


def _stream_faults(table: TableDescriptionTypeDef, wanted: str | None) -> Iterator[str]:
    if wanted is None:
        return
    stream = table.get("StreamSpecification")
    if not stream or not stream.get("StreamEnabled"):
        yield f"its stream is off; it must be on with view type {wanted}"
    elif stream.get("StreamViewType") != wanted:
        yield f"its stream has view type {stream.get('StreamViewType')}; it must be {wanted}"


def missing(client: DynamoDBClient, name: str) -> str:
    """Say that there is no such table, and which one is meant perhaps."""
    return f"there is no table {name}{_nearest(name, _table_names(client))}"


def _nearest(name: str, existing: Sequence[str] | Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, existing, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(sorted(existing)[:5])}" if existing else "; there are none"


def _table_names(client: DynamoDBClient) -> list[str]:
    return [name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]]


def _key(key_schema: Sequence[Mapping[str, Any]]) -> Key:
    return tuple((part["AttributeName"], part["KeyType"]) for part in key_schema)


def _key_argument(key: Key) -> list[dict[str, str]]:
    return [{"AttributeName": attribute, "KeyType": role} for attribute, role in key]


def _words(key: Key) -> str:
    return ", ".join(f"{attribute} {role}" for attribute, role in key)
