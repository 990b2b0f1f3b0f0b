"""What an invalid pattern raises."""

from __future__ import annotations

from replay.errors import WrongUse

API_MESSAGE = "Invalid filter pattern definition."
"""What the Lambda API says of any invalid pattern (recorded: CreateEventSourceMapping, 400,
InvalidParameterValueException)."""


class InvalidFilterPattern(WrongUse, ValueError):
    """A pattern, or the list of patterns, that AWS refuses; the text says what is wrong and where."""

    api_message = API_MESSAGE

    def __init__(self, reason: str, path: str = "") -> None:
        """Keep the reason and the path inside the pattern (`dynamodb.Keys.pk.S[0]`, empty for the whole)."""
        super().__init__(f"invalid filter pattern{f' at {path}' if path else ''}: {reason}")
        self.reason = reason
        self.path = path

    def __reduce__(self) -> tuple[type[InvalidFilterPattern], tuple[str, str]]:
        """Travel between processes with reason and path, not with the joined text."""
        return type(self), (self.reason, self.path)
