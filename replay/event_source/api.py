"""The part of the Lambda API that makes mappings: what it answers, and what it refuses.

(AWS: Lambda API reference, CreateEventSourceMapping and UpdateEventSourceMapping; recordings made on AWS.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.event_source.errors import InvalidParameterValueException, ResourceConflictException
from replay.event_source.mapping import EventSourceMapping

if TYPE_CHECKING:
    from collections.abc import Collection


class EventSourceMappings:
    """The mappings of one account and Region."""

    def __init__(self, stream_arns: Collection[str]) -> None:
        self._stream_arns = stream_arns
        self._parameters: dict[str, dict[str, Any]] = {}

    def create(self, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - a wire shape
        """Create a mapping and give the API's answer.

        Raises:
            WrongUse: A parameter that does not exist.
            InvalidParameterValueException: A value AWS refuses, or a stream that is not there.
            ResourceConflictException: The function already has a mapping on this stream.
        """
        number = len(self._parameters) + 1
        uuid = f"{number:08x}-0000-4000-8000-{number:012x}"
        mapping = EventSourceMapping.from_api(parameters, uuid=uuid)
        if mapping.stream_arn not in self._stream_arns:
            raise InvalidParameterValueException(f"Stream not found: {mapping.stream_arn}")
        for other in map(self.mapping, self._parameters):
            if (other.function_name, other.stream_arn) == (mapping.function_name, mapping.stream_arn):
                raise ResourceConflictException(
                    f"The event source arn ({mapping.stream_arn}) and function ({mapping.function_name}) provided "
                    f"mapping already exists. Please update or delete the existing mapping with UUID {other.uuid}"
                )
        self._parameters[uuid] = parameters
        return _answer(mapping, "Creating")

    def update(self, uuid: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - a wire shape
        """Change a mapping's parameters; what is not named stays.

        Raises:
            WrongUse: A parameter that does not exist.
            InvalidParameterValueException: A value AWS refuses.
        """
        changed = {**self._parameters[uuid], **parameters}
        mapping = EventSourceMapping.from_api(changed, uuid=uuid)
        self._parameters[uuid] = changed
        return _answer(mapping, "Updating")

    def mapping(self, uuid: str) -> EventSourceMapping:
        """Give a mapping as it is in force."""
        return EventSourceMapping.from_api(self._parameters[uuid], uuid=uuid)


def _answer(mapping: EventSourceMapping, state: str) -> dict[str, Any]:
    described = mapping.described()
    described.pop("Enabled")
    described.pop("FunctionName")
    return {
        "UUID": mapping.uuid,
        **described,
        "FunctionArn": mapping.function_arn,
        "LastProcessingResult": "No records processed",
        "State": state,
        "StateTransitionReason": "User action",
    }
