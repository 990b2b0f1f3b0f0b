"""A handler in a process of its own: started when needed, invoked one event at a time, killed at its timeout.

The process outlives invocations as a warm Lambda environment does; after a timeout or a crash the next invocation
starts another. It ends with the harness, however that ends, and takes the processes it started with it.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from replay.errors import WrongUse
from replay.function.calls import Call
from replay.function.channel import GATED, Ended, Reader, Writer
from replay.function.control import GO, Asked
from replay.function.environment import ACCOUNT
from replay.function.outcome import Crashed, Invoked, Outcome, Raised, Returned, TimedOut, Unserialisable
from replay.function.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from replay.function.channel import Message
    from replay.function.configuration import Configuration
    from replay.function.control import Control, Order
    from replay.function.target import Target

LAMBDA_LOADS_WITHIN_S = 10
"""Lambda then starts over on the invocation's own time. Source: AWS, Lambda developer guide, "Init phase"."""
LOADED_WITHIN_S = 60
"""A busy machine gets more here."""
SAID_AFTER_S = 5
"""How long an import may take before somebody who waits is told of it."""

END_WITHIN_S = 5
LINES_TOLD = 3
"""Of what a handler printed before its process ended."""
KILLED = Crashed(-signal.SIGKILL)
PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
BOOTSTRAP = f"import sys; sys.path.append({str(PACKAGE_FOLDER)!r}); from replay.function.child import main; main()"


@dataclass(frozen=True, slots=True)
class Launch:
    """How a handler's process is started; `endpoint` is the local DynamoDB that it is kept to, None lets it out."""

    target: Target
    configuration: Configuration
    environment: Mapping[str, str]
    endpoint: str | None


class HandlerNotLoaded(WrongUse):
    """The handler could not be imported; the text says why and what to do."""


class FunctionProcess:
    """A handler, ready to be invoked again and again from one thread. Use it as a context manager.

    `tell` gets each line that the handler prints. `control` decides about each call before it is made; without one they
    are only watched.
    """

    def __init__(
        self, launch: Launch, tell: Callable[[str], None] | None = None, control: Control | None = None
    ) -> None:
        self._launch = launch
        self._output = Output(tell)
        self._control = control
        self._running: _Running | None = None
        self.meanwhile: Callable[[], object] = _nothing
        """Called while the handler works: a little that has to be done anyway."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and load the handler, unless it is there.

        Raises:
            HandlerNotLoaded: it could not be imported.
        """
        if self._running is None:
            self._running = _Running(self._launch, self._output, is_gated=self._control is not None)
            try:
                self._running.load(self._launch.target)
            except HandlerNotLoaded:
                self.stop()
                raise

    def stop(self) -> None:
        """End the process at once, whatever it does; again is nothing."""
        if self._running is not None:
            self._running.kill()
            self._running = None

    def last_lines(self) -> tuple[str, ...]:
        """Give the last lines that the handler printed, also before a crash."""
        return self._output.last_lines()

    def invoke(self, event: Mapping[str, Any], request_id: str) -> Invoked:
        """Deliver one event, a copy of it, and wait for its end.

        Raises:
            HandlerNotLoaded: a process had to be started and the handler could not be imported.
        """
        self.start()
        assert self._running is not None  # noqa: S101 - started above
        cold_start, self._running.is_fresh = self._running.is_fresh, False
        calls, self._running.calls_at_import = self._running.calls_at_import, []
        started = time.monotonic()
        outcome = self._deliver(self._running, event, request_id, calls)
        duration_s = time.monotonic() - started
        printed: tuple[str, ...] = ()
        if isinstance(outcome, TimedOut | Crashed):
            self.stop()
            printed = self.last_lines()[-LINES_TOLD:]
        return Invoked(request_id, outcome, tuple(calls), duration_s, cold_start, printed)

    def _deliver(self, running: _Running, event: Mapping[str, Any], request_id: str, calls: list[Call]) -> Outcome:
        timeout_s = self._launch.configuration.timeout_s
        until = time.monotonic() + timeout_s
        asked: dict[int, tuple[Asked, Order]] = {}
        try:
            running.writer.send(
                {
                    "request_id": request_id,
                    "deadline_s": time.time() + timeout_s,
                    "function_arn": arn(self._launch),
                    "event": event,
                }
            )
            self.meanwhile()
            while True:
                message = running.reader.receive(until)
                if message is None:
                    return TimedOut(timeout_s)
                match message["is"]:
                    case "call":
                        calls.append(_call(message))
                    case "asks":
                        call = Asked(message["service"], message["operation"], message["body"], request_id)
                        order = self._decide(call)
                        if order.do == "kill":
                            return KILLED
                        asked[message["number"]] = call, order
                        running.answer(message["number"], order)
                    case "called":
                        call, order = asked.pop(message["number"])
                        self._note(call, message["error"])
                        if order.do == "kill-after":
                            return KILLED
                    case _:
                        return _outcome(message)
        except Ended:
            return Crashed(running.status())

    def _decide(self, call: Asked) -> Order:
        return self._control.asked(call) if self._control is not None else GO

    def _note(self, call: Asked, error: str | None) -> None:
        if self._control is not None:
            self._control.called(call, error)


def _nothing() -> None: ...


class _Running:
    """One process with its two pipes; fresh until its first invocation."""

    def __init__(self, launch: Launch, output: Output, *, is_gated: bool) -> None:
        self.is_fresh = True
        self.calls_at_import: list[Call] = []
        own_read, its_write = os.pipe()
        its_read, own_write = os.pipe()
        self.reader, self.writer = Reader(own_read), Writer(own_write)
        descriptors = (its_read, its_write)
        arguments = [str(launch.target), *map(str, descriptors), launch.endpoint or "", GATED if is_gated else ""]
        self._process = subprocess.Popen(
            # -P keeps the working folder off the path until the handler is loaded.
            [sys.executable, "-P", "-c", BOOTSTRAP, *arguments],
            env=dict(launch.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C is for the harness; and the whole group can be killed
        )
        os.close(its_read)
        os.close(its_write)
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        output.read(self._process.stdout)
        self._output = output

    def load(self, target: Target) -> None:
        """Wait until the handler is imported; calls that it makes meanwhile happen."""
        try:
            for message in while_loading(self.reader, target):
                match message["is"]:
                    case "ready":
                        return
                    case "not-loaded":
                        raise HandlerNotLoaded(f"handler {target}: {why_not_loaded(target, message)}")
                    case "call":
                        self.calls_at_import.append(_call(message))
                    case "asks":
                        self.answer(message["number"], GO)
        except Ended:
            said = " | ".join(self._after_end())
            raise HandlerNotLoaded(f"handler {target}: its process ended while it was imported: {said}") from None

    def answer(self, number: int, order: Order) -> None:
        """Say what becomes of a call that waits."""
        do = "go" if order.do == "kill-after" else order.do
        self.writer.send({"answer": number, "do": do, "code": order.code, "more": order.more, "items": order.items})

    def status(self) -> int:
        """Wait for a process that closed its pipes, and tell its exit status."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_WITHIN_S)
        return self._process.returncode if self._process.returncode is not None else -signal.SIGKILL

    def kill(self) -> None:
        """End the process and those it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.finish()
        self.reader.close()
        self.writer.close()

    def _after_end(self) -> tuple[str, ...]:
        self._process.wait()
        self._output.finish()
        return self._output.last_lines()[-3:] or (f"exit status {self._process.returncode}",)


def _call(message: Message) -> Call:
    return Call.from_message({name: part for name, part in message.items() if name != "is"})


def _outcome(message: Message) -> Outcome:
    match message["is"]:
        case "returned":
            return Returned(message["value"])
        case "unserialisable":
            return Unserialisable(message["reason"])
        case _:
            return Raised(message["type"], message["message"], tuple(message["stack"]))


def arn(launch: Launch) -> str:
    """Name the function as Lambda would."""
    region = launch.environment["AWS_REGION"]
    return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{launch.configuration.name}"


def while_loading(reader: Reader, target: Target) -> Iterator[Message]:
    """Give what a handler's process tells while the handler is imported; say so where that takes long.

    Raises:
        Ended: the process is gone.
        HandlerNotLoaded: it took longer than LOADED_WITHIN_S.
    """
    started, is_said = time.monotonic(), False
    while True:
        message = reader.receive(started + (LOADED_WITHIN_S if is_said else SAID_AFTER_S))
        if message is not None:
            yield message
        elif is_said:
            own = f"Lambda's own limit is {LAMBDA_LOADS_WITHIN_S} s"
            raise HandlerNotLoaded(f"handler {target}: its import took longer than {LOADED_WITHIN_S} s; {own}")
        else:
            is_said = True
            line = f"handler {target} is still being imported after {SAID_AFTER_S} s; it gets {LOADED_WITHIN_S} s"
            print(f"replay: {line}", file=sys.stderr, flush=True)  # noqa: T201 - nothing that says lines is below this


def why_not_loaded(target: Target, message: Message) -> str:
    """Say in a line what keeps a handler from being loaded."""
    if message["no_handler"] is not None:
        return str(message["no_handler"])
    if message["functions"] is not None:
        near = difflib.get_close_matches(target.function, message["functions"], n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(message['functions']) or 'none'}"
        return f"there is no function '{target.function}' in {target.location}; {hint}"
    missing = message["missing_module"]
    if missing is not None and target.file is None and f"{target.location}.".startswith(f"{missing}."):
        return f"there is no module '{missing}' in the working folder or the environment"
    return f"its import raised {message['type']}: {message['message']} ({message['place']})"
