"""Messages that can never be applied, one maker a kind; each takes a right row and its instant and breaks it.

Each kind keeps keys apart: the instant, which is different for each, shows in every broken time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.event_source.sizes import item_bytes
from replay.sources.generated.spellings import SECOND, to_the_second

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, dict[str, Any]]

ROW_BYTES_MAX: Final = 400 * 1024
"""AWS: DynamoDB developer guide, "Constraints": an item has at most 400 KB, attribute names included."""

NO_NEW_IMAGE: Final = "no-new-image"
"""The one kind whose fault is in the record, not in the row."""


def _without_message(row: Row, _at_us: int) -> Row:
    return {name: value for name, value in row.items() if name != "message"}


def _number(row: Row, _at_us: int) -> Row:
    return row | {"message": {"N": "42"}}


def _binary(row: Row, _at_us: int) -> Row:
    return row | {"message": {"B": "aGVsbG8="}}


def _half_emoji(row: Row, _at_us: int) -> Row:
    return row | {"message": {"S": row["message"]["S"] + "\ud83d"}}


def _nobodys(row: Row, _at_us: int) -> Row:
    return row | {"pk": {"S": "MSG#"}}


def _too_large(row: Row, _at_us: int) -> Row:
    """Fill the row to its limit: without names a message's row is smaller than any group row with that text."""
    kept = {name: value for name, value in row.items() if name not in ("user_display_name", "user_handle")}
    room = ROW_BYTES_MAX - item_bytes(kept | {"message": {"S": ""}})
    text = row["message"]["S"] or "-"
    filled = (text.encode() * (room // len(text.encode()) + 1))[:room].decode(errors="ignore")
    return kept | {"message": {"S": filled + "." * (room - len(filled.encode()))}}


def _timed(spelled: Callable[[str, str, str], str]) -> Callable[[Row, int], Row]:
    """Give the row a sort key made of its date, its time to the second and its microseconds."""

    def broken(row: Row, at_us: int) -> Row:
        date, time = to_the_second(at_us // SECOND).split("T")
        return row | {"sk": {"S": spelled(date, time, f"{at_us % SECOND:06d}")}}

    return broken


KINDS: Final[dict[str, Callable[[Row, int], Row]]] = {
    NO_NEW_IMAGE: lambda row, _: row,
    "no-message": _without_message,
    "message-number": _number,
    "message-binary": _binary,
    "lone-surrogate": _half_emoji,
    "empty-group": _nobodys,
    "too-large": _too_large,
    "time-words": _timed(lambda date, time, micros: f"the {date[8:]}th, at {time} and {micros} ({date[:7]})"),
    "time-epoch": _timed(lambda date, time, micros: f"{date.replace('-', '')}{time.replace(':', '')}.{micros}"),
    "time-basic": _timed(lambda date, time, micros: f"{date.replace('-', '')}T{time.replace(':', '')}.{micros}Z"),
    "time-hour-24": _timed(lambda date, time, micros: f"{date}T24{time[2:]}.{micros}{time[:2]}+00:00"),
    "time-second-60": _timed(lambda date, time, micros: f"{date}T{time[:6]}60.{time[6:]}{micros}+00:00"),
    "time-zone-name": _timed(lambda date, time, micros: f"{date}T{time}.{micros} CET"),
    "time-overflow": _timed(
        lambda date, time, micros: f"9999-12-31T23:{time[3:]}.{micros}{date.replace('-', '')}{time[:2]}-12:00"
    ),
    "time-lone-surrogate": _timed(lambda date, time, micros: f"{date}T{time}.{micros}\ud83d"),
}
"""Every kind by name. Beyond these, a `user_uuid` that cannot be a key is no fault, and strangers are none."""
