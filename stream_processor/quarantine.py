"""Where records go that can never be applied: one object each, under a key that redelivery meets again.

The object holds the whole record, message text included: the bucket must be private and encrypted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from stream_processor.errors import QuarantineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client

    from stream_processor.message import MemberId

KEY_PREFIX: Final = "quarantine"
ALREADY_THERE: Final = "PreconditionFailed"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that can never be applied; `members` are those whose rows it does not fit, empty for everybody."""

    record: Mapping[str, Any]
    identifier: str
    reason: str
    detail: str
    members: tuple[MemberId, ...] = ()

    @property
    def key(self) -> str:
        """`quarantine/<table>/<stream label>/<sequence number>.json`, the same at every delivery.

        Stream ARN: `arn:<partition>:dynamodb:<region>:<account>:table/<table>/stream/<label>`.
        """
        parts = str(self.record.get("eventSourceARN", "")).partition(":table/")[2].split("/")
        table, label = (parts[0], parts[2]) if len(parts) > len(("table", "stream")) else ("unknown", "unknown")
        return f"{KEY_PREFIX}/{table}/{label}/{self.identifier}.json"

    def body(self, now: datetime) -> str:
        """Write the object: record, reason, error, members, time."""
        return json.dumps(
            {
                "reason": self.reason,
                "error": self.detail,
                "members": list(self.members),
                "quarantinedAt": now.isoformat(timespec="seconds"),
                "record": self.record,
            },
        )


class Quarantine(Protocol):
    """Takes records that can never be applied."""

    def put(self, quarantined: Quarantined) -> bool:
        """Keep a record; whether it was not there yet.

        Raises:
            QuarantineError: it could not be kept.
        """
        ...


class S3Quarantine:
    """A quarantine in an S3 bucket; the client is made on first use, since most invocations never need it."""

    def __init__(self, bucket: str, make_client: Callable[[], S3Client], now: Callable[[], float]) -> None:
        self._bucket = bucket
        self._make_client = make_client
        self._now = now

    @cached_property
    def _client(self) -> S3Client:
        return self._make_client()

    def put(self, quarantined: Quarantined) -> bool:
        """Write the object unless it is there: the first delivery's stays.

        AWS: S3 user guide, "Conditional writes" (`If-None-Match: *`, 412 where the key exists).
        """
        body = quarantined.body(datetime.fromtimestamp(self._now(), UTC))
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=quarantined.key,
                Body=body.encode(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            if code == ALREADY_THERE:
                return False
            raise QuarantineError(code, "the bucket did not take the record") from error
        except BotoCoreError as error:
            raise QuarantineError(type(error).__name__, "the bucket could not be reached") from error
        return True
