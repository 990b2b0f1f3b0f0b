"""What the function raises, and what each means for the record it happened to.

StreamProcessorError
├── NotAStreamEvent          the event is none of a DynamoDB stream: raised at once, nothing was tried
├── ConfigurationError       settings or stream are set up wrongly: raised once everything else was tried
├── PermanentError           the record can never be applied, however often it comes: quarantined
├── QuarantineError          the quarantine could not take a record: the record is reported
└── RetryableError           anything that may pass with time: the group's lowest sequence number is reported
    ├── OutOfTime            too little time is left to start another request
    ├── GaveUp               a bound inside the invocation is used up (re-plans, key attempts, pages)
    ├── ConditionFailed      a transaction met rows other than those read: read again, plan again
    └── TableError           the table's answer is no success
        ├── TransientError   throttle, conflict, timeout, 5xx: tried again within the invocation
        └── RefusedError     everything else: permissions, missing table or index, validation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class StreamProcessorError(Exception):
    """Root of everything the function raises on purpose; `code` is the word for logs."""

    @property
    def code(self) -> str:
        """The word that stands for this failure in logs: the class's name unless a class knows better."""
        return type(self).__name__


class NotAStreamEvent(StreamProcessorError):
    """The event is no DynamoDB stream event; the text says what was found instead."""


class ConfigurationError(StreamProcessorError):
    """A setting, or the stream's view type, makes the work impossible; the text says what to change."""


class PermanentError(StreamProcessorError):
    """The record can never be applied; `reason` is the word for logs and for the quarantine."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason

    @property
    def code(self) -> str:
        """The reason."""
        return self.reason


class QuarantineError(StreamProcessorError):
    """The quarantine did not take a record; `code` is the store's own word for why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self._code = code

    @property
    def code(self) -> str:
        """The store's word."""
        return self._code


class RetryableError(StreamProcessorError):
    """May pass with time: the event source delivers the record again."""


class OutOfTime(RetryableError):
    """The remaining time does not cover another request."""


class GaveUp(RetryableError):
    """A named bound on work inside one invocation is used up."""


class ConditionFailed(RetryableError):
    """A transaction was cancelled because a row is not what was read.

    `items` has one entry an action, in order: nothing for an action whose condition held; for one that failed the row
    as the table has it, empty where there is none (`ReturnValuesOnConditionCheckFailure=ALL_OLD`).
    """

    def __init__(self, items: Sequence[Mapping[str, Any] | None]) -> None:
        super().__init__("a row is not what was read")
        self.items = tuple(items)


class TableError(RetryableError):
    """The table answered with an error; `code` is AWS's word for it."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self._code = code

    @property
    def code(self) -> str:
        """AWS's word."""
        return self._code


class TransientError(TableError):
    """Worth another try within the invocation."""


class RefusedError(TableError):
    """Not worth another try within the invocation, perhaps later."""
