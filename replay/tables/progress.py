"""What the harness says while it works: lines, and a bar when somebody is looking. Always on standard error."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from replay.wording import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BYTES_PER_MB = 1_000_000


def say(line: str) -> None:
    """Print one line for the user."""
    print(f"replay: {visible(line)}", file=sys.stderr, flush=True)  # noqa: T201 - this is the place that prints


@contextmanager
def megabytes_bar(what: str, size: int, note: str) -> Iterator[Callable[[int], None]]:
    """Show how much of `size` bytes has arrived; yields the function to call with every piece's number of bytes.

    One line at the beginning, and on a terminal a bar.
    """
    say(f"{what} ({size / BYTES_PER_MB:.0f} MB, {note})")
    if not sys.stderr.isatty():
        yield lambda _size: None
        return
    from rich.console import Console  # noqa: PLC0415 - 0.1 s, for terminals only
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("replay:"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=size)
        yield lambda arrived: progress.advance(task, arrived)
