"""What is drawn: lawful, repeatable, wide enough to convict handlers that are wrong about data."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest

from replay.exploration.campaign import in_memory
from replay.exploration.case import TORN_READS
from replay.exploration.case_file import dump, load, parse
from replay.exploration.draw import draw
from replay.exploration.features import Features, Size
from replay.exploration.outcome import Manner
from replay.exploration.story import Delivered
from replay.exploration.vocabulary import FRACTIONS, ZONES, spelled
from replay.rows.reading import fits, read_instant, room, value_of
from replay.rows.said import said_by
from stream_processor.message import parse_time
from tests.handlers.wrong_readings import FEATURES, WRONG_READINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from replay.exploration.case import Case

SEEDS = 300
NOTHING = Features.only(())
NEW_YEAR = datetime(2026, 1, 1, 0, 30, 0, 120_000)  # noqa: DTZ001 - naive UTC
TIME = re.compile(r"[\d-]{10}([T ])[\d:]{8}(?:\.(\d+))?(.*)")


def keys(record: Mapping[str, Any]) -> tuple[str, str]:
    """Where a record's item stands."""
    named = record["dynamodb"]["Keys"]
    return named["pk"]["S"], named["sk"]["S"]


def cases(*only: str) -> Iterator[Case]:
    """Draw with these features, or with each seed's own."""
    for seed in range(SEEDS):
        yield draw(seed, features=Features.only(only) if only else None)


def sort_keys(case: Case) -> list[str]:
    return [item["sk"]["S"] for item in case.rows] + [keys(record)[1] for record in case.records]


# Times.


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone[0] or "naive")
def test_every_spelling_reads_as_the_instant_it_was_made_of(zone: tuple[str, timedelta]) -> None:
    random = Random(1)  # noqa: S311 - repeatable on purpose
    for instant in (NEW_YEAR, NEW_YEAR.replace(microsecond=0), NEW_YEAR.replace(microsecond=123_456)):
        for text in (spelled(instant, random, (zone,)) for _ in range(100)):
            mine, theirs = parse_time(text), read_instant(text)
            assert mine is not None
            assert mine.replace(tzinfo=None) == theirs == instant, text


def test_every_zone_separator_and_length_of_a_fraction_is_drawn_without_any_feature() -> None:
    seen: set[tuple[str, int]] = set()
    for seed in range(SEEDS):
        for text in sort_keys(draw(seed, features=NOTHING)):
            match = TIME.fullmatch(text)
            if match:
                seen |= {("separator", ord(match[1])), ("digits", len(match[2] or "")), (match[3], 0)}
    assert {("separator", ord(" ")), ("separator", ord("T"))} <= seen
    assert {("digits", count) for count in FRACTIONS} <= seen
    assert {(zone, 0) for zone, _ in ZONES} <= seen


# Lawfulness.


def test_no_item_is_inserted_twice_and_nothing_stands_where_another_is_put() -> None:
    for case in cases():
        inserted = [keys(record) for record in case.records if record["eventName"] == "INSERT"]
        assert len(set(inserted)) == len(inserted), case.name
        rows = [(item["pk"]["S"], item["sk"]["S"]) for item in case.rows]
        assert len(set(rows)) == len(rows), case.name
        assert not {address for address in rows if address[0].startswith("MSG#")} & set(inserted), case.name


def test_sequence_numbers_rise_and_an_item_s_records_come_from_one_shard_in_order() -> None:
    for case in cases():
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in case.records]
        assert all(one < other for one, other in pairwise(numbers)), case.name
        shards: dict[tuple[str, str], set[object]] = {}
        told: dict[tuple[str, str], list[str]] = {}
        for record in case.records:
            shards.setdefault(keys(record), set()).add(record.get("shardId"))
            told.setdefault(keys(record), []).append(record["eventName"])
        assert all(len(each) == 1 for each in shards.values()), case.name
        assert all("INSERT" not in names[1:] and "REMOVE" not in names[:-1] for names in told.values()), case.name


def test_a_redelivery_names_records_of_one_shard_in_their_order() -> None:
    for case in cases("redelivery", "shards"):
        shards = {record["dynamodb"]["SequenceNumber"]: record["shardId"] for record in case.records}
        for each in case.redeliveries:
            assert len({shards[number] for number in each.sequences}) == 1
            assert [*each.sequences] == sorted(each.sequences, key=int)


def test_nothing_comes_again_that_never_came() -> None:
    for seed in range(40):
        case = draw(seed, features=Features.only(["redelivery", "batches", "edits"]))
        came: set[str] = set()
        for event in in_memory(case, manner=Manner(tells=True, calmed=False)).story:
            if isinstance(event, Delivered):
                fresh = [text for text in event.sequences if text not in came]
                assert fresh in ([], [*event.sequences]), f"seed {seed}: partly new"
                assert not fresh or not came or int(fresh[0]) > max(map(int, came)), f"seed {seed}: ahead of its time"
                came.update(event.sequences)


# Features.


def reached(case: Case) -> Counter[str]:
    """What of the newer features a case shows."""
    found: Counter[str] = Counter()
    instants = [instant for instant in map(read_instant, sort_keys(case)) if instant is not None]
    told = [said for said in (said_by(record, 0) for record in case.records) if said is not None]
    rows = [item for item in case.rows if item["pk"]["S"].startswith("GRP#")]
    names = {name for record in case.records for name in (record["eventName"] + keys(record)[0][:4],)}
    rows = [item for item in rows if "message_group_uuid" in item]
    own = Counter((item["pk"]["S"], item["message_group_uuid"]["S"]) for item in rows)
    of_groups = Counter(group for _, group in own)
    found["fractions"] = any(instant.microsecond for instant in instants)
    found["distances"] = max(instants) - min(instants) > timedelta(days=5)
    found["newer_rows"] = any(
        value_of(item)[1] >= said.value[1] and said.group == item["message_group_uuid"]["S"]
        for item in rows
        for said in told
    )
    found["texts"] = any(said.value[2] not in set("abcd") for said in told)
    found["ids"] = any(not re.fullmatch(r"g\d", said.group) for said in told)
    found["attributes"] = any({"M", "L", "BOOL", "NULL", "SS", "NS"} & set(map(_tag, item.values())) for item in rows)
    found["earlier"] = any(item["pk"]["S"].startswith("MSG#") for item in case.rows)
    found["removals"] = "REMOVEMSG#" in names
    found["own_records"] = bool({"INSERTGRP#", "MODIFYGRP#", "REMOVEGRP#"} & names)
    found["undated"] = any("ApproximateCreationDateTime" not in record["dynamodb"] for record in case.records)
    numbers = [record["dynamodb"]["SequenceNumber"] for record in case.records]
    found["numbers"] = sorted(numbers) != numbers
    found["pages"] = bool(case.page_items)
    found["heaps"] = any(count > 2 for count in own.values())
    found["collisions"] = any(group.startswith("other-") for _, group in own)
    found["crowds"] = max(of_groups.values(), default=0) > 5 or len(of_groups) > 3
    found["joiners"] = any(write.kind == "join" for write in case.writes)
    found["torn"] = any(fault.kind in TORN_READS for fault in case.faults)
    found["floods"] = len(case.records) > 50
    found["large"] = any(
        0 < sum(fits(item, room(item), said.value) for item in rows) < len(rows) for said in told if rows
    )
    return +found


def _tag(value: Mapping[str, Any]) -> str:
    return next(iter(value))


NEWER = Features.__slots__[Features.__slots__.index("bisect") + 1 :]


@pytest.mark.parametrize("feature", NEWER)
def test_a_feature_reaches_what_it_says_and_nothing_does_without_it(feature: str) -> None:
    assert any(reached(case)[feature] for case in cases(feature))
    assert not any(reached(draw(seed, features=NOTHING))[feature] for seed in range(SEEDS))


def test_small_plain_cases_stay_frequent() -> None:
    sizes = [len(case.records) for case in cases()]
    assert sum(size <= 10 for size in sizes) > SEEDS / 3
    plain = [seed for seed in range(SEEDS) if not set(reached(draw(seed))) - {"attributes", "texts"}]
    assert len(plain) > SEEDS / 30


def test_a_fixed_size_is_kept() -> None:
    everything = Features.only(["crowds", "floods"])
    case = draw(3, Size(groups=3, messages=20, is_fixed=True), features=everything)
    assert len(case.records) == 20
    assert len({item["message_group_uuid"]["S"] for item in case.rows}) == 3


def test_a_case_with_everything_survives_its_file(tmp_path: Path) -> None:
    everything = Features.only(set(Features.__slots__) - {"floods", "large"})
    for seed in range(5):
        case = draw(seed, features=everything)
        (tmp_path / "case.json").write_text(dump(case), encoding="utf-8")
        assert load(tmp_path / "case.json") == case


def test_a_page_is_a_whole_number_of_items() -> None:
    with pytest.raises(ValueError, match="'page_items' is a whole number"):
        parse({"rows": [], "records": [], "mapping": {}, "page_items": "2"})


# Wrong handlers.


@pytest.mark.parametrize("wrong", WRONG_READINGS)
def test_random_cases_convict_a_handler_that(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced, within = WRONG_READINGS[wrong]
    for owner, name, instead in replaced:
        monkeypatch.setattr(owner, name, instead)
    features = Features.only(FEATURES[wrong]) if wrong in FEATURES else None
    drawn = (draw(seed, features=features) for seed in range(within))
    convicting = next((case for case in drawn if in_memory(case).broken), None)
    monkeypatch.undo()
    assert convicting is not None, f"{within} cases convict nobody who {wrong}"
    assert in_memory(convicting).broken == []
