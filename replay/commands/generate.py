"""`python -m replay generate`: write made-up conversations as stream records."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

import click

from replay.errors import WrongUse
from replay.reports.progress import records_bar
from replay.sources.generated.asked import START, Asked
from replay.sources.generated.conversations import Conversations
from replay.sources.generated.options import read_count, read_poison, read_range, read_spellings, read_start
from replay.sources.output import STANDARD_OUTPUT, opened
from replay.tables.progress import say
from replay.wording import counted

if TYPE_CHECKING:
    from replay.sources.generated.conversations import Counts

TELL_EVERY = 4096
"""Records between two looks at the bar."""

COUNTED = ("equal_instants", "collisions", "leavers", "strangers", "redeliveries", "large", "emoji")


@click.command()
@click.option("--groups", default=10, show_default=True, metavar="N", help="Number of conversations.")
@click.option(
    "--members",
    default="2",
    show_default=True,
    metavar="N|N-M",
    help="Members of a conversation; 1: a note to oneself.",
)
@click.option("--people", default=0, metavar="N", help="People to draw members from; else as many as groups.")
@click.option(
    "--messages",
    default=1000,
    show_default=True,
    metavar="N",
    help="Messages that can be applied, the first of each group too.",
)
@click.option("--rate", default=1.0, show_default=True, metavar="R", help="Messages a second, in the records' time.")
@click.option(
    "--start", default=START.isoformat(), show_default=True, metavar="TIME", help="Time of the first message."
)
@click.option("--seed", default=0, show_default=True, metavar="S", help="Random seed: the same gives the same bytes.")
@click.option(
    "--shards", default=1, show_default=True, metavar="N", help="Shards of the stream; a row's key decides which."
)
@click.option("--spelling", multiple=True, metavar="NAME", help="How times are spelled (repeatable); else every way.")
@click.option(
    "--text-bytes", default="4-200", show_default=True, metavar="N|N-M", help="Size of a text in bytes of UTF-8."
)
@click.option("--large", default="0", metavar="N|%", help="Messages with texts of 100 to 390 KB.")
@click.option("--emoji", default="5%", show_default=True, metavar="N|%", help="Messages with an emoji.")
@click.option("--equal-instants", default="0", metavar="N|%", help="Pairs of messages of one group at one instant.")
@click.option("--collisions", default="0", metavar="N|%", help="The same, of two groups of one member.")
@click.option("--leavers", default="0", metavar="N|%", help="Members who leave.")
@click.option("--strangers", default="0", metavar="N|%", help="Messages whose sender is no member.")
@click.option("--redeliveries", default="0", metavar="N|%", help="Records that come again behind later ones.")
@click.option(
    "--poison", multiple=True, metavar="KIND[=N]|all[=N]", help="Messages that can never be applied (repeatable)."
)
@click.option("--out", required=True, metavar="FILE|-", help="File to write the records to, one a line.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def generate(out: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Make up conversations and write their stream records, as `run` reads them.

    First every conversation is opened as an app does it, the rows of its members and then its first message; then
    people talk. Nothing that a handler would write is in it. Everything asked for occurs exactly as often as asked; N|%
    is a number or a share of the messages. Any size takes the same memory.

    Spellings: utc, offset, naive, space, z, seconds, seconds-utc. Kinds of poison: no-new-image, no-message,
    message-number, message-binary, lone-surrogate, empty-group, too-large, time-words, time-epoch, time-basic,
    time-hour-24, time-second-60, time-zone-name, time-overflow, time-lone-surrogate.

    \b
    Example:
      python -m replay generate --groups 50 --messages 10000 --poison all --collisions 1% --out talk.jsonl
    """
    if as_json and out == STANDARD_OUTPUT:
        raise WrongUse("--json needs --out FILE: with '-' the records are on standard output")
    asked = _asked(options)
    conversations = Conversations(asked)
    counts = conversations.counts
    started = time.monotonic()
    written = 0
    with opened(out) as stream, records_bar("generating", asked.messages) as tell:
        for line in conversations.lines():
            written += len(line)
            stream.write(line)
            if counts.records % TELL_EVERY == 0:
                tell(counts.messages)
    if as_json:
        click.echo(json.dumps(_summary(asked, counts, written)))
    say(f"{_told(counts)}; {written / 1e6:.1f} MB in {time.monotonic() - started:.1f} s")


def _asked(options: dict[str, Any]) -> Asked:
    """Read the options that are texts; the others are as they are."""
    messages = options["messages"]
    counts = {name: read_count(f"--{name.replace('_', '-')}", options.pop(name), messages) for name in COUNTED}
    for name in ("seed", "people"):
        if options[name] < 0:
            raise WrongUse(f"--{name} {options[name]}: it is 0 or more")
    return Asked(
        members=read_range("--members", options.pop("members")),
        text_bytes=read_range("--text-bytes", options.pop("text_bytes")),
        spellings=read_spellings(options.pop("spelling")),
        start=read_start(options.pop("start")),
        poison=read_poison(options.pop("poison")),
        **counts,
        **options,
    )


def _summary(asked: Asked, counts: Counts, written: int) -> dict[str, Any]:
    return {"seed": asked.seed, "groups": asked.groups, "bytes": written, **dataclasses.asdict(counts)}


def _told(counts: Counts) -> str:
    """Say in a line what is in it, leaving out what is not."""
    parts = [
        counted(counts.records, "record"),
        counted(counts.messages, "message"),
        counted(counts.group_rows, "group row"),
    ]
    parts += [
        f"{value} {name.replace('_', ' ')}"
        for name, value in dataclasses.asdict(counts).items()
        if name in COUNTED and value
    ]
    poison = sum(counts.poison.values())
    return ", ".join(parts + ([f"{poison} poison"] if poison else []))
