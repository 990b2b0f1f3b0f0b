"""A handler whose invocations are stopped at every call: processes forked from one that has imported it.

Each invocation has a process of its own, so that several can be under way at once and any can be killed at any call.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from replay.function.channel import Ended, Reader, Writer
from replay.function.process import (
    LOADED_WITHIN_S,
    PACKAGE_FOLDER,
    HandlerNotLoaded,
    arn,
    while_loading,
    why_not_loaded,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.function.channel import Message
    from replay.function.process import Launch

BOOTSTRAP = f"import sys; sys.path.append({str(PACKAGE_FOLDER)!r}); from replay.function.zygote import main; main()"
FORKED_WITHIN_S = 10.0
SETTLE_S = 0.02
"""How long other threads of a handler get to reach their next call, where it has several."""


class ForkedFunction:
    """A handler, imported once. Use it as a context manager."""

    def __init__(self, launch: Launch, *, shows_output: bool = False) -> None:
        self._launch = launch
        self._shows_output = shows_output
        self._folder = tempfile.TemporaryDirectory(prefix="replay-")
        self._listener = socket.socket(socket.AF_UNIX)
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None

    def __enter__(self) -> Self:
        address = str(Path(self._folder.name) / "s")
        self._listener.bind(address)
        self._listener.listen()
        self._listener.settimeout(LOADED_WITHIN_S)
        output = None if self._shows_output else subprocess.DEVNULL
        launch = self._launch
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOTSTRAP, str(launch.target), address, launch.endpoint or ""],
            env=dict(launch.environment),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if self._shows_output else output,
            stderr=output,
            start_new_session=True,
        )
        try:
            self._orders = self._accept(LOADED_WITHIN_S)
            self._loaded(Reader(self._orders.fileno()))
        except BaseException:  # also Ctrl-C, where the import hangs
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._orders is not None:
            self._orders.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._listener.close()
        self._folder.cleanup()

    def begin(self, event: Mapping[str, Any], request_id: str) -> ForkedInvocation:
        """Start an invocation in a process of its own."""
        assert self._orders is not None  # noqa: S101 - entered
        Writer(self._orders.fileno()).send({"fork": request_id})
        connection = self._accept(FORKED_WITHIN_S)
        invocation = ForkedInvocation(connection, self._launch.configuration.timeout_s)
        invocation.begin({"request_id": request_id, "function_arn": arn(self._launch), "event": event})
        return invocation

    def _accept(self, within_s: float) -> socket.socket:
        """Wait for the process, or a fork of it, to connect; it may have ended instead."""
        until = time.monotonic() + within_s
        self._listener.settimeout(0.2)
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                connection.settimeout(None)
                return connection
            if self._process is not None and self._process.poll() is not None:
                break
        raise HandlerNotLoaded(f"handler {self._launch.target}: its process did not come up")

    def _loaded(self, reader: Reader) -> None:
        target = self._launch.target
        try:
            message = next(while_loading(reader, target))
        except Ended:
            raise HandlerNotLoaded(f"handler {target}: its process ended while it was imported") from None
        if message["is"] == "not-loaded":
            raise HandlerNotLoaded(f"handler {target}: {why_not_loaded(target, message)}")


class ForkedInvocation:
    """One invocation, stopped at its calls; `asked` are those that wait, in the order in which they came."""

    def __init__(self, connection: socket.socket, timeout_s: float) -> None:
        self.asked: list[Message] = []
        self.ended: Message | None = None
        """How it ended; `{"is": "crashed"}` where its process just went."""
        self._connection = connection
        self._reader, self._writer = Reader(connection.fileno()), Writer(connection.fileno())
        self._timeout_s = timeout_s
        self._pid = 0

    def begin(self, invocation: Message) -> None:
        """Hand over the event and wait for the first call."""
        forked = self._reader.receive(time.monotonic() + FORKED_WITHIN_S)
        assert forked is not None  # noqa: S101 - it has just connected
        self._pid = forked["pid"]
        self._writer.send({**invocation, "timeout_s": self._timeout_s})
        self._settle()

    def order(self, order: Message) -> Message | None:
        """Say what becomes of the first waiting call, and wait for the next one; the call's end where it has one."""
        asked = self.asked.pop(0)
        self._writer.send({"answer": asked["number"], **order})
        called = None
        if order["do"] != "lose-request":
            called = self._wait("called", asked["number"])
        self._settle()
        return called

    def order_and_kill(self, order: Message) -> Message | None:
        """Let the first waiting call happen, and kill the process before it sees the answer."""
        asked = self.asked.pop(0)
        self._writer.send({"answer": asked["number"], **order})
        called = self._wait("called", asked["number"])
        self.kill()
        return called

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self.asked.clear()
        self._close({"is": "crashed"})

    def _settle(self) -> None:
        """Wait for the next call or the end; where calls wait already, only a moment for other threads."""
        while self.ended is None:
            limit_s = SETTLE_S if self.asked else self._timeout_s
            if self._take(limit_s) is None:
                if not self.asked:
                    self._close({"is": "timed-out"})
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self._pid, signal.SIGKILL)
                return
            if self.asked and self._is_single():
                return

    def _is_single(self) -> bool:
        """Whether the handler makes its calls from one thread, as far as it was seen."""
        return len(self.asked) == 1 and self.asked[0].get("threads", 1) == 1

    def _wait(self, kind: str, number: int) -> Message | None:
        while self.ended is None:
            message = self._take(self._timeout_s)
            if message is None or (message["is"] == kind and message["number"] == number):
                return message
        return None

    def _take(self, limit_s: float) -> Message | None:
        """Receive one message and note what it means."""
        try:
            message = self._reader.receive(time.monotonic() + limit_s)
        except Ended:
            self._close({"is": "crashed"})
            return {"is": "crashed", "number": 0}
        if message is None:
            return None
        if message["is"] == "asks":
            self.asked.append(message)
        elif message["is"] in {"returned", "raised", "unserialisable"}:
            self._close(message)
        return message

    def _close(self, ended: Message) -> None:
        self.ended = ended
        self._connection.close()
