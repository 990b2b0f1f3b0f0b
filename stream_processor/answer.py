"""What of a batch is not finished, and how the event source is told: by an answer, or by an error."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, TypedDict

from stream_processor.errors import ConfigurationError, PermanentError, StreamProcessorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_processor.message import GroupId, Position


class ItemIdentifier(TypedDict):
    """A sequence number of the batch, verbatim."""

    itemIdentifier: str


class Answer(TypedDict):
    """What the event source reads. AWS: `ReportBatchItemFailures`."""

    batchItemFailures: list[ItemIdentifier]


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that is not finished; `error` is raised where it comes first and nothing else can isolate it."""

    at: Position
    group: GroupId | None
    error: Exception
    raises: bool = False

    @property
    def retryable(self) -> bool:
        """Whether the same delivery may go better later."""
        return not isinstance(self.error, PermanentError | ConfigurationError)

    @property
    def code(self) -> str:
        """Name it: AWS's word, or the error's name."""
        return self.error.code if isinstance(self.error, StreamProcessorError) else type(self.error).__name__

    @property
    def reason(self) -> str:
        """Say what happened; of an error that is not ours only where, since its text may quote a message."""
        if isinstance(self.error, StreamProcessorError):
            return str(self.error)
        frames = traceback.extract_tb(self.error.__traceback__)
        return f"at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"


def answer_naming(identifier: str | None) -> Answer:
    """Answer that everything from a record on comes again; nothing does where none is named."""
    return {"batchItemFailures": [] if identifier is None else [{"itemIdentifier": identifier}]}


def to_raise(failures: Sequence[Failure], positions: Sequence[Position]) -> Exception | None:
    """Choose the error to end with: a wrong set-up always, a permanent record where it is the batch's first.

    `failures` come lowest sequence first; `positions` are those of all the batch's records, in any order.

    An answer that names the first record repeats the whole batch until its retries are used up and then discards
    healthy records with it; an error lets the event source halve the batch until the record is alone.
    """
    for failure in failures:
        if isinstance(failure.error, ConfigurationError):
            return failure.error
    first = min(positions, key=lambda at: at.sequence, default=None)
    if failures and failures[0].raises and failures[0].at == first:
        return failures[0].error
    return None
