"""Whatever form the same records come in, the replay ends in the same table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.run.conftest import at, conversation, message, record, row
from tests.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.run.conftest import Ran

pytestmark = pytest.mark.engine


def rows(dynamodb: DynamoDBClient, table: str) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in dynamodb.scan(TableName=table)["Items"])


@pytest.mark.parametrize("name", SHAPES)
def test_every_form_leads_to_the_same_table(
    run: Callable[..., Ran], dynamodb: DynamoDBClient, tmp_path: Path, name: str
) -> None:
    records: list[dict[str, Any]] = [
        *conversation(5),
        record(8, "REMOVE", old=row("c", "h", at(0), avatar={"S": "a-17"})),
        record(9, new=message("h", at(9), "Zoë 😄", sender="c")),
    ]
    file = tmp_path / "events"
    file.write_text(SHAPES[name](records))
    ran = run(file)
    assert (ran.code, ran.summary["messages"]) == (0, 6)
    expected = [
        *(message("g", at(number), f"text {number}") for number in range(1, 6)),
        message("h", at(9), "Zoë 😄", sender="c"),
        *(row(member, "g", at(5), "text 5") for member in "ab"),
        row("c", "h", at(9), "Zoë 😄", avatar={"S": "a-17"}),
    ]
    assert rows(dynamodb, ran.summary["table"]) == sorted(json.dumps(item, sort_keys=True) for item in expected)


def test_rows_come_from_exports_where_the_records_do_not_tell_them(
    run: Callable[..., Ran], dynamodb: DynamoDBClient, tmp_path: Path
) -> None:
    state, events = tmp_path / "state.json", tmp_path / "events.jsonl"
    state.write_text("".join(json.dumps({"Item": row(member, "g", at(0))}) + "\n" for member in "ab"))
    events.write_text(json.dumps(record(1, new=message("g", at(3), "new"))))
    ran = run(events, "--table-state", state)
    assert ran.code == 0
    assert {json.loads(item)["message"]["S"] for item in rows(dynamodb, ran.summary["table"])} == {"new"}
