"""How a handler is started on a table: its environment, put together from the template and the command line."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from replay.function.environment import Surroundings, handler_environment
from replay.function.process import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.function.configuration import Configuration
    from replay.function.target import Target
    from replay.tables.endpoint import Endpoint
    from replay.tables.schema import TableSchema

INDEX_VARIABLE = "GROUP_INDEX_NAME"
TABLE_VARIABLE = "TABLE_NAME"


def launch_of(
    target: Target,
    configuration: Configuration,
    schema: TableSchema,
    where: tuple[Endpoint, str],
    variables: Mapping[str, str],
) -> Launch:
    """Put together how a handler is started; `where` is the endpoint and the table's name there, `variables` win."""
    endpoint, table = where
    configuration = _with_table(configuration, schema, table)
    around = Surroundings(endpoint.region, endpoint.url, endpoint.is_local, os.environ, variables)
    environment = handler_environment(target, configuration, around)
    return Launch(target, configuration, environment, endpoint.url if endpoint.is_local else None)


def _with_table(configuration: Configuration, schema: TableSchema, table: str) -> Configuration:
    """Put the table's name where the template's stands in the function's environment."""
    variables = {name: table if value == schema.name else value for name, value in configuration.variables.items()}
    variables[TABLE_VARIABLE] = table
    if schema.indexes:
        variables.setdefault(INDEX_VARIABLE, schema.indexes[0].name)
    return dataclasses.replace(configuration, variables=variables)
