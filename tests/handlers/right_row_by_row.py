"""A stream function without transactions that is right: it reads one member's rows, does one write, and reads again.

Every write has a condition on what was read. Whether it succeeded or failed, the member's rows are read anew, until
nothing is left to do: a newer row is put before an older one goes, and attributes are gathered before their row goes.

What it cannot know: whether a row that went meanwhile was moved by another invocation or belonged to someone who left.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterator

Item = dict[str, dict[str, Any]]
Value = tuple[datetime, str]

client: Any = boto3.client("dynamodb")
TABLE = os.environ["TABLE_NAME"]
INDEX = os.environ.get("GROUP_INDEX_NAME", "message-group-sk-index")
MEMBER_BYTES_MAX = 2044
"""A partition key has 2,048 bytes at most."""
WRITES_MAX = 24
"""Writes for one member of one conversation in one invocation; who needs more meets other writers all the time."""
ROOM_MS = 1_000
"""What must be left of the invocation's time for one more request."""
CONDITIONS_MAX = 140
"""Attributes asked for in one condition; DynamoDB takes 300 operators."""
TIME = re.compile(
    r"[0-9-]{10}[T ](?:[01][0-9]|2[0-3])[0-9:]{6}(?:\.[0-9]+)?"
    r"(?: ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2}|:[0-9]{2}:[0-9]{2})))?"
)
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
KEYS = ("pk", "sk")


class Unfinished(Exception):
    """Time or patience is over."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's signature
    failed: list[str] = []
    for group, records in conversations(event).items():
        try:
            newest = max(said(record) for record in records)
            for member in members(group, records):
                Inbox(group, member, newest, context).bring_up()
        except Exception as error:  # noqa: BLE001 - one conversation must not cost the others
            print("unfinished", type(error).__name__)  # noqa: T201 - a function's log
            failed.extend(record["dynamodb"]["SequenceNumber"] for record in records)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def conversations(event: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Sort the messages that can be read by conversation; others are told by their number."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in event["Records"]:
        partition = record["dynamodb"]["Keys"]["pk"]["S"]
        if record["eventName"] != "INSERT" or partition[:4] != "MSG#":
            continue
        try:
            said(record)
        except (KeyError, ValueError, OverflowError):
            print("cannot be read", record["dynamodb"]["SequenceNumber"])  # noqa: T201 - a function's log
            continue
        if partition != "MSG#":
            found.setdefault(partition[4:], []).append(record)
    return found


def said(record: dict[str, Any]) -> Value:
    change = record["dynamodb"]
    return instant_of(change["Keys"]["sk"]["S"]), change["NewImage"]["message"]["S"]


def members(group: str, records: list[dict[str, Any]]) -> list[str]:
    """Everyone to whom the index, the table's rows or the senders lead."""
    images = [record["dynamodb"]["NewImage"] for record in records]
    shown = client.query(
        TableName=TABLE,
        IndexName=INDEX,
        KeyConditionExpression="message_group_uuid = :group",
        ExpressionAttributeValues={":group": {"S": group}},
    )["Items"]
    entries = [item for item in shown if item["pk"]["S"][:4] == "GRP#"]
    found = reached(group, [item["pk"]["S"][4:] for item in entries] + named(entries) + named(images))
    if not found:
        found = reached(group, named(list(partition(f"MSG#{group}"))[-20:]))
    return found


def reached(group: str, waiting: list[str]) -> list[str]:
    """Members who have a row, of these and of whom their rows name."""
    found: list[str] = []
    seen: set[str] = set()
    while waiting:
        member = waiting.pop(0)
        if member not in seen:
            seen.add(member)
            rows = own_rows(group, member)
            found += [member] * bool(rows)
            waiting += named(rows)
    return found


def named(items: list[Item]) -> list[str]:
    texts = [item.get("user_uuid", {}).get("S", "") for item in items]
    return [text for text in texts if 0 < len(text.encode()) <= MEMBER_BYTES_MAX]


@dataclass
class Inbox:
    """One member's view of one conversation, brought to a message write by write."""

    group: str
    member: str
    newest: Value
    context: Any
    copy: Item | None = None
    source: str = ""
    attempt: int = 0

    def bring_up(self) -> None:
        for _ in range(WRITES_MAX):
            rows = sorted(own_rows(self.group, self.member), key=lambda row: (*value_of(row), row["sk"]["S"]))
            if self.context.get_remaining_time_in_millis() < ROOM_MS:
                break
            if not rows or not self.one_write(rows):
                return
        raise Unfinished

    def one_write(self, rows: list[Item]) -> bool:
        """Do what comes next; whether there was anything."""
        best, older = rows[-1], rows[:-1]
        names = {name for row in rows for name in row}
        whole = self.whole(best, older)
        if whole != best:
            self.put(whole, unchanged(best, names))
        elif value_of(best) < self.newest:
            self.move(best, names)
        elif older:
            write("delete", Key={name: older[0][name] for name in KEYS}, **unchanged(older[0], names))
        else:
            return False
        return True

    def whole(self, best: Item, older: list[Item]) -> Item:
        """The newest row with what only older ones have, and with what others wrote on the one it was copied from."""
        gathered = dict(best)
        for row in reversed(older):
            is_source = best == self.copy and row["sk"]["S"] == self.source
            for name in row.keys() - {*KEYS, "message"}:
                if is_source or name not in gathered:
                    gathered[name] = row[name]
        return gathered

    def move(self, best: Item, names: set[str]) -> None:
        instant, text = self.newest
        if instant == value_of(best)[0] and is_time(best["sk"]["S"]):
            condition = unchanged(best, names)
            condition["ExpressionAttributeValues"][":text"] = {"S": text}
            condition["ExpressionAttributeNames"]["#message"] = "message"
            write(
                "update", Key={name: best[name] for name in KEYS}, UpdateExpression="SET #message = :text", **condition
            )
            return
        sort_key = f"{instant:%Y-%m-%dT%H:%M:%S.%f}{self.digits()}+00:00"
        item = {**best, "sk": {"S": sort_key}, "message": {"S": text}}
        there = self.put(item, {"ConditionExpression": "attribute_not_exists(pk)"})
        if there is None:
            self.copy, self.source = item, best["sk"]["S"]
        elif there and there.get("message_group_uuid") != {"S": self.group}:
            self.attempt += 1

    def digits(self) -> str:
        """More digits with each key that another conversation has."""
        return "".join(f"{crc32(f'{number} {self.group}'.encode()):010d}" for number in range(self.attempt))

    def put(self, item: Item, condition: dict[str, Any]) -> Item | None:
        return write("put", Item=item, **condition)


def write(way: Literal["put", "update", "delete"], **arguments: Any) -> Item | None:  # noqa: ANN401 - the SDK's
    """Write one row; where the condition fails, what is there instead."""
    call = {"put": client.put_item, "update": client.update_item, "delete": client.delete_item}[way]
    try:
        call(TableName=TABLE, ReturnValuesOnConditionCheckFailure="ALL_OLD", **arguments)
    except client.exceptions.ConditionalCheckFailedException as error:
        there: Item = error.response.get("Item", {})
        return there
    return None


def unchanged(row: Item, names: set[str]) -> dict[str, Any]:
    """The condition that a row is, attribute by attribute, what was read."""
    present = sorted(row.keys() - set(KEYS))
    absent = sorted(names - row.keys())
    present, absent = present[:CONDITIONS_MAX], absent[: max(0, CONDITIONS_MAX - len(present))]
    terms = [f"#p{number} = :p{number}" for number in range(len(present))]
    terms += [f"attribute_not_exists(#a{number})" for number in range(len(absent))]
    return {
        "ConditionExpression": " AND ".join(terms),
        "ExpressionAttributeNames": {
            **{f"#p{number}": name for number, name in enumerate(present)},
            **{f"#a{number}": name for number, name in enumerate(absent)},
        },
        "ExpressionAttributeValues": {f":p{number}": row[name] for number, name in enumerate(present)},
    }


def own_rows(group: str, member: str) -> list[Item]:
    return [row for row in partition(f"GRP#{member}") if row.get("message_group_uuid", {}).get("S") == group]


def partition(key: str) -> Iterator[Item]:
    pages = client.get_paginator("query").paginate(
        TableName=TABLE,
        ConsistentRead=True,
        KeyConditionExpression="pk = :key",
        ExpressionAttributeValues={":key": {"S": key}},
    )
    for page in pages:
        yield from page["Items"]


def value_of(row: Item) -> Value:
    sort_key = row["sk"]["S"]
    return instant_of(sort_key) if is_time(sort_key) else BEGINNING, row.get("message", {}).get("S", "")


def is_time(text: str) -> bool:
    try:
        instant_of(text)
    except (ValueError, OverflowError):
        return False
    return True


def instant_of(text: str) -> datetime:
    if not TIME.fullmatch(text):
        raise ValueError(text)
    instant = datetime.fromisoformat(text[:11] + text[11:].replace(" ", ""))  # a space before the zone
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
