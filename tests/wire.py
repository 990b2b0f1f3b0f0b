"""Answers in place of the network: a real client writes its request, and reads an answer that a test gives."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.config import Config
    from mypy_boto3_dynamodb import DynamoDBClient

REGION = "eu-west-1"


@dataclass(frozen=True)
class Answered:
    """What the service sends back; a text is sent as it is."""

    body: dict[str, Any] | str = field(default_factory=dict)
    status: int = 200


def failed(code: str, status: int = 400, **more: Any) -> Answered:  # noqa: ANN401 - as JSON has it
    """An error as DynamoDB writes it."""
    return Answered({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "PRIVATE-detail", **more}, status)


def cancelled(*reasons: str | dict[str, Any]) -> Answered:
    """A cancelled transaction; a reason is its code, or all of it."""
    whole = [{"Code": reason} if isinstance(reason, str) else reason for reason in reasons]
    return failed("TransactionCanceledException", CancellationReasons=whole)


Answer = Answered | Exception


@dataclass
class Wire:
    """Keeps every request as (operation, body); `respond` answers it, or raises in the network's place."""

    respond: Callable[[str, dict[str, Any]], Answer]
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def client(self, config: Config | None = None) -> DynamoDBClient:
        client = _session().client("dynamodb", config=config)
        self.attach(client)
        return client

    def attach(self, client: DynamoDBClient) -> None:
        """Stand between a client and the network."""
        client.meta.events.register("before-send.dynamodb", self._send)  # type: ignore[arg-type] # its answer is used

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        assert isinstance(request.body, bytes)
        body = json.loads(request.body)
        self.requests.append((operation, body))
        answer = self.respond(operation, body)
        if isinstance(answer, Exception):
            raise answer
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        headers = HTTPHeaders.from_dict({"Content-Type": "application/x-amz-json-1.0"})
        return AWSResponse(request.url, answer.status, headers, _Raw(text.encode()))


def scripted(*answers: Answer) -> Wire:
    """A wire that gives these answers in order; one request more is a defect of the test."""
    waiting = iter(answers)
    return Wire(lambda _operation, _body: next(waiting))


@cache
def _session() -> boto3.Session:
    """One for all tests: reading the service's model takes longer than a test."""
    return boto3.Session("key", "secret", region_name=REGION)


class _Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()
