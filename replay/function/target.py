"""Which handler to run: `MODULE:FUNCTION` or `path/to/file.py:function`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from replay.errors import WrongUse

DEFAULT = "stream_processor.handler:lambda_handler"
FILE_ENDING = ".py"


@dataclass(frozen=True, slots=True)
class Target:
    """A function, in a module found as Python finds modules (the working folder first) or in a file.

    What a file imports is looked for in its own folder, then as a module is.
    """

    location: str
    function: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read a target; Lambda's own spelling `module.function` is understood too.

        Raises:
            WrongUse: it has no function, or names a file that is not there.
        """
        location, colon, function = text.rpartition(":")
        if not colon and not text.endswith(FILE_ENDING):
            location, _, function = text.rpartition(".")
        if not location or not function.isidentifier():
            raise WrongUse(f"handler '{text}' names no function; write MODULE:FUNCTION or path/to/file.py:function")
        target = cls(location, function)
        if target.file is not None and not target.file.is_file():
            raise WrongUse(f"handler '{text}': there is no file {target.file}")
        return target

    @property
    def file(self) -> Path | None:
        """The file it stands in; nothing for a module."""
        return Path(self.location) if self.location.endswith(FILE_ENDING) else None

    def __str__(self) -> str:
        return f"{self.location}:{self.function}"
