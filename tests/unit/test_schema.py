from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from replay.errors import WrongUse
from replay.tables.schema import load_schema, locate_template

if TYPE_CHECKING:
    from pathlib import Path


def table_resource(**changes: object) -> dict[str, Any]:
    """A table like the project's, with some properties changed; None removes one."""
    properties = {
        "TableName": "messages",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "group")],
        "KeySchema": key("pk", "sk"),
        "GlobalSecondaryIndexes": [index()],
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        **changes,
    }
    return {
        "Type": properties.pop("Type", "AWS::DynamoDB::Table"),
        "Properties": {name: value for name, value in properties.items() if value is not None},
    }


def key(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def index(**changes: object) -> dict[str, Any]:
    return {
        "IndexName": "by-group",
        "KeySchema": key("group", "sk"),
        "Projection": {"ProjectionType": "ALL"},
        **changes,
    }


def template(folder: Path, *tables: dict[str, Any], **sections: object) -> Path:
    file = folder / "template.json"
    resources = {f"Table{number}": table for number, table in enumerate(tables)}
    file.write_text(json.dumps({"Resources": resources, **sections}))
    return file


def test_the_projects_table_is_the_messages_table() -> None:
    assert load_schema().create_arguments() == {
        "TableName": "cruddur-messages",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "message_group_uuid")
        ],
        "KeySchema": key("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "message-group-sk-index",
                "KeySchema": key("message_group_uuid", "sk"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }


def test_another_name_changes_the_name_alone() -> None:
    schema = load_schema()
    assert schema.create_arguments("other") == {**schema.create_arguments(), "TableName": "other"}


def test_parameters_reach_the_schema() -> None:
    schema = load_schema(parameters={"TableName": "my-messages", "GroupIndexName": "my-index"})
    assert (schema.name, schema.indexes[0].name) == ("my-messages", "my-index")


def test_a_template_attached_to_an_existing_table_makes_none() -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/messages/stream/2026-01-01T00:00:00.000"
    with pytest.raises(WrongUse, match="must make one DynamoDB table; with these parameters it makes none"):
        load_schema(parameters={"TableStreamArn": arn})


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"])
@pytest.mark.parametrize("indexes", ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"])
@pytest.mark.parametrize("projection", ["KEYS_ONLY", "INCLUDE"])
def test_an_index_that_leaves_attributes_out_is_refused(
    tmp_path: Path, kind: str, indexes: str, projection: str
) -> None:
    fit = {"GlobalSecondaryIndexes": None, indexes: [index()]}
    assert load_schema(template(tmp_path, table_resource(Type=kind, **fit))).indexes[0].projection == "ALL"

    unfit = {**fit, indexes: [index(Projection={"ProjectionType": projection, "NonKeyAttributes": ["message"]})]}
    with pytest.raises(WrongUse, match=f"index by-group projects {projection}; it must project ALL"):
        load_schema(template(tmp_path, table_resource(Type=kind, **unfit)))


def test_a_table_without_index_or_stream_is_read_as_such(tmp_path: Path) -> None:
    schema = load_schema(template(tmp_path, table_resource(GlobalSecondaryIndexes=None, StreamSpecification=None)))
    assert (schema.indexes, schema.stream) == ((), None)
    assert not {"GlobalSecondaryIndexes", "StreamSpecification"} & set(schema.create_arguments())


def test_a_table_without_a_name_is_called_by_its_logical_id(tmp_path: Path) -> None:
    assert load_schema(template(tmp_path, table_resource(TableName=None))).name == "Table0"


def test_two_tables_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="it makes Table0, Table1"):
        load_schema(template(tmp_path, table_resource(), table_resource()))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"KeySchema": None}, id="no key"),
        pytest.param({"AttributeDefinitions": ["pk"]}, id="attributes are text"),
        pytest.param({"GlobalSecondaryIndexes": [{"IndexName": "by-group"}]}, id="index without key"),
        pytest.param({"GlobalSecondaryIndexes": [index(IndexName={"Ref": "Unknown"})]}, id="index named at deployment"),
        pytest.param({"StreamSpecification": "on"}, id="stream is text"),
    ],
)
def test_an_incomplete_table_is_one_clear_line(tmp_path: Path, changes: dict[str, Any]) -> None:
    parameters = {"Unknown": {"Type": "String"}}
    with pytest.raises(WrongUse, match="Table0 is no complete table") as refused:
        load_schema(template(tmp_path, table_resource(**changes), Parameters=parameters))
    assert "\n" not in str(refused.value)


def test_the_template_is_the_repositorys_else_the_packages_else_named_missing(tmp_path: Path) -> None:
    package = tmp_path / "replay"
    with pytest.raises(WrongUse, match=r"template\.yaml is missing"):
        locate_template(package)
    copy = package / "resources" / "template.yaml"
    copy.parent.mkdir(parents=True)
    copy.touch()
    assert locate_template(package) == copy
    (tmp_path / "template.yaml").touch()
    assert locate_template(package) == tmp_path / "template.yaml"
