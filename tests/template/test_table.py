"""The table: its keys, its index, what keeps it safe, and attaching to one that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from replay.template import Template
from stream_processor.settings import GROUP_INDEX_NAME_DEFAULT, Settings
from tests.template.modes import KEY_ARN, PATH, STREAM_ARN

if TYPE_CHECKING:
    from collections.abc import Mapping


def table(template: Template) -> Mapping[str, Any]:
    return template.all_resources["MessagesTable"].properties


def environment(template: Template) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = template.all_resources["StreamProcessor"].properties["Environment"]["Variables"]
    return variables


def test_keys_are_the_messages_tables(made: Template) -> None:
    assert table(made)["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]


def test_index_leads_from_group_to_rows(made: Template) -> None:
    (index,) = table(made)["GlobalSecondaryIndexes"]
    assert index["KeySchema"] == [
        {"AttributeName": "message_group_uuid", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]


def test_index_shows_whole_rows(made: Template) -> None:
    # A row is written as the index shows it, so any other projection would erase attributes.
    for index in table(made)["GlobalSecondaryIndexes"]:
        assert index["Projection"] == {"ProjectionType": "ALL"}


def test_index_projection_is_no_parameter(document: dict[str, Any]) -> None:
    (index,) = document["Resources"]["MessagesTable"]["Properties"]["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "ALL"}


def test_index_name_equals_the_settings_default(made: Template) -> None:
    (index,) = table(made)["GlobalSecondaryIndexes"]
    assert index["IndexName"] == GROUP_INDEX_NAME_DEFAULT


def test_function_asks_the_index_that_is_made() -> None:
    template = Template.load(PATH, {"GroupIndexName": "another-index"})
    (index,) = table(template)["GlobalSecondaryIndexes"]
    assert index["IndexName"] == environment(template)["GROUP_INDEX_NAME"] == "another-index"


def test_stream_has_both_images(made: Template) -> None:
    assert table(made)["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_attributes_declared_are_those_of_keys(made: Template) -> None:
    keyed = {key["AttributeName"] for key in table(made)["KeySchema"]}
    keyed |= {key["AttributeName"] for index in table(made)["GlobalSecondaryIndexes"] for key in index["KeySchema"]}
    assert {entry["AttributeName"] for entry in table(made)["AttributeDefinitions"]} == keyed


def test_is_safe_from_the_start(document: dict[str, Any], made: Template) -> None:
    assert table(made)["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": "true",
        "RecoveryPeriodInDays": 35,
    }
    assert table(made)["DeletionProtectionEnabled"] == "true"
    assert document["Resources"]["MessagesTable"]["DeletionPolicy"] == "Retain"
    assert document["Resources"]["MessagesTable"]["UpdateReplacePolicy"] == "Retain"


def test_no_backups_have_no_period() -> None:
    template = Template.load(PATH, {"PointInTimeRecovery": "false"})
    assert table(template)["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": "false"}


def test_is_encrypted_with_the_key_given() -> None:
    template = Template.load(PATH, {"TableKmsKeyArn": KEY_ARN})
    assert table(template)["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY_ARN}


def test_no_table_is_made_when_attaching(attached: Template) -> None:
    assert attached.resources("AWS::DynamoDB::Table") == {}


def test_attaching_reads_the_stream_given(attached: Template) -> None:
    events = attached.all_resources["StreamProcessor"].properties["Events"]
    assert events["Messages"]["Properties"]["Stream"] == STREAM_ARN


@pytest.mark.parametrize("name", ["cruddur-messages", "another"])
def test_attaching_takes_the_tables_name_from_the_stream(name: str) -> None:
    # So a table name that belongs to another table cannot send the writes there.
    template = Template.load(PATH, {"TableStreamArn": STREAM_ARN, "TableName": name})
    assert environment(template)["TABLE_NAME"] == "their-messages"


def test_settings_can_be_read_from_the_environment(in_every_mode: Template) -> None:
    settings = Settings.from_env({name: str(value) for name, value in environment(in_every_mode).items()})
    assert settings.table_name in {"cruddur-messages", "their-messages"}
    assert settings.quarantine_bucket == "${FailureBucket}"


def test_optional_settings_arrive() -> None:
    template = Template.load(PATH, {"Workers": "64", "MaxFutureSeconds": "3600"})
    settings = Settings.from_env({name: str(value) for name, value in environment(template).items()})
    assert (settings.workers, settings.max_future_s) == (64, 3600)
