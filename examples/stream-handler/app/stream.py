"""Moves every member's row of a conversation to the newest message: a handler such as anybody might have."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from botocore.exceptions import ClientError

dynamodb = boto3.resource("dynamodb", config=Config(retries={"total_max_attempts": 1}))
TABLE = os.environ["TABLE_NAME"]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Take record by record; what fails is asked for again, with everything behind it."""
    for record in event["Records"]:
        change = record["dynamodb"]
        try:
            if record["eventName"] == "INSERT" and change["Keys"]["pk"]["S"].startswith("MSG#"):
                show(change["NewImage"])
        except Exception:  # noqa: BLE001 - whatever it was, the event source brings it again
            return {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def show(message: dict[str, Any]) -> None:
    """Let every row of the message's conversation show it, unless it shows a newer one."""
    group, text, sort_key = message["pk"]["S"][4:], message["message"]["S"], message["sk"]["S"]
    found = dynamodb.Table(TABLE).query(
        IndexName="message-group-sk-index", KeyConditionExpression=Key("message_group_uuid").eq(group)
    )
    for row in found["Items"]:
        if row["pk"].startswith("GRP#") and is_older(row["sk"], sort_key):
            move(row, {**row, "sk": spelled(sort_key), "message": text})


def is_older(one: str, other: str) -> bool:
    """Compare two sort keys by the instants they spell."""
    return instant(one) < instant(other)


def instant(sort_key: str) -> datetime:
    """Read a time, also with a space before its zone; what is none is older than all."""
    try:
        read = datetime.fromisoformat(sort_key[:11] + sort_key[11:].replace(" ", ""))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def spelled(sort_key: str) -> str:
    """Spell a time in the table's one way, so that keys, which are compared as texts, sort as times do."""
    return instant(sort_key).astimezone(UTC).isoformat(timespec="microseconds")


def move(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Take the old row away and put the new one, both or none."""
    key = {"pk": old["pk"], "sk": old["sk"]}
    delete = {"TableName": TABLE, "Key": key, "ConditionExpression": "attribute_exists(pk)"}
    put = {"TableName": TABLE, "Item": new, "ConditionExpression": "attribute_not_exists(pk)"}
    try:
        dynamodb.meta.client.transact_write_items(TransactItems=[{"Delete": delete}, {"Put": put}])
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        raise RuntimeError("somebody else moved the row") from error
