"""Fresh tables with a scenario's rows in them, and what must stand there in the end."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.scenarios import ordered
from replay.tables.schema import create_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from bench.scenarios import Item, Scenario

BATCH_WRITE_MAX = 25
"""AWS: DynamoDB API reference, BatchWriteItem."""


class Tables:
    """The tables of one engine, of the template's schema but without a stream, which nobody would read here.

    In DynamoDB Local 3.1.0 each stream record, of whatever table, makes every later write slower: a write costs three
    times as much once 10,000 are kept, and who comes first would win. Names are of one length, so that requests are.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._numbers = itertools.count(1)
        self._schema = replace(load_schema(), stream=None)

    def filled(self, rows: Sequence[Item]) -> str:
        """Make a table with these rows and return its name."""
        name = f"bench-{next(self._numbers):05}"
        create_table(self._client, self._schema, name)
        for start in range(0, len(rows), BATCH_WRITE_MAX):
            part = rows[start : start + BATCH_WRITE_MAX]
            self._client.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": row}} for row in part]})
        return name

    def check(self, name: str, scenario: Scenario, contestant: str) -> None:
        """Compare a table with what a scenario must lead to.

        Raises:
            BenchError: they differ.
        """
        pages = self._client.get_paginator("scan").paginate(TableName=name)
        found = ordered([item for page in pages for item in page["Items"]])
        if found != scenario.expected():
            raise BenchError(f"{contestant} left other rows on '{scenario.name}' than the messages say")
