"""Which messages of a group the function is given once more, and in what form."""

from __future__ import annotations

from replay.repair import MESSAGES_MAX, as_inserts, chosen
from replay.rows.reading import value_of
from stream_processor.message import parse, position
from tests.builders import message_item, text, time_text


def test_the_newest_by_time_are_chosen_and_not_by_key() -> None:
    later_in_text = [message_item(f"{number}", at=f"2026-01-01T15:{number:02d}:00+05:30") for number in range(10)]
    newest = [message_item(f"n{number}", at=10_000 + number) for number in range(MESSAGES_MAX)]
    assert chosen([*reversed(newest), *later_in_text], ()) == newest


def test_what_is_due_is_chosen_however_old() -> None:
    messages = [message_item(f"{number}", at=number) for number in range(50)]
    assert chosen(messages, {value_of(messages[3])}) == [messages[3], *messages[-MESSAGES_MAX:]]
    assert chosen(messages[::-1], {value_of(messages[3])}) == [messages[3], *messages[-MESSAGES_MAX:]]


def test_what_nobody_can_apply_is_not_chosen() -> None:
    unread = [message_item("x", at="soon"), {**message_item("x"), "message": {"N": "1"}}]
    assert chosen(unread, ()) == []


def test_the_function_reads_the_records_as_these_messages() -> None:
    item = {**message_item("hello", at=7, sender="bob"), "large": {"B": b"x"}}
    (record,) = as_inserts([item])
    found = parse(record, position(record))
    assert found is not None
    assert (found.group, found.text, found.sender, found.created_at_s) == ("g1", text("hello"), "bob", None)
    assert found.instant.isoformat(timespec="microseconds") == time_text(7)
    assert "large" not in record["dynamodb"]["NewImage"]
