"""The options of `run`, in the groups in which its help shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.commands.kinds import Seconds
from replay.commands.mapping_options import mapping_options
from replay.function.faults import KINDS
from replay.function.target import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorated = Callable[..., Any]

FAULT_HELP = {
    "crash-before": "End the handler's process before a call is sent.",
    "crash-after": "End it after the call took effect.",
    "throttle": "Fail a call as throttled.",
    "conflict": "Let a write meet another transaction.",
    "timeout": "Let a call take effect and lose its answer.",
}


def run_options(command: Decorated) -> Decorated:
    """Add every option of `run`."""
    groups = (_handler, _events, mapping_options, _faults, _table, _results)
    for group in reversed(groups):
        command = group(command)
    return command


def _handler(command: Decorated) -> Decorated:
    return _add(
        command,
        click.option(
            "--handler",
            default=DEFAULT,
            show_default=True,
            metavar="MODULE:FUNCTION|FILE.py:FUNCTION",
            help="What to run.",
        ),
        click.option(
            "--against", metavar="HANDLER", help="Run another handler on the same history too, and name what differs."
        ),
        click.option(
            "--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the handler's environment."
        ),
        click.option(
            "--function-timeout",
            type=Seconds(),
            metavar="SECONDS",
            help="When the handler is killed; else as the template says.",
        ),
        click.option(
            "--concurrent",
            type=click.IntRange(1, 10),
            default=1,
            metavar="N",
            help="Let up to N deliveries overlap, each handler in a process of its own.",
        ),
    )


def _events(command: Decorated) -> Decorated:
    return _add(
        command,
        click.option("--format", "shape", metavar="NAME", help="The form of the events; else told by their content."),
        click.option(
            "--table-state",
            multiple=True,
            metavar="FILE|FOLDER",
            help="Exports of the table as it was before the events.",
        ),
        click.option(
            "--from",
            "first",
            type=int,
            metavar="SEQUENCE",
            help="Begin with this sequence number; the rows that those before left are there.",
        ),
        click.option("--until", "last", type=int, metavar="SEQUENCE", help="End with this sequence number."),
        click.option("--keep-batches", is_flag=True, help="Deliver the recorded batches instead of new ones."),
        click.option("--shuffle", is_flag=True, help="Change the order, as far as each item's own stays."),
        click.option("--duplicate", is_flag=True, help="Deliver each batch again after it succeeded, some late."),
        click.option("--seed", type=int, default=0, metavar="N", help="Decides what --shuffle and --duplicate do."),
    )


def _faults(command: Decorated) -> Decorated:
    return _add(
        command,
        *(
            click.option(
                f"--{kind}", kind.replace("-", "_"), multiple=True, metavar="N|OPERATION[:N]", help=FAULT_HELP[kind]
            )
            for kind in KINDS
        ),
        click.option("--lag", metavar="SECONDS|calls:N|forever", help="How far the index is behind the table."),
        click.option(
            "--switch", "switches", multiple=True, metavar="Qn=VALUE", help="A reading of what AWS leaves open."
        ),
    )


def _table(command: Decorated) -> Decorated:
    return _add(
        command,
        click.option(
            "--template", type=click.Path(path_type=Path), help="The template with table, function and event source."
        ),
        click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="One of its parameters."),
        click.option("--function", metavar="LOGICAL_ID", help="Its function, where it has several."),
        click.option("--endpoint-url", metavar="URL|aws", help="The DynamoDB to use; else one is started for the run."),
        click.option("--table", metavar="NAME", help="The table to make there, or an empty one; 'none': only deliver."),
        click.option("--yes", is_flag=True, help="Write to an endpoint that is not local without asking."),
    )


def _results(command: Decorated) -> Decorated:
    return _add(
        command,
        click.option("--dry-run", is_flag=True, help="Only say what would be delivered, and about how long it takes."),
        click.option("--step", is_flag=True, help="Show each request and each change of a row, and wait in between."),
        click.option(
            "--discards", type=click.Path(file_okay=False, path_type=Path), help="Folder for what is given up."
        ),
        click.option(
            "--log", type=click.Path(dir_okay=False, path_type=Path), help="File for what the handler prints."
        ),
        click.option("--verbose", is_flag=True, help="Show what the handler prints."),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
    )


def _add(command: Decorated, *options: Callable[[Decorated], Decorated]) -> Decorated:
    for option in reversed(options):
        command = option(command)
    return command


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """Read `NAME=VALUE` options.

    Raises:
        click.UsageError: one has no name or no `=`.
    """
    for pair in given:
        if not pair.partition("=")[1] or pair.startswith("="):
            raise click.UsageError(f"{option} '{pair}' is no NAME=VALUE")
    return dict(pair.partition("=")[::2] for pair in given)
