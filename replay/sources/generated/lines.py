"""Records as lines of JSON, made from templates: 50,000 a second are wanted, and encoding each takes too long.

The templates are rows of the application's own making, with gaps for what differs, so the shape is said in one place.
What fills a gap must be able to stand in a JSON string as it is; everything here can, and what cannot (poison) goes
through the encoder.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from replay.event_source.sizes import item_bytes
from replay.inbox import Person, Saying, group_row, message_row
from replay.sources import neutral
from replay.sources.generated.asked import TABLE
from replay.sources.single_records import SHARD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.rows.wire import Item
    from replay.sources.generated.cast import Group, Member

VIEW_TYPE: Final = "NEW_AND_OLD_IMAGES"
KEYS: Final = ("pk", "sk")

GAPS: Final = Saying("<text>", "<time>", "<id>")
WHO: Final = Person("<uuid>", "<handle>", "<name>")
MEMBER: Final = Person("<key>", "", "")
GAP: Final = re.compile("<([a-z_]+)>")
ORDER: Final = (
    *("event_id", "created", "key", "time", "key", "time", "id", "text"),
    *("uuid", "name", "handle", "sequence", "size", "shard"),
)
"""In which order the gaps come; `id` is the message's of its own row, and the group's of a group row."""
UUIDS_BYTES: Final = 4 * 36
"""In either kind of row's record: the key's twice, the row's own, the person's."""


class Stamp(NamedTuple):
    """What the stream says of a record: its ids, its second, its shard."""

    event_id: bytes
    sequence: bytes
    created_s: bytes
    shard: bytes


class View(NamedTuple):
    """A member's view of a group, and whom it names."""

    group: Group
    member: Member
    other: Member


class Template:
    """A line with gaps, in `ORDER`; where shards are not named the last gap is missing."""

    def __init__(self, text: str) -> None:
        parts = GAP.split(text)
        self._parts = [part.encode() for part in parts]
        self._gaps = len(parts) // 2
        if tuple(parts[1::2]) != ORDER[: self._gaps]:
            raise AssertionError("the rows have another form than the lines are filled by")

    def filled(self, *values: bytes) -> bytes:
        """Fill the gaps. Joining is three times as fast as formatting, and bytes need no encoding."""
        parts = self._parts.copy()
        parts[1::2] = values[: self._gaps]
        return b"".join(parts)


class Lines:
    """Writes records in UTF-8; with `names_shards` each line says which shard it is from."""

    def __init__(self, *, names_shards: bool) -> None:
        self._names_shards = names_shards
        message = message_row("<key>", WHO, GAPS)
        row = group_row("<id>", MEMBER, WHO, GAPS)
        self._message = self._template("INSERT", "NewImage", message)
        self._opened = self._template("INSERT", "NewImage", row)
        self._left = self._template("REMOVE", "OldImage", row)
        self._message_bytes = _fixed_bytes(message) + UUIDS_BYTES
        self._row_bytes = _fixed_bytes(row) + UUIDS_BYTES

    def message(self, stamp: Stamp, group: Group, sender: Member, time: bytes, text: bytes) -> bytes:
        """Write a message's record."""
        size = b"%d" % (self._message_bytes + 2 * len(time) + sender.size + len(text))
        event_id, sequence, created_s, shard = stamp
        key = group.key
        return self._message.filled(
            event_id, created_s, key, time, key, time, message_uuid(stamp), text, *sender.named, sequence, size, shard
        )

    def group_row(self, stamp: Stamp, view: View, time: bytes, text: bytes, *, left: bool) -> bytes:
        """Write the record of a member's view: it comes into being, or goes as its member has `left`."""
        size = b"%d" % (self._row_bytes + 2 * len(time) + view.other.size + len(text))
        event_id, sequence, created_s, shard = stamp
        group, key, named = view.group.key, view.member.key, view.other.named
        return (self._left if left else self._opened).filled(
            event_id, created_s, key, time, key, time, group, text, *named, sequence, size, shard
        )

    def broken(self, stamp: Stamp, row: Item, *, has_image: bool) -> bytes:
        """Write the record of any new row; without its image when that is what is wrong with it."""
        images = {"NewImage": row} if has_image else {}
        size = item_bytes(_keys(row)) + sum(map(item_bytes, images.values()))
        sequence, created = stamp.sequence.decode(), float(stamp.created_s)
        change = self._change(row, images, created=created, sequence=sequence, size=size)
        wire = self._record("INSERT", change, event_id=stamp.event_id.decode(), shard=stamp.shard.decode())
        try:
            return encoded(wire).encode() + b"\n"
        except UnicodeEncodeError:
            return json.dumps(wire, separators=(",", ":")).encode() + b"\n"

    def _template(self, event_name: str, image: str, row: Item) -> Template:
        change = self._change(row, {image: row}, created="<created>", sequence="<sequence>", size="<size>")
        text = encoded(self._record(event_name, change, event_id="<event_id>", shard="<shard>"))
        return Template(text.replace('"<created>"', "<created>.0").replace('"<size>"', "<size>") + "\n")

    def _change(
        self, row: Item, images: Mapping[str, Item], *, created: object, sequence: str, size: object
    ) -> dict[str, Any]:
        return {
            "ApproximateCreationDateTime": created,
            "Keys": _keys(row),
            **images,
            "SequenceNumber": sequence,
            "SizeBytes": size,
            "StreamViewType": VIEW_TYPE,
        }

    def _record(self, event_name: str, change: dict[str, Any], *, event_id: str, shard: str) -> dict[str, Any]:
        wire = {
            "eventID": event_id,
            "eventName": event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": neutral.REGION,
            "dynamodb": change,
            "eventSourceARN": neutral.stream_arn(TABLE),
        }
        return wire | ({SHARD: shard} if self._names_shards else {})


def message_uuid(stamp: Stamp) -> bytes:
    """Make a message's uuid from its record's id."""
    key = stamp.event_id
    return b"%b-%b-4%b-9%b-%b" % (key[24:], key[20:24], key[17:20], key[13:16], key[:12])


def encoded(wire: Mapping[str, Any]) -> str:
    """Write JSON without blanks, letters as they are."""
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":"))


def _keys(row: Item) -> Item:
    return {name: row[name] for name in KEYS}


def _fixed_bytes(row: Item) -> int:
    """Reckon what a record's keys and its one image have without what fills the gaps."""
    return sum(
        item_bytes({name: {"S": _without_gaps(value["S"])} for name, value in item.items()})
        for item in (_keys(row), row)
    )


def _without_gaps(text: str) -> str:
    return GAP.sub("", text)
