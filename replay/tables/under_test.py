"""The table a handler is tried on: what the application writes to it, what it holds, what the handler wrote to it.

What the handler wrote is read from the table's stream. The harness's own writes come back there too; they are known by
their content and left out, each once.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from replay.errors import WrongUse
from replay.rows.reading import same
from replay.rows.wire import from_sdk, to_sdk
from replay.sources.history import Write, address_of
from replay.sources.stream import StreamReader, shown_arn
from replay.tables.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.rows.wire import Item
    from replay.sources.history import Address
    from replay.sources.stream import Read
    from replay.tables.endpoint import Endpoint

BATCH_ITEMS_MAX: Final = 25
"""AWS: DynamoDB API reference, BatchWriteItem."""
BATCH_ATTEMPTS: Final = 10
BATCH_PAUSE_S: Final = 0.1

SETTLED_AFTER_S: Final = 5.0
"""On AWS the stream follows within a second; one that has been empty for so long is taken to be read to its end."""
SETTLED_AFTER_LOCAL_S: Final = 0.0
"""DynamoDB Local shows a write in its stream before it answers."""
LOOK_EVERY_S: Final = 0.5


@dataclass(slots=True)
class TableUnderTest:
    """A table on an endpoint, empty to begin with."""

    name: str
    endpoint: Endpoint
    _client: DynamoDBClient = field(init=False)
    _reader: StreamReader = field(init=False)
    _own: dict[Address, deque[Item | None]] = field(default_factory=lambda: defaultdict(deque), init=False)
    _unread: deque[Read] = field(default_factory=deque, init=False)
    """The handler's changes that a follower has come to first."""
    _log: list[Read] | None = field(default=None, init=False)
    """Every change, while somebody follows."""
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def __post_init__(self) -> None:
        """Find its stream.

        Raises:
            WrongUse: it holds rows, or has no stream.
        """
        self._client = self.endpoint.client()
        description = self._client.describe_table(TableName=self.name)["Table"]
        if "LatestStreamArn" not in description:
            raise WrongUse(f"table {self.name} has no stream; what the handler writes could not be seen")
        if self._client.scan(TableName=self.name, Limit=1)["Items"]:
            raise WrongUse(f"table {self.name} holds rows; a verdict needs an empty table: name a new one with --table")
        streams = self.endpoint.client("dynamodbstreams")
        arn = description["LatestStreamArn"]
        self._reader = StreamReader(streams, arn, shown_arn(arn, self.endpoint.region), say)
        for _ in self._reader.read():  # what was there before does not count
            pass

    def write(self, writes: Sequence[Write]) -> list[Write]:
        """Write as the application did; give back what DynamoDB refuses (a row too large, an empty key)."""
        with self._lock:
            return self._write(writes)

    def _write(self, writes: Sequence[Write]) -> list[Write]:
        refused: list[Write] = []
        chunk: dict[Address, Write] = {}
        for write in writes:
            if write.address in chunk or len(chunk) == BATCH_ITEMS_MAX:
                refused += self._write_batch(list(chunk.values()))
                chunk = {}
            chunk[write.address] = write
        return refused + self._write_batch(list(chunk.values()))

    def rows(self) -> Iterator[Item]:
        """Read the whole table consistently."""
        for page in self._client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True):
            yield from map(from_sdk, page["Items"])

    def handlers_changes(self) -> Iterator[Read]:
        """Read what the stream has had since the last time, without the harness's own writes."""
        settled_after_s = SETTLED_AFTER_LOCAL_S if self.endpoint.is_local else SETTLED_AFTER_S
        quiet_since = time.monotonic()
        while True:
            while self._unread:
                yield self._unread.popleft()
            for read, is_own in self._read():
                quiet_since = time.monotonic()
                if not is_own:
                    yield read
            if time.monotonic() - quiet_since >= settled_after_s:
                return
            time.sleep(LOOK_EVERY_S)

    def follow(self) -> Callable[[], list[Read]]:
        """Give a function that tells every change since it was last called, whoever made it."""
        log = self._log = [] if self._log is None else self._log
        place = len(log)

        def changes() -> list[Read]:
            nonlocal place
            with self._lock:
                self._unread.extend(read for read, is_own in self._read() if not is_own)
                new, place = log[place:], len(log)
                return new

        return changes

    def _read(self) -> Iterator[tuple[Read, bool]]:
        """Read the stream on, and tell the harness's own writes."""
        for read in self._reader.read():
            if self._log is not None:
                self._log.append(read)
            yield read, self._is_own(read.wire)

    def _write_batch(self, writes: list[Write]) -> list[Write]:
        """Write at most one batch of rows, each once."""
        if not writes:
            return []
        try:
            self._send(writes)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ValidationException":
                raise
            if len(writes) == 1:
                return writes
            return [refused for write in writes for refused in self._write_batch([write])]
        for write in writes:
            self._own[write.address].append(write.item)
        return []

    def _send(self, writes: Iterable[Write]) -> None:
        requests: Mapping[str, Any] = {self.name: [_request(write) for write in writes]}
        for attempt in range(BATCH_ATTEMPTS):
            requests = self._client.batch_write_item(RequestItems=requests)["UnprocessedItems"]
            if not requests:
                return
            time.sleep(BATCH_PAUSE_S * 2**attempt)
        raise WrongUse(f"table {self.name} keeps throttling: {BATCH_ATTEMPTS} tries left writes undone")

    def _is_own(self, wire: Mapping[str, Any]) -> bool:
        """Tell the harness's own write by its content, and forget it."""
        change = wire["dynamodb"]
        address = address_of(change["Keys"])
        waiting = self._own.get(address) if address is not None else None
        if not waiting or not _same_item(waiting[0], change.get("NewImage")):
            return False
        waiting.popleft()
        return True


def _request(write: Write) -> dict[str, Any]:
    if write.item is None:
        return {"DeleteRequest": {"Key": {"pk": {"S": write.address[0]}, "sk": {"S": write.address[1]}}}}
    return {"PutRequest": {"Item": to_sdk(write.item)}}


def _same_item(one: Item | None, other: Item | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
