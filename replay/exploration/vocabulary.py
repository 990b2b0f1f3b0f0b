"""What cases are drawn from: spellings of times, texts, ids, attributes of other owners.

Everything here is lawful: DynamoDB stores it, and the grammar of times has every spelling.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from random import Random

SECOND_CHARACTERS: Final = len("2026-03-01T10:00:00")
MICROSECOND_DIGITS: Final = 6

FRACTIONS: Final = (0, 3, 6, 1, 2, 4, 5, 7, 8, 9)
"""How many digits a fraction is drawn to have; more where the instant needs them."""

ZONES: Final[tuple[tuple[str, timedelta], ...]] = (
    ("", timedelta()),
    ("Z", timedelta()),
    ("+00:00", timedelta()),
    ("+05:30", timedelta(hours=5, minutes=30)),
    ("-05:00", -timedelta(hours=5)),
    ("+0530", timedelta(hours=5, minutes=30)),
    ("-0330", -timedelta(hours=3, minutes=30)),
    ("+14:00", timedelta(hours=14)),
    ("-11:00", -timedelta(hours=11)),
    ("+05:53:28", timedelta(hours=5, minutes=53, seconds=28)),
    ("-00:25:21", -timedelta(minutes=25, seconds=21)),
    (" Z", timedelta()),
    (" +00:00", timedelta()),
    (" -08:00", -timedelta(hours=8)),
    (" +0200", timedelta(hours=2)),
    (" +01:02:03", timedelta(hours=1, minutes=2, seconds=3)),
    ("-00:00", timedelta()),
)
"""How a time says its zone, and what that adds to UTC. The long offsets lead to another date."""

PLAIN_TEXTS: Final = ("a", "b", "c", "d")
LONG: Final = "a long message, " * 7
TEXTS: Final = (
    *PLAIN_TEXTS,
    "",
    "A",
    "B",
    "ab",
    " a",
    "a ",
    "\ta\n",
    "caf\u00e9",
    "cafe\u0301",
    "\ufb00",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u0645\u0631\u062d\u0628\u0627",
    LONG,
    f"{LONG}a",
    f"{LONG}b",
    "\u00fc" * 200,
)
"""Texts that are easily changed or compared wrongly: empty, cased, padded, composed and not, beyond 16 bits, long."""

GROUP_IDS: Final = (
    "G0",
    "g0",
    "g",
    "g#1",
    "g#2",
    "#g",
    "g#",
    "MSG#g",
    "GRP#g",
    "caf\u00e9",
    "cafe\u0301",
    "\U0001f600",
    "g 0",
    "5ae290ed-55d1-47a0-bc6d-fe2bc2700399",
    "5AE290ED-55D1-47A0-BC6D-FE2BC2700399",
    "long" * 50,
)
MEMBER_IDS: Final = (
    "ana",
    "Ana",
    "ANA",
    "ana#1",
    "GRP#ana",
    "a",
    "\u00e4na",
    "a\u0308na",
    "\U0001f600",
    "ana ",
    "andrew-" * 30,
    "0",
)
"""Ids of which some differ only in case, in a prefix or in how Unicode composes a letter."""

LONG_NUMBER: Final = "12345678901234567890123456789012345"
"""A number that no binary fraction holds; DynamoDB keeps 38 digits."""
OWNED: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "avatar_id": ({"S": "av-1"}, {"S": "av-2"}),
    "note": ({"S": ""}, {"S": "\u00fcber"}),
    "muted": ({"BOOL": True}, {"BOOL": False}),
    "pinned_by": ({"NULL": True}, {"S": "somebody"}),
    "labels": ({"SS": ["work", "home"]}, {"SS": ["Work"]}),
    "scores": ({"NS": ["3", "1.5", "-2"]}, {"NS": ["0"]}, {"NS": [LONG_NUMBER, f"-{LONG_NUMBER}5", "1E-100"]}),
    "weight": ({"N": "0.1"}, {"N": f"-{LONG_NUMBER}"}, {"N": "9" * 38}),
    "settings": (
        {"M": {"theme": {"S": ""}, "sizes": {"L": [{"N": "1"}, {"NULL": True}]}, "empty": {"M": {}}}},
        {"M": {}},
        {"M": {"id": {"N": LONG_NUMBER}, "rate": {"N": "-1.5E-30"}, "deep": {"M": {"id": {"N": f"{LONG_NUMBER}7"}}}}},
    ),
    "history": (
        {"L": [{"S": "a"}, {"BOOL": False}, {"M": {"b": {"N": "2"}}}]},
        {"L": []},
        {"L": [{"N": LONG_NUMBER}, {"NS": [LONG_NUMBER, "1"]}]},
    ),
    "user-name": ({"S": "with a dash"},),
    "size": ({"S": "a reserved word"},),
    "gr\u00f6\u00dfe": ({"S": "1"},),
}
"""What other owners keep on a group row, by name. No binary: a case's file could not say it. No number of more than 38
digits once its exponent is written out, as DynamoDB answers it: boto3's resources refuse to read those, whatever the
handler does."""

MANY_BEFORE: Final = {f"a{number:03d}": {"N": str(number)} for number in range(40)}
MANY_BEHIND: Final = {f"z{number:03d}": {"N": str(number)} for number in range(200)}
"""Attributes of others, by names before and behind all that are set: of a row with as many as the latter a condition
holds the first hundred and fifty by name."""
NOBODY: Final[Sequence[Mapping[str, Any]]] = (
    {"N": "1"},
    {"NULL": True},
    {"S": ""},
    {"S": "u" * 3000},
    {"SS": ["ana", "ben"]},
    {"M": {"S": {"S": "ana"}}},
)
"""What stands in `user_uuid` and can be nobody's key: no string, empty, longer than a key may be."""
NO_TEXTS: Final[Sequence[Mapping[str, Any]]] = ({"N": "1"}, {"NULL": True}, {"L": [{"S": "a"}]}, {"SS": ["a"]})
"""What stands in `message` and is no text."""

NEAR_TIMES: Final = (
    "2026-03-01",
    "2026-W09-7T10:00:00",
    "2026-060T10:00:00",
    "20260301T100000Z",
    "2026-03-01T10:00",
    "2026-03-01T10",
    "2026-03-01T10:00:00,5",
    "2026-03-01T10:00:00.",
    "2026-03-01T24:00:00",
    "2026-03-01T10:60:00",
    "2026-03-01T10:00:60Z",
    "2026-02-30T10:00:00",
    "2026-02-29T10:00:00+00:00",
    "0000-03-01T10:00:00",
    "0001-01-01T00:00:00+05:30",
    "9999-12-31T23:59:59.999999-00:01",
    "12026-03-01T10:00:00",
    "2026-3-1T10:00:00",
    "2026-03-01t10:00:00z",
    "2026-03-01_10:00:00",
    "2026-03-01  10:00:00",
    "2026-03-01T10:00:00+5:30",
    "2026-03-01T10:00:00+05",
    "2026-03-01T10:00:00+24:00",
    "2026-03-01T10:00:00 UTC",
    " 2026-03-01T10:00:00",
    "2026-03-01T10:00:00Z\n",
    "\u0662\u0660\u0662\u0666-03-01T10:00:00",
    "1772359200",
)
"""What reads nearly like a time, and only a lax reader takes for one."""
OTHER_PREFIXES: Final = ("MSGARCHIVE#", "MSGS", "msg#", "MSG:", "XMSG#", "#MSG#", "GRPX#", "USR#")
"""Beginnings of partition keys of rows that are neither messages nor group rows."""

BALLAST: Final = "archive"
BALLAST_BYTES: Final = (150_000, 300_000, 401_000)
"""Sizes of an attribute that makes a row large."""
LARGE_TEXT_BYTES: Final = (1_000, 104_000, 115_000, 200_000, 265_000, 400_000)
"""Sizes of texts: each fits some of these rows and not the others, by thousands of bytes on either side."""
LETTERS: Final = ("x", "x", "\u00fc", "\u3042", "\U0001f600")
"""What they are made of: letters of one to four bytes."""


def spelled(instant: datetime, random: Random, zones: Sequence[tuple[str, timedelta]] = ZONES) -> str:
    """Spell an instant (naive, UTC) in one of the ways of the grammar; it reads as the same microsecond."""
    zone, offset = zones[int(random.random() * len(zones))]
    text = (instant + offset).isoformat(" " if random.random() < 0.2 else "T")[:SECOND_CHARACTERS]  # noqa: PLR2004 - a chance
    digits = FRACTIONS[int(random.random() * len(FRACTIONS))]
    if instant.microsecond:
        micro = f"{instant.microsecond:06d}"
        digits = max(digits, len(micro.rstrip("0")))
    else:
        micro = "000000"
    if not digits:
        return text + zone
    if digits > MICROSECOND_DIGITS:
        micro += f"{int(random.random() * 1000):03d}"
    return f"{text}.{micro[:digits]}{zone}"


def filled(length: int, letter: str) -> str:
    """Make a text of so many bytes in UTF-8, of one letter as far as it goes."""
    width = len(letter.encode())
    return "x" * (length % width) + letter * (length // width)


def key_written(instant: datetime, group: str, attempt: int) -> str:
    """Spell an instant as the project's function writes it, at this attempt: so that something can stand there."""
    digits = f"{int.from_bytes(sha256(group.encode()).digest()):078d}"
    return f"{instant.isoformat(timespec='microseconds')}{digits[: 6 * attempt]}+00:00"
