"""A stream function on Powertools' batch processor, its record handler written the obvious way: one record, one move.

Delete and put stand in one transaction, so that what goes wrong here is the batch processor's: it hands over record by
record, goes on behind a record that failed, and raises where all of them failed.

`stopping_handler` is the control: the same record handler in a loop that ends at the first failure.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord, DynamoDBRecordEventName
from boto3.dynamodb.conditions import Key

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

table: Any = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
processor = BatchProcessor(event_type=EventType.DynamoDBStreams)


def lambda_handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:  # noqa: ANN401 - Lambda's signature
    return process_partial_response(event=event, record_handler=move_rows, processor=processor, context=context)


def stopping_handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    for record in event["Records"]:
        try:
            move_rows(DynamoDBRecord(record))
        except Exception:  # noqa: BLE001 - as the batch processor does
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def move_rows(record: DynamoDBRecord) -> None:
    change = record.dynamodb
    if change is None or record.event_name is not DynamoDBRecordEventName.INSERT:
        return
    partition, created_at = change.keys["pk"], change.keys["sk"]
    if not partition.startswith("MSG#"):
        return
    text = change.new_image["message"]
    found = table.query(
        IndexName="message-group-sk-index",
        KeyConditionExpression=Key("message_group_uuid").eq(partition.removeprefix("MSG#")),
    )
    for row in found["Items"]:
        if row["sk"] == created_at:
            table.put_item(Item={**row, "message": text})
            continue
        moved = {**row, "sk": created_at, "message": text}
        table.meta.client.transact_write_items(
            TransactItems=[
                {"Delete": {"TableName": table.name, "Key": {"pk": row["pk"], "sk": row["sk"]}}},
                {"Put": {"TableName": table.name, "Item": moved}},
            ]
        )
