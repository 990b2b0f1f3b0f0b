"""What the simulated event source raises.

ReplayError
├── WrongUse                            a case, mapping or template that cannot be read
├── MappingRejected                     AWS would not create this mapping
│   ├── InvalidParameterValueException  a value is missing, out of range or not for DynamoDB
│   └── ResourceConflictException       the function already has a mapping on this stream
└── RunEnded                            the run cannot go on
    ├── ContractError                   an answer that nobody can read
    └── Unspecified                     a record so large that nobody knows what AWS does
"""

from __future__ import annotations

from replay.errors import ReplayError, WrongUse


class MappingRejected(ReplayError):
    """AWS would not create this mapping; the class has the exception's name, the text its message."""

    def explained(self) -> str:
        """Give the message with what it leaves out: of a pattern AWS says only that it is invalid."""
        return f"{self} ({self.__cause__})" if isinstance(self.__cause__, WrongUse) else str(self)


class InvalidParameterValueException(MappingRejected):
    """A value is missing, out of range, or not available for DynamoDB streams."""


class ResourceConflictException(MappingRejected):
    """The function already has a mapping on this stream."""


class RunEnded(ReplayError):
    """The simulated run cannot go on; the text says why."""


class ContractError(RunEnded):
    """The function gave an answer whose meaning AWS does not document (partial responses on)."""


class Unspecified(RunEnded):
    """One record is larger than an invocation may carry; AWS does not say what happens then."""
