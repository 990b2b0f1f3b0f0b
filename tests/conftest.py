"""One DynamoDB Local for each worker, started on first use, fresh tables on it, and a watch over private texts."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from replay.tables import local
from replay.tables.schema import create_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

ENDPOINT_VARIABLE = "INBOX_REPLAY_ENDPOINT"
"""Names a DynamoDB to test against instead of starting one: a container, another emulator."""

_table_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def engine_endpoint() -> Iterator[str]:
    """The address of an engine, shared by all tests of this worker."""
    given = os.environ.get(ENDPOINT_VARIABLE)
    if given:
        yield given
        return
    with local.engine() as engine:
        yield engine.endpoint


@pytest.fixture(scope="session")
def dynamodb(engine_endpoint: str) -> DynamoDBClient:
    """A client of that engine."""
    return local.client(engine_endpoint)


@pytest.fixture
def table(dynamodb: DynamoDBClient) -> str:
    """The name of a fresh table of the template's schema.

    Tables are never dropped: in DynamoDB Local, dropping one that had a stream slows every later write for good.
    """
    name = f"messages-{os.getpid()}-{next(_table_numbers)}"
    create_table(dynamodb, load_schema(), name)
    return name


@pytest.fixture(scope="session")
def shared_table(dynamodb: DynamoDBClient) -> str:
    """The name of one table for tests that keep apart by their ids."""
    name = f"shared-{os.getpid()}"
    create_table(dynamodb, load_schema(), name)
    return name


PRIVATE_MARK = "PRIVATE-"
"""Every text, name and handle that `builders.py` makes begins so."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001 - the hook's signature
    call: pytest.CallInfo[None],  # noqa: ARG001 - the same
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test in whose output or log a message's text, a name or a handle stands."""
    report = yield
    places = [name for name, shown in report.sections if name.endswith(report.when) and PRIVATE_MARK in shown]
    if report.passed and places:
        report.outcome = "failed"
        report.longrepr = f"a private text was shown: {', '.join(places)}"
    return report
