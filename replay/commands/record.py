"""`python -m replay record`: write a table's stream to a file."""

from __future__ import annotations

import copy
import difflib
import json
import re
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.commands.redact import encoded
from replay.commands.signals import stopped_by_signals
from replay.errors import WrongUse
from replay.sources import output
from replay.sources.capture import Capture
from replay.sources.documents import opened
from replay.sources.recording import Recording
from replay.sources.redacted.redaction import redacted
from replay.sources.stream import StreamReader, shown_arn
from replay.tables.endpoint import announce, chosen, refusals_explained
from replay.tables.progress import say
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.sources.stream import Read
    from replay.tables.endpoint import Endpoint

NEUTRAL_ACCOUNT = "000000000000"
NEUTRAL_REGION = "us-east-1"
LOOK_EVERY_S = 0.5
"""Between two looks at a stream that had nothing new; Lambda looks four times a second."""
FLUSH_EVERY = 100
"""Records in memory at most before they are handed to the system."""
STREAM_ARN = re.compile(r"arn:[^:]+:dynamodb:[^:]*:[^:]*:table/[^/]+/stream/.+")
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.command()
@click.option("--table", metavar="NAME", help="The table whose stream is read.")
@click.option("--stream", metavar="ARN", help="The stream itself, also one that its table no longer uses.")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write or go on with."
)
@click.option("--follow", is_flag=True, help="Go on with what comes, until stopped.")
@click.option("--since", metavar="TIME|30m", help="Leave out what was written before: a time, or how long ago.")
@click.option("--max", "most", type=click.IntRange(min=1), metavar="N", help="Stop after so many records.")
@click.option("--redact", is_flag=True, help="Replace ids, names and texts, as the command `redact` does.")
@click.option("--endpoint-url", metavar="URL|aws", help="The DynamoDB to read from.")
@click.option("--json", "as_json", is_flag=True, help="Print what was recorded as JSON.")
def record(**options: Any) -> None:  # noqa: ANN401 - click's options
    """Write what a table's stream holds as lines that `run` reads.

    All shards are read, parents before children. A line is a record as Lambda delivers it, with its shard and that
    shard's parent beside it; region and account are replaced by neutral ones. How far it came is kept in FILE.position:
    called again, also after a crash, it goes on from there, without loss or doubles. Streams keep records for 24 hours;
    what was gone before it could be read is said.

    \b
    Example:
      python -m replay record --table cruddur-messages --endpoint-url http://127.0.0.1:8000 --out events.jsonl
      python -m replay record --table cruddur-messages --endpoint-url aws --follow --since 30m --out today.jsonl
    """
    if (options["table"] is None) == (options["stream"] is None):
        raise WrongUse("record: name either --table or --stream")
    endpoint = chosen(options["endpoint_url"])
    if endpoint is None:
        raise WrongUse("record: name the DynamoDB to read from with --endpoint-url ('aws' for AWS itself)")
    if options["redact"] and options["follow"]:
        raise WrongUse("--redact needs a finished recording; record first, then call redact")
    _check_out(options["out"])
    if options["redact"] and options["out"].exists():
        raise WrongUse(
            f"record: {options['out']} is there, and a redacted recording cannot be gone on with; name another"
        )
    since_s = _since(options["since"])
    gaps: list[str] = []
    with refusals_explained(endpoint), _captured_to(options) as path:
        with Capture.opened(path, _stream_arn(endpoint, options)) as capture:
            announce(endpoint, options["table"] or capture.stream)
            try:
                with stopped_by_signals():
                    _record(_reader(endpoint, capture, gaps), capture, since_s, options)
            except KeyboardInterrupt:
                say("stopped")
        if options["redact"] and capture.records:
            _redact(path, options["out"])
    say(f"{counted(capture.records, 'record')} written to {options['out']}")
    if options["as_json"]:
        told = {"stream": capture.stream, "records": capture.records, "gaps": gaps, "out": str(options["out"])}
        click.echo(json.dumps(told))


def _check_out(out: Path) -> None:
    """Refuse what is no file: a recording that can be gone on with has its position beside it."""
    if str(out) == output.STANDARD_OUTPUT or (out.exists() and not out.is_file()):
        raise WrongUse(f"record: --out {out} is no file; a recording and its position are written as files")


@contextmanager
def _captured_to(options: dict[str, Any]) -> Iterator[Path]:
    """Say where the recording goes: the file asked for, or one that is gone when its redacted copy is there."""
    if not options["redact"]:
        yield options["out"]
        return
    with tempfile.TemporaryDirectory(prefix="inbox-replay-") as folder:
        yield Path(folder) / "events.jsonl"


def _redact(recorded: Path, out: Path) -> None:
    with opened((str(recorded),)) as files, output.opened(str(out)) as stream:
        for line in redacted(Recording(files)):
            stream.write(encoded(line))


def _reader(endpoint: Endpoint, capture: Capture, gaps: list[str]) -> StreamReader:
    """Read the capture's stream on from where the capture is; `gaps` gets what was lost before it could be read."""

    def tell(gap: str) -> None:
        gaps.append(gap)
        say(gap)

    shown = shown_arn(capture.stream, NEUTRAL_REGION, NEUTRAL_ACCOUNT)
    positions = copy.deepcopy(capture.positions)
    return StreamReader(endpoint.client("dynamodbstreams"), capture.stream, shown, tell, positions)


def _record(reader: StreamReader, capture: Capture, since_s: float, options: dict[str, Any]) -> None:
    while True:
        before = capture.records
        for read in reader.read():
            if _created_s(read) < since_s:
                continue
            capture.write(read)
            if capture.records == options["most"]:
                return
            if capture.records % FLUSH_EVERY == 0:
                capture.flush()
        capture.finish(name for name, position in reader.positions.items() if position.finished)
        capture.flush()
        if not options["follow"]:
            return
        if capture.records == before:
            time.sleep(LOOK_EVERY_S)


def _created_s(read: Read) -> float:
    return float(read.wire["dynamodb"].get("ApproximateCreationDateTime", 0.0))


def _since(text: str | None) -> float:
    """Read a time, or how long ago, as seconds since the epoch."""
    if text is None:
        return 0.0
    try:
        if text[:-1].isdigit() and text[-1:] in UNITS_S:
            return (datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * UNITS_S[text[-1]])).timestamp()
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise WrongUse(
            f"--since {text!r} is neither a time like 2026-11-20T10:00 nor a while like 30m, 2h, 1d"
        ) from None


def _stream_arn(endpoint: Endpoint, options: dict[str, Any]) -> str:
    if options["stream"] is not None:
        return _checked_arn(str(options["stream"]))
    client, table = endpoint.client(), options["table"]
    try:
        description = client.describe_table(TableName=table)["Table"]
    except client.exceptions.ResourceNotFoundException:
        near = difflib.get_close_matches(table, client.list_tables()["TableNames"], n=1)
        raise WrongUse(f"there is no table {table}" + (f"; did you mean {near[0]}?" if near else "")) from None
    if "LatestStreamArn" not in description:
        raise WrongUse(f"table {table} has no stream; switch it on with new and old images")
    return description["LatestStreamArn"]


def _checked_arn(arn: str) -> str:
    if STREAM_ARN.fullmatch(arn) is None:
        raise WrongUse(f"--stream '{arn}' is no stream's ARN; that is arn:aws:dynamodb:...:table/NAME/stream/LABEL")
    return arn
