"""Records that can never be applied are kept once, whole, under a key that redelivery meets again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from freezegun import freeze_time
from moto import mock_aws

from stream_processor.errors import QuarantineError
from stream_processor.quarantine import Quarantined, S3Quarantine
from tests.builders import ANN, BOB, STREAM_ARN, record, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

BUCKET = "quarantine-bucket"
KEY = f"quarantine/messages/2026-01-01T00:00:00.000/{sequence(1)}.json"
POISON = Quarantined(
    record(), sequence(1), "NoMessageText", "the attribute 'message' is missing or no string", (ANN, BOB)
)


def from_stream(arn: Any) -> Quarantined:  # noqa: ANN401 - whatever the wire may bring
    return Quarantined({**record(), "eventSourceARN": arn}, sequence(1), "InvalidTime", "no time")


# Keys.


def test_the_key_names_table_stream_and_record() -> None:
    assert POISON.key == KEY


def test_the_streams_account_and_region_are_not_in_the_key() -> None:
    moved = STREAM_ARN.replace("eu-west-1", "us-gov-west-1").replace("arn:aws:", "arn:aws-us-gov:")
    assert from_stream(moved).key == KEY


@pytest.mark.parametrize(
    "arn",
    [
        None,
        "",
        "arn",
        5,
        [],
        "arn:aws:dynamodb:r:1:table/messages",
        "arn:aws:dynamodb:r:1:table/m/stream",
        "arn:aws:sqs:r:1:q",
    ],
    ids=repr,
)
def test_a_record_of_an_unknown_stream_has_a_key_too(arn: Any) -> None:  # noqa: ANN401 - whatever the wire may bring
    assert from_stream(arn).key == f"quarantine/unknown/unknown/{sequence(1)}.json"


def test_records_of_two_streams_of_a_table_have_two_keys() -> None:
    assert from_stream(STREAM_ARN.replace("2026-01-01T", "2027-01-01T")).key != KEY


# In a bucket.


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def kept(s3: S3Client, key: str = KEY) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    return found


def test_the_object_holds_record_reason_error_members_and_time(s3: S3Client) -> None:
    with freeze_time("2026-01-02T03:04:05.678Z"):
        assert S3Quarantine(BUCKET, lambda: s3, time.time).put(POISON)
    assert kept(s3) == {
        "reason": "NoMessageText",
        "error": "the attribute 'message' is missing or no string",
        "members": ["ann", "bob"],
        "quarantinedAt": "2026-01-02T03:04:05+00:00",
        "record": record(),
    }
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ContentType"] == "application/json"


def test_a_redelivered_record_is_kept_once_and_as_it_was_first(s3: S3Client) -> None:
    with freeze_time("2026-01-02T03:04:05Z") as clock:
        quarantine = S3Quarantine(BUCKET, lambda: s3, time.time)
        assert quarantine.put(POISON)
        clock.tick(60)
        assert not quarantine.put(POISON)
    assert kept(s3)["quarantinedAt"] == "2026-01-02T03:04:05+00:00"
    assert len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 1


def test_a_record_with_odd_characters_is_kept(s3: S3Client) -> None:
    odd = record()
    odd["dynamodb"]["NewImage"]["message"] = {"S": "\ud83d \u0000 \U0001f600"}
    S3Quarantine(BUCKET, lambda: s3, time.time).put(Quarantined(odd, sequence(1), "NoMessageText", "odd"))
    assert kept(s3)["record"] == odd


def test_a_missing_bucket_is_told_with_the_stores_word(s3: S3Client) -> None:
    with pytest.raises(QuarantineError) as caught:
        S3Quarantine("no-such-bucket", lambda: s3, time.time).put(POISON)
    assert caught.value.code == "NoSuchBucket"
    assert "PRIVATE" not in str(caught.value)


class Unreachable:
    """An S3 client whose calls fail in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def put_object(self, **_: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url="https://s3"), "EndpointConnectionError"),
        (ClientError({"Error": {"Code": "SlowDown", "Message": "PRIVATE"}}, "PutObject"), "SlowDown"),
        (ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject"), "ConditionalRequestConflict"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject"), "AccessDenied"),
        (ClientError({}, "PutObject"), "Unknown"),
    ],
    ids=["unreachable", "slow down", "two at once", "no permission", "no code"],
)
def test_whatever_the_store_refuses_is_told_with_its_word(error: Exception, code: str) -> None:
    unreachable: Any = Unreachable(error)
    with pytest.raises(QuarantineError) as caught:
        S3Quarantine(BUCKET, lambda: unreachable, time.time).put(POISON)
    assert caught.value.code == code
    assert "PRIVATE" not in str(caught.value)


def test_the_client_is_made_on_first_use_and_once() -> None:
    made: list[Any] = []

    class Store:
        def put_object(self, **_: object) -> None:
            pass

    def make() -> Any:  # noqa: ANN401 - stands for a client
        made.append(Store())
        return made[-1]

    quarantine = S3Quarantine(BUCKET, make, time.time)
    assert made == []
    quarantine.put(POISON)
    quarantine.put(POISON)
    assert len(made) == 1


def test_a_client_that_cannot_be_made_is_told() -> None:
    def make() -> Any:  # noqa: ANN401 - stands for a client
        raise EndpointConnectionError(endpoint_url="https://s3")

    with pytest.raises(QuarantineError):
        S3Quarantine(BUCKET, make, time.time).put(POISON)
