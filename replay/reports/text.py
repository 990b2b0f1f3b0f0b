"""A replay's report for people: the verdict first, then what is wrong, then what happened.

Colours and frames where somebody is looking, plain lines in pipes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from replay.reports.run_json import as_json
from replay.wording import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from replay.checks.compare import Difference
    from replay.forecast import Forecast
    from replay.report import Report

FINDINGS_SHOWN: Final = 30
DISCARDS_SHOWN: Final = 10
FAILURES_SHOWN: Final = 5
PRINTED_SHOWN_MAX: Final = 200

NO_TABLE: Final = "none"
"""The name of no table: everything is delivered, nothing is judged."""

COLUMNS: Final = ("kind", "group", "member", "expected", "found", "delivery")


def print_report(report: Report, about: Mapping[str, str], console: Console | None = None) -> None:
    """Print the report on standard output."""
    console = console or Console(highlight=False, soft_wrap=True)
    content = as_json(report, about)
    text, style = _verdict(report, about)
    console.print(Text(visible(text), style=style))
    if report.findings:
        rows = [_cells(finding) for finding in content["findings"][:FINDINGS_SHOWN]]
        console.print(_framed(rows) if console.is_terminal else aligned([COLUMNS, *rows]))
        more = len(report.findings) - FINDINGS_SHOWN
        if more > 0:
            console.print(f"... and {more} more; --json has all")
    for line in _troubles(report, content["summary"]):
        console.print(Text(visible(line)))
    console.print(aligned(_rows(content["summary"])))


def _verdict(report: Report, about: Mapping[str, str]) -> tuple[str, str]:
    """Give the verdict and how it looks."""
    rows, messages = counted(report.rows, "row"), counted(report.messages, "message")
    but = f" but for {counted(report.given_up, 'record')} given up" if report.given_up else ""
    right = f"The table is right{but}: {rows} after {messages}, each group at its newest"
    match report.word:
        case "wrong":
            return _wrong(report, about), "bold red"
        case "incomplete":
            end = right if report.judged else f"Not judged: {_unjudged(report, about)}"
            return f"Incomplete, {', '.join(report.faults_left)} never happened. {end}", "bold yellow"
        case "not judged":
            return f"Not judged: {_unjudged(report, about)}", "bold"
        case "right":
            return right, "bold green"


def _wrong(report: Report, about: Mapping[str, str]) -> str:
    if report.ended is not None:
        return f"The run could not go on: {report.ended}"
    if not report.quiet:
        return f"The handler never gets quiet: it still answers its own writes after {report.rounds} rounds of them"
    if not report.findings:
        rest = "" if report.judged else f"; the table is not judged: {_unjudged(report, about)}"
        return f"The handler is wrong: {report.untaken}{rest}"
    views = {(traced.finding.kind, traced.finding.group, traced.finding.member) for traced in report.findings}
    kinds = Counter(kind for kind, _, _ in views)
    return f"The table is wrong: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}"


def _unjudged(report: Report, about: Mapping[str, str]) -> str:
    """Say why there is nothing to judge."""
    if about.get("table") == NO_TABLE:
        return "there is no table"
    records = counted(report.records, "record")
    if not report.messages:
        return f"no message of the messages table is among {records}; see explore --template for other tables"
    return f"the filter dropped all of {records}"


def _cells(finding: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple("" if finding[name] is None else str(finding[name]) for name in COLUMNS)


def _framed(rows: Sequence[tuple[str, ...]]) -> Table:
    """Set rows in a frame; what is too wide goes on below, for two values may differ at their ends only."""
    table = Table()
    for name in COLUMNS:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, map(visible, row)))
    return table


def aligned(rows: Sequence[tuple[str, ...]]) -> Text:
    """Set rows in columns, two spaces apart."""
    rows = [tuple(map(visible, row)) for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return Text(
        "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )
    )


def _troubles(report: Report, summary: Mapping[str, Any]) -> Iterator[str]:
    """Say what went wrong on the way, whatever the end."""
    for fault in report.faults:
        yield f"fault: {fault.asked} happened at {fault.operation} in delivery {fault.delivery}"
    for asked in report.faults_left:
        yield f"fault: {asked} never happened, there were not so many calls"
    for failure in report.failures[:FAILURES_SHOWN]:
        where = f" ({failure.stack[-1]})" if failure.stack else ""
        what = f"{counted(failure.records, 'record')} from {failure.first_sequence}"
        yield f"delivery {failure.delivery} ({what}) {failure.outcome}{where}"
        yield from (f"  it printed: {line[:PRINTED_SHOWN_MAX]}" for line in failure.printed)
    if report.failed > FAILURES_SHOWN:
        yield f"... and {report.failed - FAILURES_SHOWN} more deliveries failed"
    for discard in summary["discards"][:DISCARDS_SHOWN]:
        yield (
            f"given up: {counted(discard['records'], 'record')} from {discard['first_sequence']} of {discard['shard']} "
            f"after {counted(discard['deliveries'], 'delivery')} ({discard['condition']})"
        )
    if len(summary["discards"]) > DISCARDS_SHOWN:
        yield f"... and {len(summary['discards']) - DISCARDS_SHOWN} more were given up"
    for what, times in report.elsewhere.items():
        kept = "sent to the run's own endpoint" if not what.split(" ")[0].count(".") else "not let out"
        yield f"{kept}: {what} ({counted(times, 'time')})"
    if report.refused_rows:
        yield f"not in the table, which refused them: {counted(report.refused_rows, 'row')} of the recording"


def _rows(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    about = [(name, str(summary[name])) for name in ("handler", "table", "endpoint") if name in summary]
    notes = [
        f"{summary[name]} {words}"
        for name, words in (("duplicates", "duplicates left out"), ("filtered", "dropped by the filter"))
        if summary[name]
    ]
    requests = ", ".join(f"{count} {name}" for name, count in summary["requests"].items()) or "none"
    per_message = summary["requests_per_message"]
    amplification = summary["amplification"]
    again = f", {summary['redeliveries']} delivered again" if summary["redeliveries"] else ""
    own = f" ({summary['own_batches']} of the handler's own writes)" if summary["own_batches"] else ""
    reads, writes, index_writes = (f"{summary[name]:g}" for name in ("read_units", "write_units", "index_write_units"))
    return [
        *about,
        ("records", f"{summary['records']}" + (f" ({', '.join(notes)})" if notes else "")),
        ("messages", f"{summary['messages']}"),
        ("batches", f"{summary['batches']}{own}, {counted(summary['retries'], 'retry')}{again}"),
        ("requests", requests + (f"; {per_message} a message" if per_message is not None else "")),
        ("units", f"{reads} read, {writes} write, {index_writes} write in the index"),
        (
            "own writes",
            f"{summary['own_writes']}" + (f"; {amplification} stream records a message" if amplification else ""),
        ),
        ("duration", f"{summary['duration_s']:.1f} s"),
    ]


def print_differences(
    different: Sequence[Difference], first: Mapping[str, Any], second: Mapping[str, Any], console: Console | None = None
) -> None:
    """Print what two handlers have made differently, and what each took for it."""
    console = console or Console(highlight=False, soft_wrap=True)
    if different:
        console.print(f"The tables differ in {counted(len(different), 'place')}:", style="bold")
        rows = [
            (item.row, item.group or "", item.attribute or "row", item.first or "nothing", item.second or "nothing")
            for item in different[:FINDINGS_SHOWN]
        ]
        console.print(aligned([("row", "group", "what", "first", "second"), *rows]))
        if len(different) > FINDINGS_SHOWN:
            console.print(f"... and {len(different) - FINDINGS_SHOWN} more; --json has all")
    else:
        console.print("The tables are the same.", style="bold")
    compared = ("deliveries", "requests_per_message", "read_units", "write_units", "index_write_units", "own_writes")
    figures = [(name.replace("_", " "), f"{first[name]}", f"{second[name]}") for name in compared]
    console.print(aligned([("", "first", "second"), *figures]))


def print_forecast(expected: Forecast, *, is_own: bool, console: Console | None = None) -> None:
    """Print what would be delivered; `is_own` where to the project's function, whose requests are known beforehand."""
    console = console or Console(highlight=False, soft_wrap=True)
    whose = (
        "of the project's function" if is_own else "if it were the project's function; what yours makes is not known"
    )
    rows = [
        ("records", f"{expected.records} ({expected.duplicates} duplicates left out, {expected.filtered} filtered)"),
        ("messages", f"{expected.messages} in {counted(expected.groups, 'group')}"),
        ("deliveries", f"{expected.deliveries} over {counted(expected.shards, 'shard')}"),
        ("requests", f"at most {expected.requests_at_most} {whose}"),
        ("duration", f"about {expected.seconds} s on DynamoDB Local" + ("" if is_own else ", likewise")),
    ]
    console.print(aligned(rows))
