"""`python -m replay verify`: judge a real table by its own rows, and repair it where that is asked for."""

from __future__ import annotations

import difflib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.checks.audit import FAULT_KINDS
from replay.commands.run_options import pairs
from replay.errors import WrongUse
from replay.reports.progress import records_bar
from replay.reports.verification import Verdict, as_json, print_verdict
from replay.rows.keys import MESSAGE_PREFIX, PARTITION_KEY_BYTES_MAX
from replay.tables.endpoint import announce, chosen, confirm_writes, refusals_explained
from replay.tables.messages import opened
from replay.tables.meter import Meter
from replay.tables.progress import say
from replay.tables.schema import load_schema
from replay.verification import Asked, Verification

if TYPE_CHECKING:
    from replay.tables.endpoint import Endpoint

RIGHT = 0
WRONG = 1
WAIT_S = 5
"""Between the looks, where the table is not local: a message is applied within a second or two."""
WAIT_MAX_S = 3600


@click.command()
@click.option("--table", metavar="NAME", help="The table to look at; else the template's.")
@click.option("--endpoint-url", metavar="URL|aws", help="The DynamoDB it is in.")
@click.option("--template", type=click.Path(path_type=Path), help="The template with the table.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="One of its parameters.")
@click.option("--group", "groups", multiple=True, metavar="ID", help="Look at this group only; may be repeated.")
@click.option("--ignore", "ignored", multiple=True, metavar="KIND", help="Tell nothing of this kind of fault.")
@click.option(
    "--wait",
    type=click.IntRange(0, WAIT_MAX_S),
    metavar="SECONDS",
    help=f"Before what is suspected is looked at again; else {WAIT_S}, on local endpoints 0.",
)
@click.option(
    "--units-per-second", type=click.IntRange(min=1), metavar="N", help="Use no more read units a second, on average."
)
@click.option("--repair", is_flag=True, help="Mend what is behind or doubled by running the function on it.")
@click.option("--yes", is_flag=True, help="Write to an endpoint that is not local without asking.")
@click.option("--json", "as_json_", is_flag=True, help="Print the verdict as JSON.")
def verify(**options: Any) -> int:  # noqa: ANN401 - click's options
    """Look at a real table, and say whether members' rows show what the messages say.

    The whole table is read once, eventually consistent; what is suspected is read again, consistently, after a while,
    and counts only if both looks have it. Nothing is written without --repair, and no text is ever printed.

    Kinds of faults: behind, ahead (the last message was deleted or edited, say), doubled, missing (somebody named by
    another's row, or who wrote, has none: lost, or they left), out-of-order (a list, by keys spelled in several ways).

    --repair gives a group's newest messages to the function once more, for what is behind or doubled. It goes on where
    it was stopped. It makes no row that is missing, and moves none back.

    Exit code 0: the table is right. 1: it is not, and the report says where. 2: wrong use.

    \b
    Example:
      python -m replay verify --table messages --endpoint-url aws --units-per-second 50 --ignore missing
      python -m replay verify --table messages --endpoint-url http://127.0.0.1:8000 --repair
    """
    endpoint = chosen(options["endpoint_url"])
    if endpoint is None:
        raise WrongUse("verify: name the DynamoDB to look at with --endpoint-url ('aws' for AWS itself)")
    wait_s = options["wait"]
    if wait_s is None:
        wait_s = 0 if endpoint.is_local else WAIT_S
    asked = Asked(_groups(options["groups"]), _ignored(options["ignored"]), wait_s, options["repair"])
    verdict = _verdict(endpoint, asked, options)
    if options["as_json_"]:
        click.echo(json.dumps(as_json(verdict)))
    else:
        print_verdict(verdict)
    return RIGHT if verdict.is_right else WRONG


def _verdict(endpoint: Endpoint, asked: Asked, options: dict[str, Any]) -> Verdict:
    schema = load_schema(options["template"], pairs("--parameter", options["parameters"]))
    name = options["table"] or schema.name
    started = time.monotonic()
    meter = Meter(options["units_per_second"])
    with refusals_explained(endpoint):
        if asked.repair:
            confirm_writes(endpoint, name, yes=options["yes"])
        table = opened(endpoint, schema, name, needs_index=asked.repair or bool(asked.groups))
        announce(endpoint, name)
        meter.attach(table.client)
        verified = Verification(table, asked, records_bar).run()
    if options["units_per_second"] and not meter.read_units:
        say("--units-per-second held nothing back: the endpoint does not tell the units it uses")
    about = {"table": name, "endpoint": str(endpoint), "region": endpoint.region}
    return Verdict(verified, asked, about, meter, time.monotonic() - started)


def _groups(given: tuple[str, ...]) -> tuple[str, ...]:
    for group in given:
        size = len((MESSAGE_PREFIX + group).encode(errors="replace"))
        if not group or not group.isprintable() or size > PARTITION_KEY_BYTES_MAX:
            raise WrongUse(f"--group {ascii(group)[:60]} is no group's id: it is empty, too long or no text")
    return tuple(dict.fromkeys(given))


def _ignored(given: tuple[str, ...]) -> frozenset[str]:
    for kind in given:
        if kind not in FAULT_KINDS:
            near = difflib.get_close_matches(kind, FAULT_KINDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(FAULT_KINDS)}"
            raise WrongUse(f"--ignore {kind}: there is no such kind of fault; {hint}")
    return frozenset(given)
