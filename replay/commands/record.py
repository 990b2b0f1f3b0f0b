"""`python -m replay record`: write a table's stream to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from replay.errors import WrongUse
from replay.sources.single_records import PARENT, SHARD
from replay.sources.stream import StreamReader, shown_arn
from replay.tables.endpoint import announce, chosen, refusals_explained
from replay.tables.progress import say

if TYPE_CHECKING:
    from replay.sources.stream import Read
    from replay.tables.endpoint import Endpoint

NEUTRAL_ACCOUNT = "000000000000"
NEUTRAL_REGION = "us-east-1"


@click.command()
@click.option("--table", required=True, metavar="NAME", help="The table whose stream is read.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--endpoint-url", metavar="URL|aws", help="The DynamoDB to read from.")
def record(table: str, out: Path, endpoint_url: str | None) -> None:
    """Write what a table's stream holds as lines that `run` reads.

    All shards are read, parents before children, from their beginning. A line is a record as Lambda delivers it, with
    its shard and that shard's parent beside it; region and account are replaced by neutral ones.

    \b
    Example:
      python -m replay record --table cruddur-messages --endpoint-url http://127.0.0.1:8000 --out events.jsonl
    """
    endpoint = chosen(endpoint_url)
    if endpoint is None:
        raise WrongUse("record: name the DynamoDB to read from with --endpoint-url ('aws' for AWS itself)")
    with refusals_explained(endpoint):
        announce(endpoint, table)
        arn = _stream_arn(endpoint, table)
        shown = shown_arn(arn, NEUTRAL_REGION, NEUTRAL_ACCOUNT)
        reader = StreamReader(endpoint.client("dynamodbstreams"), arn, shown, say)
        try:
            with out.open("w", encoding="utf-8") as file:
                count = 0
                for read in reader.read():
                    file.write(line_of(read))
                    count += 1
        except OSError as error:
            raise WrongUse(f"--out {out}: {error.strerror}") from None
    say(f"{count} records in {out}")


def line_of(read: Read) -> str:
    """Write one record as a line."""
    beside = {SHARD: read.shard} | ({PARENT: read.parent} if read.parent else {})
    return json.dumps(read.wire | beside, ensure_ascii=False) + "\n"


def _stream_arn(endpoint: Endpoint, table: str) -> str:
    arn = endpoint.client().describe_table(TableName=table)["Table"].get("LatestStreamArn")
    if not arn:
        raise WrongUse(f"table {table} has no stream; switch it on with new and old images")
    return arn
