"""Recorded records: every form and layout is read, in order, each once; memory does not grow with ordered files."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import re
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.cli import main
from replay.errors import WrongUse
from replay.sources import documents, shapes
from replay.sources.documents import File
from replay.sources.generated import poison
from replay.sources.recording import Recording
from replay.sources.state import read_state
from replay.sources.values import fault_in
from tests.builders import message_item

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Json = dict[str, Any]


def record(sequence: int, shard: str | None = None, parent: str | None = None, **more: object) -> Json:
    """One stream record as a line of JSONL has it."""
    wire: Json = {
        "eventID": f"{sequence:032x}",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"SequenceNumber": str(sequence), "Keys": {"pk": {"S": "MSG#g"}, "sk": {"S": str(sequence)}}},
        **more,
    }
    return wire | ({"shardId": shard} if shard else {}) | ({"parentShardId": parent} if parent else {})


def lines(values: Iterable[object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def event(*sequences: int) -> Json:
    return {"Records": [record(sequence) for sequence in sequences]}


def written(folder: Path, *contents: str | bytes) -> tuple[File, ...]:
    files = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        files.append(File(path.name, path))
    return tuple(files)


def sequences(recording: Recording) -> list[int]:
    return [recorded.sequence for recorded in recording]


LAYOUTS: dict[str, str | bytes] = {
    "lines of records": lines(record(n) for n in (1, 2, 3)),
    "one event a line": lines([event(1, 2), event(3)]),
    "one event, laid out": json.dumps(event(1, 2, 3), indent=2),
    "several events, laid out": "\n".join(json.dumps(e, indent=4) for e in (event(1, 2), event(3))),
    "records laid out": "\n\n".join(json.dumps(record(n), indent=1) for n in (1, 2, 3)),
    "blank lines, Windows line ends": "\r\n\r\n" + lines(record(n) for n in (1, 2, 3)).replace("\n", "\r\n\r\n"),
    "no newline at the end": lines(record(n) for n in (1, 2, 3)).rstrip(),
    "byte order mark": b"\xef\xbb\xbf" + lines(record(n) for n in (1, 2, 3)).encode(),
    "gzip": gzip.compress(lines(record(n) for n in (1, 2, 3)).encode()),
    "gzip of an event": gzip.compress(json.dumps(event(1, 2, 3), indent=2).encode()),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_holds_the_same_records(tmp_path: Path, name: str) -> None:
    recording = Recording(written(tmp_path, LAYOUTS[name]))
    assert [recorded.wire for recorded in recording] == [record(n) for n in (1, 2, 3)]
    assert list(recording) == list(recording), "it can be read again"


def test_shard_and_parent_are_taken_off_before_delivery(tmp_path: Path) -> None:
    recording = Recording(written(tmp_path, lines([record(1, "a"), record(2, "b", "a"), record(3)])))
    assert [recorded.wire for recorded in recording] == [record(n) for n in (1, 2, 3)]
    assert [recorded.shard for recorded in recording] == ["a", "b", "shardId-A"]
    assert recording.parents == {"a": None, "b": "a", "shardId-A": None}


def test_a_parent_without_records_is_none(tmp_path: Path) -> None:
    assert Recording(written(tmp_path, lines([record(1, "b", "trimmed")]))).parents == {"b": None}


def test_recorded_batches_are_numbered_over_all_files(tmp_path: Path) -> None:
    recording = Recording(written(tmp_path, lines([event(1, 2), event(3)]), json.dumps(event(4), indent=1)))
    assert [recorded.batch for recorded in recording] == [0, 0, 1, 2]
    assert recording.batches == 3
    assert Recording(written(tmp_path, lines([record(1)]))).batches == 0


def test_sequence_numbers_are_compared_as_integers(tmp_path: Path) -> None:
    assert sequences(Recording(written(tmp_path, lines(record(n) for n in (1000, 999, 20))))) == [20, 999, 1000]


@given(
    places=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1),
    files=st.integers(1, 3),
    in_order=st.booleans(),
)
def test_each_record_comes_once_in_its_shards_order_however_the_files_are(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[str, int]], files: int, *, in_order: bool
) -> None:
    if in_order:
        places = sorted(places, key=lambda place: place[1])
    pieces = [places[start::files] if not in_order else [] for start in range(files)]
    if in_order:
        pieces[0] = places
    contents = [lines(record(number, shard) for shard, number in piece) for piece in pieces if piece]
    recording = Recording(written(tmp_path_factory.mktemp("files"), *contents))
    found = [(recorded.shard, recorded.sequence) for recorded in recording]
    assert len(found) == len(set(found)) == recording.records
    assert set(found) == set(places)
    assert recording.duplicates == len(places) - len(found)
    for shard in "abc":
        own = [number for name, number in found if name == shard]
        assert own == sorted(own)


def test_shards_keep_their_turns_where_their_records_must_be_sorted(tmp_path: Path) -> None:
    given = [("a", 2), ("b", 5), ("a", 1), ("b", 6), ("b", 4)]
    recording = Recording(written(tmp_path, lines(record(number, shard) for shard, number in given)))
    found = [(recorded.shard, recorded.sequence) for recorded in recording]
    assert found == [("a", 1), ("b", 4), ("a", 2), ("b", 5), ("b", 6)]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 2))))
def test_one_sequence_number_with_two_contents_is_refused(tmp_path: Path, order: tuple[int, ...]) -> None:
    values = [record(number, note=place) for place, number in enumerate(order)]
    with pytest.raises(WrongUse, match=r"0.json:\d: sequence number 2 is there before, with other content, at 0.json:"):
        Recording(written(tmp_path, lines(values)))


NESTED: dict[str, Any] = {"S": "deep"}
for _ in range(300):
    NESTED = {"L": [NESTED]}


@pytest.mark.parametrize("name", ["Keys", "NewImage", "OldImage"])
@pytest.mark.parametrize(
    "value",
    [
        {"B": "!!!"},
        "bare",
        NESTED,
        {"N": {"x": 1}},
        {"N": "many"},
        {"S": "two", "N": "2"},
        {},
        {"S": 5},
        {"M": {"inner": {"S": "\ud83d"}}},
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_value_that_no_table_holds_is_refused_with_its_place(tmp_path: Path, name: str, value: object) -> None:
    item = {"pk": {"S": "MSG#g"}, "odd": value}
    broken = record(2) | {"dynamodb": {"SequenceNumber": "2", name: item}}
    with pytest.raises(WrongUse, match=rf"^0.json:2: {name}: odd is .*; a stream has no such record") as refused:
        Recording(written(tmp_path, lines([record(1), broken])), fault_in=fault_in)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("key", ["MSG#g", "GRP#a"])
def test_half_a_surrogate_pair_is_let_through_unless_in_a_group_row(key: str) -> None:
    keys = {"pk": {"S": key}, "sk": {"S": "2026"}}
    fault = fault_in({"dynamodb": {"Keys": keys, "NewImage": {**keys, "message": {"S": "half \ud83d"}}}})
    assert (fault is None) == (key == "MSG#g")


def test_a_row_that_no_table_holds_is_no_state(tmp_path: Path) -> None:
    row = {"pk": {"S": "GRP#a"}, "sk": {"S": "2026"}, "odd": "bare"}
    with pytest.raises(WrongUse, match=r"^0.json:1: odd is 'bare', .*; a table has no such row"):
        read_state(written(tmp_path, lines([{"Item": row}])))


@pytest.mark.parametrize("kind", poison.KINDS)
def test_generated_poison_is_let_through(kind: str) -> None:
    right = {name: dict(value) for name, value in message_item(at=5).items()}
    row = poison.KINDS[kind](right, 1_773_482_400_000_000)
    assert fault_in({"dynamodb": {"Keys": {"pk": row["pk"], "sk": row["sk"]}, "NewImage": row}}) is None


def test_the_same_number_in_two_shards_is_two_records(tmp_path: Path) -> None:
    recording = Recording(written(tmp_path, lines([record(1, "a", note=1), record(1, "b", note=2)])))
    assert (recording.records, recording.duplicates) == (2, 0)


def test_reading_is_watched_from_the_start_again_where_records_must_be_sorted(tmp_path: Path) -> None:
    numbers = [*range(1, 1002), 2_000, 1_999]
    told: list[int] = []
    Recording(written(tmp_path, lines(map(record, numbers))), watch=told.append)
    assert told == [0, 1000, 0, 1000]


def test_standard_input_is_read_more_than_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines(record(n) for n in (1, 2)).encode())))
    with documents.opened(("-",)) as files:
        recording = Recording(files)
        assert sequences(recording) == sequences(recording) == [1, 2]


def test_standard_input_is_named_once() -> None:
    with pytest.raises(WrongUse, match="name it once"), documents.opened(("-", "-")):
        pass


def test_a_format_can_be_named(tmp_path: Path) -> None:
    files = written(tmp_path, lines([event(1)]))
    assert sequences(Recording(files, shapes.named("lambda"))) == [1]
    with pytest.raises(WrongUse, match=r"0.json:1: a Lambda event where a stream record is expected"):
        Recording(files, shapes.named("records"))
    with pytest.raises(WrongUse, match=r"no format 'lamda'; did you mean 'lambda'"):
        shapes.named("lamda")


def test_memory_does_not_grow_with_files_in_order(tmp_path: Path) -> None:
    peaks = []
    for count in (500, 5_000):
        files = written(tmp_path, lines(record(n, padding="x" * 1000) for n in range(count)))
        tracemalloc.start()
        assert sum(1 for _ in Recording(files)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


GOOD = lines([record(1)])
BROKEN: dict[str, tuple[list[str | bytes], str]] = {
    "empty": ([b""], r"^0.json is empty"),
    "blank": (["\n  \n"], r"^0.json is empty"),
    "no record": (['{"Records": []}'], r"^0.json: there is no record in it"),
    "cut line": ([GOOD + GOOD[:50]], r"^0.json:2: no JSON: .*the text ends there: is it cut\?"),
    "first line cut": ([GOOD[:50] + "\n" + GOOD], r"^0.json:1: no JSON: "),
    "cut layout": ([json.dumps(event(1), indent=2)[:-4]], r"^0.json:1?\d: no JSON: .*the text ends there"),
    "rubbish between": ([GOOD + "hello\n" + GOOD], r"^0.json:2: no JSON: Expecting value at column 1; .*'hello'"),
    "rubbish behind a layout": ([json.dumps(event(1), indent=2) + "\n]"], r"^0.json:\d+: no JSON: .*goes on with '\]'"),
    "binary": ([bytes(range(128, 256))], r"^0.json:1: no UTF-8 text"),
    "binary behind": ([GOOD.encode() + b"\xff\xfe\n"], r"^0.json:2: no UTF-8 text"),
    "UTF-16": ([GOOD.encode("utf-16")], r"^0.json is UTF-16 text; save it as UTF-8"),
    "UTF-16, big-endian, unmarked": ([GOOD.encode("utf-16-be")], r"^0.json is UTF-16 text; save it as UTF-8"),
    "UTF-16, an array": ([f"[{GOOD}]".encode("utf-16-le")], r"^0.json is UTF-16 text; save it as UTF-8"),
    "UTF-32": ([GOOD.encode("utf-32")], r"^0.json is UTF-32 text; save it as UTF-8"),
    "Latin-1": (['{"dynamodb": "Zoë"}'.encode("latin-1")], r"^0.json:1: no UTF-8 text"),
    "zip": ([b"PK\x03\x04" + bytes(26)], r"^0.json is a zip archive; unpack it"),
    "bzip2": ([bz2.compress(GOOD.encode())], r"^0.json is packed with bzip2; unpack it"),
    "xz": ([lzma.compress(GOOD.encode())], r"^0.json is packed with xz; unpack it"),
    "gzip twice": ([gzip.compress(gzip.compress(GOOD.encode()))], r"^0.json is packed with gzip twice; unpack it"),
    "zeros at the end": ([GOOD.encode() + bytes(4096)], r"^0.json:2: no JSON: Expecting value at column 1"),
    "cut gzip": ([gzip.compress(GOOD.encode() * 50)[:-20]], r"^0.json: the gzip data is cut"),
    "damaged gzip": ([gzip.compress(GOOD.encode())[:-8] + b"12345678"], r"^0.json: the gzip data is damaged"),
    "gzip of nothing": ([gzip.compress(b"")], r"^0.json is empty"),
    "a number": (["5\n"], r"^0.json:1: a number of no known form; known are a stream record, "),
    "null": (["null"], r"^0.json:1: null of no known form"),
    "another object": (['{"a": 1}'], r"^0.json:1: an object with 'a' of no known form"),
    "mixed forms": ([GOOD + lines([event(2)])], r"^0.json:2: a Lambda event where a stream record is expected"),
    "mixed forms, the other way": ([lines([event(2)]) + GOOD], r"^0.json:2: a stream record where a Lambda event is"),
    "second file broken": ([GOOD, "{"], r"^1.json:1: no JSON"),
    "record without dynamodb": (
        ['{"Records": [{"eventName": "INSERT"}]}'],
        r"^0.json:1: .*'eventName' is no stream rec",
    ),
    "record that is a text": (['{"Records": ["a"]}'], r"^0.json:1: a text is no stream record"),
    "no sequence number": (['{"dynamodb": {}}'], r"^0.json:1: dynamodb.SequenceNumber is missing"),
    "sequence number a number": (['{"dynamodb": {"SequenceNumber": 5}}'], r"^0.json:1: dynamodb.SequenceNumber is 5"),
    "sequence number no digits": (['{"dynamodb": {"SequenceNumber": "-5"}}'], r"SequenceNumber is '-5'; it is a text"),
    "Arabic digits": (['{"dynamodb": {"SequenceNumber": "\u0665"}}'], r"^0.json:1: dynamodb.SequenceNumber is "),
    "endless sequence number": (['{"dynamodb": {"SequenceNumber": "' + "9" * 5000 + '"}}'], r"at most 40 digits"),
    "shard no name": (
        ['{"dynamodb": {"SequenceNumber": "5"}, "shardId": 5}'],
        r"^0.json:1: shardId is 5, not the name",
    ),
    "two parents": (
        [lines([record(1, "b", "a"), record(2, "b", "c")])],
        r"^0.json:2: the parent of shard b is c, but a",
    ),
    "own ancestor": ([lines([record(1, "a", "b"), record(2, "b", "a")])], r"shard a is its own ancestor"),
    "too deep": (["[" * 100_000], r"^0.json:1: no JSON that can be read: it is nested too deep$"),
    "too deep, in a line": ([GOOD + "[" * 100_000], r"^0.json:2: no JSON that can be read: it is nested too deep$"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_input_is_one_line_with_its_place(tmp_path: Path, name: str) -> None:
    contents, reason = BROKEN[name]
    with pytest.raises(WrongUse, match=reason) as refused:
        Recording(written(tmp_path, *contents))
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("name", BROKEN)
def test_run_refuses_broken_input_before_anything_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """No engine, no handler: neither could be started here without being heard of."""
    contents, reason = BROKEN[name]
    files = [str(file.path) for file in written(tmp_path, *contents)]
    assert main(["run", *files, "--handler", "nothing_here:handler"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert re.search(reason.removeprefix("^"), err)


TAKING_A_FILE = {
    "redact": ["redact", "--out", "copy"],
    "rows": ["run", "good.jsonl", "--handler", "nothing_here:handler", "--table-state"],
    "filter": ["run", "good.jsonl", "--handler", "nothing_here:handler", "--filter"],
    "template": ["run", "good.jsonl", "--handler", "nothing_here:handler", "--template"],
    "live": ["live", "--handler", "nothing_here:handler", "--template"],
    "mapping": ["mapping", "show"],
    "case": ["simulate"],
}


A_PATTERN = ("filter", "record that is a text")


@pytest.mark.parametrize(
    ("name", "broken"), [pair for pair in itertools.product(TAKING_A_FILE, BROKEN) if pair != A_PATTERN]
)
def test_every_command_refuses_a_broken_file_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, broken: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.jsonl").write_text(GOOD)
    *_, file = written(tmp_path, *BROKEN[broken][0])
    assert main([*TAKING_A_FILE[name], file.name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert len(err) < 1000
    assert not (tmp_path / "copy").exists()


def test_a_line_longer_than_any_event_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LINE_BYTES_MAX", 1 << 20)
    with pytest.raises(WrongUse, match=r"0.json:2: the line is longer than 1 MB"):
        Recording(written(tmp_path, GOOD + json.dumps(record(2, text="x" * (1 << 20)))))


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(GOOD)
    for name, reason in (
        (str(tmp_path), "is a folder; name the files in it"),
        (str(tmp_path / "event.jsonl"), "there is no file .*event.jsonl; did you mean .*events.jsonl?"),
        (str(tmp_path / "no" / "such"), "there is no file"),
    ):
        with pytest.raises(WrongUse, match=reason), documents.opened((name,)):
            pass
