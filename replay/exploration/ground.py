"""Where cases are carried out: in memory, or on a table of an endpoint with any handler.

A ground is a function that carries out one case after the other and leaves nothing behind. Its table is its own: made
when the ground is entered, without a stream, dropped when it is left.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from replay.exploration.campaign import in_memory, on_store
from replay.exploration.foreign import ForeignHandler
from replay.function.configuration import Configuration
from replay.function.environment import Surroundings, handler_environment
from replay.function.forked import ForkedFunction
from replay.function.process import Launch
from replay.tables.dynamo import DynamoStore
from replay.tables.schema import create_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from replay.exploration.case import Case
    from replay.exploration.outcome import Execution, Manner
    from replay.function.target import Target
    from replay.tables.endpoint import Endpoint

    CarryOut = Callable[[Case, Manner], Execution]

HANDLER_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Subject:
    """The handler under trial, and variables of its environment; no target is the project's own function."""

    target: Target | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def memory_ground(case: Case, manner: Manner) -> Execution:
    """Carry a case out with the project's own function in memory."""
    return in_memory(case, manner=manner)


def table_name() -> str:
    """Make up a name that no other table has."""
    return f"explore-{uuid.uuid4().hex[:12]}"


@contextmanager
def messages_ground(endpoint: Endpoint, subject: Subject, table: str) -> Iterator[CarryOut]:
    """Make a messages table and carry out cases on it.

    Raises:
        WrongUse: the handler cannot be imported.
    """
    schema = replace(load_schema(), stream=None)
    index, client = schema.indexes[0].name, endpoint.client()
    create_table(client, schema, table)
    with contextlib.ExitStack() as stack:
        stack.callback(client.delete_table, TableName=table)
        function = stack.enter_context(forked(endpoint, subject, table, index)) if subject.target else None

        def carry_out(case: Case, manner: Manner) -> Execution:
            store = DynamoStore(client, table, index)
            handler = ForeignHandler(function, store) if function else None
            return on_store(case, store, handler, manner)

        yield carry_out


def forked(endpoint: Endpoint, subject: Subject, table: str, index: str = "") -> ForkedFunction:
    """Give the handler what the project's own would get; one thread makes its calls come in one order."""
    assert subject.target is not None  # noqa: S101 - asked before
    known = {"TABLE_NAME": table, "GROUP_INDEX_NAME": index, "WORKERS": "1"}
    configuration = Configuration(timeout_s=HANDLER_TIMEOUT_S, variables=known)
    around = Surroundings(endpoint.region, endpoint.url, endpoint.is_local, os.environ, subject.variables)
    environment = handler_environment(subject.target, configuration, around)
    address = endpoint.url if endpoint.is_local else None
    return ForkedFunction(Launch(subject.target, configuration, environment, address))
