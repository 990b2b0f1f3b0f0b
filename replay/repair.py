"""The project's own function run on a table by hand: a group's newest messages once more, as if just written.

What the function does to a table it does here: a row moves to the newest message that fits it, several rows of one
member become one, by conditional transactions, beside whatever else is at work. Done twice, it changes nothing.
"""

from __future__ import annotations

import heapq
import random
import time
from typing import TYPE_CHECKING, Any, Final

from replay.rows.reading import value_of
from stream_processor.batch import BatchProcessor, Invocation
from stream_processor.errors import StreamProcessorError
from stream_processor.settings import Settings
from stream_processor.table import DynamoGroupTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from replay.rows.reading import Item, Value
    from replay.tables.messages import MessagesTable
    from stream_processor.quarantine import Quarantined
    from stream_processor.telemetry import BatchReport, FailureReport

MESSAGES_MAX: Final = 20
"""A group's newest messages that are given to the function: as many as it would ask for their senders."""
PARTS: Final = ("pk", "sk", "message", "user_uuid")
"""What the function reads of a message."""
NO_MESSAGE: Final = "NoMessage"


class Repair:
    """Mends one group after the other; what it has done is counted."""

    def __init__(self, table: MessagesTable) -> None:
        assert table.index is not None  # noqa: S101 - asked for on opening
        self._table = table
        self._heard = _Heard()
        self._processor = BatchProcessor(
            table=DynamoGroupTable(table.client, table.name, table.index),
            quarantine=_Nowhere(),
            settings=Settings(table.name, table.index, workers=1),
            telemetry=self._heard,
            jitter=lambda ceiling_s: random.uniform(0, ceiling_s),  # noqa: S311 - spreads tries, protects nothing
            sleep=time.sleep,
            now=time.time,
        )

    @property
    def moved(self) -> int:
        """How many rows were put at a newer message."""
        return self._heard.moved

    @property
    def removed(self) -> int:
        """How many rows went because their member had another."""
        return self._heard.removed

    def mend(self, group: str, due: Collection[Value]) -> str | None:
        """Run the function on a group; `due` are messages it must be given however old. Returns a failure's code."""
        records = as_inserts(chosen(self._table.messages(group), due))
        if not records:
            return NO_MESSAGE
        self._heard.code = None
        try:
            self._processor.process({"Records": records}, Invocation(None, lambda: float("inf")))
        except StreamProcessorError as error:
            return error.code
        return self._heard.code


def chosen(messages: Iterable[Item], due: Collection[Value]) -> list[Item]:
    """Take the newest messages that can be applied and those that are due, the oldest first; times decide, not keys."""
    newest: list[tuple[Value, int, Item]] = []
    further: list[tuple[Value, int, Item]] = []
    for number, item in enumerate(messages):
        value = value_of(item)
        if not value[0] or "S" not in item.get("message", {}):
            continue
        entry = value, number, item
        if len(newest) < MESSAGES_MAX:
            heapq.heappush(newest, entry)
            continue
        least = heapq.heappushpop(newest, entry)
        if least[0] in due:
            further.append(least)
    return [item for _, _, item in sorted(further + newest)]


def as_inserts(messages: Iterable[Item]) -> list[dict[str, Any]]:
    """Make stream records of messages, numbered in their order; they say nothing of when they were written."""
    return [
        {
            "eventName": "INSERT",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "Keys": {name: message[name] for name in ("pk", "sk")},
                "NewImage": {name: message[name] for name in PARTS if name in message},
                "SequenceNumber": f"{number:021d}",
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }
        for number, message in enumerate(messages, start=1)
    ]


class _Nowhere:
    """A quarantine that keeps nothing: what does not fit a row was set aside when it was delivered first."""

    def put(self, quarantined: Quarantined) -> bool:  # noqa: ARG002 - the protocol's
        return False


class _Heard:
    """What the function says of itself, as far as it is told here."""

    def __init__(self) -> None:
        self.moved = 0
        self.removed = 0
        self.code: str | None = None

    def batch(self, report: BatchReport) -> None:
        self.moved += report.moved
        self.removed += report.healed_rows

    def failure(self, report: FailureReport) -> None:
        self.code = report.code

    def orphan(self, group: str, sequence: str) -> None: ...

    def healed(self, group: str, rows: int) -> None: ...

    def future_dated(self, group: str, sequence: str, ahead_s: int) -> None: ...

    def quarantined(self, sequence: str, reason: str, key: str) -> None: ...
