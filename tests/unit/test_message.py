"""Records become messages or nothing; times are read in one grammar and written in one spelling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_processor.errors import ConfigurationError, NotAStreamEvent, PermanentError
from stream_processor.message import (
    PARTITION_KEY_BYTES_MAX,
    Message,
    Position,
    coalesce,
    format_time,
    lowest,
    member_id,
    parse,
    parse_time,
    position,
    string,
)
from tests.builders import BOB, FIRST_SEQUENCE, instant, message, record, sequence, text, time_text
from tests.times import Spelling, near_misses, reading, spellings

AT = Position(FIRST_SEQUENCE + 1, sequence(1))
utc_times = st.datetimes(timezones=st.just(UTC))


# Times.


@given(spellings())
def test_every_spelling_is_read_as_its_parts_mean(spelling: Spelling) -> None:
    assert parse_time(spelling.text) == spelling.instant
    assert reading(spelling.text) == spelling.instant


@given(spellings())
def test_a_time_read_is_in_utc(spelling: Spelling) -> None:
    found = parse_time(spelling.text)
    assert found is None or found.utcoffset() == timedelta()


@given(near_misses())
@example("2026-01-01 10:00:00 ")
@example("2026-01-01T10:00:00+05:3")
def test_what_is_outside_the_grammar_is_no_time_and_nothing_else_is(changed: str) -> None:
    assert parse_time(changed) == reading(changed)


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("2023-03-23T22:39:12.160498+00:00", "2023-03-23T22:39:12.160498+00:00"),
        ("2023-03-22T14:36:25.547845+05:30", "2023-03-22T09:06:25.547845+00:00"),
        ("2023-04-05T18:26:55.123456", "2023-04-05T18:26:55.123456+00:00"),
        ("2023-04-05T18:26:55", "2023-04-05T18:26:55.000000+00:00"),
        ("2023-04-05T18:26:55+00:00", "2023-04-05T18:26:55.000000+00:00"),
        ("2023-04-05T18:26:55.123Z", "2023-04-05T18:26:55.123000+00:00"),
        ("2023-07-09 19:06:18.153176", "2023-07-09T19:06:18.153176+00:00"),
        ("2023-07-09 19:06:18.153176 +0530", "2023-07-09T13:36:18.153176+00:00"),
        ("2023-07-09T19:06:18-00:00:01", "2023-07-09T19:06:19.000000+00:00"),
        ("2023-07-09T19:06:18 Z", "2023-07-09T19:06:18.000000+00:00"),
        ("2024-02-29T23:59:59.9999999", "2024-02-29T23:59:59.999999+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
        ("9999-12-31T23:59:59+23:59", "9999-12-31T00:00:59.000000+00:00"),
    ],
)
def test_each_spelling_of_the_table_is_read(spelling: str, canonical: str) -> None:
    found = parse_time(spelling)
    assert found is not None
    assert format_time(found) == canonical


@pytest.mark.parametrize(
    "outside",
    [
        "",
        "2026",
        "2026-01-01",
        "2026-01-01T10:00",
        "2026-01-01T10",
        "20260101T100000",
        "2026-W01-4T10:00:00",
        "2026-001T10:00:00",
        "2026-01-01t10:00:00",
        "2026-01-01T10:00:00z",
        "2026-01-01_10:00:00",
        "2026-01-01T10:00:00,123",
        "2026-01-01T10:00:00.",
        "2026-01-01T10:00:00.Z",
        "2026-01-01T24:00:00",
        "2026-01-01T10:60:00",
        "2026-01-01T10:00:60",
        "2026-01-01T10:00:00+24:00",
        "2026-01-01T10:00:00-24:00",
        "2026-01-01T10:00:00+05:60",
        "2026-01-01T10:00:00+05:30:60",
        "2026-01-01T10:00:00+05",
        "2026-01-01T10:00:00+053",
        "2026-01-01T10:00:00+053000",
        "2026-01-01T10:00:00+05:30:00.5",
        "2026-01-01T10:00:00+0530:00",
        "2026-01-01T10:00:00+05:3000",
        "2026-01-01T10:00:00  +05:30",
        "2026-01-01T10:00:00 ",
        "2026-01-01T10:00:00 UTC",
        "2026-01-01T10:00:00Z+00:00",
        "2026-01-01T10:00:00\u221205:30",
        " 2026-01-01T10:00:00",
        "2026-01-01T10:00:00\n",
        "2026-01-01T10:00:00Z\n",
        "2026-01-01T10:00:00\x00",
        "2026-01-01T10:00:0\u0660",
        "\uff12026-01-01T10:00:00",
        "2026-01-01T10:00:00.\u0661",
        "2026-00-01T10:00:00",
        "2026-13-01T10:00:00",
        "2026-02-29T10:00:00",
        "2026-01-00T10:00:00",
        "0000-01-01T10:00:00",
        "-001-01-01T10:00:00",
        "12026-01-01T10:00:00",
        "1767261600",
    ],
)
def test_nothing_else_is_a_time(outside: str) -> None:
    assert parse_time(outside) is None


@pytest.mark.parametrize("overflowing", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999-00:00:01"])
def test_a_time_that_overflows_in_utc_is_none(overflowing: str) -> None:
    assert parse_time(overflowing) is None


@given(utc_times)
def test_what_is_written_is_read_back(time: datetime) -> None:
    written = format_time(time)
    assert parse_time(written) == time
    assert datetime.fromisoformat(written) == time
    assert len(written) == 32


@given(utc_times, utc_times)
@example(datetime(999, 1, 1, tzinfo=UTC), datetime(1000, 1, 1, tzinfo=UTC))
def test_the_order_of_texts_is_the_order_of_times(one: datetime, other: datetime) -> None:
    assert (format_time(one) < format_time(other)) == (one < other)
    assert (format_time(one) == format_time(other)) == (one == other)


# Positions.


def test_a_position_keeps_the_sequence_number_verbatim() -> None:
    leading = record()
    leading["dynamodb"]["SequenceNumber"] = "000700000000000888747038"
    assert position(leading) == Position(700000000000888747038, "000700000000000888747038")


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"dynamodb": None},
        {"dynamodb": []},
        {"dynamodb": "text"},
        {"dynamodb": {}},
        {"dynamodb": {"SequenceNumber": None}},
        {"dynamodb": {"SequenceNumber": 111}},
        {"dynamodb": {"SequenceNumber": ""}},
        {"dynamodb": {"SequenceNumber": "-1"}},
        {"dynamodb": {"SequenceNumber": "12a"}},
        {"dynamodb": {"SequenceNumber": "12\n"}},
        {"dynamodb": {"SequenceNumber": "\u0661\u0662"}},
        {"kinesis": {"sequenceNumber": "49590338271490256608559692538361571095921575989136588898"}},
    ],
    ids=repr,
)
def test_a_record_without_a_sequence_number_is_of_no_stream(broken: dict[str, Any]) -> None:
    with pytest.raises(NotAStreamEvent, match="SequenceNumber"):
        position(broken)


# Messages.


def test_an_inserted_message_row_is_a_message() -> None:
    assert parse(record("hi", at=5, group="g7", sender=BOB, created_at_s=1767261605.0), AT) == message(
        "hi", at=5, group="g7", sender=BOB, created_at_s=1767261605.0
    )


@pytest.mark.parametrize("group", ["a", "MSG#a", "a#b", "GRP#MSG#MSG#", " ", "\u00e4\U0001f600", "x" * 2044])
def test_the_group_is_everything_behind_the_first_prefix(group: str) -> None:
    found = parse(record(group=group), AT)
    assert found is not None
    assert found.group == group


@pytest.mark.parametrize("event_name", ["MODIFY", "REMOVE", "UPSERT", "insert", "", None])
def test_only_inserts_are_messages(event_name: Any) -> None:  # noqa: ANN401 - whatever the wire may bring
    assert parse(record(event_name=event_name), AT) is None


@pytest.mark.parametrize(
    "partition_key",
    [
        {"S": "GRP#ann"},
        {"S": "msg#g1"},
        {"S": "USER#1"},
        {"S": ""},
        {"S": " MSG#g1"},
        {"N": "1"},
        {"S": 5},
        None,
        "MSG#g1",
    ],
    ids=repr,
)
def test_other_items_are_no_messages(partition_key: Any) -> None:  # noqa: ANN401 - whatever the wire may bring
    other = record()
    other["dynamodb"]["Keys"]["pk"] = partition_key
    assert parse(other, AT) is None


def test_a_record_without_keys_is_no_message() -> None:
    keyless = record()
    del keyless["dynamodb"]["Keys"]
    assert parse(keyless, AT) is None


def refused(broken: dict[str, Any]) -> str:
    with pytest.raises(PermanentError) as caught:
        parse(broken, AT)
    assert "PRIVATE" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("view_type", ["NEW_IMAGE", "NEW_AND_OLD_IMAGES", None])
@pytest.mark.parametrize("image", [None, "", []])
def test_a_missing_image_is_permanent_where_the_view_type_has_one(view_type: str | None, image: Any) -> None:  # noqa: ANN401
    broken = record()
    broken["dynamodb"] |= {"NewImage": image, "StreamViewType": view_type}
    assert refused(broken) == "NoNewImage"


@pytest.mark.parametrize("view_type", ["KEYS_ONLY", "OLD_IMAGE"])
def test_a_view_type_without_new_images_is_a_wrong_set_up(view_type: str) -> None:
    broken = record()
    broken["dynamodb"]["StreamViewType"] = view_type
    del broken["dynamodb"]["NewImage"]
    with pytest.raises(ConfigurationError, match=f"{view_type}.*set NEW_AND_OLD_IMAGES"):
        parse(broken, AT)


@pytest.mark.parametrize("view_type", ["KEYS_ONLY", "OLD_IMAGE"])
def test_a_view_type_matters_to_messages_alone(view_type: str) -> None:
    other = record(item={"pk": {"S": "GRP#ann"}, "sk": {"S": time_text(0)}})
    other["dynamodb"]["StreamViewType"] = view_type
    del other["dynamodb"]["NewImage"]
    assert parse(other, AT) is None


@pytest.mark.parametrize(
    "value", [None, {"N": "5"}, {"S": None}, {"S": 5}, {"NULL": True}, {}, "text", {"S": "\ud800"}], ids=repr
)
def test_a_text_that_is_missing_or_no_string_is_permanent(value: Any) -> None:  # noqa: ANN401 - whatever the wire may bring
    broken = record()
    broken["dynamodb"]["NewImage"]["message"] = value
    assert refused(broken) == "NoMessageText"


def test_an_empty_text_is_a_text() -> None:
    empty = record()
    empty["dynamodb"]["NewImage"]["message"] = {"S": ""}
    found = parse(empty, AT)
    assert found is not None
    assert found.text == ""


@pytest.mark.parametrize(
    "value", [{"S": "PRIVATE-noon"}, {"S": ""}, {"N": "1767261600"}, None, {"S": "0001-01-01T00:00:00+01:00"}], ids=repr
)
def test_a_time_outside_the_grammar_is_permanent(value: Any) -> None:  # noqa: ANN401 - whatever the wire may bring
    broken = record()
    broken["dynamodb"]["Keys"]["sk"] = value
    assert refused(broken) == "InvalidTime"


def test_an_empty_group_id_is_permanent() -> None:
    assert refused(record(group="")) == "EmptyGroupId"


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"S": ""},
        {"N": "5"},
        {"S": None},
        {"S": "x" * (PARTITION_KEY_BYTES_MAX - 3)},
        {"S": "\u00e4" * 1023},
        {"S": "\udfff"},
    ],
)
def test_a_sender_that_cannot_be_a_key_names_no_member(value: Any) -> None:  # noqa: ANN401 - whatever the wire may bring
    nameless = record()
    nameless["dynamodb"]["NewImage"]["user_uuid"] = value
    found = parse(nameless, AT)
    assert found is not None
    assert found.sender is None


@pytest.mark.parametrize("value", ["x", "x" * (PARTITION_KEY_BYTES_MAX - 4), "\u00e4" * 1022, " ", "a#b"])
def test_a_sender_that_can_be_a_key_is_a_member(value: str) -> None:
    assert member_id({"S": value}) == value


def test_a_surrogate_is_no_text() -> None:
    assert string({"S": "\ud83d"}) is None
    assert string({"S": "\U0001f600"}) == "\U0001f600"


@pytest.mark.parametrize(
    ("created", "seconds"),
    [
        (1767261600.0, 1767261600.0),
        (1767261600, 1767261600.0),
        ("1767261600", 1767261600.0),
        (None, None),
        (True, None),
        ("soon", None),
        (float("nan"), None),
        (float("inf"), None),
        (-1.0, None),
        (0, 0.0),
        (253402300799, 253402300799.0),
        (253402300800, None),
        (10**400, None),
        ([], None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_creation_time_is_read_where_it_is_a_number(created: Any, seconds: float | None) -> None:  # noqa: ANN401
    dated = record()
    dated["dynamodb"]["ApproximateCreationDateTime"] = created
    found = parse(dated, AT)
    assert found is not None
    assert found.created_at_s == seconds


def test_how_far_ahead_a_message_is_dated_is_reckoned_from_its_record() -> None:
    assert message(at=90, created_at_s=instant(30).timestamp()).ahead_s == 60
    assert message(at=0, created_at_s=instant(30).timestamp()).ahead_s == -30
    assert message(at=90, created_at_s=None).ahead_s == 0


# Coalescing.

messages = st.lists(
    st.builds(
        message,
        st.sampled_from("abc"),
        at=st.integers(0, 2),
        group=st.sampled_from(["g1", "g2", "g3"]),
        number=st.integers(1, 10**23),
    ),
    min_size=1,
    max_size=12,
)


@given(messages)
def test_coalescing_keeps_every_message_in_its_group(batch: list[Message]) -> None:
    groups = coalesce(batch)
    assert sorted(map(repr, batch)) == sorted(repr(each) for group in groups.values() for each in group)
    assert all(each.group == name for name, group in groups.items() for each in group)
    assert list(groups) == list(dict.fromkeys(each.group for each in batch))


@given(messages)
def test_the_newest_of_a_group_comes_first(batch: list[Message]) -> None:
    for group in coalesce(batch).values():
        assert list(group) == sorted(group, key=lambda each: (each.instant, each.text, each.sequence), reverse=True)


@given(messages)
def test_the_lowest_message_has_the_lowest_sequence_number(batch: list[Message]) -> None:
    assert lowest(batch).sequence == min(each.sequence for each in batch)


def test_messages_of_one_instant_rank_by_text() -> None:
    assert message("b").rank > message("a").rank
    assert message("a", at=0.000001).rank > message("b").rank
    assert message("a", at=0.000001).rank == (instant(0.000001), text("a"))
