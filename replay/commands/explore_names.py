"""`replay explore --list`: the names that --only, --ignore and --reach take."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

import click

from replay.exploration.any_schema.ground import FREE_RULES
from replay.exploration.features import Features
from replay.exploration.outcome import RULES
from replay.exploration.situations import SITUATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "--only, what may happen": tuple(field.name for field in fields(Features)),
    "--ignore, what must hold": (*RULES, *FREE_RULES),
    "--reach, what can have occurred": SITUATIONS,
}


def print_names(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    """Print every name under the option that takes it, a name a line, and end."""
    if not value or context.resilient_parsing:
        return
    for title, names in NAMES.items():
        click.echo("\n".join([f"{title}:", *(f"  {name}" for name in names)]))
    context.exit()
