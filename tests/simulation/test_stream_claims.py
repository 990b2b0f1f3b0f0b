"""Claims about what a stream holds, shown on DynamoDB Local and on records as the SDK gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from replay.sources.stream import StreamReader, lambda_record
from replay.tables import local
from tests.simulation.conformance import seq

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STREAM = "arn:aws:dynamodb:eu-west-1:111122223333:table/T/stream/2026-01-01T00:00:00.000"


@pytest.mark.engine
@pytest.mark.conformance("T-B2")
def test_write_that_changes_nothing_makes_no_record(dynamodb: DynamoDBClient, engine_endpoint: str, table: str) -> None:
    item: Any = {
        "pk": {"S": "MSG#1"},
        "sk": {"S": "2026-01-01T00:00:00.000000+00:00"},
        "message": {"S": "PRIVATE-text"},
    }
    dynamodb.put_item(TableName=table, Item=item)
    dynamodb.put_item(TableName=table, Item=item)
    arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    lost: list[str] = []
    reader = StreamReader(local.client(engine_endpoint, "dynamodbstreams"), arn, STREAM, lost.append)
    assert [read.wire["eventName"] for read in reader.read()] == ["INSERT"]


def read_by_the_sdk(**said: Any) -> dict[str, Any]:  # noqa: ANN401 - a wire shape
    """A record as boto3 gives it, turned into Lambda's shape."""
    change = {"SequenceNumber": seq(1), "Keys": {"pk": {"S": "a"}}, **said.pop("dynamodb", {})}
    return lambda_record({"eventName": "REMOVE", "dynamodb": change, **said}, STREAM)


@pytest.mark.conformance("T-B3")
@pytest.mark.parametrize("identity", [{}, {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}])
def test_removal_by_time_to_live_carries_its_identity_however_the_sdk_reads_it(identity: dict[str, str]) -> None:
    expected = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert read_by_the_sdk(userIdentity=identity)["userIdentity"] == expected
    assert "userIdentity" not in read_by_the_sdk()


@pytest.mark.conformance("T-B7")
def test_binary_values_are_base64() -> None:
    record = read_by_the_sdk(dynamodb={"OldImage": {"pk": {"S": "a"}, "b": {"B": b"foobar"}}})
    assert record["dynamodb"]["OldImage"]["b"] == {"B": "Zm9vYmFy"}
