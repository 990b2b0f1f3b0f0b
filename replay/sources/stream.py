"""A table's live stream: every shard, parents before children, from its beginning or from where somebody stopped.

Source: AWS, DynamoDB API reference (Streams): an iterator lives 15 minutes, empty pages are normal, a missing
NextShardIterator means that a closed shard is read to its end; a page has at most 1,000 records or 1 MB.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from replay.rows.wire import from_sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

PAGE_RECORDS: Final = 1000
LIST_EVERY_S: Final = 5.0
"""How often shards are asked for while all known ones are read: DescribeStream allows 10 calls a second."""

BUSY_CODES: Final = frozenset(
    {"LimitExceededException", "ThrottlingException", "ProvisionedThroughputExceededException"}
)
BUSY_PAUSE_S: Final = 0.5
BUSY_ATTEMPTS: Final = 20

TTL_IDENTITY: Final = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""What removals by time to live carry. The SDK's model expects other capitals and shows AWS's as an empty object."""


@dataclass(frozen=True, slots=True)
class Read:
    """One record as read, in Lambda's shape, with its shard and that shard's parent."""

    wire: dict[str, Any]
    shard: str
    parent: str | None


@dataclass(slots=True)
class ShardPosition:
    """How far a shard is read: the last sequence number taken, and whether there is no more to come."""

    sequence: str | None = None
    finished: bool = False


@dataclass(slots=True)
class _Shard:
    name: str
    parent: str | None
    position: ShardPosition
    iterator: str | None = None
    trimmed: bool = False


@dataclass
class StreamReader:
    """Reads a stream round by round; `positions` tells at any time how far, and can be given to go on from there.

    `shown_arn` is the stream's ARN as the records show it. `tell` gets a line where records were lost before they could
    be read: streams keep them for 24 hours.
    """

    client: DynamoDBStreamsClient
    arn: str
    shown_arn: str
    tell: Callable[[str], None]
    positions: dict[str, ShardPosition] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    _shards: dict[str, _Shard] = field(default_factory=dict, init=False)
    _listed_at: float = field(default=float("-inf"), init=False)

    def read(self) -> Iterator[Read]:
        """Read what there is: of each shard whose parent is read to its end, page after page until one is empty."""
        self._list_shards()
        waiting = deque(self._shards.values())
        while waiting:
            shard = waiting.popleft()
            if not self._is_readable(shard):
                continue
            yield from self._read_shard(shard)
            if shard.position.finished:
                self._listed_at = float("-inf")
                self._list_shards()
                waiting.extend(child for child in self._shards.values() if child.parent == shard.name)

    def _is_readable(self, shard: _Shard) -> bool:
        """Whether a shard may have more, and its turn has come."""
        parent = self._shards.get(shard.parent or "")
        return not shard.position.finished and (parent is None or parent.position.finished)

    def _read_shard(self, shard: _Shard) -> Iterator[Read]:
        while True:
            records = self._page(shard)
            for record in records:
                read = Read(lambda_record(record, self.shown_arn), shard.name, shard.parent)
                shard.position.sequence = record["dynamodb"]["SequenceNumber"]
                yield read
            if shard.position.finished or not records:
                return

    def _page(self, shard: _Shard) -> list[Any]:
        """Read one page; an iterator that has expired is replaced."""
        if shard.iterator is None:
            shard.iterator = self._iterator(shard)
        try:
            answer = self._patiently(self.client.get_records, ShardIterator=shard.iterator, Limit=PAGE_RECORDS)
        except ClientError as error:
            if _code(error) == "TrimmedDataAccessException":
                shard.trimmed = True
            elif _code(error) != "ExpiredIteratorException":
                raise
            shard.iterator = None
            return self._page(shard)
        shard.iterator = answer.get("NextShardIterator")
        shard.position.finished = shard.iterator is None
        return list(answer["Records"])

    def _iterator(self, shard: _Shard) -> str:
        where: dict[str, str] = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard.trimmed:
            self._tell_gap(shard)
        elif shard.position.sequence is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": shard.position.sequence}
        try:
            answer = self._patiently(self.client.get_shard_iterator, StreamArn=self.arn, ShardId=shard.name, **where)
        except ClientError as error:
            if _code(error) != "TrimmedDataAccessException" or shard.trimmed:
                raise
            shard.trimmed = True
            return self._iterator(shard)
        return str(answer["ShardIterator"])

    def _tell_gap(self, shard: _Shard) -> None:
        last = shard.position.sequence
        gone = "its oldest records" if last is None else f"the records after {last}"
        self.tell(f"gap: shard {shard.name} no longer has {gone}; streams keep them for 24 hours")
        shard.trimmed = False
        shard.position.sequence = None

    def _list_shards(self) -> None:
        """Ask which shards there are, when it is time to."""
        if self.now() - self._listed_at < LIST_EVERY_S:
            return
        self._listed_at = self.now()
        more: dict[str, str] = {}
        listed: set[str] = set()
        while True:
            answer = self._patiently(self.client.describe_stream, StreamArn=self.arn, **more)["StreamDescription"]
            for shard in answer["Shards"]:
                name = shard["ShardId"]
                listed.add(name)
                if name not in self._shards:
                    position = self.positions.setdefault(name, ShardPosition())
                    self._shards[name] = _Shard(name, shard.get("ParentShardId"), position)
            if "LastEvaluatedShardId" not in answer:
                break
            more = {"ExclusiveStartShardId": answer["LastEvaluatedShardId"]}
        self._forget_gone(listed)

    def _forget_gone(self, listed: set[str]) -> None:
        """Shards that the stream no longer lists hold nothing any more."""
        for name, position in list(self.positions.items()):
            if name not in listed:
                if not position.finished:
                    self.tell(f"gap: shard {name} is gone before it was read to its end")
                self._shards.pop(name, None)
                del self.positions[name]

    def _patiently(self, call: Callable[..., Any], **arguments: object) -> Any:  # noqa: ANN401 - the SDK's answers
        for _ in range(BUSY_ATTEMPTS - 1):
            try:
                return call(**arguments)
            except ClientError as error:
                if _code(error) not in BUSY_CODES:
                    raise
                self.sleep(BUSY_PAUSE_S)
        return call(**arguments)


def shown_arn(arn: str, region: str, account: str | None = None) -> str:
    """Write a stream's ARN with this region, where DynamoDB Local says `ddblocal`, and with this account if any."""
    parts = arn.split(":", 5)
    return ":".join([*parts[:3], region, account or parts[4], parts[5]])


def lambda_record(record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """Turn a record as the SDK gives it into the one that Lambda hands to a function.

    Times become seconds, binary values base64, a removal by time to live gets its identity, and the stream's ARN is
    added, as Lambda does; the region is the ARN's.
    """
    change = {name: value for name, value in record["dynamodb"].items() if name not in ("Keys", "NewImage", "OldImage")}
    created = change.get("ApproximateCreationDateTime")
    if isinstance(created, datetime):
        change["ApproximateCreationDateTime"] = float(int(created.timestamp()))
    for name in ("Keys", "NewImage", "OldImage"):
        if name in record["dynamodb"]:
            change[name] = from_sdk(record["dynamodb"][name])
    turned = {name: value for name, value in record.items() if name not in ("dynamodb", "userIdentity")}
    turned |= {"awsRegion": stream_arn.split(":")[3], "dynamodb": change, "eventSourceARN": stream_arn}
    if record.get("userIdentity") is not None:
        turned["userIdentity"] = dict(TTL_IDENTITY)
    return turned


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
