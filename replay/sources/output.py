"""Where lines of records go: a file, which appears whole or not at all, or standard output.

What is no regular file (a device, a named pipe) is written to as it is.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_OUTPUT: Final = "-"
BUFFER_BYTES: Final = 1 << 20
FILE_MODE: Final = 0o666
"""Less the user's mask: what a file gets that is simply opened."""


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open the output; a file takes its name when the block ends well.

    A reader of standard output who goes away early ends the block, and nothing is said.

    Raises:
        WrongUse: it cannot be written.
    """
    try:
        if name == STANDARD_OUTPUT:
            with _standard_output() as stream:
                yield stream
        elif Path(name).exists() and not Path(name).is_file():
            with Path(name).open("wb", buffering=BUFFER_BYTES) as stream:
                yield stream
        else:
            with _whole(Path(name)) as stream:
                yield stream
    except OSError as error:
        raise WrongUse(f"{name} cannot be written: {error.strerror or error}") from None


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Write beside the file, and put it in its place at the end."""
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb", buffering=BUFFER_BYTES) as stream:
            yield stream
        mask = os.umask(0)
        os.umask(mask)
        Path(beside).chmod(FILE_MODE & ~mask)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
