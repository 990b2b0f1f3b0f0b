"""What a handler asked of AWS: one `Call` a request sent, retries of the SDK included."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Way = Literal["put", "update", "delete"]

READS: Final = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})
WAYS: Final[Mapping[str, Way]] = {"PutItem": "put", "UpdateItem": "update", "DeleteItem": "delete"}


@dataclass(frozen=True, slots=True)
class Touched:
    """A row that a request wrote, or may have written where its answer was lost."""

    table: str
    partition_key: str
    sort_key: str
    way: Way


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it was sent and answered.

    `error` is AWS's code or, where no answer came, the exception's name. `items` counts what a read returned or what a
    write named. `read_units` are capacity units as the service counts them, None where it did not say, and for writes
    (DynamoDB Local counts transactions at a quarter of what AWS does). `elsewhere` is the address that the handler
    wanted, where the request was not let out to it.
    """

    service: str
    operation: str
    attempt: int
    duration_ms: float
    error: str | None = None
    items: int = 0
    touched: tuple[Touched, ...] = ()
    read_units: float | None = None
    elsewhere: str | None = None

    @property
    def name(self) -> str:
        """`Query`, or `s3.PutObject` for services other than DynamoDB."""
        return self.operation if self.service == "dynamodb" else f"{self.service}.{self.operation}"

    def message(self) -> dict[str, Any]:
        """Make a JSON object of it."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Call:
        """Read what `message` made."""
        return cls(**{**message, "touched": tuple(Touched(**touched) for touched in message["touched"])})


def touched_by(operation: str, request: Mapping[str, Any]) -> tuple[Touched, ...]:
    """Name the rows that a DynamoDB request writes; none for a read, or where the request does not name them (PartiQL).

    Source: AWS, DynamoDB API reference, request syntax of each operation.
    """
    try:
        return tuple(_writes(operation, request))
    except (KeyError, TypeError, AttributeError):
        return ()


def _writes(operation: str, request: Mapping[str, Any]) -> Iterator[Touched]:
    match operation:
        case "PutItem" | "UpdateItem" | "DeleteItem":
            yield from _row(operation, request["TableName"], request)
        case "TransactWriteItems":
            for action in request["TransactItems"]:
                for name, content in action.items():
                    yield from _row(f"{name}Item", content["TableName"], content)
        case "BatchWriteItem":
            for table, writes in request["RequestItems"].items():
                for write in writes:
                    for name, content in write.items():
                        yield from _row(f"{name.removesuffix('Request')}Item", table, content)


def _row(operation: str, table: str, content: Mapping[str, Any]) -> Iterator[Touched]:
    way = WAYS.get(operation)
    if way is None:  # a ConditionCheck
        return
    key = content["Item" if way == "put" else "Key"]
    partition_key, sort_key = key.get("pk", {}).get("S"), key.get("sk", {}).get("S")
    if isinstance(partition_key, str) and isinstance(sort_key, str):
        yield Touched(table.rpartition("/")[2], partition_key, sort_key, way)
