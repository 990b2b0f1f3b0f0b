"""A redacted recording: nothing of the original can be read in it, and everything that decides is as it was."""

from __future__ import annotations

import base64
import copy
import itertools
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.cli import main
from replay.commands.redact import encoded
from replay.errors import WrongUse
from replay.event_source.sizes import item_bytes
from replay.rows.reading import read_instant
from replay.rows.said import said_by
from replay.sources.generated.asked import Asked
from replay.sources.generated.conversations import Conversations
from replay.sources.generated.poison import KINDS
from replay.sources.recording import Recorded
from replay.sources.redacted.letters import Letters
from replay.sources.redacted.pseudonyms import Pseudonyms
from replay.sources.redacted.ranks import ranked
from replay.sources.redacted.redaction import redacted
from replay.sources.redacted.walk import ITEMS, is_time, parts_of, replaced
from stream_processor.errors import PermanentError
from stream_processor.message import Message, parse, position

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Wire = dict[str, Any]

TIMES = (
    "2026-03-14T08:30:12.160498+00:00",
    "2026-03-14T08:30:12.160498",
    "2026-03-14T14:00:12.160498+05:30",
    "2026-03-14 08:30:13Z",
    "2026-03-14T08:30:12.160498123456+00:00",
)
HARD_TEXTS = (
    *("", "a", "b", "ok", "okay", "oka", "ok!", "this is a filler message", "Éa", "雪", "雪雪", "👩‍👩‍👧‍👦 us", "😄"),
    *('"quoted"', '": "', '"abc', 'abc"', "#abc", "SG#a", "a\nb\tc", "back\\slash", "\x01\x02\x03\x04", "MSG#again"),
    *("5ae290ed-55d1-47a0-bc6d-fe2bc2700399", "beef", "zzzz", "aaaa", "0000", "x" * 300, "x" * 299 + "y"),
)
texts = st.one_of(st.sampled_from(HARD_TEXTS), st.text(max_size=12), st.text("ab", max_size=40))
halves = st.sampled_from(("\ud83d", "half \ud83d", "half an emoji: \ude04"))
ids = st.one_of(
    st.sampled_from(("5ae290ed-55d1-47a0-bc6d-fe2bc2700399", "g", "MSG#g", "bayko")), st.text(min_size=1, max_size=9)
)
numbers = st.sampled_from(("0", "7", "-12", "1000", "2000", "20481024", "-3.14159", "1.5E+20", "123456789012345"))
sort_keys = st.one_of(st.sampled_from(TIMES), st.sampled_from(("yesterday", "2026-03-14T24:30:12Z")), texts)


def values() -> st.SearchStrategy[Wire]:
    plain: st.SearchStrategy[Wire] = st.one_of(
        st.one_of(texts, halves).map(lambda text: {"S": text}),
        numbers.map(lambda number: {"N": number}),
        st.binary(max_size=40).map(lambda content: {"B": base64.b64encode(content).decode()}),
        st.booleans().map(lambda value: {"BOOL": value}),
        st.just({"NULL": True}),
        st.lists(texts, min_size=1, max_size=4, unique=True).map(lambda found: {"SS": found}),
        st.lists(numbers, min_size=1, max_size=4, unique=True).map(lambda found: {"NS": found}),
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda found: {"L": found}),
            st.dictionaries(texts, inner, max_size=3).map(lambda found: {"M": found}),
        ),
        max_leaves=4,
    )


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    """One record of a message or a group row, with anything in it."""
    group, person, other = draw(ids), draw(ids), draw(ids)
    is_message = draw(st.booleans())
    key = {"pk": {"S": f"MSG#{group}" if is_message else f"GRP#{person}"}, "sk": {"S": draw(sort_keys)}}
    item = key | {
        "message": {"S": draw(st.one_of(texts, texts, texts, halves))},
        "user_uuid": {"S": other},
        "user_display_name": {"S": draw(texts)},
        **({"message_uuid": {"S": draw(ids)}} if is_message else {"message_group_uuid": {"S": group}}),
        **draw(st.dictionaries(st.sampled_from(("avatar", "unread", "seen")), values(), max_size=2)),
    }
    images = draw(st.sampled_from((("NewImage",), ("OldImage",), ("NewImage", "OldImage"), ())))
    found = dict.fromkeys(images, item)
    change = {
        "ApproximateCreationDateTime": 1773477012.0,
        "Keys": key,
        **found,
        "SizeBytes": item_bytes(key) + sum(map(item_bytes, found.values())),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {
        "eventID": draw(st.uuids()).hex,
        "eventName": draw(st.sampled_from(("INSERT", "MODIFY", "REMOVE"))),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:111122223333:table/T/stream/2026-11-20T00:00:00.000",
    }


recordings = st.lists(wires(), min_size=1, max_size=12)


def numbered(found: Sequence[Wire]) -> list[Recorded]:
    """As a recording gives them: sequence numbers in order."""
    recording = []
    for number, wire in enumerate(copy.deepcopy(found)):
        wire["dynamodb"]["SequenceNumber"] = f"{10**20 + number}"
        recording.append(Recorded(wire, 10**20 + number, "shardId-A", f"line {number}", number))
    return recording


def copied(found: Sequence[Wire], key: bytes = b"some key") -> list[Wire]:
    return list(redacted(numbered(found), key))


PRIVATE_USE = 0xF0000


class Noted:
    """Replaces everything by a character of nobody's, and notes what it was."""

    def __init__(self) -> None:
        self.originals: list[str] = []

    def text(self, text: str) -> str:
        self.originals.append(text)
        return chr(PRIVATE_USE + len(self.originals))

    number = binary = text


def originals_and_rest(found: Sequence[Wire]) -> tuple[set[str], bytes]:
    """What must not be readable any more, and what the copy is made of besides."""
    noted = Noted()
    rest = b"".join(encoded(replaced(recorded.wire, noted)) for recorded in numbered(found))
    return set(noted.originals), rest


def strings_of(wire: Wire) -> Iterator[str]:
    """Every text anywhere in a record, also names in maps; what kept its form of a time is none."""
    waiting: list[Any] = [wire]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((*value, *value.values()))
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str):
            yield value


@given(recordings)
def test_no_original_of_four_bytes_or_more_can_be_read(found: list[Wire]) -> None:
    content = b"".join(map(encoded, copied(found)))
    originals, rest = originals_and_rest(found)
    for original in originals:
        raw = original.encode("utf-8", "surrogatepass")
        escaped = json.dumps(original, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
        if len(raw) >= 4 and raw not in rest and escaped not in rest:
            assert raw not in content
            assert escaped not in content


@given(recordings)
def test_only_what_is_replaced_changes_and_sizes_stay(found: list[Wire]) -> None:
    for before, after in zip(numbered(found), copied(found), strict=True):
        was = before.wire
        assert list(after) == list(was)
        assert after["awsRegion"] == "us-east-1"
        assert after["eventSourceARN"] == was["eventSourceARN"].replace(
            "eu-west-1:111122223333", "us-east-1:" + "0" * 12
        )
        for name in ("ApproximateCreationDateTime", "SequenceNumber", "SizeBytes", "StreamViewType"):
            assert after["dynamodb"][name] == was["dynamodb"][name]
        items = [name for name in ITEMS if name in was["dynamodb"]]
        assert [name for name in ITEMS if name in after["dynamodb"]] == items
        assert sum(item_bytes(after["dynamodb"][name]) for name in items) == after["dynamodb"]["SizeBytes"]
        for name in items:
            assert_alike(after["dynamodb"][name], was["dynamodb"][name], top=True)


def assert_alike(after: Any, before: Any, *, top: bool = False) -> None:  # noqa: ANN401 - values of any type
    """Of the same types, in the same places, texts and numbers of the same length."""
    assert type(after) is type(before)
    if isinstance(before, dict):
        assert len(after) == len(before)
        if top or set(before) & {"S", "N", "B", "SS", "NS", "L", "M", "BOOL", "NULL"}:
            assert list(after) == list(before)
        for one, other in zip(after.values(), before.values(), strict=True):
            assert_alike(one, other)
    elif isinstance(before, list):
        for one, other in zip(after, before, strict=True):
            assert_alike(one, other)
    elif isinstance(before, str):
        lengths = [len(text.encode("utf-8", "surrogatepass")) for text in (after, before)]
        assert lengths[0] == lengths[1]
    else:
        assert after == before


@given(recordings)
def test_the_same_is_replaced_by_the_same_and_another_by_another(found: list[Wire]) -> None:
    pairs = {
        pair
        for before, after in zip(numbered(found), copied(found), strict=True)
        for name in ITEMS
        if name in before.wire["dynamodb"]
        for pair in zip(leaves(before.wire["dynamodb"][name]), leaves(after["dynamodb"][name]), strict=True)
    }
    assert len({before for before, _ in pairs}) == len(pairs)
    assert len({after for _, after in pairs}) == len(pairs)


def leaves(value: Any, tag: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - values of any type
    """Every text with its type, in order; ids taken apart, but not what was said."""
    if isinstance(value, dict):
        for name, content in value.items():
            if name == "message":
                yield "S", content["S"]
            else:
                yield from leaves(content, name)
    elif isinstance(value, list):
        for element in value:
            yield from leaves(element, tag)
    elif isinstance(value, str) and not (tag == "S" and is_time(value)):
        kind = {"N": "N", "NS": "N", "B": "B"}.get(tag, "S")
        yield from ((kind, part) for part in ([value] if kind != "S" else parts_of(value)))


@given(recordings)
def test_texts_of_one_group_at_one_instant_keep_their_order(found: list[Wire]) -> None:
    said: dict[object, list[tuple[str, str]]] = defaultdict(list)
    for before, after in zip(numbered(found), copied(found), strict=True):
        for name in ("NewImage", "OldImage"):
            item, twin = before.wire["dynamodb"].get(name), after["dynamodb"].get(name)
            if item is None or twin is None or not is_unicode(item["message"]["S"]):
                continue
            key = item["pk"]["S"]
            group = key[4:] if key.startswith("MSG#") else item["message_group_uuid"]["S"]
            said[group, read_instant(item["sk"]["S"])].append((item["message"]["S"], twin["message"]["S"]))
    for pairs in said.values():
        for one, one_after in pairs:
            for other, other_after in pairs:
                assert (one < other) == (one_after < other_after)


def is_unicode(text: str) -> bool:
    return text.encode("utf-8", "replace") == text.encode("utf-8", "surrogatepass")


@given(recordings)
def test_every_message_stays_a_message_and_every_poison_poison(found: list[Wire]) -> None:
    for before, after in zip(numbered(found), copied(found), strict=True):
        was, now = understood(before.wire), understood(after)
        if isinstance(was, Message) and isinstance(now, Message):
            assert (now.instant, len(now.text.encode())) == (was.instant, len(was.text.encode()))
            assert (now.sender is None) == (was.sender is None)
        else:
            assert now == was
        assert (said_by(before.wire, 0) is None) == (said_by(after, 0) is None)


def understood(wire: Any) -> object:  # noqa: ANN401 - a record
    try:
        return parse(wire, position(wire))
    except PermanentError as error:
        return error.reason


@given(recordings)
def test_another_key_chooses_other_pseudonyms(found: list[Wire]) -> None:
    one, other = (copied(found, key) for key in (b"one", b"other"))
    assert one[0]["eventID"] != other[0]["eventID"]
    assert one == copied(found, b"one")


@given(st.sets(st.one_of(texts, st.text("ab", max_size=6)), max_size=40))
def test_ranked_pseudonyms_are_in_order_as_long_and_different(given: set[str]) -> None:
    originals = {text for text in given if text}
    pseudonyms = ranked(originals, Letters(b"key", (text.encode() for text in originals)))
    assert pseudonyms.keys() == originals
    in_order = [pseudonyms[text] for text in sorted(originals)]
    assert in_order == sorted(set(in_order))
    for original, pseudonym in pseudonyms.items():
        assert len(pseudonym.encode()) == len(original.encode())
        assert len(original.encode()) < 4 or not any(
            other.encode() in pseudonym.encode() for other in originals if len(other.encode()) >= 4
        )


def test_every_text_of_one_letter_has_a_pseudonym_of_its_own() -> None:
    pseudonyms = Pseudonyms(Letters(b"key", ()))
    originals = [chr(code) for code in range(1, 128)]
    assert len({pseudonyms.text(original) for original in originals}) == len(originals)


def test_every_binary_value_of_one_byte_has_a_pseudonym_of_its_own() -> None:
    pseudonyms = Pseudonyms(Letters(b"key", ()))
    found = {base64.b64decode(pseudonyms.binary(base64.b64encode(bytes((code,))).decode())) for code in range(256)}
    assert found == {bytes((code,)) for code in range(256)}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 30, 31, 32, 4000])
def test_a_binary_value_stays_base64_of_as_many_bytes(size: int) -> None:
    pseudonyms = Pseudonyms(Letters(b"key", ()))
    for content in (bytes(size), b"\xff" * size):
        found = pseudonyms.binary(base64.b64encode(content).decode())
        again = base64.b64decode(found, validate=True)
        assert len(again) == size
        assert again != content
        assert base64.b64encode(again).decode() == found


@pytest.mark.parametrize("number", ["1000", "-1500", "3.14159", "1.5E+20", "12345678901234567890123456789012345678"])
def test_a_number_keeps_sign_size_and_zeros(number: str) -> None:
    found = Pseudonyms(Letters(b"key", (number.encode(),))).number(number)
    assert found != number
    assert [character in "123456789" for character in found.partition("E")[0]] == [
        character in "123456789" for character in number.partition("E")[0]
    ]
    assert found.partition("E")[1:] == number.partition("E")[1:]


def test_many_ids_leave_letters_enough() -> None:
    """So many uuids that every four hexadecimal digits begin one."""
    starts = {f"{number:04x}" for number in range(1 << 16)}
    pseudonyms = Pseudonyms(Letters(b"key", (start.encode() for start in starts)))
    found = [pseudonyms.text(f"{number:04x}-{number:030}") for number in range(500)]
    assert len(set(found)) == 500
    assert not starts & {text[at : at + 4] for text in found for at in range(len(text))}


@pytest.mark.parametrize(("before", "behind"), [("#", ""), ("G#", ""), ('"', ""), ("", '"'), ("", '"}')])
def test_nothing_is_spelled_together_with_what_stands_around(before: str, behind: str) -> None:
    letters = itertools.product("abcdefghijklmnopqrst", repeat=4 - len(before + behind))
    originals = {before + "".join(chosen) + behind for chosen in letters}
    pseudonyms = Pseudonyms(Letters(b"key", (original.encode() for original in originals)))
    for number in range(50):
        for text in (str(number).rjust(7), str(number).rjust(70)):
            for line in (f'MSG#{pseudonyms.text(text)}"}},', f': "{pseudonyms.text(text)}"}},'):
                assert not originals & {line[at : at + 4] for at in range(len(line))}


def test_the_help_names_what_a_copy_still_tells(capsys: pytest.CaptureFixture[str]) -> None:
    identity = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/secret/stream/2026-01-01T00:00:00.000"
    wire = {"dynamodb": {"NewImage": {"n": {"N": "123"}}}, "userIdentity": identity, "eventSourceARN": arn}
    (line,) = redacted([Recorded(wire, 1, "shard-of-mine", "place", 0)])
    assert (line["userIdentity"], line["dynamodb"], line["shardId"]) == (identity, wire["dynamodb"], "shard-of-mine")
    assert line["eventSourceARN"].endswith(":table/secret/stream/2026-01-01T00:00:00.000")
    assert main(["redact", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for kept in ("the table's name", "eventSourceARN", "names of shards", "userIdentity", "numbers of up to three"):
        assert kept in told


def test_a_record_nested_too_deep_is_refused_with_its_place() -> None:
    value: dict[str, Any] = {"S": "deep"}
    for _ in range(400):
        value = {"L": [value]}
    recorded = Recorded({"dynamodb": {"NewImage": {"odd": value}}}, 1, "shard", "events.jsonl:7", 0)
    with pytest.raises(WrongUse, match=r"^events.jsonl:7: the record cannot be redacted: it is nested too deep; leave"):
        list(redacted([recorded]))


def test_recorded_batches_stay_batches() -> None:
    first = copied_wire("one")
    recording = [
        Recorded(copied_wire(str(number)), number, "shardId-A", "", number, batch=number // 2) for number in range(5)
    ]
    lines = list(redacted(recording, b"key"))
    assert [len(line["Records"]) for line in lines] == [2, 2, 1]
    assert lines[0]["Records"][0].keys() == first.keys()


def copied_wire(text: str) -> Wire:
    item = {"pk": {"S": "MSG#g"}, "sk": {"S": TIMES[0]}, "message": {"S": text}}
    return {"eventName": "INSERT", "dynamodb": {"Keys": item, "NewImage": item, "SequenceNumber": "1"}}


def test_a_generated_recording_keeps_every_fault(tmp_path: Path) -> None:
    before, after = tmp_path / "talk.jsonl", tmp_path / "redacted.jsonl"
    asked = Asked(messages=200, members=(3, 3), equal_instants=20, shards=2, large=1, poison=dict.fromkeys(KINDS, 2))
    before.write_bytes(b"".join(Conversations(asked).lines()))
    assert main(["redact", str(before), "--out", str(after)]) == 0
    was, now = ([json.loads(line) for line in file.read_bytes().splitlines()] for file in (before, after))
    assert [understood_kind(wire) for wire in now] == [understood_kind(wire) for wire in was]
    assert [wire["shardId"] for wire in now] == [wire["shardId"] for wire in was]
    content = after.read_bytes()
    for original in {text for wire in was for text in strings_of(wire["dynamodb"].get("NewImage", {}))}:
        for part in parts_of(original):
            raw = part.encode("utf-8", "surrogatepass")
            if len(raw) >= 4 and not is_time(part) and part not in FORMAT_WORDS:
                assert raw not in content


FORMAT_WORDS = {
    *("MSG#", "GRP#", "message", "message_uuid", "user_uuid", "user_display_name", "user_handle"),
    "message_group_uuid",
}


def understood_kind(wire: Wire) -> object:
    found = understood(wire)
    return found.instant if isinstance(found, Message) else found


def test_what_is_no_recording_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "notes.txt", tmp_path / "out.jsonl"
    file.write_text("dear diary\n")
    assert main(["redact", str(file), "--out", str(out)]) == 2
    assert "notes.txt:1: no JSON" in capsys.readouterr().err
    assert not out.exists()


def test_json_is_all_that_is_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "events.jsonl", tmp_path / "out.jsonl"
    file.write_bytes(b"".join(Conversations(Asked(groups=1, messages=3)).lines()))
    assert main(["redact", str(file), str(file), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"records": 5, "duplicates": 5, "out": str(out)}
    assert main(["redact", str(file), "--out", "-", "--json"]) == 2


@pytest.mark.parametrize(
    ("key", "kept"), [("ORDER#0", "ORDER#"), ("LINE_ITEM#7#a", "LINE_ITEM#"), ("anna#7", ""), ("say ORDER#1", "")]
)
def test_a_prefix_of_another_table_stays(key: str, kept: str) -> None:
    item = {"id": {"S": key}, "kind": {"S": "order"}}
    found = numbered([{"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": key}}, "NewImage": item}}])
    (wire,) = redacted(found, b"some key")
    told = wire["dynamodb"]["Keys"]["id"]["S"]
    assert wire["dynamodb"]["NewImage"]["id"]["S"] == told
    assert (len(told), told != key, told.startswith(kept)) == (len(key), True, True)
    assert ("#" in told) == bool(kept)
