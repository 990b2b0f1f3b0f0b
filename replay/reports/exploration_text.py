"""An exploration for people: the verdict and what happened to which row, then the whole story, then the figures.

Colours and frames where somebody is looking, plain lines in pipes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from replay.exploration.story import Called, PhaseBegan, RuleBroken
from replay.reports.exploration import anomalies, figures, moves
from replay.reports.markup import plain
from replay.reports.reasons import headline
from replay.reports.rows import attributes_of, owner, record_line, row_line
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.exploration.campaign import BrokenCase
    from replay.exploration.story import Event, RowChange
    from replay.reports.exploration import Anomaly, Exploration

ANOMALIES_SHOWN: Final = 5
CHANGES_SHOWN: Final = 6
EVENTS_SHOWN: Final = 200
"""Of a story, half of them from its start, half from its end."""


def print_exploration(exploration: Exploration, console: Console | None = None) -> None:
    """Print the report on standard output."""
    console = console or Console(highlight=False, soft_wrap=True)
    console.print(Text(plain(exploration.verdict), style="bold green" if exploration.is_right else "bold red"))
    for name, value in exploration.about.items():
        console.print(Text(plain(f"{name}: {value}")))
    if exploration.broken:
        _print_broken(exploration.broken, console)
    console.print()
    for line in _figures(exploration):
        console.print(Text(line))
    for title, text in exploration.again().items():
        _heading(f"again, {title}", console)
        console.print(Text(plain(text)))


def _print_broken(broken: BrokenCase, console: Console) -> None:
    found = anomalies(broken)
    for anomaly in found[:ANOMALIES_SHOWN]:
        _print_anomaly(anomaly, broken, console)
    if len(found) > ANOMALIES_SHOWN:
        console.print(f"... and {len(found) - ANOMALIES_SHOWN} more; --json has all")
    _heading(f"the story of {broken.smallest.name or 'the case'} ({_weight(broken)})", console)
    for item in broken.smallest.rows:
        console.print(Text(plain(f"row of {owner(item)}: {row_line(item)}"), style="dim"))
    for event in told(broken.execution.story):
        console.print(Text(event, style="dim") if isinstance(event, str) else _event(event))


def told(story: list[Event], shown: int = EVENTS_SHOWN) -> Iterator[Event | str]:
    """Go through a story; where it is long, a line stands for its middle."""
    if len(story) <= shown:
        yield from story
        return
    half = shown // 2
    yield from story[:half]
    yield f"... {len(story) - 2 * half:,} events left out; --json has all"
    yield from story[-half:]


def _print_anomaly(anomaly: Anomaly, broken: BrokenCase, console: Console) -> None:
    heading = headline(anomaly.rule)
    _heading(heading if heading == anomaly.rule else f"{heading} ({anomaly.rule})", console, style="bold red")
    console.print(Text(plain(anomaly.evidence)))
    if anomaly.why:
        console.print(Text(f"why that is wrong: {anomaly.why}", style="italic"))
    records = {record["dynamodb"]["SequenceNumber"]: record for record in broken.smallest.records}
    for sequence in anomaly.records:
        if sequence in records:
            console.print(Text(plain(f"record {sequence}: {record_line(records[sequence])}")))
    if anomaly.culprit is None:
        return
    actor = "invocation " if isinstance(anomaly.culprit, Called) else ""
    console.print(Text(plain(f"at step {anomaly.culprit.step}: {actor}{str(anomaly.culprit).strip()}")))
    changes = moves(anomaly.changes)
    for change in changes[:CHANGES_SHOWN]:
        _print_change(change, console)
    if len(changes) > CHANGES_SHOWN:
        console.print(f"... and {len(changes) - CHANGES_SHOWN} more rows")


def _print_change(change: RowChange, console: Console) -> None:
    title = f"row of {change.address[0]}"
    if not console.is_terminal or change.before is None or change.after is None:
        console.print(Text(plain(f"  {title}")))
        console.print(Text(plain(f"    before: {row_line(change.before)}")))
        console.print(Text(plain(f"    after:  {row_line(change.after)}")))
        return
    table = Table("attribute", "before", "after", title=Text(plain(title)), title_justify="left")
    for name, before, after in attributes_of(change):
        style = None if before == after else "bold"
        table.add_row(*(Text(plain(cell)) for cell in (name, before, after)), style=style)
    console.print(table)


def _event(event: Event) -> Text:
    style = ""
    if isinstance(event, RuleBroken):
        style = "bold red"
    elif isinstance(event, PhaseBegan):
        style = "bold"
    elif isinstance(event, Called) and event.outcome != "done":
        style = "yellow"
    return Text(plain(str(event)), style=style)


def _heading(text: str, console: Console, style: str = "bold") -> None:
    console.print()
    console.print(Text(plain(text), style=style))


def _weight(broken: BrokenCase) -> str:
    events, records, rows = broken.smallest.weight
    return f"{counted(records, 'record')}, {counted(rows, 'row')}, {counted(events, 'disturbance')}"


def _figures(exploration: Exploration) -> Iterator[str]:
    result = exploration.result
    yield figures(result)
    if result.limited:
        yield f"{counted(result.limited, 'finding')} explained by a stated limit of the function"
    yield "situations reached:"
    yield from situation_lines(exploration)


def situation_lines(exploration: Exploration) -> Iterator[str]:
    """List how often each situation occurred; those that never did in one line where a rule was broken."""
    width, never = max(map(len, exploration.situations)), 0
    for situation, count in exploration.situations.items():
        if not count and exploration.is_wrong and situation not in exploration.unreached:
            never += 1
            continue
        note = "  asked for" if situation in exploration.unreached else ""
        yield f"  {situation:<{width}} {count:>12,}{note}"
    if never:
        yield f"  and {counted(never, 'other')} that never occurred; --json has all"
