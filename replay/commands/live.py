"""`python -m replay live`: run the function on a stream by the wall clock."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.commands.discards import write_discard
from replay.commands.launching import launch_of
from replay.commands.mapping_options import mapping_of, mapping_options
from replay.commands.run_options import pairs
from replay.errors import WrongUse
from replay.event_source.source import EventSource
from replay.function.configuration import Configuration
from replay.function.process import FunctionProcess
from replay.function.reloading import HandlerFiles
from replay.function.target import DEFAULT, Target
from replay.live import Checkpoint, Live
from replay.sources.stream import StreamReader, shown_arn
from replay.tables import local
from replay.tables.cache import cache_folder
from replay.tables.endpoint import announce, chosen, confirm_writes, of_engine, refusals_explained
from replay.tables.progress import say
from replay.tables.schema import ensure_table, load_schema, locate_template
from replay.template import Template
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.event_source.destinations import FailureMessage
    from replay.event_source.mapping import EventSourceMapping
    from replay.function.process import Launch
    from replay.tables.endpoint import Endpoint
    from replay.tables.schema import TableSchema


@click.command()
@click.option("--table", metavar="NAME", help="The table to follow; made where it is missing. Else the template's.")
@click.option("--endpoint-url", metavar="URL|aws", help="The DynamoDB it is in; else one is started.")
@click.option(
    "--handler", default=DEFAULT, show_default=True, metavar="MODULE:FUNCTION|FILE.py:FUNCTION", help="What to run."
)
@click.option(
    "--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the handler's environment."
)
@mapping_options
@click.option("--template", type=click.Path(path_type=Path), help="The template with table, function and event source.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="One of its parameters.")
@click.option("--function", metavar="LOGICAL_ID", help="Its function, where it has several.")
@click.option(
    "--checkpoint", type=click.Path(dir_okay=False, path_type=Path), help="File for how far it is; else in the cache."
)
@click.option("--discards", type=click.Path(file_okay=False, path_type=Path), help="Folder for what is given up.")
@click.option("--verbose", is_flag=True, help="Show what the handler prints.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each batch.")
@click.option("--yes", is_flag=True, help="Write to an endpoint that is not local without asking.")
def live(**options: Any) -> None:  # noqa: ANN401 - click's options
    """Follow a table's stream and run the handler on it, as Lambda would, until stopped.

    Batches, filter, retries and the rest are the template's; a line tells of each batch. The handler is started anew
    when its files change, and after a crash. How far it came is kept: called again, it goes on from there.

    \b
    Example:
      python -m replay live
      python -m replay live --table messages --endpoint-url http://127.0.0.1:8000 --handler app/stream.py:handler
    """
    path = options["template"] or locate_template()
    parameters = pairs("--parameter", options["parameters"])
    template, schema = Template.load(path, parameters), load_schema(path, parameters)
    target = Target.parse(options["handler"])
    mapping = mapping_of(template, options["function"], options)
    configuration = Configuration.from_template(template, options["function"])
    with _endpoint(options) as endpoint, refusals_explained(endpoint):
        table = options["table"] or schema.name
        confirm_writes(endpoint, table, yes=options["yes"])
        arn = _stream_arn(endpoint, schema, table)
        launch = launch_of(target, configuration, schema, (endpoint, table), pairs("--env", options["variables"]))
        checkpoint = Checkpoint.read(options["checkpoint"] or cache_folder() / f"live-{table}.json", arn)
        checkpoint.save()
        reader = StreamReader(
            endpoint.client("dynamodbstreams"), arn, shown_arn(arn, endpoint.region), say, checkpoint.positions()
        )
        _follow(reader, mapping, launch, checkpoint, options)


@contextmanager
def _endpoint(options: dict[str, Any]) -> Iterator[Endpoint]:
    endpoint = chosen(options["endpoint_url"])
    if endpoint is not None:
        yield endpoint
        return
    with local.engine() as engine:
        say(f"use it with: export AWS_ENDPOINT_URL_DYNAMODB={engine.endpoint}")
        yield of_engine(engine)


def _stream_arn(endpoint: Endpoint, schema: TableSchema, table: str) -> str:
    made = ensure_table(endpoint.client(), schema, table)
    announce(endpoint, table)
    if made:
        say(f"table {table} was missing and is made")
    description = endpoint.client().describe_table(TableName=table)["Table"]
    if "LatestStreamArn" not in description:
        raise WrongUse(f"table {table} has no stream; switch it on with new and old images")
    return description["LatestStreamArn"]


def _follow(
    reader: StreamReader, mapping: EventSourceMapping, launch: Launch, checkpoint: Checkpoint, options: dict[str, Any]
) -> None:
    epoch_s = time.time()

    def given_up(message: FailureMessage) -> None:
        discard = message.discard
        say(f"given up: {counted(len(discard.records), 'record')} from {discard.records[0].text} ({discard.condition})")
        if options["discards"] is not None:
            write_discard(message, options["discards"])

    def printed(line: str) -> None:
        if options["verbose"]:
            click.echo(f"handler: {line}", err=True)

    source = EventSource(mapping, epoch_s=epoch_s, tell=given_up)
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(FunctionProcess(launch, printed)) for _ in range(mapping.lanes)]
        workers[0].start()
        files = HandlerFiles(launch.target, [str(Path.cwd()), *sys.path])
        stopped = stack.enter_context(_stopped_by_signals())
        say(f"following with {launch.target}; Ctrl-C ends it")
        delivered = _print_json if options["as_json"] else lambda _: None
        Live(reader, source, workers, checkpoint, say, files.changed, epoch_s, delivered).run(stopped)
    say("stopped")


def _print_json(batch: dict[str, Any]) -> None:
    click.echo(json.dumps(batch))


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C, or a request to end, sets: what runs is waited for. A second one ends at once."""
    stopped = threading.Event()

    def stop(*_: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
