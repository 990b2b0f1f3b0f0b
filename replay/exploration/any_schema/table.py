"""The table of a template: how it is made, what its key is, how two of them differ."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from replay.checks.compare import Difference
from replay.errors import WrongUse
from replay.event_source.template_mappings import mappings_in
from replay.exploration.given import Given, read_records, read_rows, wires
from replay.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from replay.rows.reading import Item
    from replay.tables.memory import Address

TABLE_TYPES: Final = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::Serverless::SimpleTable")
INDEX_LISTS: Final = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
INDEX_PARTS: Final = ("IndexName", "KeySchema", "Projection")
SIMPLE_KEY: Final = {"Name": "id", "Type": "String"}
"""AWS: SAM developer guide, AWS::Serverless::SimpleTable: the key where none is said."""
ROW_CHARS_MAX: Final = 300
KEPT: Final = ("FunctionResponseTypes", "FilterCriteria")
"""What an exploration takes of a template's event source; sizes, retries and the like are drawn."""
REPLACED: Final = ("DestinationConfig", "Enabled")
"""What may be known only after a deployment."""


@dataclass(frozen=True, slots=True)
class FreeTable:
    """A table as CreateTable takes it, and the names of its key, the partition key first.

    `delivered` is what the template's one event source on it says of answers and filters; empty where there is none.
    """

    arguments: Mapping[str, Any]
    key: tuple[str, ...]
    delivered: Mapping[str, Any] = field(default_factory=dict)

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
            table = _table(_simple(chosen.properties) if "Serverless" in chosen.type else chosen.properties)
        except (KeyError, TypeError) as error:
            raise WrongUse(f"{path}: {chosen.logical_id} is no complete table, at {error}") from error
        return replace(table, delivered=_delivered(template, chosen.logical_id))

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
        return Given(tuple(found.values()), wires(read), is_messages=False, mapping=self.delivered)

    def _address_in(self, path: Path | None, item: Mapping[str, Any]) -> Address:
        try:
            return self.address(item)
        except (KeyError, TypeError, ValueError):
            raise WrongUse(
                f"{path}: {json.dumps(item)[:ROW_CHARS_MAX]} has not the table's key ({', '.join(self.key)})"
            ) from None


def _row(item: Item | None) -> str | None:
    return None if item is None else json.dumps(item, default=str, sort_keys=True)[:ROW_CHARS_MAX]


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


def _delivered(template: Template, table: str) -> Mapping[str, Any]:
    """Say how the template's one event source on a table reads answers, and what it filters."""
    sources = [each for each in mappings_in(template, REPLACED) if each.table and each.table.logical_id == table]
    if len(sources) != 1:
        return {}
    return {
        "FunctionResponseTypes": (),
        **{name: sources[0].parameters[name] for name in KEPT if name in sources[0].parameters},
    }


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
