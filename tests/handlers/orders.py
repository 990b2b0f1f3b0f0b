"""Handlers of another table: orders, whose stream keeps each customer's row of totals. One is right."""

from __future__ import annotations

import os
from typing import Any

import boto3

Event = dict[str, Any]


def counts(event: Event, context: object) -> None:  # noqa: ARG001 - Lambda's signature
    """Add one for each order: what comes twice counts twice."""
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
    for customer, _ in _orders(event):
        key: dict[str, Any] = {"customer": customer, "number": 0}
        table.update_item(Key=key, UpdateExpression="ADD orders :one", ExpressionAttributeValues={":one": 1})


def collects(event: Event, context: object) -> None:  # noqa: ARG001 - Lambda's signature
    """Keep the set of the orders' numbers: what comes twice is there already."""
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
    for customer, number in _orders(event):
        key: dict[str, Any] = {"customer": customer, "number": 0}
        table.update_item(Key=key, UpdateExpression="ADD orders :one", ExpressionAttributeValues={":one": {number}})


def _orders(event: Event) -> list[tuple[str, int]]:
    keys = [record["dynamodb"]["Keys"] for record in event["Records"] if record["eventName"] == "INSERT"]
    return [(key["customer"]["S"], int(key["number"]["N"])) for key in keys if key["number"]["N"] != "0"]
