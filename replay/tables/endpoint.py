"""Which DynamoDB a command talks to, said aloud, and asked about before anything not local is written to.

`--endpoint-url` wins, then `AWS_ENDPOINT_URL_DYNAMODB`, then `AWS_ENDPOINT_URL` (AWS: SDKs and tools reference,
service-specific endpoints); `--endpoint-url aws` is AWS itself. With none of them a command starts an engine of its
own. Only a loopback address counts as local: it gets dummy credentials and is written to without a question.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload
from urllib.parse import urlsplit

import boto3.session
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from replay.errors import WrongUse
from replay.tables import local
from replay.tables.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

AWS = "aws"
"""The value of `--endpoint-url` that means AWS itself, whatever the environment says."""

VARIABLES = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
STREAMS_VARIABLE = "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"
IGNORE_VARIABLE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")

REASON_CHARS_MAX = 200

Service = Literal["dynamodb", "dynamodbstreams"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One DynamoDB: its address (nothing for AWS itself), that of its streams, its region."""

    url: str | None
    streams_url: str | None
    region: str

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return self.url is not None and is_local(self.url)

    def __str__(self) -> str:
        return self.url or f"AWS ({self.region})"

    @overload
    def client(self, service: Literal["dynamodb"] = "dynamodb") -> DynamoDBClient: ...

    @overload
    def client(self, service: Literal["dynamodbstreams"]) -> DynamoDBStreamsClient: ...

    def client(self, service: Service = "dynamodb") -> DynamoDBClient | DynamoDBStreamsClient:
        """Make a client of it: with dummy credentials when it is local, else with the user's own."""
        if self.url is not None and self.is_local:
            return local.client(self.url, service)
        session = boto3.session.Session(region_name=self.region)
        config = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg] # missing in the stubs
        if service == "dynamodb":
            return session.client("dynamodb", endpoint_url=self.url, config=config)
        return session.client("dynamodbstreams", endpoint_url=self.streams_url, config=config)


def chosen(option: str | None, environ: Mapping[str, str] = os.environ) -> Endpoint | None:
    """Return the endpoint that the option or the environment names; nothing when neither does.

    `WrongUse`: it is no http address, or it is not local and no region is known.
    """
    if option is None and environ.get(IGNORE_VARIABLE, "").lower() == "true":
        return None
    name, url = "--endpoint-url", option
    if not url:
        name = next((variable for variable in VARIABLES if environ.get(variable)), "")
        url = environ.get(name)
    if not url:
        return None
    if url == AWS:
        return Endpoint(None, None, _region(environ))
    url = _checked(url, name)
    if is_local(url):
        return Endpoint(url, url, local.REGION)
    streams_url = environ.get(STREAMS_VARIABLE) if option is None else None
    return Endpoint(url, _checked(streams_url, STREAMS_VARIABLE) if streams_url else url, _region(environ))


@contextmanager
def opened(option: str | None, environ: Mapping[str, str] = os.environ) -> Iterator[Endpoint]:
    """Give the endpoint that the option or the environment names, else that of an engine that ends with the block."""
    found = chosen(option, environ)
    if found is not None:
        yield found
        return
    with local.engine() as engine:
        yield of_engine(engine)


def of_engine(engine: local.Engine) -> Endpoint:
    """Return the endpoint of an embedded engine."""
    return Endpoint(engine.endpoint, engine.endpoint, local.REGION)


def is_local(url: str) -> bool:
    """Whether an address is a loopback one: `localhost`, `*.localhost`, 127.0.0.0/8, ::1, or the unspecified one."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def announce(endpoint: Endpoint, table: str) -> None:
    """Say which table, endpoint and region a command works on."""
    say(f"table {table}, endpoint {endpoint.url or 'AWS'}, region {endpoint.region}")


def confirm_writes(
    endpoint: Endpoint,
    table: str,
    *,
    yes: bool,
    interactive: bool | None = None,
    ask: Callable[[str], bool] = lambda question: click.confirm(question, err=True),
) -> None:
    """Ask before a command writes to what is not local; without a terminal and without `yes` it is `WrongUse`.

    `interactive` None looks whether standard input is a terminal.
    """
    if yes or endpoint.is_local:
        return
    where = f"table {table} at {endpoint.url or 'AWS'} in region {endpoint.region}"
    if not (sys.stdin.isatty() if interactive is None else interactive):
        raise WrongUse(f"this would write to {where}, which is not local; say --yes if that is meant")
    if not ask(f"This writes to {where}, which is not local. Go on?"):
        raise WrongUse(f"nothing was written to {where}")


@contextmanager
def refusals_explained(endpoint: Endpoint | str) -> Iterator[None]:
    """Turn what the SDK raises inside the block (no connection, no credentials, a refusal) into one clear line."""
    try:
        yield
    except ClientError as error:
        refusal = error.response.get("Error", {})
        why = _in_one_line(f"{refusal.get('Code')}: {refusal.get('Message')}")
        raise WrongUse(f"{endpoint} refused {error.operation_name}: {why}") from error
    except BotoCoreError as error:
        raise WrongUse(f"{endpoint} cannot be used: {_in_one_line(str(error))}") from error


def _in_one_line(text: str) -> str:
    """Cut what may be a whole page: not everything that answers is a DynamoDB."""
    line = " ".join(text.split())
    return line if len(line) <= REASON_CHARS_MAX else f"{line[:REASON_CHARS_MAX]}…"


def _checked(url: str, name: str) -> str:
    if not _is_address(url):
        raise WrongUse(
            f"{name} {url!r} is no address; it looks like http://127.0.0.1:8000, or is '{AWS}' for AWS itself"
        )
    return url.rstrip("/")


def _is_address(url: str) -> bool:
    """Whether it names a scheme, a host and perhaps a port (1 to 65535), and nothing behind them."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_root = parts.path.strip("/") == "" and not parts.query and not parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and is_root and url.isprintable()


def _region(environ: Mapping[str, str]) -> str:
    region = next((environ[name] for name in REGION_VARIABLES if environ.get(name)), None)
    region = region or boto3.session.Session().region_name
    if not region:
        raise WrongUse(f"no region is set; name one in {REGION_VARIABLES[0]}")
    return region
