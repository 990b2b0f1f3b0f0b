"""`replay explore`: random histories of the function, until one diverges or all are right."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from replay.checks.campaign import Result, campaign, on_store
from replay.tables import local
from replay.tables.dynamo import DynamoStore
from replay.tables.endpoint import announce, chosen, confirm_writes, of_engine
from replay.tables.schema import create_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.tables.endpoint import Endpoint

EXIT_DIVERGED = 1


@click.command()
@click.option("--schedules", default=10_000, show_default=True, type=click.IntRange(1), help="How many histories.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="The first history's seed.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 256), help="Processes.")
@click.option("--time", "time_s", type=click.FloatRange(min=0, min_open=True), help="Stop after this many seconds.")
@click.option("--engine", type=click.Choice(["memory", "dynamodb"]), default="memory", show_default=True)
@click.option("--endpoint-url", help="A DynamoDB to use instead of starting one (with --engine dynamodb).")
@click.option("--yes", is_flag=True, help="Do not ask before writing to something that is not local.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def explore(
    schedules: int,
    seed: int,
    jobs: int,
    time_s: float | None,
    engine: str,
    endpoint_url: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    """Explore random deliveries of the function and check each against the oracle.

    Every seed is one history: groups, members, messages, batches, faults, index lag, other owners' writes. The same
    seed makes the same history. With `--engine dynamodb` the function's calls go through botocore to DynamoDB Local.

    Example: python -m replay explore --schedules 200000 --jobs 2
    """
    if engine == "memory":
        with _progress(schedules) as tell:
            result = campaign(seed, schedules, jobs=jobs, time_s=time_s, progress=tell)
    else:
        result = _on_dynamodb(schedules, seed, time_s, endpoint_url, yes=yes)
    _report(result, as_json=as_json)
    return EXIT_DIVERGED if result.diverged else 0


def _on_dynamodb(schedules: int, seed: int, time_s: float | None, endpoint_url: str | None, *, yes: bool) -> Result:
    endpoint = chosen(endpoint_url)
    if endpoint is not None:
        return _on_endpoint(endpoint, schedules, seed, time_s, yes=yes)
    with local.engine() as engine:
        return _on_endpoint(of_engine(engine), schedules, seed, time_s, yes=yes)


def _on_endpoint(endpoint: Endpoint, schedules: int, seed: int, time_s: float | None, *, yes: bool) -> Result:
    schema = load_schema()
    table = f"explore-{os.getpid()}"
    announce(endpoint, table)
    confirm_writes(endpoint, table, yes=yes)
    client = endpoint.client()
    create_table(client, schema, table)
    result = Result()
    with _progress(schedules) as tell:
        started = time.monotonic()
        for part in on_store(seed, schedules, lambda: DynamoStore(client, table, schema.indexes[0].name)):
            result.add(part)
            result.duration_s = time.monotonic() - started
            tell(result)
            if result.diverged or (time_s is not None and result.duration_s >= time_s):
                break
    return result


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Result], None]]:
    """Show a bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    columns = (
        TextColumn("exploring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s, {task.fields[diverged]} diverged"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, rate="-", diverged=0)

        def tell(result: Result) -> None:
            rate = f"{result.reached.histories / result.duration_s:.0f}" if result.duration_s else "-"
            bar.update(task, completed=result.reached.histories, rate=rate, diverged=len(result.diverged))

        yield tell


def _report(result: Result, *, as_json: bool) -> None:
    reached = result.reached
    if as_json:
        summary = {
            "verdict": "wrong" if result.diverged else "right",
            "histories": reached.histories,
            "requests": reached.requests,
            "writes": reached.writes,
            "situations": dict(sorted(reached.situations.items())),
            "diverged": [{"seed": each.seed, "story": each.story} for each in result.diverged],
        }
        json.dump(summary, sys.stdout)
        click.echo()
        return
    click.echo(f"{reached.histories:,} histories, {reached.requests:,} requests, {reached.writes:,} writes")
    for situation, count in sorted(reached.situations.items()):
        click.echo(f"  {situation:<28} {count:>12,}")
    for each in result.diverged[:1]:
        click.echo(
            f"seed {each.seed} diverged; run it again: python -m replay explore --seed {each.seed} --schedules 1"
        )
        click.echo(each.story)
    click.echo("wrong: a history diverged" if result.diverged else "right: no history diverged")
