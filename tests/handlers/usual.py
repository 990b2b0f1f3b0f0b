"""The stream function that most copies of the messages table run, written anew from its description: faults included.

It takes the first record, skips removals, asks the index for the conversation's rows, and for each deletes it and puts
seven attributes under the message's time. What is wrong with that is what the harness must find.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

dynamodb = boto3.resource(
    "dynamodb", region_name="ca-central-1", endpoint_url="http://dynamodb.ca-central-1.amazonaws.com"
)
table = dynamodb.Table(os.environ.get("TABLE_NAME", "cruddur-messages"))


def lambda_handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda's signature
    print("event-data", event)  # noqa: T201 - one of its faults
    record = event["Records"][0]
    if record["eventName"] == "REMOVE":
        return
    pk = record["dynamodb"]["Keys"]["pk"]["S"]
    sk = record["dynamodb"]["Keys"]["sk"]["S"]
    if not pk.startswith("MSG#"):
        return
    group_uuid = pk.replace("MSG#", "")
    message = record["dynamodb"]["NewImage"]["message"]["S"]
    found = table.query(
        IndexName="message-group-sk-index", KeyConditionExpression=Key("message_group_uuid").eq(group_uuid)
    )
    for row in found["Items"]:
        table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
        table.put_item(
            Item={
                "pk": row["pk"],
                "sk": sk,
                "message_group_uuid": row["message_group_uuid"],
                "message": message,
                "user_display_name": row["user_display_name"],
                "user_handle": row["user_handle"],
                "user_uuid": row["user_uuid"],
            }
        )
