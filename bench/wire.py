"""The requests that leave this process, as they stand on the wire: kept, compared, and turned back into calls."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse

TOKEN = "ClientRequestToken"  # noqa: S105 - DynamoDB's word for what makes a transaction the same
"""The SDK adds a fresh one of 36 characters to each transaction; one used before would do nothing for ten minutes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: the operation and its body."""

    operation: str
    body: bytes

    @property
    def parameters(self) -> dict[str, Any]:
        """What a client must be called with to send it again."""
        parameters: dict[str, Any] = json.loads(self.body)
        return parameters

    def comparable(self, table: str) -> bytes:
        """The body without what must differ between two runs: the table's name and the transaction's token."""
        body = self.body.replace(table.encode(), b"(table)")
        token: str | None = self.parameters.get(TOKEN)
        return body.replace(token.encode(), b"(token)") if token else body


@contextmanager
def recording() -> Iterator[list[Sent]]:
    """Keep every request that botocore sends in this process, whoever made the client."""
    sent: list[Sent] = []
    send = URLLib3Session.send

    def keep(session: URLLib3Session, request: AWSRequest | AWSPreparedRequest) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else target
        body = request.body
        sent.append(Sent(name.partition(".")[2], body if isinstance(body, bytes) else str(body).encode()))
        return send(session, request)

    URLLib3Session.send = keep  # type: ignore[method-assign, assignment] # the stubs name `self` twice
    try:
        yield sent
    finally:
        URLLib3Session.send = send  # type: ignore[method-assign]
