"""A stream function without transactions that is right: every new row is put first, then every old one is deleted.

Each write has a condition: a new key holds no row, an old row is what was read. A condition that fails means another
writer, so everything is read again. Whoever dies in between leaves two rows of a member; the next delivery finds both.
A row's key carries digits of a hash of its conversation, so that two conversations never meet in one key.

What it cannot know: whether a row that went meanwhile was moved by another invocation or belonged to someone who left.
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from boto3.dynamodb.conditions import ConditionBase

table: Any = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
INDEX = os.environ.get("GROUP_INDEX_NAME", "message-group-sk-index")
ROUNDS_MAX = 12
"""How often a conversation is read and written before the batch gives it up."""
CONDITIONS_MAX = 140
"""Attributes asked for in one condition; DynamoDB takes 300 operators."""
TIME = re.compile(
    r"[0-9-]{10}[T ](?:[01][0-9]|2[0-3])[0-9:]{6}(?:\.[0-9]+)?"
    r"(?: ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2}|:[0-9]{2}:[0-9]{2})))?"
)
NEVER = datetime.min.replace(tzinfo=UTC)
OWN = {"pk", "sk", "message"}
"""What this function writes; all else on a row belongs to others."""

Row = dict[str, Any]


class Said(NamedTuple):
    """A message; `sender` may be nobody."""

    instant: datetime
    text: str
    sender: str | None
    sequence: str


class AnotherWriter(Exception):
    """A condition failed: what was read is no more."""


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    groups: dict[str, list[Said]] = {}
    for record in event["Records"]:
        said = message_of(record)
        if said is not None:
            groups.setdefault(record["dynamodb"]["Keys"]["pk"]["S"].removeprefix("MSG#"), []).append(said)
    unfinished: list[str] = []
    for group, messages in groups.items():
        try:
            bring_up(group, messages)
        except (AnotherWriter, ClientError, BotoCoreError):
            unfinished += [said.sequence for said in messages]
    return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in unfinished]}


def message_of(record: dict[str, Any]) -> Said | None:
    """Read an inserted message; what nobody can read is told by its number and left aside."""
    change = record["dynamodb"]
    if record["eventName"] != "INSERT" or not change["Keys"]["pk"]["S"].startswith("MSG#"):
        return None
    image = change.get("NewImage", {})
    text, instant = image.get("message", {}).get("S"), time_of(change["Keys"]["sk"]["S"])
    if text is None or instant is None or change["Keys"]["pk"]["S"] == "MSG#":
        print("left aside", change["SequenceNumber"])  # noqa: T201 - a function's log
        return None
    return Said(instant, text, member(image.get("user_uuid", {}).get("S")), change["SequenceNumber"])


def bring_up(group: str, messages: list[Said]) -> None:
    """Bring the rows of one conversation to its newest message."""
    newest = max((said.instant, said.text) for said in messages)
    written: dict[str, tuple[Row, str]] = {}
    members = {said.sender for said in messages if said.sender} | members_shown(group)
    for _ in range(ROUNDS_MAX):
        rows = rows_of(group, members)
        names = {name for row in rows for name in row}
        try:
            for own in by_member(rows):
                put_newest(group, own, newest, written, names)
            for own in by_member(rows):
                delete_old(own, newest, names)
        except AnotherWriter:
            members |= {row["pk"].removeprefix("GRP#") for row in rows}
        else:
            return
    raise AnotherWriter


def put_newest(
    group: str, rows: list[Row], newest: tuple[datetime, str], written: dict[str, tuple[Row, str]], names: set[str]
) -> None:
    """Put a member's new row, or mend the one that is newest already."""
    best = rows[0]
    wanted = {**merged(rows), **carried(best, rows, written)}
    if newest <= value_of(best):
        if wanted != best:
            put(wanted, unchanged(best, names))
        return
    wanted |= {"sk": key_of(newest[0], group), "message": newest[1]}
    put(wanted, unchanged(best, names) if wanted["sk"] == best["sk"] else Attr("pk").not_exists())
    written[best["pk"]] = wanted, best["sk"]


def carried(best: Row, rows: list[Row], written: dict[str, tuple[Row, str]]) -> Row:
    """What others wrote on the old row after it was copied, and on the copy not since."""
    copy, source = written.get(best["pk"], (None, None))
    for row in rows[1:]:
        if copy is not None and row["sk"] == source:
            changed = {name for name, value in row.items() if value != copy.get(name) == best.get(name)}
            return {name: row[name] for name in changed - OWN}
    return {}


def delete_old(rows: list[Row], newest: tuple[datetime, str], names: set[str]) -> None:
    """Delete all of a member's rows as they were read, but the one that is the newest."""
    stays = value_of(rows[0]) >= newest or key_of(newest[0], rows[0]["message_group_uuid"]) == rows[0]["sk"]
    for row in rows[1 if stays else 0 :]:
        try:
            table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]}, ConditionExpression=unchanged(row, names))
        except table.meta.client.exceptions.ConditionalCheckFailedException as error:
            raise AnotherWriter from error


def put(row: Row, condition: ConditionBase) -> None:
    try:
        table.put_item(Item=row, ConditionExpression=condition)
    except table.meta.client.exceptions.ConditionalCheckFailedException as error:
        raise AnotherWriter from error


def unchanged(row: Row, names: set[str]) -> ConditionBase:
    """Every attribute is what was read, and those that only other rows have are not there."""
    equal = [Attr(name).eq(value) for name, value in row.items() if name not in {"pk", "sk"}]
    terms = equal + [Attr(name).not_exists() for name in sorted(names - row.keys())]
    return reduce(and_, terms[:CONDITIONS_MAX])


def merged(rows: list[Row]) -> Row:
    """Give the newest row what only older rows of the same member have."""
    whole: Row = {}
    for row in reversed(rows):
        whole |= {name: value for name, value in row.items() if row is rows[0] or name not in OWN}
    return whole


def rows_of(group: str, members: Iterable[str]) -> list[Row]:
    """Read the members' rows from the table itself, of whom these rows name too; else of who wrote lately."""
    rows = followed(group, members)
    if not rows:
        late = table.query(
            KeyConditionExpression=Key("pk").eq(f"MSG#{group}"), ScanIndexForward=False, Limit=20, ConsistentRead=True
        )
        rows = followed(group, named(late["Items"]))
    return rows


def followed(group: str, members: Iterable[str]) -> list[Row]:
    waiting, seen, rows = sorted(members), set[str](), list[Row]()
    while waiting:
        member = waiting.pop()
        if member in seen:
            continue
        seen.add(member)
        own = [row for row in pages(Key("pk").eq(f"GRP#{member}")) if row.get("message_group_uuid") == group]
        rows += own
        waiting += named(own)
    return rows


def named(rows: Iterable[Row]) -> set[str]:
    """Whom these rows name, or who wrote them."""
    return {found for found in (member(row.get("user_uuid")) for row in rows) if found}


def member(named: object) -> str | None:
    """A text that can be a key, and nothing else, names somebody."""
    return named if isinstance(named, str) and 0 < len(named.encode()) <= 2044 else None


def pages(condition: ConditionBase) -> Iterator[Row]:
    page = table.query(KeyConditionExpression=condition, ConsistentRead=True)
    yield from page["Items"]
    while start := page.get("LastEvaluatedKey"):
        page = table.query(KeyConditionExpression=condition, ConsistentRead=True, ExclusiveStartKey=start)
        yield from page["Items"]


def members_shown(group: str) -> set[str]:
    """Owners of the rows that the index shows, and whom these name."""
    shown = table.query(IndexName=INDEX, KeyConditionExpression=Key("message_group_uuid").eq(group))["Items"]
    rows = [row for row in shown if row["pk"].startswith("GRP#")]
    return {row["pk"].removeprefix("GRP#") for row in rows} | named(rows)


def by_member(rows: list[Row]) -> Iterator[list[Row]]:
    """Each member's rows, the newest first."""
    for partition in sorted({row["pk"] for row in rows}):
        own = [row for row in rows if row["pk"] == partition]
        yield sorted(own, key=lambda row: (*value_of(row), row["sk"]), reverse=True)


def value_of(row: Row) -> tuple[datetime, str]:
    text = row.get("message")
    return time_of(row["sk"]) or NEVER, text if isinstance(text, str) else ""


def key_of(instant: datetime, group: str) -> str:
    """Write an instant so that text order is time order, with nine digits that belong to the conversation."""
    digits = int(hashlib.sha256(group.encode()).hexdigest(), 16) % 10**9
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}{digits:09d}+00:00"


def time_of(text: str) -> datetime | None:
    if not TIME.fullmatch(text):
        return None
    try:
        instant = datetime.fromisoformat(text[:11] + text[11:].replace(" ", ""))  # a space before the zone
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
