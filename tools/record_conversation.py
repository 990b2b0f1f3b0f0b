"""Make `fixtures/conversation/events.jsonl`: people talk on a DynamoDB Local, and its stream is recorded.

    python tools/record_conversation.py

Seven people, eight conversations, all spellings of time. Two conversations are older than the stream, so that their
rows are first seen moving. While the people write (access patterns C and D), the function runs now and then, as in a
real recording. The seed decides who says what and when; shard names and sequence numbers are the engine's.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from replay.inbox import Inbox, Person, Saying, group_row, message_row  # noqa: E402 - the path comes first
from replay.sources.stream import StreamReader, shown_arn  # noqa: E402
from replay.tables import local  # noqa: E402
from replay.tables.schema import create_table, load_schema  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OUT = ROOT / "fixtures" / "conversation" / "events.jsonl"
SEED = 20260314
MESSAGES = 240
HANDLER_EVERY = 20
BATCH_SIZE = 100
START = datetime(2026, 3, 14, 8, 30, 12, 160498, tzinfo=UTC)

INDIA = timezone(timedelta(hours=5, minutes=30))
SPELLINGS: tuple[Callable[[datetime], str], ...] = (
    lambda at: at.isoformat(timespec="microseconds"),
    lambda at: at.astimezone(INDIA).isoformat(timespec="microseconds"),
    lambda at: at.replace(tzinfo=None).isoformat(timespec="microseconds"),
    lambda at: at.replace(tzinfo=None, microsecond=0).isoformat(),
    lambda at: at.replace(microsecond=0).isoformat(),
    lambda at: at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
    lambda at: at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"),
)

OPENERS = (
    "hey, have you got a minute?",
    "morning! did the train run today?",
    "quick question about Saturday",
    "you were right about the soup",
    "I found your umbrella",
)
LINES = (
    "on my way",
    "give me ten minutes",
    "the blue one, I think",
    "no, the other one 😄",
    "that's what she said as well",
    "let me check and come back to you",
    "it rained all day here",
    "booked! two tickets, row F",
    "can we make it half past seven instead?",
    "half past seven is fine",
    "did you see the pictures from Lisbon?",
    "send them again, they didn't load",
    "the cat sat on the keyboard, sorry: jjjjjkl",
    "I'll bring bread, you bring the cheese",
    "who else is coming?",
    "just us and maybe Bayko",
    "my phone is nearly dead",
    "call me when you're up",
    "ok",
    "OK 👍",
    "haha",
    "I don't think that's how it works",
    "it works on my machine",
    "the build is green again",
    "then who broke it?",
    "nobody admits anything",
    "café at the corner, as always",
    "they changed the menu",
    "no more almond croissants?!",
    "there is one left, I'm guarding it",
    "you are a hero",
    "I know",
    "what was the name of that film?",
    "the one with the lighthouse",
    "no idea, something Norwegian",
    "found it: Fyrtårnet",
    "thanks for yesterday",
    "any time",
    "did you feed the fish?",
    "twice, to be safe",
    "please don't do that",
    "the neighbours are drilling again",
    "come over here then",
    "really?",
    "door's open",
    "happy birthday!! 🎂",
    "it's tomorrow, but thank you",
    "I wanted to be first",
    "see you at the station",
    "platform 4, I'm wearing the red scarf",
    "running late, save me a seat",
    "saved",
    "good night",
    "sleep well",
)


@dataclass
class Scene:
    """People at work on one table, and the time between them."""

    inbox: Inbox
    chance: random.Random
    now: datetime = START
    groups: dict[str, tuple[Person, ...]] = field(default_factory=dict)
    late: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Group and time of messages from phones that were offline, by how many messages the stream has had before."""
    said: int = 0

    def uuid(self) -> str:
        """Draw a uuid; the seed decides which."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def person(self, handle: str, name: str) -> Person:
        """Bring somebody in."""
        return Person(self.uuid(), handle, name)

    def later(self) -> datetime:
        """Let some time pass: mostly seconds, sometimes a lunch."""
        self.now += timedelta(
            seconds=self.chance.choice((3, 11, 40, 95, 600, 5000)), microseconds=self.chance.randrange(10**6)
        )
        return self.now

    def spelled(self, at: datetime) -> str:
        """Spell a time as one app or another does."""
        return self.chance.choice(SPELLINGS)(at)

    def talk(self, group: str, time: str | None = None, text: str | None = None) -> str:
        """Let a member say something; tell the time of it as it was spelled."""
        if self.said in self.late:
            self.talk(*self.late.pop(self.said))
        spelled = time or self.spelled(self.later())
        sender = self.chance.choice(self.groups[group])
        self.said += 1
        self.inbox.say(group, sender, Saying(text or self.chance.choice(LINES), spelled, self.uuid()))
        return spelled


def main() -> None:
    """Record a conversation anew."""
    with local.engine() as engine:
        client = local.client(engine.endpoint)
        schema = load_schema()
        create_table(client, _without_stream(schema), schema.name)
        scene = Scene(Inbox(client, schema.name), random.Random(SEED))  # noqa: S311 - a story, no secret
        people = _people(scene)
        _older_conversations(scene, people)
        client.update_table(
            TableName=schema.name,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        function = _Function(engine.endpoint, schema.name)
        _conversations(scene, people, function)
        function.run()
        _record(engine.endpoint, schema.name)


def _without_stream(schema: Any) -> Any:  # noqa: ANN401 - a schema in, a schema out
    import dataclasses  # noqa: PLC0415 - only here

    return dataclasses.replace(schema, stream=None)


def _people(scene: Scene) -> tuple[Person, ...]:
    names = (
        ("andrewbrown", "Andrew Brown"),
        ("bayko", "Andrew Bayko"),
        ("londo", "Londo M."),
        ("mina_k", "Mina Kowalczyk"),
        ("sofia.r", "Sofía Ruiz"),
        ("tunde", "Túndé Adébáyọ̀"),
        ("yuki", "雪"),
    )
    return tuple(scene.person(handle, name) for handle, name in names)


def _older_conversations(scene: Scene, people: Sequence[Person]) -> None:
    """Two conversations that the stream does not show from their beginning; one has another owner's attributes."""
    andrew, bayko, londo, mina = people[:4]
    for group, (one, other), text in (
        ("5ae290ed-55d1-47a0-bc6d-fe2bc2700399", (andrew, bayko), "this is a filler message"),
        (scene.uuid(), (londo, mina), "see you next week then"),
    ):
        scene.groups[group] = (one, other)
        saying = Saying(text, SPELLINGS[0](scene.later()), scene.uuid())
        rows = [group_row(group, one, other, saying), group_row(group, other, one, saying)]
        if one is londo:
            rows = [row | {"avatar_id": {"S": "a-17"}, "unread": {"N": "2"}, "pinned": {"BOOL": True}} for row in rows]
        scene.inbox.put([*rows, message_row(group, one, saying)])


def _conversations(scene: Scene, people: Sequence[Person], function: _Function) -> None:
    andrew, bayko, londo, mina, sofia, tunde, yuki = people
    _open(scene, andrew, (sofia,))
    _open(scene, tunde, (yuki,))
    _open(scene, mina, (sofia, tunde))
    _open(scene, yuki, ())
    _open_message_first(scene, bayko, londo)
    _plan_late_messages(scene)
    for number in range(MESSAGES):
        if number == MESSAGES // 3:
            _open(scene, sofia, (bayko,))
        if number == MESSAGES // 2:
            _at_one_instant(scene)
        if number == 2 * MESSAGES // 3:
            _edit_and_delete(scene)
        scene.talk(scene.chance.choice(list(scene.groups)))
        if number % HANDLER_EVERY == 0:
            function.run()


def _open(scene: Scene, sender: Person, others: tuple[Person, ...]) -> None:
    group = scene.uuid()
    scene.groups[group] = (sender, *others)
    saying = Saying(scene.chance.choice(OPENERS), scene.spelled(scene.later()), scene.uuid())
    scene.said += 1
    scene.inbox.open(group, sender, others, saying)


def _open_message_first(scene: Scene, sender: Person, other: Person) -> None:
    """A new conversation whose message the stream shows before its rows: BatchWriteItem promises no order."""
    group = scene.uuid()
    scene.groups[group] = (sender, other)
    saying = Saying("new number, it's me", scene.spelled(scene.later()), scene.uuid())
    scene.said += 1
    scene.inbox.say(group, sender, saying)
    scene.inbox.put([group_row(group, sender, other, saying), group_row(group, other, sender, saying)])


def _plan_late_messages(scene: Scene) -> None:
    """Two old messages of one instant, for two conversations of one person, each the first of a batch of 100."""
    time = SPELLINGS[0](scene.later())
    first = next(iter(scene.groups))
    second = next(
        group for group, members in scene.groups.items() if group != first and scene.groups[first][0] in members
    )
    scene.late |= {BATCH_SIZE: (first, time), 2 * BATCH_SIZE: (second, time)}


def _at_one_instant(scene: Scene) -> None:
    """One instant, several messages: in one conversation, spelled twice; and in all conversations of one person."""
    instant = scene.later()
    first = next(iter(scene.groups))
    for spelling, text in ((SPELLINGS[4], "jinx"), (SPELLINGS[3], "same second!")):
        scene.talk(first, spelling(instant), text)
    instant = scene.later()
    for group, members in scene.groups.items():
        if scene.groups[first][0] in members:
            scene.talk(group, SPELLINGS[0](instant), "all at once")


def _edit_and_delete(scene: Scene) -> None:
    """An old message is changed, another taken away: neither may move a conversation."""
    group = next(iter(scene.groups))
    old, gone = scene.talk(group, text="typo hree"), scene.talk(group, text="wrong window, ignore this")
    scene.talk(group, text="anyway")
    scene.inbox.edit(group, old, "typo here")
    scene.inbox.delete(group, gone)


class _Function:
    """The project's own function, run on what the stream has shown since the last time."""

    def __init__(self, endpoint: str, table: str) -> None:
        streams = local.client(endpoint, "dynamodbstreams")
        arn = streams.list_streams(TableName=table)["Streams"][0]["StreamArn"]
        self._reader = StreamReader(streams, arn, shown_arn(arn, local.REGION), print)
        os.environ |= {
            "TABLE_NAME": table,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "AWS_REGION": local.REGION,
            "AWS_DEFAULT_REGION": local.REGION,
            "AWS_ACCESS_KEY_ID": local.CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": local.CREDENTIAL,
            "POWERTOOLS_LOG_LEVEL": "ERROR",
            "POWERTOOLS_METRICS_DISABLED": "true",
        }

    def run(self) -> None:
        from stream_processor.handler import lambda_handler  # noqa: PLC0415 - behind the environment

        records = [read.wire for read in self._reader.read()]
        answer = lambda_handler({"Records": records}, None)
        if answer["batchItemFailures"]:
            sys.exit(f"the function failed on {json.dumps(answer)}")


def _record(endpoint: str, table: str) -> None:
    command = ["record", "--table", table, "--endpoint-url", endpoint, "--out", str(OUT)]
    subprocess.run([sys.executable, "-m", "replay", *command], cwd=ROOT, check=True)  # noqa: S603 - our own command


if __name__ == "__main__":
    main()
