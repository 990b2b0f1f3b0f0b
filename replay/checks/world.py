"""A small world around the function's group work: a table, an application, invocations that are stepped call by call.

Everything that happens is one step: a request of one group's work, an application's write, an index entry becoming
visible. Whoever holds the world decides their order and the faults, so each history can be repeated. What must hold at
every moment is checked at every step; what must hold at quiet is the oracle's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from replay.checks.oracle import Finding, Oracle
from replay.checks.reached import named, reached, senders_of
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX, membership_of
from replay.rows.reading import value_of
from replay.rows.said import said_by
from stream_processor.errors import StreamProcessorError, TransientError
from stream_processor.group import GroupWork, Pause, Transact
from stream_processor.message import coalesce, parse, position
from stream_processor.table import Page, ReadIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from replay.checks.store import Store
    from replay.rows.reading import Item, Value
    from stream_processor.group import Request, Response, Tally
    from stream_processor.message import Message

Fault = Literal["none", "lost-request", "lost-answer", "crash-before", "crash-after"]
Record = dict[str, Any]


class Work(Protocol):
    """One group's work as the explored function does it."""

    tally: Tally

    def requests(self) -> Generator[Request, Response, None]:
        """Do the work."""
        ...


class Diverged(AssertionError):
    """Something that must hold does not; the text holds the story."""

    def __init__(self, findings: Sequence[Finding | str], story: Sequence[str]) -> None:
        lines = [*(f"  {finding}" for finding in findings), "story:", *(f"  {step}" for step in story)]
        super().__init__("\n".join(["what must hold does not:", *lines]))
        self.findings = tuple(findings)


@dataclass(slots=True)
class GroupTask:
    """One group's work of one invocation, stopped at its next request."""

    name: str
    messages: Sequence[Message]
    senders: set[str]
    work: Work
    requests: Generator[Request, Response, None]
    request: Request | None
    error: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to step."""
        return self.request is None


@dataclass(slots=True)
class Invocation:
    """One delivery of records: its groups' works, stepped in any order, as threads would."""

    name: str
    records: Sequence[Record]
    tasks: list[GroupTask]
    crashed: bool = False

    @property
    def runnable(self) -> list[GroupTask]:
        """Works with a next request."""
        return [] if self.crashed else [task for task in self.tasks if not task.done]

    @property
    def done(self) -> bool:
        """Whether it has ended, well or badly."""
        return not self.runnable

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well: nothing of it comes again."""
        return self.done and not self.crashed and all(task.error is None for task in self.tasks)


@dataclass(slots=True)
class World:
    """A store, what the oracle knows of it, and what happened so far."""

    store: Store
    make_work: Callable[[Sequence[Message], Callable[[float], float]], Work] = GroupWork
    oracle: Oracle = field(default_factory=Oracle)
    story: list[str] = field(default_factory=list)
    requests: int = 0
    writes: int = 0
    limits: dict[tuple[str, str], set[Value]] = field(default_factory=dict)
    _greatest: dict[tuple[str, str], Value] = field(default_factory=dict)

    # The application.

    def begin(self, items: Iterable[Item]) -> None:
        """Put the rows that are there before anything happens."""
        for item in items:
            self.store.put(item)
            self.note(item)

    def note(self, item: Item) -> None:
        """Take note of a row that is there before anything happens, put by somebody else."""
        self.oracle.row_put(item)
        membership = membership_of(item)
        if membership is not None:
            value: Value = value_of(item)
            self._greatest[membership] = max(value, self._greatest.get(membership) or value)

    def set_attribute(self, group: str, member: str, name: str, value: Mapping[str, Any]) -> None:
        """Let another owner change an attribute of a member's row, as UpdateItem does."""
        rows = self.rows(group, member)
        if rows:
            survivor: Item = max(rows, key=_order)
            self.store.put({**survivor, name: value})
            self.oracle.attribute_set(group, member, name, value)
            self.story.append(f"owner sets {name} of {member} in {group}")

    def leave(self, group: str, member: str) -> None:
        """Let a member leave: their rows of the group go for good."""
        for item in self.rows(group, member):
            self.store.delete((item["pk"]["S"], item["sk"]["S"]))
        self.oracle.member_left(group, member)
        self._greatest.pop((group, member), None)
        self.story.append(f"{member} leaves {group}")

    def rows(self, group: str, member: str) -> list[Item]:
        """Read a member's rows of a group from the base table."""
        return [item for item in self.store.partition(GROUP_PREFIX + member) if membership_of(item) == (group, member)]

    # The function.

    def invoke(self, name: str, records: Sequence[Record]) -> Invocation:
        """Start an invocation: parse and coalesce its records, stop each group's work at its first request.

        A message's row is in the table before its record is delivered.
        """
        messages = []
        senders: dict[str, set[str]] = defaultdict(set)
        for record in records:
            self._put_message(record)
            said = said_by(record, 0)
            if said is not None:
                self.oracle.said(said)
                senders[said.group] |= named(record["dynamodb"]["NewImage"])
            message = parse(record, position(record))
            if message is not None:
                messages.append(message)
        tasks = [self._task(f"{name} {group}", own, senders[group]) for group, own in coalesce(messages).items()]
        return Invocation(name, records, tasks)

    def step(self, invocation: Invocation, task: GroupTask, fault: Fault = "none") -> None:
        """Let one request of one work happen, or fail."""
        request = task.request
        if request is None:
            raise ValueError(f"{task.name} is done")
        self.requests += 1
        self.story.append(f"{task.name}: {_told(request)}" + ("" if fault == "none" else f" ({fault})"))
        if fault == "crash-before":
            invocation.crashed = True
            return
        if fault == "lost-request":
            self._throw(task, TransientError("Lost"))
            return
        try:
            response = self._perform(request, task)
        except StreamProcessorError as error:
            self.story[-1] += f" -> {error.code}"
            answer: Page | StreamProcessorError | None = error
        else:
            answer = response
        self._check_now(request)
        if fault == "crash-after":
            invocation.crashed = True
        elif fault == "lost-answer":
            self._throw(task, TransientError("Lost"))
        elif isinstance(answer, StreamProcessorError):
            self._throw(task, answer)
        else:
            self._send(task, answer)

    def finish(self, invocation: Invocation) -> None:
        """Step an invocation to its end without faults."""
        while invocation.runnable:
            self.step(invocation, invocation.runnable[0])

    # The verdict.

    def judge(self) -> list[Finding]:
        """Compare the table with what it should hold; what a stated limit explains is left out."""
        return [finding for finding in self.oracle.judge(self.store.scan()) if not self.explained(finding)]

    def explained(self, finding: Finding) -> bool:
        """Whether a stated limit explains a finding: the member could not be found when the messages were applied.

        The limit covers a member behind whom no visible index entry, no visible row and no sender pointed to; every
        message that the row lacks must have been applied under such conditions.
        """
        if finding.kind != "behind" or finding.group is None or finding.member is None:
            return False
        missed = self.limits.get((finding.group, finding.member), set())
        rows = self.rows(finding.group, finding.member)
        newer = {value for value in self.oracle.owed_in(finding.group) if all(value > value_of(item) for item in rows)}
        return newer <= missed

    def _put_message(self, record: Record) -> None:
        image = record["dynamodb"]["NewImage"]
        if not self.store.has((image["pk"]["S"], image["sk"]["S"])):
            self.store.put(image)
            self.oracle.row_put(image)

    def _task(self, name: str, messages: Sequence[Message], senders: set[str]) -> GroupTask:
        work = self.make_work(messages, lambda ceiling_s: ceiling_s)
        task = GroupTask(name, messages, senders, work, work.requests(), None)
        self._send(task, None)
        return task

    def _send(self, task: GroupTask, response: Response) -> None:
        """Go on to the next request that is not a pause; virtual time has no waiting."""
        try:
            request = task.requests.send(response)
            while isinstance(request, Pause):
                request = task.requests.send(None)
        except StopIteration:
            task.request = None
        except Exception as error:  # noqa: BLE001 - a work that fails is a result, whatever failed
            task.request, task.error = None, error
        else:
            task.request = request

    def _throw(self, task: GroupTask, error: StreamProcessorError) -> None:
        try:
            request = task.requests.throw(error)
        except StopIteration:
            task.request = None
        except Exception as failure:  # noqa: BLE001 - see _send
            task.request, task.error = None, failure
        else:
            task.request = request
            if isinstance(request, Pause):
                self._send(task, None)

    def _perform(self, request: Request, task: GroupTask) -> Response:
        if isinstance(request, Transact):
            self.store.transact(request.actions)
            self.writes += 1
            return None
        if isinstance(request, Pause):
            return None
        page = self.store.read(request)
        if isinstance(request, ReadIndex) and self.store.waiting():
            self._note_unseen(task, page)
        return page

    def _check_now(self, request: Request) -> None:
        """At every moment each member has a row, and the greatest of a reader's rows never moves back."""
        if not isinstance(request, Transact):
            return
        for action in request.actions:
            for (group, member), before in list(self._greatest.items()):
                if member != action.key.member:
                    continue
                rows = self.rows(group, member)
                if not rows:
                    raise Diverged([f"{member} has no row of {group}"], self.story)
                now = max(value_of(item) for item in rows)
                if now < before:
                    raise Diverged([f"{member}'s row of {group} moved back from {before} to {now}"], self.story)
                self._greatest[group, member] = now

    def _note_unseen(self, task: GroupTask, page: Page) -> None:
        """Take note of members whom nothing points to at this moment: the stated limits' precise condition."""
        group = task.messages[0].group
        base = {member: self.rows(group, member) for of, member in self._greatest if of == group}
        pointed = set(task.senders)
        for item in page.items:
            if item["pk"]["S"].startswith(GROUP_PREFIX):
                pointed |= {item["pk"]["S"][len(GROUP_PREFIX) :], *named(item)}
        found = reached(pointed, base)
        if not found & base.keys():
            found = reached(senders_of(self.store.partition(MESSAGE_PREFIX + group)), base)
        for member in base.keys() - found:
            missed = self.limits.setdefault((group, member), set())
            missed |= {(True, message.instant.replace(tzinfo=None), message.text) for message in task.messages}


def _order(item: Item) -> tuple[Value, str]:
    return value_of(item), item["sk"]["S"]


def _told(request: Request) -> str:
    if isinstance(request, Transact):
        actions = ", ".join(
            f"{type(action).__name__} {action.key.member}/{action.key.sort_key}" for action in request.actions
        )
        return f"Transact [{actions}]"
    return str(request)
