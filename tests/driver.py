"""Drive one group's work by hand: every request is kept, and any of them can be made to fail."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stream_processor.errors import ConditionFailed, StreamProcessorError
from stream_processor.group import GroupWork, Pause, Request, Response, Transact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream_processor.message import Message
    from stream_processor.table import GroupTable, Read


@dataclass(frozen=True)
class Fault:
    """An error in place of an answer; `after` is whether the request took effect all the same."""

    error: StreamProcessorError
    after: bool = False


@dataclass
class Story:
    """What one group's work asked for, and how it ended."""

    work: GroupWork
    requests: list[Request] = field(default_factory=list)
    error: Exception | None = None

    @property
    def calls(self) -> list[Request]:
        """What reached the table."""
        return [request for request in self.requests if not isinstance(request, Pause)]

    @property
    def kinds(self) -> list[str]:
        """The same in words: index, member, senders, write."""
        words = {"ReadIndex": "index", "ReadMember": "member", "ReadSenders": "senders", "Transact": "write"}
        return [words[type(request).__name__] for request in self.calls]

    @property
    def pauses(self) -> list[float]:
        """How long it waited, in seconds."""
        return [request.seconds for request in self.requests if isinstance(request, Pause)]


def drive(
    messages: Sequence[Message],
    table: GroupTable,
    faults: Mapping[int, Fault] | None = None,
    before: Callable[[int, Request], None] | None = None,
    jitter: Callable[[float], float] = float,
) -> Story:
    """Run a group's work to its end; calls to the table are numbered from 0, `before` sees each ahead of its effect."""
    story = Story(GroupWork(messages, jitter))
    requests = story.work.requests()
    try:
        request = next(requests)
        while True:
            number = len(story.calls)
            story.requests.append(request)
            try:
                response = _perform(request, number, table, faults or {}, before)
            except StreamProcessorError as error:
                request = requests.throw(error)
            else:
                request = requests.send(response)
    except StopIteration:
        pass
    except StreamProcessorError as error:
        story.error = error
    return story


def _perform(
    request: Request,
    number: int,
    table: GroupTable,
    faults: Mapping[int, Fault],
    before: Callable[[int, Request], None] | None,
) -> Response:
    if isinstance(request, Pause):
        return None
    if before is not None:
        before(number, request)
    fault = faults.get(number)
    if fault is None:
        return _call(request, table)
    if fault.after:
        with suppress(ConditionFailed):
            _call(request, table)
    raise fault.error


def _call(request: Read | Transact, table: GroupTable) -> Response:
    if isinstance(request, Transact):
        table.transact(request.actions)
        return None
    return table.read(request)
