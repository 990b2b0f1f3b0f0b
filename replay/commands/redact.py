"""`python -m replay redact`: copy a recording so that it can be shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from replay.commands.outputs import refuse_same_file
from replay.errors import WrongUse
from replay.reports.progress import records_bar
from replay.sources import documents, output, shapes
from replay.sources.recording import Recording
from replay.sources.redacted.redaction import redacted
from replay.tables.progress import say
from replay.wording import counted

if TYPE_CHECKING:
    from replay.sources.redacted.redaction import Line


@click.command()
@click.argument("events", nargs=-1, required=True, metavar="EVENTS...")
@click.option("--format", "shape", metavar="NAME", help="The form of the events; else told by their content.")
@click.option("--out", required=True, metavar="FILE|-", help="Where the copy goes, one record or event a line.")
@click.option("--json", "as_json", is_flag=True, help="Print what was copied as JSON.")
def redact(events: tuple[str, ...], shape: str | None, out: str, *, as_json: bool) -> None:
    """Copy a finished recording so that nobody in it can be known again, and everything happens as before.

    Ids, names, texts, other strings, long numbers and binary values are replaced: the same by the same wherever it
    stands, another by another, of the same type and length in UTF-8. Texts of one group at one instant keep their
    order. Account and region become neutral. Files given together get the same pseudonyms; the next call chooses
    others.

    What stays may tell something too: the table's name and the stream's time (eventSourceARN), the names of shards,
    userIdentity with its principal, times, sequence numbers and sizes, names of attributes, truth values, numbers of up
    to three characters (of longer ones sign, length and zeros), and prefixes in capitals (ORDER#, but not order#).

    \b
    Example:
      python -m replay redact today.jsonl --out shareable.jsonl
    """
    if as_json and out == output.STANDARD_OUTPUT:
        raise WrongUse("--json needs --out FILE: with '-' the records are on standard output")
    if out != output.STANDARD_OUTPUT:
        refuse_same_file("--out", out, events)
    with documents.opened(events) as files:
        recording = Recording(files, shapes.named(shape) if shape is not None else None)
        with output.opened(out) as stream, records_bar("redacting", recording.records) as tell:
            for number, line in enumerate(redacted(recording)):
                stream.write(encoded(line))
                tell(number)
    say(f"{counted(recording.records, 'record')} redacted")
    if as_json:
        click.echo(json.dumps({"records": recording.records, "duplicates": recording.duplicates, "out": out}))


def encoded(line: Line) -> bytes:
    """Write a line; letters as they are, unless one is no Unicode."""
    try:
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(line).encode() + b"\n"
