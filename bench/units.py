"""What requests cost on AWS, reckoned from their bodies: DynamoDB Local's own figures count transactions too low.

Source: AWS, DynamoDB developer guide, "Read and write operations" and "Amazon DynamoDB transactions: capacity".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.wire import Sent

INDEX_UNITS = 1
"""A group row enters or leaves the index with each write here, since each write changes its key."""
TRANSACTION_FACTOR = 2
"""Each action of a transaction is written twice, to prepare and to commit; the index follows once."""
SINGLE_WRITES = frozenset({"PutItem", "DeleteItem"})


@dataclass(frozen=True, slots=True)
class Cost:
    """What messages took, each figure a message."""

    requests: float
    write_units: float


def cost(sent: Iterable[Sent], messages: int) -> Cost:
    """Reckon the cost of requests that moved group rows of up to 1 KB: one unit an item and write."""
    kept = list(sent)
    return Cost(len(kept) / messages, sum(map(_write_units, kept)) / messages)


def _write_units(sent: Sent) -> int:
    if sent.operation in SINGLE_WRITES:
        return 1 + INDEX_UNITS
    if sent.operation != "TransactWriteItems":
        return 0
    return sum(
        TRANSACTION_FACTOR + (0 if "ConditionCheck" in action else INDEX_UNITS)
        for action in sent.parameters["TransactItems"]
    )
