"""The application's side of the messages table: the calls that people's apps make, A to D.

A shows a conversation, B a person's conversations, C says something in one, D opens a new one. Keeping B's rows at the
newest message (E) is not done here: that is the stream function's work. As in the applications this table comes from,
C and D do not ask whether the sender is a member, or whether the conversation exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX
from replay.rows.wire import from_sdk, to_sdk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.rows.wire import Item

PAGE_ITEMS: Final = 20
"""What the applications show at once."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes and reads."""

    uuid: str
    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Saying:
    """What somebody says: the text, the time as the app spells it, and the message's uuid."""

    text: str
    time: str
    uuid: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and where the next page begins, if there is more."""

    items: tuple[Item, ...]
    next: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Inbox:
    """One messages table as its application uses it."""

    client: DynamoDBClient
    table: str

    def messages(self, group: str, after: Mapping[str, Any] | None = None) -> Page:
        """A: the messages of a conversation."""
        return self._newest(MESSAGE_PREFIX + group, after)

    def groups(self, member: str, after: Mapping[str, Any] | None = None) -> Page:
        """B: a person's conversations."""
        return self._newest(GROUP_PREFIX + member, after)

    def say(self, group: str, sender: Person, saying: Saying) -> None:
        """C: a message into a conversation."""
        self.client.put_item(TableName=self.table, Item=to_sdk(message_row(group, sender, saying)))

    def open(self, group: str, sender: Person, others: Sequence[Person], saying: Saying) -> None:
        """D: a message into a new conversation: the rows of all members and the message, with one time, not atomic."""
        rows = [
            message_row(group, sender, saying),
            group_row(group, sender, others[0] if others else sender, saying),
            *(group_row(group, other, sender, saying) for other in others),
        ]
        self.put(rows)

    def put(self, rows: Sequence[Item]) -> None:
        """Put rows by BatchWriteItem."""
        requests: Any = {self.table: [{"PutRequest": {"Item": to_sdk(row)}} for row in rows]}
        while requests:
            requests = self.client.batch_write_item(RequestItems=requests)["UnprocessedItems"]

    def edit(self, group: str, time: str, text: str) -> None:
        """Change a message's text; what other people's apps do that know more than C and D."""
        self.client.update_item(
            TableName=self.table,
            Key={"pk": {"S": MESSAGE_PREFIX + group}, "sk": {"S": time}},
            UpdateExpression="SET message = :text",
            ExpressionAttributeValues={":text": {"S": text}},
        )

    def delete(self, group: str, time: str) -> None:
        """Take a message away."""
        self.client.delete_item(TableName=self.table, Key={"pk": {"S": MESSAGE_PREFIX + group}, "sk": {"S": time}})

    def _newest(self, partition_key: str, after: Mapping[str, Any] | None) -> Page:
        start: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": after}
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition_key}},
            ScanIndexForward=False,
            Limit=PAGE_ITEMS,
            **start,
        )
        return Page(tuple(map(from_sdk, answer["Items"])), answer.get("LastEvaluatedKey"))


def message_row(group: str, sender: Person, saying: Saying) -> Item:
    """Make a message's row; it names its sender, and its group in its key alone."""
    key = {"pk": {"S": MESSAGE_PREFIX + group}, "sk": {"S": saying.time}}
    return key | {"message_uuid": {"S": saying.uuid}} | _said(sender, saying.text)


def group_row(group: str, member: Person, other: Person, saying: Saying) -> Item:
    """Make one member's view of a conversation; it names the other person."""
    key = {"pk": {"S": GROUP_PREFIX + member.uuid}, "sk": {"S": saying.time}}
    return key | {"message_group_uuid": {"S": group}} | _said(other, saying.text)


def _said(person: Person, text: str) -> Item:
    return {
        "message": {"S": text},
        "user_uuid": {"S": person.uuid},
        "user_display_name": {"S": person.name},
        "user_handle": {"S": person.handle},
    }
