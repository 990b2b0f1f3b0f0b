"""One group's work, as a generator of table requests.

It asks for a page, a transaction or a pause and receives the answer (or the error, thrown in); what it did is left in
`tally`. No thread, clock, client or randomness inside: whoever drives it decides when each request happens, so that
tests can stop between any two of them.

What the base table says is final; the index is a hint. A member without a row is never given one: they may have left.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stream_processor.errors import ConditionFailed, GaveUp, StreamProcessorError, TransientError
from stream_processor.message import GroupId, MemberId, member_id
from stream_processor.plan import KEY_ATTEMPTS_MAX, Plan, Unfit, plan, written_over
from stream_processor.row import GroupRow, group_row
from stream_processor.table import SENDERS_MESSAGES_MAX, Page, Read, ReadIndex, ReadMember, ReadSenders
from stream_processor.transaction import Key, NoRow, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from stream_processor.message import Message
    from stream_processor.row import Item

PLANS_MAX = 8
"""How often a group is read and planned before the batch gives it up; each failure had a writer."""
COLLISIONS_MAX = 2 * KEY_ATTEMPTS_MAX
"""How often a key may turn out to hold another group's row."""
TRIES_MAX = 4
"""How often one request is sent while its failures are transient."""
BACKOFF_S = 0.05
"""The ceiling of the first pause; it doubles: at most 0.05 + 0.1 + 0.2 = 0.35 s of pauses a request."""
NAMED_MEMBERS_MAX = 100
"""How many members named only by other members' rows are followed."""
PAGES_MAX = 1000
"""How many pages one reading may have: 1 GB."""


@dataclass(frozen=True, slots=True)
class Transact:
    """Do a transaction."""

    actions: Transaction


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the next try."""

    seconds: float


Request = Read | Transact | Pause
Response = Page | None


@dataclass(slots=True)
class Tally:
    """What happened so far in one group's work; it stays readable when the work fails."""

    moved: int = 0
    healed: int = 0
    untimed: int = 0
    unchecked: int = 0
    re_reads: int = 0
    transaction_retries: int = 0
    orphan: bool = False
    unfit: tuple[Unfit, ...] = ()


class GroupWork:
    """Bring one group's rows to its newest message.

    `messages` are the batch's messages of the group, newest first. `jitter` turns the ceiling of a pause (seconds) into
    a pause. Requests, where the index is up to date and every known member has exactly one row: one page a megabyte of
    index entries, and one transaction a hundred actions where something is due.
    """

    def __init__(self, messages: Sequence[Message], jitter: Callable[[float], float]) -> None:
        self.group: GroupId = messages[0].group
        self.messages = tuple(messages)
        self.tally = Tally()
        self._jitter = jitter
        self._taken: set[Key] = set()
        self._seen: set[str] = set()
        """Attributes of rows that were read before the last reading: whoever had them may have merged with another."""

    def requests(self) -> Generator[Request, Response, None]:
        """Do the work; the outcome is in `tally`.

        Raises:
            RetryableError: the work is not finished and may be later.
        """
        rows = yield from self._read_index()
        trusted = self._complete(rows)
        for _ in range(PLANS_MAX):
            if not trusted:
                self._seen.update(*(row.item for row in rows))
                rows = yield from self._read_base(rows)
            done = yield from self._apply(rows)
            if done:
                return
            trusted = False
        raise GaveUp(f"other writers changed the group's rows {PLANS_MAX} times in a row")

    def _apply(self, rows: Sequence[GroupRow]) -> Generator[Request, Response, bool]:
        """Plan and write; whether nothing is left to do, else the rows must be read again.

        Keys that turn out to hold other groups' rows need no reading: what was written before them is known.
        """
        collisions = 0
        due = self._plan(rows)
        while collisions < COLLISIONS_MAX:
            self.tally.unfit = due.unfit
            written = 0
            try:
                for transaction in due.transactions:
                    yield from self._try(Transact(transaction))
                    written += 1
            except ConditionFailed as failure:
                self.tally.transaction_retries += 1
                rows = self._done(rows, due, written)
                if not self._learn(due.transactions[written], failure):
                    return False
                collisions = 1 if written else collisions + 1
                due = self._plan(rows)
            except StreamProcessorError:
                self._done(rows, due, written)
                raise
            else:
                self._count(due)
                return True
        raise GaveUp(f"{COLLISIONS_MAX} keys held other groups' rows")

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        return plan(rows, self.messages, self._taken, self._seen)

    def _done(self, rows: Sequence[GroupRow], due: Plan, written: int) -> Sequence[GroupRow]:
        """Count the first transactions of a plan, and say what the rows are behind them."""
        if not written:
            return rows
        now = written_over(rows, due.transactions[:written], self.group)
        self._count(due, self._plan(now))
        return now

    def _learn(self, transaction: Transaction, failure: ConditionFailed) -> bool:
        """Remember keys that hold other groups' rows; whether nothing else was wrong."""
        collisions = True
        for action, item in zip(transaction, failure.items, strict=True):
            if item is None:
                continue
            if isinstance(action.condition, NoRow) and item and group_row(item, self.group) is None:
                self._taken.add(action.key)
            else:
                collisions = False
        return collisions

    def _count(self, due: Plan, left: Plan | None = None) -> None:
        """Count what of a plan is done: all of it, or all but what is `left`."""
        self.tally.moved += due.moved - (left.moved if left else 0)
        self.tally.healed += due.healed - (left.healed if left else 0)
        self.tally.untimed += due.untimed - (left.untimed if left else 0)
        self.tally.unchecked += due.unchecked - (left.unchecked if left else 0)

    def _complete(self, rows: Sequence[GroupRow]) -> bool:
        """Whether every known member has exactly one row among these."""
        owners = [row.member for row in rows]
        return bool(rows) and len(set(owners)) == len(owners) and self._known(rows) <= set(owners)

    def _known(self, rows: Iterable[GroupRow]) -> set[MemberId]:
        """The owners of rows, whom rows name, and who wrote in this batch."""
        members = {message.sender for message in self.messages if message.sender is not None}
        for row in rows:
            members.add(row.member)
            named = member_id(row.item.get("user_uuid"))
            if named is not None:
                members.add(named)
        return members

    def _read_index(self) -> Generator[Request, Response, tuple[GroupRow, ...]]:
        items = yield from self._pages(ReadIndex(self.group))
        return self._rows(items)

    def _read_base(self, hints: Sequence[GroupRow]) -> Generator[Request, Response, tuple[GroupRow, ...]]:
        """Read every known member's rows consistently; where there are none, those of the newest messages' senders."""
        self.tally.re_reads += 1
        read: set[MemberId] = set()
        rows = yield from self._read_members(self._known(hints), read)
        if not rows:
            senders = yield from self._read_senders()
            rows = yield from self._read_members(senders, read)
        self.tally.orphan = not rows
        return rows

    def _read_members(
        self, members: set[MemberId], read: set[MemberId]
    ) -> Generator[Request, Response, tuple[GroupRow, ...]]:
        """Read members not yet in `read` and whom their rows name; whoever has no row, once more after a pause.

        A reading that meets another invocation's transaction may see its delete and not its put. AWS: DynamoDB
        developer guide, "Isolation level for DynamoDB transactions": to a transaction, a Query is read-committed.
        """
        before = set(read)
        rows = yield from self._follow(members, read)
        absent = read - before - {row.member for row in rows}
        if absent:
            yield Pause(self._jitter(BACKOFF_S))
            rows += yield from self._follow(absent, read - absent)
        return rows

    def _follow(
        self, members: set[MemberId], read: set[MemberId]
    ) -> Generator[Request, Response, tuple[GroupRow, ...]]:
        """Read members not yet in `read`, following those whom their rows name up to `NAMED_MEMBERS_MAX`."""
        rows: list[GroupRow] = []
        waiting = deque(sorted(members - read))
        read |= members
        room = NAMED_MEMBERS_MAX
        while waiting:
            found = self._rows((yield from self._pages(ReadMember(waiting.popleft(), self.group))))
            rows.extend(found)
            named = sorted(self._known(found) - read)[:room]
            room -= len(named)
            read.update(named)
            waiting.extend(named)
        return tuple(rows)

    def _read_senders(self) -> Generator[Request, Response, set[MemberId]]:
        items = yield from self._pages(ReadSenders(self.group))
        senders = (member_id(item.get("user_uuid")) for item in items)
        return {sender for sender in senders if sender is not None}

    def _pages(self, read: Read) -> Generator[Request, Response, tuple[Item, ...]]:
        items: list[Item] = []
        for _ in range(PAGES_MAX):
            page = yield from self._try(read)
            if not isinstance(page, Page):
                raise TypeError(f"a reading was answered with {type(page).__name__}")
            items.extend(page.items)
            if isinstance(read, ReadSenders):
                read = replace(read, limit=SENDERS_MESSAGES_MAX - len(items))
                if read.limit <= 0:
                    return tuple(items)
            if page.next is None:
                return tuple(items)
            read = replace(read, after=page.next)
        raise GaveUp(f"a reading has more than {PAGES_MAX} pages")

    def _try(self, request: Read | Transact) -> Generator[Request, Response, Response]:
        """Send one request, again while its failures are transient and tries are left."""
        for attempt in range(TRIES_MAX - 1):
            try:
                return (yield request)
            except TransientError:
                self.tally.transaction_retries += isinstance(request, Transact)
            yield Pause(self._jitter(BACKOFF_S * 2**attempt))
        return (yield request)

    def _rows(self, items: Iterable[Item]) -> tuple[GroupRow, ...]:
        rows = (group_row(item, self.group) for item in items)
        return tuple(row for row in rows if row is not None)
