"""A handler imported once; each invocation is a process of its own, forked from it.

A fork costs milliseconds where a start costs half a second, so that a history may crash as often as it likes. Started
by `replay.function.forked` as `TARGET SOCKET ENDPOINT`: it connects to the socket for orders (a line each), and every
fork connects once more, serves one invocation through the gate, and is gone. When the harness ends, however that
happens, so do all, whatever they are busy with, and what they started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from replay.function.channel import Ended, Reader, Writer
from replay.function.child import invoke, load, not_loaded
from replay.function.context import Context
from replay.function.gate import Gate
from replay.function.observer import Observer
from replay.function.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.function.calls import Call
    from replay.function.channel import Message
    from replay.function.child import Handler

LITTLE_TIME_S = 0.05
LOOK_EVERY_S = 0.25
"""How long the harness's end goes unnoticed while the handler is imported."""


def main() -> None:
    """Import the handler, then fork at each order."""
    target, address, endpoint = Target.parse(sys.argv[1]), sys.argv[2], sys.argv[3] or None
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders = _connect(address)
    serving = _Serving()
    Observer(_nobody_listens, endpoint).install()
    serving.gate.install()
    writer, reader = Writer(orders.fileno()), Reader(orders.fileno())
    try:
        with _ending_with_the_harness():
            handler = load(target)
    except Exception as error:  # noqa: BLE001 - whatever a module does at import
        writer.send(not_loaded(target, error))
        return
    try:
        writer.send({"is": "ready"})
        while True:
            reader.receive()
            if os.fork() == 0:
                with contextlib.suppress(Ended, OSError):  # the harness ended, or waits no more
                    orders.close()
                    serving.serve(handler, _connect(address))
                os._exit(0)
    except Ended:
        _end_all()


@contextmanager
def _ending_with_the_harness() -> Iterator[None]:
    """Watch for the harness's end while nobody reads the orders; no thread is left that a fork would lack."""
    starter, is_over = os.getppid(), threading.Event()

    def watch() -> None:
        while not is_over.wait(LOOK_EVERY_S):
            if os.getppid() != starter:
                _end_all()

    watching = threading.Thread(target=watch, daemon=True, name="replay-harness")
    watching.start()
    try:
        yield
    finally:
        is_over.set()
        watching.join()


def _end_all() -> None:
    """End this process with every fork, and what they started: all are of the group that it leads."""
    os.killpg(os.getpid(), signal.SIGKILL)


class _Serving:
    """One invocation in a fork; in the zygote it only holds the gate, through which nothing goes."""

    def __init__(self) -> None:
        self._writer: Writer | None = None
        self._context: Context | None = None
        self.gate = Gate(self._send, self._little_time)

    def serve(self, handler: Handler, connection: socket.socket) -> None:
        """Take an event, run the handler, tell how it ended."""
        self._writer, reader = Writer(connection.fileno()), Reader(connection.fileno())
        self._send({"is": "forked", "pid": os.getpid()})
        invocation = reader.receive()
        assert invocation is not None  # noqa: S101 - waits without a limit
        deadline_s = time.time() + invocation["timeout_s"]
        self._context = Context(os.environ, invocation["request_id"], invocation["function_arn"], deadline_s)
        threading.Thread(target=self._listen, args=(reader,), daemon=True, name="replay-gate").start()
        self._send(invoke(handler, invocation["event"], self._context))

    def _listen(self, reader: Reader) -> None:
        try:
            while True:
                message = reader.receive()
                if message is not None:
                    self.gate.answer(message)
        except Ended:
            os._exit(0)

    def _send(self, message: Message) -> None:
        if self._writer is None:
            raise RuntimeError("a handler called AWS while it was imported: explore needs calls to wait for an event")
        self._writer.send(message)

    def _little_time(self) -> None:
        if self._context is not None:
            self._context.leave(LITTLE_TIME_S)


def _connect(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    return connection


def _nobody_listens(_: Call) -> None:
    """The gate tells of every call already."""


if __name__ == "__main__":
    main()
