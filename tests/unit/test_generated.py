"""Made-up conversations: what is asked is there exactly as often, the lines are right, the seed decides everything."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tracemalloc
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from replay.cli import main
from replay.errors import WrongUse
from replay.event_source.sizes import item_bytes
from replay.inbox import Person, Saying, group_row, message_row
from replay.rows.reading import read_instant
from replay.rows.said import said_by
from replay.sources.documents import File
from replay.sources.generated.asked import LARGE_BYTES_MIN, RATE_MAX, TEXT_BYTES_MAX, Asked
from replay.sources.generated.conversations import AGAIN_WITHIN, Conversations
from replay.sources.generated.lines import encoded
from replay.sources.generated.poison import KINDS, ROW_BYTES_MAX
from replay.sources.generated.spellings import SPELLINGS
from replay.sources.recording import Recording
from stream_processor.errors import PermanentError
from stream_processor.message import parse, parse_time, position

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Wire = dict[str, Any]

EVERYTHING = Asked(
    groups=5,
    members=(3, 4),
    messages=300,
    rate=3,
    seed=7,
    shards=2,
    large=1,
    emoji=30,
    equal_instants=9,
    collisions=9,
    leavers=4,
    strangers=8,
    redeliveries=9,
    poison=dict.fromkeys(KINDS, 1),
)
EVERYTHING_SHA256 = "1a5a39997b2d40a9440e1164dbd5bcaed64b5a304dc404ad8143db2d3d0f2abb"
"""Seen on Python 3.11, 3.12 and 3.13. A change of it is a change of every recording that anybody made by a seed."""


@st.composite
def askings(draw: st.DrawFn, *, poison: bool = True) -> Asked:
    """Anything possible, small; without large texts, which take long."""
    groups = draw(st.integers(1, 6))
    least = draw(st.integers(1, 5))
    feature = st.integers(0, 6)
    asked = Asked(
        groups=groups,
        members=(least, draw(st.integers(least, 6))),
        messages=draw(st.integers(groups, 120)),
        rate=draw(st.sampled_from((0.01, 0.7, 1.0, 3.0, 100.0, 999.0, RATE_MAX))),
        seed=draw(st.integers(0, 10**9)),
        people=draw(st.sampled_from((0, 6, 40))),
        start=draw(st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        shards=draw(st.integers(1, 3)),
        spellings=draw(st.sets(st.sampled_from(SPELLINGS), min_size=1).map(in_order)),
        text_bytes=draw(st.sampled_from(((1, 1), (3, 30), (4, 200)))),
        emoji=draw(feature),
        equal_instants=draw(feature),
        collisions=draw(feature),
        leavers=draw(feature),
        strangers=draw(feature),
        redeliveries=draw(feature),
        poison=draw(st.dictionaries(st.sampled_from(sorted(KINDS)), st.integers(0, 2), max_size=3)) if poison else {},
    )
    assume(is_possible(asked))
    return asked


def in_order(chosen: Iterable[object]) -> tuple[Any, ...]:
    wanted = set(chosen)
    return tuple(spelling for spelling in SPELLINGS if spelling in wanted)


def is_possible(asked: Asked) -> bool:
    try:
        asked.check()
    except WrongUse:
        return False
    return True


@dataclass
class Seen:
    """What the lines of a recording say, read without the generator's help."""

    lines: list[bytes]
    wires: list[Wire] = field(init=False)
    """Each once, in the order of their first coming."""

    def __post_init__(self) -> None:
        self.wires = [json.loads(line) for line in dict.fromkeys(self.lines)]

    @property
    def messages(self) -> list[Wire]:
        return [wire for wire in self.wires if partition_key(wire).startswith("MSG#") and said_by(wire, 0) is not None]

    @property
    def rows(self) -> list[Wire]:
        return [wire for wire in self.wires if partition_key(wire).startswith("GRP#")]

    @property
    def opened(self) -> list[Wire]:
        return [wire for wire in self.rows if wire["eventName"] == "INSERT"]

    @property
    def left(self) -> list[Wire]:
        return [wire for wire in self.rows if wire["eventName"] == "REMOVE"]

    def members(self) -> dict[str, set[str]]:
        """Whose rows each group began with."""
        members: dict[str, set[str]] = defaultdict(set)
        for wire in self.opened:
            members[image(wire)["message_group_uuid"]["S"]].add(partition_key(wire).removeprefix("GRP#"))
        return members

    def shared_instants(self) -> tuple[int, int]:
        """Count the pairs of messages at one instant: those of one group, and those of two."""
        at: dict[object, list[str]] = defaultdict(list)
        for wire in self.messages:
            at[instant(wire)].append(partition_key(wire))
        pairs = [groups for groups in at.values() if len(groups) > 1]
        assert all(len(groups) == 2 for groups in pairs)
        same = sum(one == other for one, other in pairs)
        return same, len(pairs) - same


def seen(asked: Asked) -> Seen:
    return Seen(list(Conversations(asked).lines()))


def partition_key(wire: Wire) -> str:
    return str(wire["dynamodb"]["Keys"]["pk"]["S"])


def image(wire: Wire) -> Wire:
    change: Wire = wire["dynamodb"]
    found: Wire = change.get("NewImage") or change["OldImage"]
    return found


def instant(wire: Wire) -> datetime:
    found = read_instant(wire["dynamodb"]["Keys"]["sk"]["S"])
    assert found is not None
    return found


def sender(wire: Wire) -> str:
    return str(image(wire)["user_uuid"]["S"])


@given(askings())
def test_every_line_is_one_complete_record(asked: Asked) -> None:
    for wire in map(json.loads, Conversations(asked).lines()):
        change = wire["dynamodb"]
        images = [change[name] for name in ("NewImage", "OldImage") if name in change]
        assert list(wire)[:7] == [
            *("eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb", "eventSourceARN")
        ]
        assert list(wire)[7:] == (["shardId"] if asked.shards > 1 else [])
        assert change["SizeBytes"] == item_bytes(change["Keys"]) + sum(map(item_bytes, images))
        assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert isinstance(change["ApproximateCreationDateTime"], float)
        assert 21 <= len(change["SequenceNumber"]) <= 40
        for item in images:
            assert {name: item[name] for name in ("pk", "sk")} == change["Keys"]


@given(askings(poison=False))
def test_lines_are_as_the_encoder_writes_them(asked: Asked) -> None:
    for line in Conversations(asked).lines():
        assert encoded(json.loads(line)).encode() + b"\n" == line


@given(askings(poison=False))
def test_rows_are_as_the_application_writes_them(asked: Asked) -> None:
    for wire in seen(asked).wires:
        row = {name: next(iter(value.values())) for name, value in image(wire).items()}
        person = Person(row["user_uuid"], row["user_handle"], row["user_display_name"])
        saying = Saying(row["message"], row["sk"], row.get("message_uuid", ""))
        key = row["pk"][4:]
        if row["pk"].startswith("MSG#"):
            assert list(image(wire).items()) == list(message_row(key, person, saying).items())
        else:
            member = Person(key, "", "")
            assert list(image(wire).items()) == list(
                group_row(row["message_group_uuid"], member, person, saying).items()
            )


@given(askings())
def test_records_are_in_order_and_none_is_like_another(asked: Asked) -> None:
    wires = seen(asked).wires
    sequences = [int(wire["dynamodb"]["SequenceNumber"]) for wire in wires]
    created = [wire["dynamodb"]["ApproximateCreationDateTime"] for wire in wires]
    assert sequences == sorted(set(sequences))
    assert created == sorted(created)
    assert len({wire["eventID"] for wire in wires}) == len(wires)
    written = [json.dumps(wire["dynamodb"]["Keys"]) for wire in wires if wire["eventName"] == "INSERT"]
    assert len(set(written)) == len(written)


@given(askings())
def test_what_is_counted_is_what_was_asked_and_what_is_there(asked: Asked) -> None:
    conversations = Conversations(asked)
    found = Seen(list(conversations.lines()))
    counts = conversations.counts
    poison = {kind: count for kind, count in asked.poison.items() if count}
    assert counts.records == len(found.lines)
    assert counts.poison == poison
    too_large = poison.get("too-large", 0)
    assert counts.messages == asked.messages == len(found.messages) - too_large
    assert counts.group_rows == len(found.opened)
    assert len(found.wires) == len(found.messages) - too_large + len(found.rows) + sum(poison.values())
    assert counts.redeliveries == asked.redeliveries == len(found.lines) - len(found.wires)
    assert counts.leavers == asked.leavers == len(found.left)
    members = found.members()
    assert all(asked.members[0] <= len(of_group) <= asked.members[1] for of_group in members.values())
    assert len(members) == asked.groups
    strangers = [wire for wire in found.messages if sender(wire) not in members[partition_key(wire)[4:]]]
    assert counts.strangers == asked.strangers == len(strangers)
    assert (counts.equal_instants, counts.collisions) == (asked.equal_instants, asked.collisions)
    if not too_large:
        assert found.shared_instants() == (asked.equal_instants, asked.collisions)
    emoji = [wire for wire in found.messages if not image(wire)["message"]["S"].isascii()]
    assert counts.emoji == asked.emoji == len(emoji)
    assert sum(counts.spellings.values()) == asked.messages


@given(askings())
def test_a_group_begins_with_its_members_rows_at_its_first_messages_time(asked: Asked) -> None:
    found = seen(asked)
    first = {partition_key(wire)[4:]: wire for wire in reversed(found.messages)}
    for wire in found.opened:
        opening = first[image(wire)["message_group_uuid"]["S"]]
        assert int(wire["dynamodb"]["SequenceNumber"]) < int(opening["dynamodb"]["SequenceNumber"])
        assert [image(wire)[name] for name in ("sk", "message")] == [image(opening)[name] for name in ("sk", "message")]


@given(askings())
def test_who_has_left_says_nothing_more(asked: Asked) -> None:
    gone: set[tuple[str, str]] = set()
    last: dict[str, Wire] = {}
    for wire in seen(asked).wires:
        if wire["eventName"] == "REMOVE":
            group = image(wire)["message_group_uuid"]["S"]
            gone.add((group, partition_key(wire)[4:]))
            assert instant(wire) == instant(last[group])
            assert image(wire)["message"] == image(last[group])["message"]
        elif said_by(wire, 0) is not None:
            group = partition_key(wire)[4:]
            last[group] = wire
            assert (group, sender(wire)) not in gone


@given(askings())
def test_two_groups_that_meet_at_an_instant_share_a_member(asked: Asked) -> None:
    found = seen(asked)
    members = found.members()
    for wire in found.left:
        members[image(wire)["message_group_uuid"]["S"]].discard(partition_key(wire)[4:])
    at: dict[datetime, set[str]] = defaultdict(set)
    for wire in found.messages:
        at[instant(wire)].add(partition_key(wire)[4:])
    for groups in at.values():
        assert set.intersection(*(members[group] for group in groups))


@given(askings())
def test_instants_are_within_their_slots(asked: Asked) -> None:
    wires = [wire for wire in seen(asked).wires if parse_time(wire["dynamodb"]["Keys"]["sk"]["S"]) is not None]
    instants = [instant(wire).replace(tzinfo=UTC) for wire in wires if partition_key(wire).startswith("MSG#")]
    lasts_s = (asked.messages + sum(asked.poison.values())) / asked.rate
    assert instants[0] >= asked.start
    assert (instants[-1] - asked.start).total_seconds() <= lasts_s


@pytest.mark.parametrize("rate", [0.5, 20.0])
@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.name)
def test_every_spelling_is_used_and_says_its_instant(spelling: Any, rate: float) -> None:  # noqa: ANN401 - by id
    found = Counter(
        name
        for wire in seen(Asked(messages=400, rate=rate)).messages
        for name in spelled(wire["dynamodb"]["Keys"]["sk"]["S"])
    )
    assert found[spelling.name] > 0
    assert sum(found.values()) == 400


def spelled(text: str) -> list[str]:
    """Tell by its form in which way a time is spelled."""
    if " " in text:
        return ["space"]
    if text.endswith("Z"):
        return ["z"]
    if "." not in text:
        return ["seconds-utc" if text.endswith("+00:00") else "seconds"]
    return ["utc" if text.endswith("+00:00") else "offset" if text[-6] in "+-" else "naive"]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"too-large"}))
def test_poison_can_never_be_applied(kind: str) -> None:
    (wire,) = poisoned(kind)
    assert said_by(wire, 0) is None
    with pytest.raises(PermanentError):
        parse(wire, position(wire))


def test_a_text_that_is_too_large_fits_its_own_row_and_no_group_row() -> None:
    (wire,) = poisoned("too-large")
    assert item_bytes(image(wire)) == ROW_BYTES_MAX
    text, key = image(wire)["message"]["S"], image(wire)["pk"]["S"][4:]
    smallest = group_row(key, Person(key, "", ""), Person(key, "", ""), Saying(text, "2026-03-14T08:30:12", ""))
    assert item_bytes(smallest) > ROW_BYTES_MAX


def poisoned(kind: str) -> list[Wire]:
    asked = Asked(groups=1, messages=1, poison={kind: 1})
    return [json.loads(line) for line in list(Conversations(asked).lines())[3:]]


def test_broken_times_are_broken_in_as_many_ways_as_kinds() -> None:
    asked = Asked(groups=1, messages=3, rate=0.1, poison=dict.fromkeys(KINDS, 50))
    keys = [json.dumps(wire["dynamodb"]["Keys"]) for wire in seen(asked).wires if wire["eventName"] == "INSERT"]
    assert len(set(keys)) == len(keys)


def test_large_texts_are_large_and_fit_a_row() -> None:
    texts = [image(wire)["message"]["S"].encode() for wire in seen(Asked(messages=40, large=8, emoji=8)).messages]
    large = [text for text in texts if len(text) >= LARGE_BYTES_MIN]
    assert len(large) == 8
    assert max(map(len, large)) <= TEXT_BYTES_MAX


@pytest.mark.parametrize("sizes", [(1, 1), (7, 7), (4, 90), (TEXT_BYTES_MAX, TEXT_BYTES_MAX)])
def test_texts_have_the_bytes_asked_for(sizes: tuple[int, int]) -> None:
    asked = Asked(groups=1, messages=20, text_bytes=sizes, emoji=5 if sizes[0] >= 4 else 0)
    lengths = [len(image(wire)["message"]["S"].encode()) for wire in seen(asked).messages]
    assert min(lengths) >= sizes[0]
    assert max(lengths) <= sizes[1]


def test_a_redelivered_record_comes_soon_after() -> None:
    lines = list(Conversations(Asked(messages=500, redeliveries=200)).lines())
    places: dict[bytes, int] = {}
    behind = 0
    for number, line in enumerate(lines):
        if line in places:
            behind = max(behind, number - places[line])
        places.setdefault(line, number)
    assert 1 < behind <= 3 * AGAIN_WITHIN


def test_sequence_numbers_are_not_in_order_as_texts() -> None:
    sequences = [wire["dynamodb"]["SequenceNumber"] for wire in seen(Asked(messages=200)).wires]
    assert {len(sequence) for sequence in sequences} == {21, 22}
    assert sequences != sorted(sequences)


def test_an_items_records_are_in_one_shard() -> None:
    shards = defaultdict(set)
    for wire in seen(Asked(messages=300, shards=3, members=(3, 3), leavers=10)).wires:
        shards[partition_key(wire)].add(wire["shardId"])
    assert all(len(names) == 1 for names in shards.values())
    assert len(set.union(*shards.values())) == 3


@given(askings())
@settings(max_examples=20)
def test_the_same_seed_makes_the_same_bytes(asked: Asked) -> None:
    assert list(Conversations(asked).lines()) == list(Conversations(asked).lines())


def test_another_seed_makes_other_people_and_texts() -> None:
    one, other = (seen(Asked(messages=50, seed=seed)) for seed in (1, 2))
    for part in ("pk", "message", "user_uuid"):
        assert not {image(wire)[part]["S"] for wire in one.opened} & {image(wire)[part]["S"] for wire in other.opened}


def test_the_bytes_of_a_seed_never_change() -> None:
    digest = hashlib.sha256()
    for line in Conversations(EVERYTHING).lines():
        digest.update(line)
    assert digest.hexdigest() == EVERYTHING_SHA256


def test_memory_does_not_grow_with_the_number_of_messages() -> None:
    assert peak_bytes(20_000) < 1.2 * peak_bytes(4_000)


def peak_bytes(messages: int) -> int:
    tracemalloc.start()
    try:
        for _ in Conversations(Asked(groups=500, messages=messages)).lines():
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_run_reads_what_is_generated_in_order_and_leaves_out_what_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_bytes(b"".join(Conversations(EVERYTHING).lines()))
    recording = Recording((File("talk", path),))
    assert recording.duplicates == EVERYTHING.redeliveries
    assert len(recording.parents) == EVERYTHING.shards
    assert recording.records == len(seen(EVERYTHING).wires)


def test_the_command_writes_the_file_and_says_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "talk.jsonl"
    options = ["--members", "2-3", "--messages", "200", "--strangers", "5%", "--poison", "all", "--emoji", "0"]
    assert main(["generate", *options, "--seed", "3", "--json", "--out", str(out)]) == 0
    told, said = capsys.readouterr()
    summary = json.loads(told)
    lines = out.read_bytes().splitlines()
    assert (summary["records"], summary["messages"], summary["strangers"]) == (len(lines), 200, 10)
    assert summary["poison"] == dict.fromkeys(KINDS, 1)
    assert summary["bytes"] == out.stat().st_size
    assert said.startswith(f"replay: {len(lines)} records, 200 messages, ")
    assert f"{len(KINDS)} poison" in said


def test_standard_output_carries_records_and_nothing_else(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["generate", "--messages", "20", "--out", "-"]) == 0
    out, _ = capfdbinary.readouterr()
    assert out == b"".join(Conversations(Asked(messages=20, emoji=1)).lines())


def test_a_file_that_is_there_is_replaced_by_the_whole_new_one_or_left(tmp_path: Path) -> None:
    out = tmp_path / "talk.jsonl"
    out.write_text("old")
    assert main(["generate", "--messages", "1", "--out", str(out)]) == 2
    assert out.read_text() == "old"
    assert main(["generate", "--messages", "10", "--out", str(out)]) == 0
    assert out.read_text().startswith("{")
    assert list(tmp_path.iterdir()) == [out]


REFUSED = [
    (["--groups", "0"], "--groups 0: it is 1 to"),
    (["--members", "5-2"], "--members '5-2': a number from 1, or two as in 2-5"),
    (["--members", "0"], "--members '0'"),
    (["--people", "1"], "--people 1: a conversation of 2 members needs as many people"),
    (["--people", "-1"], "--people -1: it is 0 or more"),
    (["--seed", "-1"], "--seed -1: it is 0 or more"),
    (["--messages", "9"], "each of the 10 conversations is opened by a message"),
    (["--messages", "20", "--equal-instants", "6"], "needs 22 in all"),
    (["--rate", "0"], "--rate 0: it is 0.001 to 100000 messages a second"),
    (["--rate", "nan"], "--rate nan"),
    (["--rate", "2", "--spelling", "seconds"], "there are 1 instants a second at most"),
    (["--spelling", "utc", "--equal-instants", "1"], "--equal-instants need two spellings of one precision"),
    (["--spelling", "ztc"], "--spelling 'ztc' is none; did you mean 'utc'?"),
    (["--collisions", "1", "--groups", "1"], "--collisions need two --groups or more"),
    (["--collisions", "1", "--members", "1"], "--collisions need two --groups or more"),
    (["--leavers", "11"], "--leavers 11: 10 can leave, so that 1 stay in each"),
    (["--leavers", "1", "--collisions", "1"], "--leavers 1: 0 can leave, so that 2 stay in each"),
    (["--strangers", "120%"], "--strangers '120%': a number, or a share"),
    (["--emoji", "1001"], "--emoji 1001: there are only 1000 messages"),
    (["--redeliveries", "1001"], "--redeliveries 1001: at most one behind each message, 1000 here"),
    (["--poison", "no-image"], "--poison 'no-image' is no kind; did you mean 'no-new-image'?"),
    (["--poison", "all=some"], "--poison 'all=some': behind '=' stands how many"),
    (["--text-bytes", "1-400000"], "--text-bytes 1-400000: texts have 1 to 399360 bytes"),
    (["--start", "yesterday"], "--start 'yesterday' is no time"),
    (["--start", "8999-12-31T23:00:00", "--rate", "0.001"], "must lie between the years 1970 and 9000"),
    (["--start", "1969-12-31T23:00:00"], "must lie between the years 1970 and 9000"),
    (["--json", "--out", "-"], "--json needs --out FILE"),
    (["--out", "no/such/folder/talk.jsonl"], "cannot be written"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=[" ".join(options) for options, _ in REFUSED])
def test_what_cannot_be_made_is_refused_in_one_line(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "--out", str(tmp_path / "talk.jsonl"), *options]) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert said in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_asked_for_nothing_special_nothing_special_is_there() -> None:
    conversations = Conversations(Asked())
    assert Seen(list(conversations.lines())).shared_instants() == (0, 0)
    counts = dataclasses.asdict(conversations.counts)
    usual = {"records": 1020, "messages": 1000, "group_rows": 20, "spellings": counts["spellings"]}
    assert {name: count for name, count in counts.items() if count} == usual
