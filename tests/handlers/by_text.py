"""A stream function that keeps the newest by comparing times as texts: right until somebody spells them otherwise."""

from __future__ import annotations

import os
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def lambda_handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda's signature
    for record in event["Records"]:
        change = record["dynamodb"]
        pk, sk = change["Keys"]["pk"]["S"], change["Keys"]["sk"]["S"]
        if record["eventName"] != "INSERT" or not pk.startswith("MSG#"):
            continue
        found = table.query(
            IndexName=os.environ["GROUP_INDEX_NAME"],
            KeyConditionExpression=Key("message_group_uuid").eq(pk.removeprefix("MSG#")),
        )
        for row in found["Items"]:
            if row["sk"] < sk:
                table.put_item(Item={**row, "sk": sk, "message": change["NewImage"]["message"]["S"]})
                table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
