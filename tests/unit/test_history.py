"""Which rows were there before a recording, and which of its records are the application's own writes."""

from __future__ import annotations

from typing import Any

import pytest

from replay.errors import WrongUse
from replay.sources.history import History, Write
from replay.sources.recording import Recorded

Item = dict[str, dict[str, Any]]


def row(member: str, group: str, time: str, text: str = "text") -> Item:
    return {
        "pk": {"S": f"GRP#{member}"},
        "sk": {"S": time},
        "message_group_uuid": {"S": group},
        "message": {"S": text},
    }


def message(group: str, time: str, text: str = "text") -> Item:
    return {"pk": {"S": f"MSG#{group}"}, "sk": {"S": time}, "message": {"S": text}}


def recorded(sequence: int, name: str, *, old: Item | None = None, new: Item | None = None) -> Recorded:
    item = new or old or {}
    change: dict[str, Any] = {
        "Keys": {"pk": item.get("pk"), "sk": item.get("sk")},
        "SequenceNumber": str(sequence),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    change |= ({"OldImage": old} if old else {}) | ({"NewImage": new} if new else {})
    return Recorded({"eventName": name, "dynamodb": change}, sequence, "shard", f"file:{sequence}", sequence)


def told(*records: Recorded) -> tuple[list[Item], list[Write | None]]:
    history = History()
    for record in records:
        history.note(record)
    return history.initial, [history.write_of(record) for record in records]


def test_a_row_first_seen_changing_or_leaving_was_there_before() -> None:
    initial, writes = told(
        recorded(1, "REMOVE", old=row("a", "g", "1")),
        recorded(2, "MODIFY", old=row("b", "g", "1", "old"), new=row("b", "g", "1", "new")),
    )
    assert initial == [row("a", "g", "1"), row("b", "g", "1", "old")]
    assert writes == [None, None]


def test_a_row_first_seen_inserted_is_the_applications_and_later_ones_are_the_recorded_handlers() -> None:
    first, second = row("a", "g", "1"), row("a", "g", "2")
    initial, writes = told(
        recorded(1, "INSERT", new=first),
        recorded(2, "REMOVE", old=first),
        recorded(3, "INSERT", new=second),
        recorded(4, "MODIFY", old=second, new={**second, "message": {"S": "edited"}}),
    )
    assert initial == []
    assert writes == [Write(("GRP#a", "1"), first), None, None, None]


def test_each_group_and_each_member_is_decided_apart() -> None:
    initial, writes = told(
        recorded(1, "INSERT", new=row("a", "g", "1")),
        recorded(2, "REMOVE", old=row("a", "h", "1")),
        recorded(3, "REMOVE", old=row("b", "g", "1")),
        recorded(4, "INSERT", new=row("a", "h", "2")),
    )
    assert initial == [row("a", "h", "1"), row("b", "g", "1")]
    assert writes == [Write(("GRP#a", "1"), row("a", "g", "1")), None, None, None]


def test_messages_and_other_rows_follow_their_records() -> None:
    first, edited, other = message("g", "1"), message("g", "1", "edited"), {"pk": {"S": "USER#1"}, "sk": {"S": "x"}}
    initial, writes = told(
        recorded(1, "INSERT", new=first),
        recorded(2, "MODIFY", old=first, new=edited),
        recorded(3, "REMOVE", old=edited),
        recorded(4, "INSERT", new=other),
    )
    assert initial == []
    assert writes == [
        Write(("MSG#g", "1"), first),
        Write(("MSG#g", "1"), edited),
        Write(("MSG#g", "1"), None),
        Write(("USER#1", "x"), other),
    ]


@pytest.mark.parametrize(("name", "image"), [("INSERT", "NewImage"), ("MODIFY", "OldImage"), ("REMOVE", "OldImage")])
@pytest.mark.parametrize("view_type", ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE"])
def test_a_group_row_without_its_image_is_refused_naming_the_view_type(name: str, image: str, view_type: str) -> None:
    record = recorded(7, name, old=row("a", "g", "1"), new=row("a", "g", "1"))
    del record.wire["dynamodb"][image]
    record.wire["dynamodb"]["StreamViewType"] = view_type
    with pytest.raises(WrongUse, match=rf"file:7: .*{name} has no {image} .*{view_type}.*record with NEW_AND_OLD"):
        told(record)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Keys": None},
        {"Keys": {"Id": {"N": "101"}}, "NewImage": {"Id": {"N": "101"}}},
        {"Keys": {"pk": {"S": "MSG#g"}, "sk": {"S": "1"}}},
        {"Keys": {"pk": {"S": "MSG#g"}, "sk": {"S": "1"}}, "NewImage": "text"},
        {"Keys": {"pk": {"S": "MSG#g"}, "sk": {"S": "1"}}, "NewImage": message("g", "2")},
        {"Keys": {"pk": {"S": "GRP#g"}, "sk": {"N": "1"}}},
        {"Keys": {"pk": "GRP#g", "sk": None}},
    ],
)
def test_what_is_no_row_of_this_table_is_written_by_nobody(change: dict[str, Any]) -> None:
    record = Recorded({"eventName": "INSERT", "dynamodb": change}, 1, "shard", "file:1", 1)
    assert told(record) == ([], [None])
