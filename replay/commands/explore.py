"""`replay explore`: random deliveries to a handler, until one breaks a rule or all were right."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.commands.explore_names import print_names
from replay.commands.explore_options import about_of, asked_of, check_against, engine_of
from replay.commands.explore_report import check_files, deliver_report, save
from replay.commands.kinds import Seconds
from replay.commands.signals import stopped_by_signals
from replay.exploration.search import SCHEDULES, search, search_both
from replay.function.target import Target
from replay.reports.differential import differential_json, print_differential, verdict_of
from replay.reports.progress import cases_bar
from replay.tables.endpoint import refusals_explained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.exploration.search import Search

ENDINGS = {"right": 0, "same": 0, "wrong": 1, "different": 1, "incomplete": 2}
"""Exit codes; what is incomplete proves nothing."""


@click.command()
@click.option(
    "--schedules", default=SCHEDULES, show_default=True, type=click.IntRange(1), metavar="N", help="How many cases."
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), metavar="N", help="The first case's seed."
)
@click.option(
    "--jobs",
    default=os.cpu_count() or 1,
    show_default=True,
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes, in memory.",
)
@click.option("--time", "time_s", type=Seconds(), metavar="SECONDS", help="Stop after this many seconds.")
@click.option(
    "--only", multiple=True, metavar="FEATURE", help="Let only this happen (repeatable): lag, faults, ties, …"
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Let this rule be broken (repeatable).")
@click.option("--reach", multiple=True, metavar="SITUATION", help="No pass unless this occurred (repeatable).")
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_names,
    help="Show the names that --only, --ignore and --reach take; docs/explore.md says what each is.",
)
@click.option("--handler", metavar="TARGET", help="Another handler: MODULE:FUNCTION or path/to/file.py:function.")
@click.option("--against", metavar="TARGET", help="Compare with this handler under the same schedules.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of its environment.")
@click.option("--exhaustive", is_flag=True, help="Every history of one small case: cuts, orders of calls, crashes.")
@click.option(
    "--invariants",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A Python file with rules: always_… and finally_… functions.",
)
@click.option(
    "--records",
    "--events",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Deliver the records of this file, not drawn ones.",
)
@click.option(
    "--rows",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rows that are there before them, in DynamoDB's JSON.",
)
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The template of the table they are of, if another.",
)
@click.option("--table", metavar="LOGICAL_ID", help="Its table, where it has several.")
@click.option(
    "--case", "case_file", type=click.Path(path_type=Path), metavar="FILE", help="Carry out the case of this file only."
)
@click.option(
    "--save", type=click.Path(path_type=Path), metavar="FILE", help="Write the smallest broken case to this file."
)
@click.option(
    "--engine",
    type=click.Choice(["memory", "dynamodb"]),
    default=None,
    help="Where the project's own function has its table: in memory, unless --endpoint-url names one.",
)
@click.option("--endpoint-url", metavar="URL|aws", help="A DynamoDB to use instead of starting one.")
@click.option("--yes", is_flag=True, help="Do not ask before writing to something that is not local.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as one page to this file."
)
@click.option(
    "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JUnit XML to this file."
)
def explore(**options: Any) -> int:  # noqa: ANN401 - click hands over each option under its name
    """Explore hostile but lawful deliveries to a handler and check each against the oracle.

    Every seed is one case: groups, members, messages, batches, faults, index lag, other owners' writes, carried out by
    the event source's own rules and stepped call by call. The same seed makes the same case. One that breaks a rule is
    made as small as it gets, told as a story, and can be kept with --save and run again with --case.

    Without --handler it is the project's own function, on a table in memory; with --engine dynamodb its calls go
    through botocore to DynamoDB Local. Any other handler runs in processes of its own against DynamoDB Local, stopped
    at every call that botocore makes.

    With --exhaustive it is every history of one small case (of --seed, --case or --records): all cuts into batches, two
    invocations in every order of their calls, a crash before and after each; --schedules bounds their number.

    \b
    Examples:
      python -m replay explore --schedules 200000 --jobs 2
      python -m replay explore --handler app/stream.py:handler --schedules 500 --save broken.json
      python -m replay explore --handler app/stream.py:handler --records events.jsonl --invariants rules.py
      python -m replay explore --exhaustive --seed 3
      python -m replay explore --handler app/new.py:handler --against app/old.py:handler --schedules 200
    """
    options["engine"] = engine_of(options)
    check_files(options)
    asked = asked_of(options)
    with refusals_explained(asked.endpoint_url or "DynamoDB Local"), stopped_by_signals():
        if options["against"] is not None:
            return _compare(asked, options)
        with cases_bar(asked.schedules, time_s=asked.time_s, is_slow=not asked.is_in_memory) as tell:
            found = search(asked, tell)
    return ENDINGS[deliver_report(found, options).word]


def _compare(asked: Search, options: Mapping[str, Any]) -> int:
    """Explore two handlers and print what differs."""
    check_against(options)
    other = replace(asked.subject, target=Target.parse(options["against"]))
    with cases_bar(asked.schedules, "different", time_s=asked.time_s) as tell:
        compared = search_both(asked, other, tell)
    if options["as_json"]:
        click.echo(json.dumps(differential_json(compared, about_of(options))))
    else:
        print_differential(compared, about_of(options))
    if compared.divergence:
        save(compared.divergence.smallest, options)
    return ENDINGS[verdict_of(compared)]
