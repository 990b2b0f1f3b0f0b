"""What is said of a table that is not as the template says."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from replay.errors import WrongUse
from replay.tables.schema import create_table, describe_differences, ensure_table, load_schema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.engine

INDEX = "message-group-sk-index"


def unlike(client: DynamoDBClient, **changes: object) -> str:
    """Make a table of the schema with some arguments of CreateTable changed (None removes one); return its name."""
    arguments: dict[str, Any] = {**load_schema().create_arguments(f"unlike-{uuid.uuid4().hex}"), **changes}
    client.create_table(**{name: value for name, value in arguments.items() if value is not None})
    name: str = arguments["TableName"]
    return name


def index(**changes: object) -> list[dict[str, object]]:
    arguments: Any = load_schema().create_arguments()
    return [{**arguments["GlobalSecondaryIndexes"][0], **changes}]


def attributes(**types: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def key(**roles: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": role} for name, role in roles.items()]


WHY_ALL = "or a move erases every attribute that the index does not show"
STRINGS = {"pk": "S", "sk": "S", "message_group_uuid": "S"}


def test_a_table_made_from_the_schema_has_no_differences(dynamodb: DynamoDBClient, table: str) -> None:
    assert describe_differences(dynamodb, load_schema(), table) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"GlobalSecondaryIndexes": None, "AttributeDefinitions": attributes(pk="S", sk="S")},
            [f"index {INDEX} is missing; there are none"],
            id="no index",
        ),
        pytest.param(
            {"GlobalSecondaryIndexes": index(IndexName="message-group-index")},
            [f"index {INDEX} is missing; did you mean message-group-index?"],
            id="index of another name",
        ),
        pytest.param(
            {"GlobalSecondaryIndexes": index(Projection={"ProjectionType": "KEYS_ONLY"})},
            [f"index {INDEX} projects KEYS_ONLY; it must project ALL, {WHY_ALL}"],
            id="index of keys",
        ),
        pytest.param(
            {
                "GlobalSecondaryIndexes": index(KeySchema=key(message_group_uuid="HASH")),
            },
            [f"index {INDEX} has the key message_group_uuid HASH; it must be message_group_uuid HASH, sk RANGE"],
            id="index of another key",
        ),
        pytest.param(
            {"StreamSpecification": None},
            ["its stream is off; it must be on with view type NEW_AND_OLD_IMAGES"],
            id="no stream",
        ),
        pytest.param(
            {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}},
            ["its stream has view type KEYS_ONLY; it must be NEW_AND_OLD_IMAGES"],
            id="stream of keys",
        ),
        pytest.param(
            {"KeySchema": key(pk="HASH", id="RANGE"), "AttributeDefinitions": attributes(**STRINGS, id="S")},
            ["its key is pk HASH, id RANGE; it must be pk HASH, sk RANGE"],
            id="another key",
        ),
        pytest.param(
            {"AttributeDefinitions": attributes(**{**STRINGS, "sk": "N"})},
            ["its key attribute sk is of type N; it must be S"],
            id="key of numbers",
        ),
        pytest.param(
            {
                "StreamSpecification": None,
                "GlobalSecondaryIndexes": None,
                "AttributeDefinitions": attributes(pk="S", sk="S"),
            },
            [
                f"index {INDEX} is missing; there are none",
                "its stream is off; it must be on with view type NEW_AND_OLD_IMAGES",
            ],
            id="two at once",
        ),
    ],
)
def test_a_difference_is_named_with_what_it_must_be(
    dynamodb: DynamoDBClient, changes: dict[str, object], said: list[str]
) -> None:
    name = unlike(dynamodb, **changes)
    assert describe_differences(dynamodb, load_schema(), name) == [f"table {name}: {line}" for line in said]


def test_a_missing_table_is_named_with_the_nearest_there_is(dynamodb: DynamoDBClient, table: str) -> None:
    misspelt = f"{table}x"
    (said,) = describe_differences(dynamodb, load_schema(), misspelt)
    assert said == f"there is no table {misspelt}; did you mean {table}?"


def test_ensuring_a_table_makes_it_once_and_refuses_one_that_differs(dynamodb: DynamoDBClient) -> None:
    name = f"ensured-{uuid.uuid4().hex}"
    assert ensure_table(dynamodb, load_schema(), name)
    assert not ensure_table(dynamodb, load_schema(), name)
    differing = unlike(dynamodb, StreamSpecification=None)
    with pytest.raises(WrongUse, match=f"table {differing}: its stream is off"):
        ensure_table(dynamodb, load_schema(), differing)


def test_making_a_table_that_exists_is_the_services_own_error(dynamodb: DynamoDBClient, table: str) -> None:
    with pytest.raises(dynamodb.exceptions.ResourceInUseException):
        create_table(dynamodb, load_schema(), table)
