"""What a handler prints: taken line by line, kept apart from everything the harness says."""

from __future__ import annotations

import threading
from collections import deque
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LINES_KEPT = 20
FINISHED_WITHIN_S = 2
"""A process that the handler left behind may hold the pipe; it is not waited for longer."""


class Output:
    """The lines of one handler's processes, one after the other; `tell` gets each as it comes."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._tell = tell
        self._kept: deque[str] = deque(maxlen=LINES_KEPT)
        self._thread: threading.Thread | None = None

    def read(self, stream: IO[bytes]) -> None:
        """Read a process's output to its end, in a thread."""
        self._thread = threading.Thread(target=self._pump, args=(stream,), daemon=True, name="handler-output")
        self._thread.start()

    def finish(self) -> None:
        """Wait for the rest of an ended process's lines."""
        if self._thread is not None:
            self._thread.join(FINISHED_WITHIN_S)

    def last_lines(self) -> tuple[str, ...]:
        """Give the last lines."""
        return tuple(self._kept)

    def _pump(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip("\r\n")
                self._kept.append(text)
                if self._tell is not None:
                    self._tell(text)
