"""Every form that records come in becomes the same Lambda records."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from replay.errors import WrongUse
from replay.sources.documents import File, opened
from replay.sources.history import History
from replay.sources.recording import Recording
from replay.sources.state import read_state
from tests.shapes import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

NUMBERED_ANEW = {name for name in SHAPES if name.startswith(("Kinesis", "incremental"))}
WITHOUT_STREAM = {name for name in SHAPES if name.startswith("GetRecords")} | NUMBERED_ANEW

VALUES: Json = {
    "text": {"S": "Zoë 😄"},
    "number": {"N": "5"},
    "binary": {"B": "AAEC/w=="},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "list": {"L": [{"S": "a"}, {"L": []}, {"M": {"b": {"N": "1"}}}]},
    "map": {"M": {"deep": {"B": "/w=="}, "empty": {"M": {}}}},
    "set": {"SS": ["a", "b"]},
}


def record(sequence: int, name: str, pk: str, *, new: bool, old: bool = False) -> Json:
    keys = {"pk": {"S": pk}, "sk": {"S": f"2026-03-14T10:00:{sequence:02d}"}}
    change: Json = {
        "ApproximateCreationDateTime": 1_795_000_000.0 + sequence // 3,
        "Keys": keys,
        "SequenceNumber": f"{sequence:021d}",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if new:
        change["NewImage"] = {**keys, **VALUES}
    if old:
        change["OldImage"] = {**keys, "text": {"S": "before"}}
    return {
        "eventID": f"{sequence:032x}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/messages/stream/2026-01-01T00:00:00.000",
    }


RECORDS = [
    record(1, "INSERT", "MSG#g", new=True),
    record(2, "MODIFY", "USER#1", new=True, old=True),
    record(3, "INSERT", "MSG#g", new=True),
    record(4, "REMOVE", "USER#2", new=False, old=True),
    record(5, "INSERT", "MSG#h", new=True),
    record(6, "INSERT", "MSG#h", new=True),
    record(7, "MODIFY", "USER#3", new=True, old=True),
]
EXPIRED = RECORDS[3] | {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}


def files(folder: Path, text: str, name: str = "events") -> tuple[File, ...]:
    (folder / name).write_text(text)
    return (File(name, folder / name),)


def comparable(wire: Json, name: str) -> Json:
    """A record without what its form cannot carry."""
    change = dict(wire["dynamodb"])
    wire = dict(wire)
    if name in WITHOUT_STREAM:
        del wire["eventSourceARN"]
    if name in NUMBERED_ANEW:
        del change["SequenceNumber"]
    if name == "incremental export":
        del wire["eventID"]
    return wire | {"dynamodb": change}


@pytest.mark.parametrize("name", SHAPES)
def test_every_form_gives_the_same_records_in_the_same_order(tmp_path: Path, name: str) -> None:
    recording = Recording(files(tmp_path, SHAPES[name](RECORDS)))
    found = [comparable(dict(recorded.wire), name) for recorded in recording]
    assert found == [comparable(wire, name) for wire in RECORDS]
    assert recording.duplicates == (2 if "twice" in name else 0)
    for recorded in recording:
        assert recorded.wire["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:000000000000:table/")
        assert recorded.wire["dynamodb"]["SequenceNumber"] == str(recorded.wire["dynamodb"]["SequenceNumber"])


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "incremental export"])
def test_removals_by_time_to_live_stay_recognisable(tmp_path: Path, name: str) -> None:
    (found,) = Recording(files(tmp_path, SHAPES[name]([EXPIRED])))
    assert found.wire["userIdentity"] == EXPIRED["userIdentity"]


@pytest.mark.parametrize("identity", [{}, {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}])
def test_the_sdks_spellings_of_the_identity_are_lambdas(tmp_path: Path, identity: Json) -> None:
    answer = {"Records": [EXPIRED | {"userIdentity": identity}], "NextShardIterator": "a"}
    (found,) = Recording(files(tmp_path, json.dumps(answer)))
    assert found.wire["userIdentity"] == EXPIRED["userIdentity"]


def test_batches_are_kept_where_the_form_has_them(tmp_path: Path) -> None:
    for name, make in SHAPES.items():
        expected = 3 if "event" in name and name != "one event" else None
        if name.startswith(("failure", "Pipes")) and name != "Pipes, laid out":
            expected = 3
        if expected is not None:
            assert Recording(files(tmp_path, make(RECORDS))).batches == expected, name


def test_kinesis_shards_are_kept_apart(tmp_path: Path) -> None:
    events = json.loads(SHAPES["Kinesis, milliseconds"](RECORDS[:2]).splitlines()[0])
    events["Records"][1]["eventID"] = "shardId-000000000007:5"
    recording = Recording(files(tmp_path, json.dumps(events)))
    assert list(recording.parents) == ["shardId-000000000000", "shardId-000000000007"]


SAM_SAMPLE = {
    "Records": [
        {
            "eventID": str(number),
            "eventVersion": "1.0",
            "dynamodb": {
                "ApproximateCreationDateTime": 1428537600,
                "Keys": {"Id": {"N": "101"}},
                **({"NewImage": {"Message": {"S": "New item!"}, "Id": {"N": "101"}}} if number < 3 else {}),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
                "SequenceNumber": f"442158450000000001745043909{number}",
                "SizeBytes": 26,
            },
            "awsRegion": "us-east-1",
            "eventName": event,
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:account-id:table/T/stream/2015-06-27T00:48:05.899",
            "eventSource": "aws:dynamodb",
        }
        for number, event in ((1, "INSERT"), (2, "MODIFY"), (3, "REMOVE"))
    ]
}
"""As `sam local generate-event dynamodb update` prints it."""


def test_the_sample_event_of_sam_is_read_and_writes_nothing(tmp_path: Path) -> None:
    recording, history = Recording(files(tmp_path, json.dumps(SAM_SAMPLE, indent=2))), History()
    for recorded in recording:
        history.note(recorded)
    assert [history.write_of(recorded) for recorded in recording] == [None] * 3
    assert history.initial == []


def row(pk: str, sk: str, **more: Json) -> Json:
    return {"pk": {"S": pk}, "sk": {"S": sk}, **more}


def written(folder: Path, name: str, documents: list[Json]) -> str:
    file = folder / "AWSDynamoDB" / name / "data" / "part.json.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress("".join(json.dumps(document) + "\n" for document in documents).encode()))
    return str(folder / "AWSDynamoDB" / name)


def test_a_state_is_the_full_export_with_what_changed_since(tmp_path: Path) -> None:
    kept, changed, gone = row("MSG#g", "1"), row("GRP#a", "1"), row("GRP#b", "1")
    full = written(tmp_path, "1", [{"Item": item} for item in (kept, changed, gone)])
    newer = row("GRP#a", "1", message={"S": "newer"})
    incremental = written(
        tmp_path,
        "2",
        [
            {"Metadata": {"WriteTimestampMicros": "3"}, "Keys": changed, "NewImage": newer},
            {"Metadata": {"WriteTimestampMicros": {"N": "4"}}, "Keys": gone},
            {
                "Metadata": {"WriteTimestampMicros": 2},
                "Keys": changed,
                "NewImage": row("GRP#a", "1", message={"S": "old"}),
            },
        ],
    )
    with opened((full, incremental)) as state:
        assert read_state(state) == [kept, newer]


def test_rows_of_a_state_need_no_record_to_be_there(tmp_path: Path) -> None:
    view = {"message_group_uuid": {"S": "g"}, "message": {"S": "x"}}
    history = History([row("GRP#a", "5", **view), row("MSG#g", "5")])
    moved = record(1, "REMOVE", "GRP#a", new=False)
    moved["dynamodb"]["OldImage"] = row("GRP#a", "7", **view)
    back = record(2, "INSERT", "GRP#a", new=False)
    back["dynamodb"]["NewImage"] = {**back["dynamodb"]["Keys"], **view}
    recording = Recording(files(tmp_path, "".join(json.dumps(line) + "\n" for line in (moved, back))))
    for recorded in recording:
        history.note(recorded)
    assert history.initial == [row("GRP#a", "5", **view), row("MSG#g", "5")]
    assert [history.write_of(recorded) for recorded in recording] == [None, None]


BROKEN = {
    "export with rows among events": ('{"Item": {"pk": {"S": "a"}}}', "give such an export as --table-state"),
    "failure without payload": ('{"DDBStreamBatchInfo": {"startSequenceNumber": "5"}}', "names records 5 to None and"),
    "failure with another payload": ('{"DDBStreamBatchInfo": {}, "payload": "[]"}', "the payload is no Lambda event"),
    "failure with a broken payload": ('{"DDBStreamBatchInfo": {}, "payload": "{"}', "the payload is no JSON"),
    "Kinesis without base64": ('{"Records": [{"kinesis": {"data": "?"}}]}', "data is no JSON in base64"),
    "Kinesis of something else": ('{"Records": [{"kinesis": {"data": "W10="}}]}', "no change of a DynamoDB table"),
    "GetRecords of something else": (
        '{"Records": [5], "NextShardIterator": "a"}',
        "something that is no stream record",
    ),
    "increment without time": ('{"Metadata": {}, "Keys": {}}', "WriteTimestampMicros is None"),
    "Pipes with something else": ('[{"dynamodb": {}}, 5]', "an array of no known form"),
    "an empty array": ("[]", "there is no record in it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_only_looks_like_a_form_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    text, reason = BROKEN[name]
    with pytest.raises(WrongUse, match=rf"^events(:1)?: .*{reason}") as refused:
        Recording(files(tmp_path, text))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"Records": []}', "no line of a table export"),
        ('{"Item": {"id": {"N": "5"}}}', "key is not the messages table's"),
        ('{"Metadata": {}, "Keys": {"pk": {"S": "a"}, "sk": {"S": "b"}}}', "WriteTimestampMicros is None"),
    ],
)
def test_a_state_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(WrongUse, match=f"events:1: .*{reason}"):
        read_state(files(tmp_path, text))


def test_an_export_in_ion_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.ion.gz").write_bytes(b"")
    with pytest.raises(WrongUse, match="Ion is not read: export as DynamoDB JSON"), opened((str(tmp_path),)):
        pass
