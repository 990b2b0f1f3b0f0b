"""What a table's own rows say of it, for people and as JSON: the verdict first. Ids and times, never a text.

{"verdict": "right"|"wrong",
 "findings": [{"kind", "group", "member", "due", "shown"}],
 "summary": {...}}
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from replay.checks.spelling import CANONICAL
from replay.reports.text import FINDINGS_SHOWN, aligned
from replay.verification import MENDED, counts
from replay.wording import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.tables.meter import Meter
    from replay.verification import Asked, Verified

COLUMNS: Final = ("kind", "group", "member", "due", "shown")
CELL_MAX: Final = 80
"""Characters of an id or a key that are shown; a key may have a thousand."""
LEFT: Final[Mapping[str, str]] = {
    "behind": "behind: not mended; called again, --repair goes on",
    "doubled": "doubled: not mended; called again, --repair goes on",
    "missing": "missing: no row is made for whoever may have left; let the application write it again",
    "ahead": "ahead: no row is moved back; the conversation's next message brings it right",
    "out-of-order": "out-of-order: a key is respelled when its row moves, with the conversation's next message",
}
"""What is said of each kind that a repair has left."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was verified, where (table, endpoint, region), by which means."""

    verified: Verified
    asked: Asked
    about: Mapping[str, str]
    meter: Meter
    duration_s: float

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong, or nothing is wrong any more."""
        return not self.verified.faults


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Make the object."""
    verified, first = verdict.verified, verdict.verified.first
    return {
        "verdict": "right" if verdict.is_right else "wrong",
        "findings": [asdict(fault) for fault in verified.faults],
        "summary": {
            **verdict.about,
            "rows": first.rows,
            "members": first.owners,
            "groups": first.groups,
            "messages": first.messages,
            "faults": dict(counts(verified.faults).most_common()),
            "ignored": sorted(verdict.asked.ignored),
            "suspected_groups": verified.suspected,
            "repaired": dict(counts(verified.repaired).most_common()),
            "repair_failed": verified.failed,
            "rows_moved": verified.moved,
            "rows_removed": verified.removed,
            "spellings": dict(first.spellings.most_common()),
            "oddities": dict(first.oddities.most_common()),
            "read_units": verdict.meter.read_units,
            "write_units": verdict.meter.write_units,
            "duration_s": round(verdict.duration_s, 3),
        },
    }


def print_verdict(verdict: Verdict, console: Console | None = None) -> None:
    """Print the report on standard output."""
    console = console or Console(highlight=False, soft_wrap=True)
    console.print(_verdict(verdict))
    faults = verdict.verified.faults
    if faults:
        rows = [tuple(_cell(asdict(fault)[name]) for name in COLUMNS) for fault in faults[:FINDINGS_SHOWN]]
        console.print(aligned([COLUMNS, *rows]))
        if len(faults) > FINDINGS_SHOWN:
            console.print(f"... and {len(faults) - FINDINGS_SHOWN} more; --json has all")
    for line in (*_about_repair(verdict), *_worth_knowing(verdict)):
        console.print(Text(line))
    console.print(aligned(_figures(verdict)))


def _verdict(verdict: Verdict) -> Text:
    verified, first = verdict.verified, verdict.verified.first
    if verified.faults:
        return Text(f"The table is wrong: {_listed(counts(verified.faults))}", style="bold red")
    if not first.groups:
        return Text("The table is right: it has neither messages nor members' rows", style="bold green")
    rows, members = counted(first.rows, "row"), counted(first.owners, "member")
    groups, messages = counted(first.groups, "group"), counted(first.messages, "message")
    ignored = f" ({', '.join(sorted(verdict.asked.ignored))} ignored)" if verdict.asked.ignored else ""
    shows = "shows its" if first.rows == 1 else "show their"
    return Text(
        f"The table is right: {rows} of {members} in {groups} {shows} newest message, {messages}{ignored}",
        style="bold green",
    )


def _about_repair(verdict: Verdict) -> Iterator[str]:
    verified = verdict.verified
    left = counts(verified.faults)
    if not verdict.asked.repair:
        mendable: Counter[str] = Counter({kind: left[kind] for kind in sorted(MENDED) if left[kind]})
        if mendable:
            yield f"--repair mends: {_listed(mendable)}"
        return
    done = f"{counted(verified.moved, 'row')} moved, {counted(verified.removed, 'row')} removed"
    yield f"repaired: {_listed(counts(verified.repaired)) or 'nothing'} ({done})"
    for code, number in Counter(verified.failed.values()).most_common():
        yield f"not repaired: {counted(number, 'group')}, {code}"
    yield from (f"left: {LEFT[kind]}" for kind in left)


def _worth_knowing(verdict: Verdict) -> Iterator[str]:
    first = verdict.verified.first
    odd = Counter({name: number for name, number in first.spellings.items() if name != CANONICAL})
    if odd:
        yield f"keys of rows spelled otherwise: {_listed(odd)}"
    for what, number in first.oddities.most_common():
        yield f"worth knowing: {number} {what}"


def _figures(verdict: Verdict) -> list[tuple[str, str]]:
    units = f"{verdict.meter.read_units:g} read"
    if verdict.asked.repair:
        units += f", {verdict.meter.write_units:g} write"
    return [
        ("looked at", f"{verdict.verified.first.rows} rows, {verdict.verified.first.messages} messages"),
        ("looked at again", counted(verdict.verified.suspected, "group")),
        ("units", units),
        ("duration", f"{verdict.duration_s:.1f} s"),
    ]


def _listed(kinds: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())


def _cell(text: str | None) -> str:
    """Show a word of the table's: on one line, not too long, without what would move a terminal's cursor."""
    shown = visible(text or "")
    return shown if len(shown) <= CELL_MAX else f"{shown[:CELL_MAX]}…"
