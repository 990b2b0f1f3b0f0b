"""Make `fixtures/faults/`: a history for each fault of the usual stream function, and what must come of it.

    python tools/make_fault_fixtures.py

A pair is a folder with `events.jsonl` (what is replayed) and `expected.json` (with which options, which handler falls
and how, and that the project's own stands). Adding a folder adds a test; this script only writes those it knows.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from replay.inbox import Person, Saying, group_row, message_row  # noqa: E402 - the path comes first

FOLDER = ROOT / "fixtures" / "faults"
USUAL = "tests/handlers/usual.py:lambda_handler"
BY_TEXT = "tests/handlers/by_text.py:lambda_handler"
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/cruddur-messages/stream/2026-03-14T08:00:00.000"
CREATED_S = 1_773_482_400.0
FIRST_SEQUENCE = 100_000_000_000_000_000_001

ONE_BY_ONE = ("--batch-size", "1")

Json = dict[str, Any]

ANA, BEN, CLEO = (Person(f"{name}-uuid", name, name.title()) for name in ("ana", "ben", "cleo"))
GROUP, OTHER = "5ae290ed-55d1-47a0-bc6d-fe2bc2700399", "0b5d6a4e-7f7c-4b39-9c0a-6f9b8b0f8a11"


def at(minute: int, spelling: str = "{}.000000+00:00") -> str:
    """Spell a time, minutes after ten."""
    return spelling.format(f"2026-03-14T10:{minute:02d}:00")


@dataclass
class Story:
    """Records, in the order of the stream."""

    records: list[Json] = field(default_factory=list)

    def insert(self, item: Json) -> Story:
        """The application puts a row."""
        return self._add("INSERT", new=item)

    def modify(self, old: Json, new: Json) -> Story:
        """The application changes a row."""
        return self._add("MODIFY", new=new, old=old)

    def there(self, *rows: Json) -> Story:
        """Rows older than the recording: what the stream shows of them is that the recorded handler removed them."""
        for row in rows:
            self._add("REMOVE", old=row)
        return self

    def say(self, group: str, minute: int, text: str, sender: Person = ANA, **more: Json) -> Story:
        """Somebody writes."""
        return self.insert(message(group, at(minute), text, sender) | more)

    def _add(self, name: str, *, new: Json | None = None, old: Json | None = None) -> Story:
        item = new or old or {}
        change: Json = {
            "ApproximateCreationDateTime": CREATED_S + len(self.records),
            "Keys": {"pk": item["pk"], "sk": item["sk"]},
            "SequenceNumber": str(FIRST_SEQUENCE + len(self.records)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        change |= ({"NewImage": new} if new else {}) | ({"OldImage": old} if old else {})
        self.records.append(
            {
                "eventID": f"{len(self.records) + 1:032x}",
                "eventName": name,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": change,
                "eventSourceARN": ARN,
            }
        )
        return self


def message(group: str, time: str, text: str, sender: Person = ANA) -> Json:
    """Make a message's row."""
    return message_row(group, sender, Saying(text, time, f"{group[:8]}-{time}"))


def pair(group: str = GROUP, one: Person = ANA, other: Person = BEN, minute: int = 0, **more: Json) -> list[Json]:
    """The two rows of a conversation."""
    saying = Saying("this is a filler message", at(minute), "filler")
    return [group_row(group, one, other, saying) | more, group_row(group, other, one, saying) | more]


def talk(messages: int, *rows: Json) -> Story:
    """Rows that were there, then messages, a minute apart."""
    story = Story().there(*(rows or pair()))
    for minute in range(1, messages + 1):
        story.say(GROUP, minute, f"message {minute}", (ANA, BEN)[minute % 2])
    return story


@dataclass(frozen=True)
class Pair:
    """One fixture: the history, how it is run, and what becomes of the handler that has the fault."""

    about: str
    story: Story
    kinds: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    filter: str = "template"
    handler: str = USUAL
    summary: Json = field(default_factory=dict)
    """Figures of that handler's run."""
    own_summary: Json = field(default_factory=dict)
    own_verdict: str = "right"
    """Figures of the project's own."""


def poisoned() -> Story:
    """The first message has no image."""
    story = talk(3)
    del story.records[2]["dynamodb"]["NewImage"]
    return story


def with_colliding_groups() -> Story:
    """Ana has two conversations, and both get a message in one instant."""
    story = Story().there(*pair(), *pair(OTHER, ANA, CLEO, minute=1))
    return story.say(GROUP, 5, "to Ben").say(OTHER, 5, "to Cleo")


def with_new_group() -> Story:
    """A conversation is opened: its rows and its first message share their time."""
    saying = Saying("hello", at(1), "m1")
    rows = [group_row(GROUP, ANA, BEN, saying), group_row(GROUP, BEN, ANA, saying)]
    story = Story()
    for row in rows:
        story.insert(row)
    return story.insert(message_row(GROUP, ANA, saying))


def with_unseen_rows() -> Story:
    """A conversation's rows have just been put when its first message comes."""
    story = Story()
    for row in pair():
        story.insert(row)
    return story.say(GROUP, 1, "are you there?")


def with_edit() -> Story:
    """The older of two messages is edited after the newer one."""
    first = message(GROUP, at(1), "typo hree")
    story = Story().there(*pair()).insert(first).say(GROUP, 2, "newest", BEN)
    return story.modify(first, first | {"message": {"S": "typo here"}})


def in_other_spellings() -> Story:
    """The second message is later by two hours, its text sorts before the first one's."""
    story = Story().there(*pair()).insert(message(GROUP, "2026-03-14T15:30:00.000000+05:30", "ten o'clock, from Delhi"))
    return story.insert(message(GROUP, "2026-03-14T12:00:00Z", "noon, from London"))


def with_old_message() -> Story:
    """A message comes late."""
    return Story().there(*pair()).say(GROUP, 9, "newest").say(GROUP, 3, "from a phone that was offline", BEN)


PAIRS = {
    "H1": Pair("only Records[0] is read: the others of a batch are lost", talk(3), ("behind",)),
    "H2": Pair(
        "delete, then put: a crash in between, and the retry no longer finds the row",
        talk(1),
        ("missing",),
        faults=("--crash-after", "DeleteItem:1"),
        own_verdict="incomplete",  # it never calls DeleteItem
    ),
    "H3": Pair(
        "the index still shows the old key: the delete hits nothing, the put adds a row",
        talk(2),
        ("doubled",),
        faults=("--lag", "calls:20"),
        options=ONE_BY_ONE,
    ),
    "H4": Pair(
        "the index does not show the rows yet: the update is skipped",
        with_unseen_rows(),
        ("behind",),
        faults=("--lag", "forever"),
    ),
    "H5": Pair("an older record moves the group back", with_old_message(), ("behind",), options=ONE_BY_ONE),
    "H6": Pair(
        "an edit is handled like a new message: an old one becomes the preview",
        with_edit(),
        ("behind",),
        options=ONE_BY_ONE,
        filter="none",
    ),
    "H7": Pair(
        "two groups of one member share a timestamp: one row overwrites the other",
        with_colliding_groups(),
        ("missing",),
        options=ONE_BY_ONE,
    ),
    "H8": Pair(
        "a new group's rows are deleted and put under the same key, for nothing",
        with_new_group(),
        summary={"own_writes": 4},
        own_summary={"own_writes": 0},
    ),
    "H9": Pair(
        "a fixed list of attributes: what other owners keep on the row is erased",
        talk(1, *pair(unread={"N": "3"}, avatar={"M": {"id": {"S": "a-17"}, "tags": {"SS": ["new", "team"]}}})),
        ("altered",),
    ),
    "H10": Pair(
        "a poison record comes first: the whole batch is tried in vain, then given up",
        poisoned(),
        ("behind",),
        options=("--no-bisect", "--maximum-retry-attempts", "3"),
        summary={"retries": 3},
    ),
    "H11": Pair(
        "its own writes come back: five stream records a message, one of them of use",
        talk(4),
        options=ONE_BY_ONE,
        filter="none",
        summary={"amplification": 5.0},
    ),
    "H12": Pair(
        "each message is written out to every row, however many follow at once",
        talk(6),
        options=ONE_BY_ONE,
        summary={"write_units": 24, "index_write_units": 24},
    ),
    "H13": Pair(
        "a message row that names its group is in the index, and is taken for a group row",
        Story().there(*pair()).say(GROUP, 1, "plain").say(GROUP, 2, "marked", message_group_uuid={"S": GROUP}),
        ("message-touched",),
        options=ONE_BY_ONE,
    ),
    "H14": Pair(
        "times are compared as texts, and spelled in several ways",
        in_other_spellings(),
        ("behind",),
        handler=BY_TEXT,
    ),
    "H15": Pair(
        'every "MSG#" is cut out of a group\'s id',
        Story().there(*pair("team-MSG#7")).insert(message("team-MSG#7", at(1), "who named this group?")),
        ("behind",),
    ),
}


def main() -> None:
    """Write every pair."""
    for name, fixture in PAIRS.items():
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in fixture.story.records)
        (folder / "events.jsonl").write_text(lines, encoding="utf-8")
        expected = {
            "fault": f"{name}: {fixture.about}",
            "made": "generated by tools/make_fault_fixtures.py",
            "filter": fixture.filter,
            "faults": list(fixture.faults),
            "options": list(fixture.options),
            "falls": {
                "handler": fixture.handler,
                "verdict": "wrong" if fixture.kinds else "right",
                "kinds": sorted(fixture.kinds),
                "summary": fixture.summary,
            },
            "stands": {"verdict": fixture.own_verdict, "summary": fixture.own_summary},
        }
        (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n", encoding="utf-8")
    print(f"{len(PAIRS)} pairs in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
