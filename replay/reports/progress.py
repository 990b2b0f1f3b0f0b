"""How far a command is: a bar where somebody is looking, little or nothing in pipes. Always on standard error."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from replay.tables.progress import say
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.exploration.campaign import Result
    from replay.exploration.differential import Differential
    from replay.report import Report

SAID_FIRST_S: Final = 10.0
"""So long somebody waits for a sign of life from an exploration in a pipe."""
SAID_EVERY_S: Final = 60.0
MINUTE_S: Final = 60
HOUR_S: Final = 3600


@contextmanager
def records_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many records are done; yields the function to tell the number so far."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console  # noqa: PLC0415 - 0.1 s, for terminals only
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn(f"replay: {what}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def deliveries_bar(
    what: str, total: int, now: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Report], None]]:
    """Show how far a run is, told before each delivery; in a pipe, a line a minute.

    The first delivery that failed is told at once: it may be long until a handler that always fails is through.
    """
    said_s, has_failed, is_watched = now(), False, sys.stderr.isatty()
    with records_bar(what, total) as bar:

        def tell(report: Report) -> None:
            nonlocal said_s, has_failed
            bar(report.records)
            last = report.last_failure
            if last is not None and not has_failed:
                has_failed = True
                say(f"delivery {last.delivery} of {counted(last.records, 'record')} {last.outcome}; going on")
            if is_watched or (at := now()) < said_s + SAID_EVERY_S:
                return
            said_s = at
            done = f"{counted(report.deliveries - 1, 'delivery')} so far, {report.records:,} of {total:,} records read"
            say(done + (f"; {report.failed:,} failed, the last one {last.outcome}" if last is not None else ""))

        yield tell


@contextmanager
def cases_bar(
    total: int, found: str = "broken", *, time_s: float | None = None, is_slow: bool = False
) -> Iterator[Callable[[Result | Differential], None]]:
    """Show how many of at most `total` cases in `time_s` seconds were explored, and how many were `found`.

    In a pipe, a line after ten seconds, then one a minute, each with what is left to go. Where cases are slow, it is
    said too that a broken one is made small, which takes many more.
    """
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (
        TextColumn("exploring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s, {task.fields[found]} " + found),
        TimeRemainingColumn(),
    )
    due_s, is_announced = SAID_FIRST_S, False
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, rate="-", found=0)

        def tell(result: Result | Differential) -> None:
            nonlocal due_s, is_announced
            a_second = result.cases / result.duration_s if result.duration_s else 0.0
            rate = f"{a_second:,.{0 if a_second >= 10 else 1}f}" if a_second else "-"  # noqa: PLR2004 - two figures
            bar.update(task, completed=result.cases, rate=rate, found=result.found)
            if not bar.disable:
                return
            if is_slow and result.found and not is_announced:
                is_announced = True
                say(f"case {result.cases:,} breaks a rule; carrying it out again, as small as it gets")
            elif result.duration_s >= due_s and a_second:
                due_s = result.duration_s + SAID_EVERY_S
                left = [(total - result.cases) / a_second] + ([time_s - result.duration_s] if time_s else [])
                done = f"{result.cases:,} of {total:,} cases, {rate}/s, {result.found} {found}"
                say(f"{done}; at most {_lasting(min(left))} to go")

        yield tell


def _lasting(seconds: float) -> str:
    """Write an estimate: `40 s`, `12 min`, `1 h 20 min`."""
    if seconds < MINUTE_S:
        return f"{max(seconds, 0):.0f} s"
    hours, rest = divmod(round(seconds / MINUTE_S) * MINUTE_S, HOUR_S)
    return f"{hours:,} h {rest // MINUTE_S} min" if hours else f"{rest // MINUTE_S} min"
