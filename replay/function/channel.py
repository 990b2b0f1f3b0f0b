"""Lines of JSON between the harness and the process a handler runs in, over two pipes of their own.

To the handler's process: an invocation a line (`request_id`, `deadline_s`, `function_arn`, `event`), and where calls
wait for the harness's word, that (`answer` with the call's number, `do`). From it: objects whose `is` says what they
are: `ready`, `not-loaded`, `call`, `asks`, `called`, `returned`, `unserialisable`, `raised`.
"""

from __future__ import annotations

import os
import selectors
import threading
import time
from typing import Any

from replay import quick_json

CHUNK_BYTES = 1 << 16
GATED = "gated"
"""The process's last argument where every call waits for the harness's word."""

GONE = (BrokenPipeError, ConnectionResetError)
"""How the other side's end is told; a socket that ends with something unread is reset."""

Message = dict[str, Any]


class Ended(Exception):
    """The other side is gone."""


class Writer:
    """Sends messages, whole, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Write one line.

        Raises:
            Ended: nobody reads any more.
        """
        line = memoryview(quick_json.dumps(message) + b"\n")
        try:
            with self._lock:
                while line:
                    line = line[os.write(self._descriptor, line) :]
        except GONE as error:
            raise Ended from error

    def close(self) -> None:
        """Let go of the pipe; the reader sees the end."""
        os.close(self._descriptor)


class Reader:
    """Receives messages, for one thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        self._rest = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(descriptor, selectors.EVENT_READ)

    def receive(self, until: float | None = None) -> Message | None:
        """Wait for the next message, at most until this moment of the monotonic clock; nothing when it has passed.

        Raises:
            Ended: no more will come.
        """
        while not self._lines:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not self._selector.select(left):
                return None
            try:
                chunk = os.read(self._descriptor, CHUNK_BYTES)
            except GONE as error:
                raise Ended from error
            if not chunk:
                raise Ended
            self._rest += chunk
            if b"\n" in chunk:
                *lines, rest = bytes(self._rest).split(b"\n")
                self._lines, self._rest = lines[::-1], bytearray(rest)
        message = quick_json.loads(self._lines.pop())
        assert isinstance(message, dict)  # noqa: S101 - the other side is ours
        return message

    def close(self) -> None:
        """Let go of the pipe; the writer gets an error."""
        self._selector.close()
        os.close(self._descriptor)
