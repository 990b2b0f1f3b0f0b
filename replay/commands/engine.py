"""`python -m replay engine`: DynamoDB Local on its own, for the SDK, the shell or another program."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.errors import WrongUse
from replay.tables import background, local
from replay.tables.cache import cache_folder
from replay.tables.endpoint import REGION_VARIABLES
from replay.tables.launch import is_engine
from replay.tables.progress import say
from replay.tables.schema import ensure_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOK_EVERY_S = 0.5
PORT_MAX = 65535
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
CONFIGURATIONS = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}
"""Where the SDK finds what a user has set up (keys, a profile, a sign-on), by the variable that moves it."""


@click.group()
def engine() -> None:
    """Start, stop and inspect DynamoDB Local.

    It is fetched on first use (45 MB, kept in the cache) and needs neither Docker nor an installed Java. It listens on
    every interface of this machine.

    \b
    Example:
      eval "$(python -m replay engine start --table)"
      python -m replay engine status
      python -m replay engine stop
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that starting has in common."""
    for option in (
        click.option("--table", is_flag=True, help="Create the template's table right away."),
        click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="FOLDER",
            help="Folder to keep the tables in; without it they are in memory.",
        ),
        click.option(
            "--port", type=click.IntRange(1, PORT_MAX), metavar="N", help="Port to listen on; any free one without it."
        ),
    ):
        command = option(command)
    return command


@engine.command()
@_options
@click.option("--json", "as_json", is_flag=True, help="Print what runs now as JSON.")
def start(port: int | None, data: Path | None, *, table: bool, as_json: bool) -> None:
    """Start an engine that stays when this command ends.

    Standard output is what a shell needs to use it: its address, and where the shell has none of its own, a region and
    credentials that DynamoDB Local takes.

    \b
    Example:
      eval "$(python -m replay engine start --port 8000 --data ./tables --table)"
    """
    cache = cache_folder()
    for note in background.running(cache):
        if note.port == port:
            raise WrongUse(
                f"an engine already runs on port {port} (process {note.pid}); use it at {note.engine.endpoint}, "
                f"or end it with: python -m replay engine stop --port {port}"
            )
    note = background.start(cache, port, data)
    say(local.started_line(note.engine, data))
    if table:
        try:
            _make_table(note.engine)
        except BaseException:
            background.stop(cache, note)
            raise
    if as_json:
        click.echo(json.dumps(_described(note)))
        return
    for variable, value in _variables(note.engine.endpoint, os.environ).items():
        click.echo(f"export {variable}={value}")
    say(f"it stays until: python -m replay engine stop --port {note.port}")


@engine.command(short_help="Stop engines that were started in the background.")
@click.option("--port", type=click.IntRange(1, PORT_MAX), metavar="N", help="The engine on this port.")
@click.option("--all", "every", is_flag=True, help="Every engine that was started in the background.")
def stop(port: int | None, *, every: bool) -> None:
    """Stop engines that were started in the background; without an option the only one.

    \b
    Example:
      python -m replay engine stop --all
    """
    cache = cache_folder()
    notes = background.running(cache)
    ports = ", ".join(str(note.port) for note in notes)
    if port is not None:
        notes = [note for note in notes if note.port == port]
        if not notes:
            raise WrongUse(f"no engine runs in the background on port {port}; running: {ports or 'none'}")
    elif len(notes) > 1 and not every:
        raise WrongUse(f"engines run on ports {ports}; name one with --port, or --all")
    for note in notes:
        background.stop(cache, note)
        say(f"stopped the engine on port {note.port}")
    if not notes:
        say("no engine runs in the background")


@engine.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def status(*, as_json: bool) -> None:
    """Show the engines that run in the background, and their tables.

    \b
    Example:
      python -m replay engine status --json
    """
    described = [_described(note) for note in background.running(cache_folder())]
    if as_json:
        click.echo(json.dumps(described))
        return
    for one in described:
        tables = ", ".join(one["tables"]) or "no tables"
        click.echo(f"{one['endpoint']}  process {one['pid']}  {one['data'] or 'in memory'}  {tables}")
    if not described:
        say("no engine runs in the background")


@engine.command(short_help="Run an engine until Ctrl-C.")
@_options
def run(port: int | None, data: Path | None, *, table: bool) -> None:
    """Run an engine until Ctrl-C; it ends with this command, even when that is killed.

    \b
    Example:
      python -m replay engine run --port 8000 --table
    """
    with local.engine(port, data) as running:
        try:
            if table:
                _make_table(running)
            say("Ctrl-C ends it")
            while is_engine(running.pid, running.port):
                time.sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            say("stopped")
            return
    raise WrongUse(f"the engine (process {running.pid}) has ended by itself or was ended by somebody else")


def _variables(endpoint: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Say what an SDK needs to use an engine: its address, and a region and credentials where the shell has none."""
    variables = dict.fromkeys(("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"), endpoint)
    has_keys, is_configured = (
        Path(environ.get(name) or place).expanduser().exists() for name, place in CONFIGURATIONS.items()
    )
    is_configured = is_configured or bool(environ.get("AWS_PROFILE"))
    if not is_configured and not any(environ.get(name) for name in REGION_VARIABLES):
        variables["AWS_DEFAULT_REGION"] = local.REGION
    if is_configured or has_keys or environ.get(CREDENTIALS[0]):
        return variables
    return variables | dict.fromkeys(CREDENTIALS, local.CREDENTIAL)


def _make_table(running: local.Engine) -> None:
    schema = load_schema()
    made = ensure_table(local.client(running.endpoint), schema)
    say(f"table {schema.name} {'made' if made else 'is there already'}")


def _described(note: background.Note) -> dict[str, Any]:
    client = local.client(note.engine.endpoint)
    return {**asdict(note), "endpoint": note.engine.endpoint, "tables": client.list_tables()["TableNames"]}
