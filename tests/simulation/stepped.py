"""Handlers by path, stepped inside botocore over an endpoint: what the tests of foreign handlers share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from replay.checks.oracle import Oracle
from replay.checks.scenarios import row
from replay.exploration.execution import execute
from replay.exploration.foreign import ForeignHandler
from replay.exploration.outcome import PLAIN, Manner
from replay.function.configuration import Configuration
from replay.function.environment import Surroundings, handler_environment
from replay.function.forked import ForkedFunction
from replay.function.process import Launch
from replay.function.target import Target
from replay.rows.said import said_by
from replay.tables import local
from replay.tables.dynamo import DynamoStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.checks.oracle import Finding
    from replay.exploration.case import Case
    from replay.exploration.outcome import Execution

INDEX = "message-group-sk-index"
HANDLERS = Path(__file__).parents[1] / "handlers"


def forked(endpoint: str, table: str, target: str) -> ForkedFunction:
    """A handler, imported once; one worker makes our own function's calls come in one order."""
    parsed = Target.parse(target)
    configuration = Configuration(timeout_s=10, variables={"TABLE_NAME": table, "WORKERS": "1"})
    around = Surroundings(local.REGION, endpoint, is_local=True, inherited=dict(os.environ), given={})
    return ForkedFunction(Launch(parsed, configuration, handler_environment(parsed, configuration, around), endpoint))


def carried_out(
    case: Case, dynamodb: DynamoDBClient, table: str, function: ForkedFunction, manner: Manner = PLAIN
) -> tuple[Execution, list[Finding]]:
    """Carry a case out and leave no row behind; also what is doubled in the end."""
    store = DynamoStore(dynamodb, table, INDEX)
    try:
        execution = execute(case, store, ForeignHandler(function, store), manner)
        return execution, doubled(case, store)
    finally:
        store.wipe()


def doubled(case: Case, store: DynamoStore) -> list[Finding]:
    """What is doubled in the end: rows of one member that nobody has made one, rows that nobody should have."""
    oracle = Oracle()
    had = {(item.get("message_group_uuid", {}).get("S"), item["pk"]["S"]) for item in case.rows}
    joins = [write for write in case.writes if write.kind == "join"]
    late = [write for write in joins if (write.group, f"GRP#{write.member}") not in had]
    first = {(each.group, each.member): row(each.member, each.group, each.time, each.value) for each in late}
    for item in (*case.rows, *first.values()):
        oracle.row_put(item)
    for record in case.records:
        said = said_by(record, 0)
        if said is not None:
            oracle.said(said)
    return [finding for finding in oracle.judge(store.scan()) if finding.kind == "doubled"]
