"""Handlers that are wrong about data: times, texts, ids, records, sizes. Random cases must convict every one of them.

Each is the right function with one thing replaced, as `(owner, name, what is there instead)`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stream_processor import answer, batch, group, message, plan, row, transaction
from stream_processor.errors import OutOfTime, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stream_processor.errors import ConditionFailed
    from stream_processor.message import Message, Position
    from stream_processor.row import AttributeValue, GroupRow, Item
    from stream_processor.transaction import Transaction, Unchanged

    Replaced = tuple[object, str, object]

_parse_time, _parse = message.parse_time, message.parse
_touch, _group_row, _learn = plan._touch, row.group_row, group.GroupWork._learn
_drive = batch.BatchProcessor._drive


def _times(reads: Callable[[str], datetime | None]) -> tuple[Replaced, ...]:
    return (message, "parse_time", reads), (row, "parse_time", reads)


def _messages(changed: Callable[[Message], Message | None]) -> tuple[Replaced, ...]:
    def parse(record: Mapping[str, Any], at: Position) -> Message | None:
        found = _parse(record, at)
        return None if found is None else changed(found)

    return ((batch, "parse", parse),)


def _refusing(pattern: str) -> tuple[Replaced, ...]:
    return _times(lambda text: None if re.search(pattern, text) else _parse_time(text))


def _in_whole_seconds(text: str) -> datetime | None:
    instant = _parse_time(text)
    return instant and instant.replace(microsecond=0)


def _on_the_written_date(text: str) -> datetime | None:
    instant = _parse_time(text)
    return instant and instant.replace(year=int(text[:4]), month=int(text[5:7]), day=int(text[8:10]))


def _not_ahead(found: Message) -> Message:
    if found.ahead_s > 60:
        raise PermanentError("Future", "dated after its record")
    return found


def _removed_too(record: Mapping[str, Any], at: Position) -> Message | None:
    change = record["dynamodb"]
    if record["eventName"] == "REMOVE" and "OldImage" in change:
        record = {**record, "eventName": "INSERT", "dynamodb": {**change, "NewImage": change["OldImage"]}}
    return _parse(record, at)


def _by_record_time(record: Mapping[str, Any], at: Position) -> Message | None:
    float(record["dynamodb"]["ApproximateCreationDateTime"])
    return _parse(record, at)


def _scalars_only(survivor: GroupRow, current: Item, wanted: Item, names: Any) -> Transaction:  # noqa: ANN401 - as the right one
    kept = {name: value for name, value in wanted.items() if next(iter(value)) in "SN"}
    return _touch(survivor, current, wanted if wanted == current else kept, names)


def _any_row(item: Item, of: Any) -> GroupRow | None:  # noqa: ANN401 - as the right one
    found = _group_row({**item, "pk": {"S": "GRP#" + item["pk"]["S"][4:]}}, of)
    return found and replace(found, item=item)


def _conditions(asked: Callable[[str, AttributeValue], bool]) -> tuple[Replaced, ...]:
    def only(item: Item, names: Any) -> Unchanged:  # noqa: ANN401 - as the right one
        condition = transaction.unchanged(item, names)
        return replace(condition, equal=tuple(pair for pair in condition.equal if asked(*pair)))

    return ((plan, "unchanged", only),)


def _as_number(identifier: str | None) -> answer.Answer:
    return answer.answer_naming(None if identifier is None else str(int(identifier)))


def _any_member(attribute: Any) -> message.MemberId | None:  # noqa: ANN401 - as the right one
    return None if attribute is None else message.MemberId(attribute["S"])


def _row_with_text(item: Item, of: Any) -> GroupRow | None:  # noqa: ANN401 - as the right one
    found = _group_row(item, of)
    return found and replace(found, text=item.get("message", {"S": ""})["S"])


def _whatever_python_reads(text: str) -> datetime | None:
    try:
        found = _parse_time(text) or datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def _no_date_is_a_bug(text: str) -> datetime | None:
    if _parse_time(text) is None and message._TIME.fullmatch(text):
        raise OverflowError(text)
    return _parse_time(text)


def _without_group(record: Mapping[str, Any], at: Position) -> Message | None:
    return None if record["dynamodb"]["Keys"]["pk"]["S"] == message.MESSAGE_PREFIX else _parse(record, at)


def _of_any_kind(record: Mapping[str, Any], at: Position) -> Message | None:
    change = record["dynamodb"]
    if change["Keys"]["pk"]["S"].startswith("MSG") and "#" in change["Keys"]["pk"]["S"]:
        partition_key = {"S": message.MESSAGE_PREFIX + change["Keys"]["pk"]["S"].partition("#")[2]}
        record = {**record, "dynamodb": {**change, "Keys": {**change["Keys"], "pk": partition_key}}}
    return _parse(record, at)


def _written(changed: Callable[[Item], Item]) -> tuple[Replaced, ...]:
    def touch(survivor: GroupRow, current: Item, wanted: Item, names: Any) -> Transaction:  # noqa: ANN401 - as the right one
        return _touch(survivor, current, wanted if wanted == current else changed(wanted), names)

    return ((plan, "_touch", touch),)


def _in_binary(value: Any) -> Any:  # noqa: ANN401 - at any depth
    match value:
        case {"N": str(number)}:
            return {"N": repr(float(number))}
        case {"NS": list(numbers)}:
            return {"NS": [repr(float(number)) for number in numbers]}
        case {"M": dict(parts)}:
            return {"M": {name: _in_binary(part) for name, part in parts.items()}}
        case {"L": list(parts)}:
            return {"L": [_in_binary(part) for part in parts]}
        case _:
            return value


def _numbers_in_parts(item: Item) -> Item:
    return {name: value if "N" in value else _in_binary(value) for name, value in item.items()}


def _sixteen(item: Item) -> Item:
    names = sorted(item, key=lambda name: name not in {"pk", "sk", *transaction.KNOWN_ATTRIBUTES})
    return {name: item[name] for name in names[:16]}


def _in_characters(item: Item) -> int:
    ascii_only = {name: {"S": "x" * len(value["S"])} if "S" in value else value for name, value in item.items()}
    return row.item_bytes(ascii_only)


def _read_again(work: group.GroupWork, tried: Transaction, failure: ConditionFailed) -> bool:
    return all("message_group_uuid" in item for item in failure.items if item) and _learn(work, tried, failure)


def _the_last_64(messages: Iterable[Message]) -> dict[message.GroupId, tuple[Message, ...]]:
    return message.coalesce(sorted(messages, key=lambda found: found.sequence)[-64:])


def _done_when_moved(work: batch.BatchProcessor, on: group.GroupWork, invocation: batch.Invocation) -> Any:  # noqa: ANN401 - the same
    result = _drive(work, on, invocation)
    return replace(result, error=None) if isinstance(result.error, OutOfTime) and result.tally.moved else result


WRONG_READINGS: dict[str, tuple[tuple[Replaced, ...], int]] = {
    "drops fractions of a second": (_times(_in_whole_seconds), 100),
    "refuses naive times": (_refusing(r"^[^Z+]{10}T[\d:.]+$"), 100),
    "refuses +0530": (_refusing(r"[+-]\d{4}$"), 100),
    "refuses a space before the zone": (_refusing(r"\d [+-]"), 100),
    "thinks that an offset never changes the date": (_times(_on_the_written_date), 100),
    "normalises texts": (_messages(lambda found: replace(found, text=unicodedata.normalize("NFC", found.text))), 400),
    "trims texts": (_messages(lambda found: replace(found, text=found.text.strip())), 200),
    "cuts texts at 100 characters": (_messages(lambda found: replace(found, text=found.text[:100])), 200),
    "ignores empty texts": (_messages(lambda found: found if found.text else None), 400),
    "puts group ids in lower case": (
        _messages(lambda found: replace(found, group=message.GroupId(found.group.lower()))),
        200,
    ),
    "takes a removed message for a new one": (((batch, "parse", _removed_too),), 400),
    "asks every record when it was made": (((batch, "parse", _by_record_time),), 200),
    "sets aside what is dated ahead": (_messages(_not_ahead), 100),
    "keeps texts and numbers of other owners only": (((plan, "_touch", _scalars_only),), 100),
    "takes messages in the index for group rows": (((group, "group_row", _any_row),), 400),
    "never looks at the size of a row": (((plan, "ITEM_BYTES_MAX", 10**9),), 1_000),
    "takes sequence numbers for texts": (
        ((batch, "lowest", lambda messages: min(messages, key=lambda found: found.identifier)),),
        400,
    ),
    "answers the number and not its text": (((batch, "answer_naming", _as_number),), 400),
    "takes any user_uuid for a member": (((message, "member_id", _any_member), (group, "member_id", _any_member)), 200),
    "takes the text of every row for a text": (((group, "group_row", _row_with_text),), 400),
    "takes whatever Python reads for a time": (_times(_whatever_python_reads), 200),
    "takes a date that there is not for a bug": (_times(_no_date_is_a_bug), 400),
    "ignores messages without a group": (((batch, "parse", _without_group),), 200),
    "takes rows of another kind for messages": (((batch, "parse", _of_any_kind),), 400),
    "reads numbers in maps, lists and sets as binary fractions": (_written(_numbers_in_parts), 200),
    "carries sixteen attributes over": (_written(_sixteen), 400),
    "asks for twelve attributes of a row": (((transaction, "CONDITIONS_MAX", 12),), 400),
    "reckons sizes in characters": (((plan, "item_bytes", _in_characters),), 400),
    "takes a row of no group in the way for another writer's work": (((group.GroupWork, "_learn", _read_again),), 400),
    "does not ask for the text of a row": (_conditions(lambda name, _: name != "message"), 400),
    "looks at the last 64 messages of a batch": (((batch, "coalesce", _the_last_64),), 1_000),
    "takes a group for done when it runs out of time between transactions": (
        ((batch.BatchProcessor, "_drive", _done_when_moved),),
        200,
    ),
    "sets aside what just fits a row": (((plan, "ITEM_BYTES_MAX", 409_550),), 1_000),
    "asks for texts and numbers of a row only": (_conditions(lambda _, value: next(iter(value)) in "SN"), 400),
    "does not ask for names that the application keeps": (
        _conditions(lambda name, _: name not in {"user_display_name", "user_handle"}),
        200,
    ),
}
"""What is replaced, and within how many cases it is convicted."""

FEATURES = {
    "asks for twelve attributes of a row": ("attributes", "owners", "lag"),
    "takes a group for done when it runs out of time between transactions": ("crowds", "faults"),
    "takes messages in the index for group rows": ("earlier", "ties"),
    "takes sequence numbers for texts": ("batches", "faults", "numbers", "floods", "ties"),
}
"""What alone is drawn for those whom few of all cases convict."""
