"""The grammar of times a second time: read by position instead of by pattern, and spelled part by part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

DIGITS = "0123456789"


def reading(text: str) -> datetime | None:
    """Read a time by walking over it; nothing for anything outside the grammar."""
    head, tail = text[:19], text[19:]
    if len(head) != 19 or any(head[place] not in DIGITS for place in (*range(4), 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)):
        return None
    if head[4] + head[7] + head[13] + head[16] != "--::" or head[10] not in "T ":
        return None
    microseconds = 0
    if tail.startswith("."):
        end = 1
        while end < len(tail) and tail[end] in DIGITS:
            end += 1
        if end == 1:
            return None
        microseconds, tail = int((tail[1:end] + "000000")[:6]), tail[end:]
    zone = _zone(tail)
    if zone is None:
        return None
    year, month, day = int(head[:4]), int(head[5:7]), int(head[8:10])
    hour, minute, second = int(head[11:13]), int(head[14:16]), int(head[17:19])
    try:
        local = datetime(year, month, day, hour, minute, second, microseconds, UTC)
        return local - zone
    except (ValueError, OverflowError):
        return None


def _zone(tail: str) -> timedelta | None:
    if not tail:
        return timedelta()
    tail = tail.removeprefix(" ")
    if tail == "Z":
        return timedelta()
    sign, rest = tail[:1], tail[1:]
    if sign not in ("+", "-"):
        return None
    parts = [rest[:2], rest[2:]] if len(rest) == 4 else rest.split(":")
    if len(parts) not in (2, 3) or any(len(part) != 2 or set(part) - set(DIGITS) for part in parts):
        return None
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -offset if sign == "-" else offset


@dataclass(frozen=True)
class Spelling:
    """A text and the instant that its parts mean; nothing where that is not in the years 1 to 9999."""

    text: str
    instant: datetime | None


@st.composite
def spellings(draw: st.DrawFn, local_times: st.SearchStrategy[datetime] | None = None) -> Spelling:
    """Every spelling of the grammar, the edges of the calendar included."""
    local = draw(local_times or st.datetimes()).replace(tzinfo=None)
    fraction = draw(st.one_of(st.none(), st.text(DIGITS, min_size=1, max_size=12)))
    sign = draw(st.sampled_from("+-"))
    hours, minutes, seconds = draw(st.integers(0, 23)), draw(st.integers(0, 59)), draw(st.integers(0, 59))
    zone = draw(st.sampled_from(["", "Z", "±HH:MM", "±HHMM", "±HH:MM:SS"]))
    space = draw(st.sampled_from(["", " "])) if zone else ""
    offset = timedelta()
    if "HH" in zone:
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds if "SS" in zone else 0)
        offset = -offset if sign == "-" else offset
    zone = zone.replace("±", sign).replace("HH", f"{hours:02}").replace("MM", f"{minutes:02}")
    head = f"{local.year:04}-{local.month:02}-{local.day:02}{draw(st.sampled_from('T '))}"
    clock = f"{local.hour:02}:{local.minute:02}:{local.second:02}"
    text = head + clock + (f".{fraction}" if fraction else "") + space + zone.replace("SS", f"{seconds:02}")
    microsecond = int((fraction or "").ljust(6, "0")[:6])
    try:
        instant = local.replace(microsecond=microsecond, tzinfo=UTC) - offset
    except OverflowError:
        instant = None
    return Spelling(text, instant)


@st.composite
def near_misses(draw: st.DrawFn) -> str:
    """A spelling with one to three characters changed, taken away or added: most are outside the grammar."""
    text = draw(spellings()).text
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        new = draw(st.sampled_from([*"0123456789 -+:.,TtZzWe\n\u0663\uff13\u00b2", ""]))
        text = text[:place] + new + text[place + draw(st.integers(0, 1)) :]
    return text
