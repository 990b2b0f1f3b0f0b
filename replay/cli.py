"""The command line: which commands there are, and what their endings mean.

Exit codes: 0 as it should be; 1 a verdict against the handler or the table; 2 wrong use or environment. A command
returns its exit code (None is 0) and raises `WrongUse` for the last; a traceback is a bug. Commands are imported on
first use, so that `--help` stays quick.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import importlib
import importlib.metadata
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from replay.errors import WrongUse
from replay.wording import AS_MODULE, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = "inbox-replay"
EXIT_RIGHT = 0
EXIT_WRONG_USE = 2

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""How writing fails where there is no room."""

COMMANDS = {
    "run": "Replay recorded events against a handler and give the verdict.",
    "live": "Follow a table's stream and run the handler on it until stopped.",
    "record": "Write a table's stream to a file that run reads.",
    "generate": "Write made-up conversations as stream records.",
    "redact": "Copy a recording so that nobody in it can be known again.",
    "explore": "Explore random deliveries of the function against the oracle.",
    "verify": "Judge a real table by its own rows, and repair it.",
    "engine": "Start, stop and inspect DynamoDB Local.",
    "simulate": "Run conformance cases of the event source.",
    "mapping": "Show the event source mapping in force, or check it for dangers.",
}
"""Every command with its line in `--help`; module `replay.commands.<name>` holds the click command of that name."""


class LazyCommands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or nothing for an unknown name; its examples call it as the user did."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"replay.commands.{cmd_name}"), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"replay.commands.{cmd_name}.{cmd_name} is no click command")
        _call(command, ctx.info_name or AS_MODULE)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; commands are {', '.join(COMMANDS)}"
            raise WrongUse(f"there is no command '{name}'{hint}")
        return super().resolve_command(ctx, args)


def _call(command: click.Command, name: str) -> None:
    """Write a name into the examples of a command and of those below it."""
    if name != AS_MODULE and command.help:
        command.help = command.help.replace(AS_MODULE, name)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _call(below, name)


def _called_as() -> str:
    """Say how this process was called: by the installed command, or as a module."""
    return PACKAGE if Path(sys.argv[0]).stem == PACKAGE else AS_MODULE


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    """Print the version of the package that is installed, or of the clone that this runs from."""
    if not value or ctx.resilient_parsing:
        return
    clone = Path(__file__).resolve().parents[1] / "pyproject.toml"
    if clone.is_file():
        version = tomllib.loads(clone.read_text(encoding="utf-8"))["project"]["version"] + " (a clone)"
    else:
        version = importlib.metadata.version(PACKAGE)
    click.echo(f"{PACKAGE} {version}")
    ctx.exit()


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def replay() -> None:
    """Deliver DynamoDB stream records to a handler as AWS would, and give a verdict on the table.

    Exit codes: 0 as it should be, 1 a verdict against the handler or the table, 2 wrong use or environment.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` default to the process's own."""
    if sys.stdout is None:
        return _refuse("standard output is closed; send it to a file, or to /dev/null")
    try:
        ending = replay.main(args=arguments, prog_name=_called_as(), standalone_mode=False)
        sys.stdout.flush()
    except WrongUse as error:
        reason = str(error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_WRONG_USE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = f"; see '{context.command_path} --help'" if context else ""
        reason = error.format_message().rstrip(".") + where
    except (click.Abort, KeyboardInterrupt):
        reason = "stopped"
    except OSError as error:
        if error.errno not in (*FULL, errno.EPIPE) or error.filename is not None:
            raise
        _write_no_more()
        reason = f"the output cannot be written: {error.strerror}"
    except SystemExit:  # so click and rich end where nobody reads on; it is no verdict against anything
        reason = "stopped: what reads the output has ended"
    else:
        return ending if isinstance(ending, int) else EXIT_RIGHT
    return _refuse(reason)


def _write_no_more() -> None:
    """Let nothing that is still to be written fail once more when the process ends."""
    with contextlib.suppress(OSError, ValueError):  # where standard output is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _refuse(reason: str) -> int:
    """Say why in one line, whatever the reason quotes."""
    click.echo(f"replay: {visible(' '.join(reason.split()))}", err=True)
    return EXIT_WRONG_USE
