"""`python -m replay run`: replay recorded events against a handler and give the verdict."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.commands.mapping_options import mapping_of, mapping_options
from replay.errors import WrongUse
from replay.event_source.mapping import LIMITS
from replay.event_source.switches import Switches
from replay.fixtures import CONVERSATION, locate_fixture
from replay.function.configuration import Configuration
from replay.function.environment import Surroundings, handler_environment
from replay.function.process import FunctionProcess, Launch
from replay.function.target import DEFAULT, Target
from replay.reports.progress import records_bar
from replay.reports.run_json import as_json
from replay.reports.text import print_report
from replay.run import Replay
from replay.sources import shapes
from replay.sources.documents import opened
from replay.sources.history import History
from replay.sources.recording import Recording
from replay.sources.state import read_state
from replay.tables import local
from replay.tables.endpoint import announce, chosen, confirm_writes, of_engine, refusals_explained
from replay.tables.schema import TABLE_TYPES, ensure_table, locate_template, schema_of
from replay.tables.under_test import TableUnderTest
from replay.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.event_source.mapping import EventSourceMapping
    from replay.reports.report import Report
    from replay.tables.endpoint import Endpoint
    from replay.tables.schema import TableSchema

RIGHT = 0
WRONG = 1
INDEX_VARIABLE = "GROUP_INDEX_NAME"
TABLE_VARIABLE = "TABLE_NAME"
NAME_BYTES = 4
"""Random ones at the end of a new table's name."""


@click.command()
@click.argument("events", nargs=-1, metavar="[EVENTS]...")
@click.option(
    "--handler", default=DEFAULT, show_default=True, metavar="MODULE:FUNCTION|FILE.py:FUNCTION", help="What to run."
)
@click.option(
    "--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the handler's environment."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.001), metavar="SECONDS", help="The handler's; else the template's."
)
@click.option("--format", "shape", metavar="NAME", help="The form of the events; else told by their content.")
@click.option(
    "--table-state", multiple=True, metavar="FILE|FOLDER", help="Exports of the table as it was before the events."
)
@click.option("--keep-batches", is_flag=True, help="Deliver the recorded batches instead of new ones.")
@mapping_options
@click.option("--switch", "switches", multiple=True, metavar="Qn=VALUE", help="A reading of what AWS leaves open.")
@click.option("--template", type=click.Path(path_type=Path), help="The template with table, function and event source.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the template.")
@click.option("--function", metavar="LOGICAL_ID", help="The template's function, where it has several.")
@click.option("--endpoint-url", metavar="URL|aws", help="The DynamoDB to use; without it one is started for the run.")
@click.option("--table", metavar="NAME", help="The table to make there, or an empty one; else a new name.")
@click.option("--yes", is_flag=True, help="Write to an endpoint that is not local without asking.")
@click.option("--discards", type=click.Path(file_okay=False, path_type=Path), help="Folder for what is given up.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="File for what the handler prints.")
@click.option("--verbose", is_flag=True, help="Show what the handler prints.")
@click.option("--json", "as_json_", is_flag=True, help="Print the report as JSON.")
def run(events: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401 - click's options
    """Deliver recorded stream records to a handler as Lambda would, and say whether the table is right.

    EVENTS are files of Lambda events or of single records, or '-' for standard input; without any, the conversation
    that comes with the project. The rows that the recording presupposes are put first; the handler runs in a process of
    its own, is killed at its timeout, and finds the table at AWS_ENDPOINT_URL_DYNAMODB under TABLE_NAME.

    Exit code 0: the table is what the messages say. 1: it is not, and the report says where. 2: wrong use.

    \b
    Example:
      python -m replay run
      python -m replay run events.jsonl --handler app/stream.py:handler --env TABLE=messages
      zcat events.jsonl.gz | python -m replay run - --json | jq .verdict
    """
    names = events or (str(locate_fixture(CONVERSATION)),)
    with opened(names) as files:
        return _run(Recording(files, shapes.named(options["shape"]) if options["shape"] else None), options)


def _run(recording: Recording, options: dict[str, Any]) -> int:
    if options["keep_batches"] and not recording.batches:
        raise WrongUse("--keep-batches: these are single records; only Lambda events hold batches")
    template = Template.load(options["template"] or locate_template(), _pairs("--parameter", options["parameters"]))
    target = Target.parse(options["handler"])
    mapping, switches = (
        mapping_of(template, options["function"], options),
        Switches.of(_pairs("--switch", options["switches"])),
    )
    configuration, given = (
        Configuration.from_template(template, options["function"]),
        _pairs("--env", options["variables"]),
    )
    schema = _schema(template)
    with opened(options["table_state"]) as state:
        history = History(read_state(state))
    for recorded in recording:
        history.note(recorded)
    with contextlib.ExitStack() as stack:
        endpoint, table = stack.enter_context(_table(schema, options))
        configuration = _with_table(configuration, schema, table, options["timeout"])
        around = Surroundings(endpoint.region, endpoint.url, endpoint.is_local, os.environ, given)
        environment = handler_environment(target, configuration, around)
        launch = Launch(target, configuration, environment, endpoint.url if endpoint.is_local else None)
        handler = stack.enter_context(FunctionProcess(launch, stack.enter_context(_output(options))))
        handler.start()
        told = stack.enter_context(records_bar("replaying", recording.records))
        replay = Replay(
            recording,
            history,
            handler,
            TableUnderTest(table, endpoint),
            _kept(mapping) if options["keep_batches"] else mapping,
            switches,
            keep_batches=options["keep_batches"],
            watch=lambda report: told(report.records),
        )
        report = replay.run()
    return _tell(report, {"handler": str(target), "table": table, "endpoint": str(endpoint)}, options)


def _schema(template: Template) -> TableSchema:
    tables = [table for kind in TABLE_TYPES for table in template.resources(kind).values()]
    if len(tables) != 1:
        raise WrongUse(f"{template.path} must make one DynamoDB table; with these parameters it makes {len(tables)}")
    return schema_of(tables[0], source=str(template.path))


@contextmanager
def _table(schema: TableSchema, options: dict[str, Any]) -> Iterator[tuple[Endpoint, str]]:
    """Make the table on the endpoint named, or on an engine that lives as long as the run."""
    endpoint = chosen(options["endpoint_url"])
    with contextlib.ExitStack() as stack:
        if endpoint is None:
            endpoint = of_engine(stack.enter_context(local.engine()))
            name = options["table"] or schema.name  # nobody else is on that engine
        else:
            name = options["table"] or f"{schema.name}-{secrets.token_hex(NAME_BYTES)}"
            confirm_writes(endpoint, name, yes=options["yes"])
        stack.enter_context(refusals_explained(endpoint))
        ensure_table(endpoint.client(), schema, name)
        announce(endpoint, name)
        yield endpoint, name


def _with_table(
    configuration: Configuration, schema: TableSchema, table: str, timeout_s: float | None
) -> Configuration:
    """Put the table's name where the template's stands in the function's environment."""
    variables = {name: table if value == schema.name else value for name, value in configuration.variables.items()}
    variables[TABLE_VARIABLE] = table
    if schema.indexes:
        variables.setdefault(INDEX_VARIABLE, schema.indexes[0].name)
    return dataclasses.replace(configuration, variables=variables, timeout_s=timeout_s or configuration.timeout_s)


def _kept(mapping: EventSourceMapping) -> EventSourceMapping:
    """Let recorded batches through whole."""
    return dataclasses.replace(mapping, batch_size=LIMITS["BatchSize"].highest, window_s=0)


@contextmanager
def _output(options: dict[str, Any]) -> Iterator[Callable[[str], None] | None]:
    """Say where the handler's lines go: a file, standard error, or nowhere."""
    if options["log"] is not None:
        try:
            with options["log"].open("w", encoding="utf-8") as file:
                yield lambda line: print(line, file=file)
        except OSError as error:
            raise WrongUse(f"--log {options['log']}: {error.strerror}") from None
    elif options["verbose"]:
        yield lambda line: click.echo(f"handler: {line}", err=True)
    else:
        yield None


def _tell(report: Report, about: dict[str, str], options: dict[str, Any]) -> int:
    if options["discards"] is not None:
        _write_discards(report, options["discards"])
    if options["as_json_"]:
        click.echo(json.dumps(as_json(report, about)))
    else:
        print_report(report, about)
    return RIGHT if report.is_right else WRONG


def _write_discards(report: Report, folder: Path) -> None:
    """Write each object as it would lie in the bucket of failures, under its own key."""
    for message in report.discards:
        file = folder / (message.key or message.discard.request_id)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(message.body, indent=1), encoding="utf-8")
        except OSError as error:
            raise WrongUse(f"--discards {folder}: {error.strerror}") from None


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(pair.partition("=")[::2] for pair in given)
    for pair in given:
        if "=" not in pair or pair.startswith("="):
            raise WrongUse(f"{option} '{pair}' is no NAME=VALUE")
    return pairs
