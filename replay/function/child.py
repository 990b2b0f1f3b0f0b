"""What runs in the handler's process: load the handler, then invoke it once a line.

Started by `replay.function.process` as `TARGET READ_FD WRITE_FD ENDPOINT GATED`. The two pipes carry the protocol and
are not inherited further; standard output and error are the handler's own. When the harness ends, so does this process.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import queue
import sys
import threading
import traceback
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from replay.function.channel import GATED, Ended, Message, Reader, Writer
from replay.function.context import Context
from replay.function.gate import Gate
from replay.function.observer import Observer
from replay.function.target import Target
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.function.calls import Call

    Handler = Callable[[Any, Any], Any]

EVENT_AND_CONTEXT = 2


def main() -> None:
    """Serve invocations until the harness closes its end."""
    target, read, write = Target.parse(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    endpoint, is_gated = sys.argv[4] or None, sys.argv[5] == GATED
    for descriptor in (read, write):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - takes no keyword
    sys.argv = [str(target)]
    channel = Writer(write)

    def tell(call: Call) -> None:
        channel.send({"is": "call", **call.message()})

    Observer(tell, endpoint).install()
    gate = Gate(channel.send, lambda: None)
    if is_gated:
        gate.install()
    invocations: queue.SimpleQueue[Message] = queue.SimpleQueue()
    receiving = (Reader(read), invocations, gate)
    threading.Thread(target=_receive, args=receiving, daemon=True, name="replay-protocol").start()
    try:
        handler = load(target)
    except Exception as error:  # noqa: BLE001 - whatever a module does at import
        channel.send(not_loaded(target, error))
        return
    channel.send({"is": "ready"})
    _serve(handler, invocations, channel)


class NoHandler(Exception):
    """What stands under the handler's name is nothing that Lambda could call; the text says why."""


def load(target: Target) -> Handler:
    """Import the handler with the working folder first on the path; a file's own folder comes before it.

    Raises:
        NoHandler: it cannot be called as Lambda calls it.
    """
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - the path takes texts
    if target.file is None:
        module = importlib.import_module(target.location)
    else:
        sys.path.insert(0, str(target.file.resolve().parent))
        specification = importlib.util.spec_from_file_location(target.file.stem, target.file)
        assert specification is not None  # noqa: S101 - a name ending in .py has one
        assert specification.loader is not None  # noqa: S101 - the same
        module = importlib.util.module_from_spec(specification)
        sys.modules[target.file.stem] = module
        specification.loader.exec_module(module)
    handler: Handler = getattr(module, target.function)
    _check(handler)
    return handler


def _check(handler: Any) -> None:  # noqa: ANN401 - whatever stands under the name
    """Refuse what every delivery would fail with."""
    if not callable(handler):
        kind = type(handler).__name__
        raise NoHandler(f"it is {'an' if kind[0] in 'aeiou' else 'a'} {kind}, not a function")
    awaited = inspect.iscoroutinefunction, inspect.isasyncgenfunction
    if any(is_async(each) for is_async in awaited for each in (handler, type(handler).__call__)):
        raise NoHandler("it is async; Lambda does not await it")
    try:
        signature = inspect.signature(handler)
    except ValueError:  # some that are written in C have none to look at
        return
    try:
        signature.bind({}, None)
    except TypeError as error:
        places = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
        taken = sum(1 for parameter in signature.parameters.values() if parameter.kind in places)
        wrong = (
            f"it takes {counted(taken, 'argument')}" if taken != EVENT_AND_CONTEXT else f"it cannot be called ({error})"
        )
        raise NoHandler(f"{wrong}; Lambda calls it with event and context") from None


def not_loaded(target: Target, error: Exception) -> Message:
    """Say what keeps the handler from being loaded, and what could have been meant."""
    module = sys.modules.get(target.file.stem if target.file else target.location)
    missing = isinstance(error, AttributeError) and module is not None and not hasattr(module, target.function)
    names = [name for name, value in vars(module).items() if callable(value)] if missing else []
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if not f.filename.startswith("<") and f.filename != __file__
    ]
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    if isinstance(error, SyntaxError) and error.filename:  # the file that cannot be read has no frame
        places.append(f"{error.filename}:{error.lineno}")
    return {
        "is": "not-loaded",
        "no_handler": str(error) if isinstance(error, NoHandler) else None,
        "type": type(error).__name__,
        "message": error.msg if isinstance(error, SyntaxError) else str(error),
        "functions": names if missing else None,
        "missing_module": error.name if isinstance(error, ModuleNotFoundError) else None,
        "place": places[-1] if places else target.location,
    }


def _serve(handler: Handler, invocations: queue.SimpleQueue[Message], channel: Writer) -> None:
    while True:
        invocation = invocations.get()
        context = Context(os.environ, invocation["request_id"], invocation["function_arn"], invocation["deadline_s"])
        channel.send(invoke(handler, invocation["event"], context))


def _receive(reader: Reader, invocations: queue.SimpleQueue[Message], gate: Gate) -> None:
    """Take what the harness sends; its end is the end, whatever the handler is busy with."""
    try:
        while True:
            message = reader.receive()
            if message is not None and "answer" in message:
                gate.answer(message)
            elif message is not None:
                invocations.put(message)
    except Ended:
        os._exit(0)


def invoke(handler: Handler, event: Any, context: Context) -> Message:  # noqa: ANN401 - JSON of any shape
    """Call the handler once; its end as a message."""
    try:
        value = handler(event, context)
    except Exception as error:  # noqa: BLE001 - told to the event source, as Lambda does
        return _raised(error)
    except BaseException as error:  # noqa: BLE001 - Lambda's process ends on these, SystemExit first of all
        traceback.print_exc()
        sys.stdout.flush()
        os._exit(error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1)
    try:
        # Lambda's own encoder turns decimals into numbers, and refuses what JSON has no word for.
        return {"is": "returned", "value": json.loads(json.dumps(value, default=_decimal))}
    except (TypeError, ValueError, RecursionError) as error:
        return {"is": "unserialisable", "reason": str(error)}


def _decimal(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _raised(error: Exception) -> Message:
    own_frames = 1
    frames = traceback.extract_tb(error.__traceback__)[own_frames:]
    return {
        "is": "raised",
        "type": type(error).__name__,
        "message": str(error),
        "stack": [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames],
    }
