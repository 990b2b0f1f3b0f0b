"""`replay explore`: random deliveries of the function, until one breaks a rule or all were right."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from replay.exploration.campaign import BrokenCase, Result, campaign, explain, in_memory, on_store
from replay.exploration.case import dump, load
from replay.exploration.draw import draw
from replay.tables.dynamo import DynamoStore
from replay.tables.endpoint import announce, confirm_writes, opened
from replay.tables.schema import create_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.exploration.case import Case
    from replay.exploration.execution import Execution

EXIT_BROKEN = 1


@click.command()
@click.option("--schedules", default=10_000, show_default=True, type=click.IntRange(1), help="How many cases.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="The first case's seed.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 256), help="Processes.")
@click.option("--time", "time_s", type=click.FloatRange(min=0, min_open=True), help="Stop after this many seconds.")
@click.option("--case", "case_file", type=click.Path(path_type=Path), help="Carry out the case of this file only.")
@click.option("--save", type=click.Path(path_type=Path), help="Write the smallest broken case to this file.")
@click.option("--engine", type=click.Choice(["memory", "dynamodb"]), default="memory", show_default=True)
@click.option("--endpoint-url", help="A DynamoDB to use instead of starting one (with --engine dynamodb).")
@click.option("--yes", is_flag=True, help="Do not ask before writing to something that is not local.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def explore(
    schedules: int,
    seed: int,
    jobs: int,
    time_s: float | None,
    case_file: Path | None,
    save: Path | None,
    engine: str,
    endpoint_url: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    """Explore hostile but lawful deliveries of the function and check each against the oracle.

    Every seed is one case: groups, members, messages, batches, faults, index lag, other owners' writes, carried out by
    the event source's own rules and stepped call by call. The same seed makes the same case. One that breaks a rule is
    made as small as it gets, told as a story, and can be kept with --save and run again with --case.

    With --engine dynamodb the function's calls go through botocore to DynamoDB Local.

    \b
    Example:
      python -m replay explore --schedules 200000 --jobs 2
    """
    only = load(case_file) if case_file else None
    if engine == "memory":
        result, broken = _in_memory(schedules, seed, jobs, time_s, only)
    else:
        with opened(endpoint_url) as endpoint:
            table = f"explore-{os.getpid()}"
            announce(endpoint, table)
            confirm_writes(endpoint, table, yes=yes)
            schema = load_schema()
            client = endpoint.client()
            create_table(client, schema, table)
            index = schema.indexes[0].name
            result, broken = _on_dynamodb(schedules, seed, time_s, only, lambda: DynamoStore(client, table, index))
    if broken and save:
        save.write_text(dump(broken.smallest), encoding="utf-8")
    _report(result, broken, save, as_json=as_json)
    return EXIT_BROKEN if broken else 0


def _in_memory(
    schedules: int, seed: int, jobs: int, time_s: float | None, only: Case | None
) -> tuple[Result, BrokenCase | None]:
    def carry_out(case: Case) -> Execution:
        return in_memory(case, tells=True)

    if only is not None:
        return _one(only, carry_out)
    with _progress(schedules) as tell:
        result = campaign(seed, schedules, jobs=jobs, time_s=time_s, progress=tell)
    return result, explain(min(result.broken), carry_out) if result.broken else None


def _on_dynamodb(
    schedules: int, seed: int, time_s: float | None, only: Case | None, store: Callable[[], DynamoStore]
) -> tuple[Result, BrokenCase | None]:
    """Cases share a table: the ids of each begin with its number. A case from a file wants a table of its own."""

    def carry_out(case: Case) -> Execution:
        return on_store(case, store(), tells=True)

    if only is not None:
        return _one(only, carry_out)
    started = time.monotonic()
    result = Result()
    with _progress(schedules) as tell:
        for number in range(seed, seed + schedules):
            result.count(number, on_store(draw(number, tag=f"{number}-"), store()))
            result.duration_s = time.monotonic() - started
            tell(result)
            if result.broken or (time_s is not None and result.duration_s >= time_s):
                break
    return result, explain(result.broken[0], lambda case: in_memory(case, tells=True)) if result.broken else None


def _one(case: Case, carry_out: Callable[[Case], Execution]) -> tuple[Result, BrokenCase | None]:
    execution = carry_out(case)
    result = Result()
    result.count(0, execution)
    return result, BrokenCase(0, case, case, execution) if execution.broken else None


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Result], None]]:
    """Show a bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    columns = (
        TextColumn("exploring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s, {task.fields[broken]} broken"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, rate="-", broken=0)

        def tell(result: Result) -> None:
            rate = f"{result.cases / result.duration_s:.0f}" if result.duration_s else "-"
            bar.update(task, completed=result.cases, rate=rate, broken=len(result.broken))

        yield tell


def _report(result: Result, broken: BrokenCase | None, saved: Path | None, *, as_json: bool) -> None:
    if as_json:
        json.dump(_plain(result, broken), sys.stdout)
        click.echo()
        return
    click.echo(f"{result.cases:,} cases, {result.calls:,} calls, {result.writes:,} writes")
    for situation, count in sorted(result.situations.items()):
        click.echo(f"  {situation:<30} {count:>12,}")
    if broken is None:
        click.echo("right: no case broke a rule")
        return
    for each in broken.execution.broken:
        click.echo(f"broken: {each}")
    faults, records, rows = broken.smallest.weight
    click.echo(f"smallest case: {records} records, {rows} rows, {faults} faults and other events")
    for item in broken.smallest.rows:
        click.echo(f"  row {item['pk']['S']} {item['sk']['S']} {item.get('message', {}).get('S', '')!r}")
    for event in broken.execution.story:
        click.echo(f"  {event}")
    again = f"--case {saved}" if saved else f"--seed {broken.seed} --schedules 1"
    click.echo(f"again: python -m replay explore {again}")
    click.echo("wrong: a case broke a rule")


def _plain(result: Result, broken: BrokenCase | None) -> dict[str, object]:
    return {
        "verdict": "wrong" if broken else "right",
        "cases": result.cases,
        "calls": result.calls,
        "writes": result.writes,
        "limited": result.limited,
        "situations": dict(sorted(result.situations.items())),
        "broken": None
        if broken is None
        else {
            "seed": broken.seed,
            "rules": [str(each) for each in broken.execution.broken],
            "case": json.loads(dump(broken.smallest)),
            "story": [str(event) for event in broken.execution.story],
        },
    }
