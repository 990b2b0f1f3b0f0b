"""`python -m bench`: measure, print the tables, keep every pass as JSON, rewrite the page."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench import exploration, package, page, processes, rounds, scenarios, simulation
from bench.errors import BenchError
from bench.results import Machine, Results
from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
JSON = ROOT / "build" / "bench.json"
PARTS = ("scenarios", "starts", "package", "simulation", "exploration")
ROUNDS = 5
STARTS_A_ROUND = 4
"""Cold starts are quick: four for each round, so that a disturbed one does not count for much."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", "count", type=click.IntRange(1, 100), default=ROUNDS, show_default=True)
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Only this; may be given again.")
@click.option("--tiny", is_flag=True, help="As small as it goes: shows that it runs, the figures say nothing.")
@click.option("--page", "page_path", type=click.Path(path_type=Path), help="Page to rewrite [docs/benchmarks.md].")
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=JSON, help="File for every pass.")
def bench(count: int, parts: Sequence[str], page_path: Path | None, json_path: Path, *, tiny: bool) -> None:
    """Measure the function and the simulation, each beside something else.

    The page, and the README's summary of it, are rewritten when everything was measured at full size; a page that is
    named, always.

    \b
    Example:
      make bench
      make bench ARGS="--rounds 2 --part scenarios"
    """  # noqa: D301 - click's backslash-b keeps the lines of an example
    results = _measure(count, parts or PARTS, tiny=tiny)
    json_path.parent.mkdir(parents=True, exist_ok=True)
    json_path.write_text(json.dumps(results.as_json(), indent=1) + "\n", encoding="utf-8")
    tables = page.tables(results)
    click.echo(tables)
    if page_path:
        page.rewrite(page_path, tables)
    elif not (tiny or parts):
        page.rewrite(PAGE, tables)
        page.rewrite(README, page.summary(results))


def _measure(count: int, parts: Sequence[str], *, tiny: bool) -> Results:
    sizes = scenarios.TINY if tiny else scenarios.FULL
    made = scenarios.scenarios(sizes)
    results = Results(Machine.here(), count, {scenario.name: scenario.shape for scenario in made})
    if "package" in parts:
        results = replace(results, package=package.measure())
    if "starts" in parts:
        starts = count if tiny else count * STARTS_A_ROUND
        with _bar("cold starts", processes.starts_in(starts)) as done:
            results = replace(results, starts=processes.measure(starts, done))
    if "simulation" in parts:
        with _bar("simulated delivery", simulation.runs_in(count)) as done:
            results = replace(results, speeds=simulation.measure(count, tiny=tiny, done=done))
    if "exploration" in parts:
        with _bar("exploration", exploration.runs_in(count)) as done:
            explored = exploration.measure(count, tiny=tiny, done=done)
        results = replace(results, speeds=[*results.speeds, *explored])
    if "scenarios" in parts:
        with _bar("scenarios", rounds.passes_in(made, count, sizes)) as done, _unseen_output():
            recorded = rounds.record(made, sizes)
            passes = rounds.measure(made, recorded, rounds=count, sizes=sizes, done=done)
        results = replace(results, passes=passes, costs={name: kept.costs for name, kept in recorded.items()})
    return results


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how far a part is; yields what to call after each step. Without a terminal, a line at the beginning."""
    columns = (
        TextColumn(f"bench: {what}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"bench: {what}, {total} steps", highlight=False)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def _unseen_output() -> Iterator[None]:
    """Send what the functions log to nowhere; it costs them the same."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def main() -> int:
    """Run it; 2 is wrong use or environment, 1 a comparison that would not be right."""
    try:
        bench.main(prog_name="python -m bench", standalone_mode=False)
    except (WrongUse, BenchError) as error:
        click.echo(f"bench: {error}", err=True)
        return 1 if isinstance(error, BenchError) else 2
    except click.ClickException as error:
        click.echo(f"bench: {error.format_message()}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("bench: stopped", err=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
