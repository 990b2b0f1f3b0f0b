"""Group works that are wrong, each in one sentence of the contract: the checks must convict every one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream_processor.errors import GaveUp
from stream_processor.group import GroupWork, Transact
from stream_processor.plan import Plan, plan
from stream_processor.row import GroupRow, by_member
from stream_processor.table import ReadIndex, ReadMember
from stream_processor.transaction import Delete, Key, NoRow, Put, Unchanged, unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from stream_processor.errors import ConditionFailed
    from stream_processor.group import Request, Response
    from stream_processor.message import MemberId, Message
    from stream_processor.row import Item
    from stream_processor.table import Read
    from stream_processor.transaction import Action, Transaction


class PlansOtherwise(GroupWork):
    """A work with a plan of its own, which begins with the right one."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        due = plan(rows, self.messages, self._taken)
        parts = [part for transaction in due.transactions for part in self.changed(transaction)]
        return replace(due, transactions=tuple(parts))

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (transaction,)


class DeletesThenPuts(PlansOtherwise):
    """No transaction around delete and put: a crash in between loses the row (H2)."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return tuple((action,) for action in transaction)


class PutsThenDeletes(PlansOtherwise):
    """Put and delete apart from each other, and nobody mends what a crash leaves: the row is doubled."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return tuple((action,) for action in reversed(transaction))

    def _complete(self, rows: Sequence[GroupRow]) -> bool:
        return bool(rows)

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        return super()._plan([own[0] for own in by_member(rows).values()])


class MovesWithoutConditions(PlansOtherwise):
    """The delete asks for nothing but the key: another owner's update between read and write is lost."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (tuple(_lax(action) for action in transaction),)


class ConditionsTheTextOnly(PlansOtherwise):
    """The condition covers the fields of the function alone: another owner's update is lost."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (tuple(_own_fields(action) for action in transaction),)


class IgnoresAbsences(PlansOtherwise):
    """An attribute that other rows have and this one lacks is not conditioned: its first value is lost."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (tuple(_without_absences(action) for action in transaction),)


class OverwritesOtherGroups(PlansOtherwise):
    """The put of a new key does not ask whether a row is there: another group's row is overwritten (H7)."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (tuple(_anywhere(action) for action in transaction),)


class ShiftsTheInstant(PlansOtherwise):
    """A collision is solved by a microsecond more: the row tells another time than the message."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (tuple(_shifted(action) for action in transaction),)


class DropsOtherAttributes(PlansOtherwise):
    """A fixed list of attributes is written: those of other owners are erased (H9)."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (tuple(_listed(action) for action in transaction),)


class KeepsDoubledRows(PlansOtherwise):
    """Only the greatest row of a member is looked at: the other one stays."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        return super()._plan([own[0] for own in by_member(rows).values()])


class ForgetsTheLosersAttributes(PlansOtherwise):
    """What only the removed row of a member had goes with it."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        kept = []
        for own in by_member(rows).values():
            kept.append(own[0])
            kept.extend(
                replace(loser, item={name: loser.item[name] for name in own[0].item if name in loser.item})
                for loser in own[1:]
            )
        return super()._plan(kept)


class HasNoOrder(GroupWork):
    """The last record of the batch wins, whatever the row shows: redelivery moves the group back (H5)."""

    def _apply(self, rows: Sequence[GroupRow]) -> Generator[Request, Response, bool]:
        last = max(self.messages, key=lambda message: message.sequence)
        self.messages = (last,)
        ancient = [
            replace(row, has_time=False)
            for row in rows
            if row.sort_key != last.instant.isoformat(timespec="microseconds")
        ]
        return (yield from super()._apply(ancient))


class ComparesTimesAsText(GroupWork):
    """Times are compared by their spelling, which is not their order (H14)."""

    def _rows(self, items: Iterable[Item]) -> tuple[GroupRow, ...]:
        newest = self.messages[0].instant.isoformat(timespec="microseconds")
        return tuple(row for row in super()._rows(items) if row.sort_key < newest or not row.has_time)


class TakesTheOldest(GroupWork):
    """The first message of the batch is applied, the others are lost (H1)."""

    def __init__(self, messages: Sequence[Message], jitter: Callable[[float], float]) -> None:
        super().__init__([min(messages, key=lambda message: message.sequence)], jitter)


class TrustsTheIndex(GroupWork):
    """What the index does not show is not there (H4)."""

    def _complete(self, _rows: Sequence[GroupRow]) -> bool:
        return True


class ReadsTheIndexAgain(GroupWork):
    """After a failed condition the index is asked again instead of the table: it may still be behind."""

    def _read_base(self, _hints: Sequence[GroupRow]) -> Generator[Request, Response, tuple[GroupRow, ...]]:
        return (yield from self._read_index())


class ForgetsWhomRowsName(GroupWork):
    """Only owners of visible rows and senders are known."""

    def _known(self, rows: Iterable[GroupRow]) -> set[MemberId]:
        senders = {message.sender for message in self.messages if message.sender is not None}
        return senders | {row.member for row in rows}


class ForgetsTheSenders(GroupWork):
    """Who wrote in the batch is not asked for a row."""

    def _known(self, rows: Iterable[GroupRow]) -> set[MemberId]:
        silent = GroupWork([replace(message, sender=None) for message in self.messages], self._jitter)
        return silent._known(rows)


class ForgetsEarlierSenders(GroupWork):
    """Where no row is found, the senders of the newest messages are not asked."""

    def _read_senders(self) -> Generator[Request, Response, set[MemberId]]:
        yield from ()
        return set()


class CreatesMissingRows(GroupWork):
    """A member without a row gets one: whoever left is back, and strangers join."""

    def requests(self) -> Generator[Request, Response, None]:
        yield from super().requests()
        message = self.messages[0]
        rows = self._rows((yield from self._pages(ReadIndex(self.group))))
        for member in sorted(self._known(rows) - {row.member for row in rows}):
            key = Key(member, message.instant.isoformat(timespec="microseconds"))
            item = {**key.item, "message_group_uuid": {"S": self.group}, "message": {"S": message.text}}
            yield Transact((Put(key, item, NoRow(), 100),))


class WritesWhatIsNotDue(GroupWork):
    """A row that is at the message already is written all the same: every redelivery costs a write."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        due = super()._plan(rows)
        if due.transactions or not rows:
            return due
        (first, *_) = next(iter(by_member(rows).values()))
        again = Put(Key(first.member, first.sort_key), first.item, unchanged(first.item, ()), 100)
        return replace(due, transactions=((again,),))


class HealsOnlyWhatIsDue(GroupWork):
    """Two rows of one member stay two while no message is newer than they are."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        survivors = [own[0] for own in by_member(rows).values()]
        is_due = any((True, *self.messages[0].rank) > row.rank for row in survivors)
        return super()._plan(rows if is_due else survivors)


class DeletesAndPutsOneKey(PlansOtherwise):
    """A row that keeps its key is deleted and put in one transaction, which the service refuses (H8)."""

    def changed(self, transaction: Transaction) -> tuple[Transaction, ...]:
        return (tuple(part for action in transaction for part in _twice(action)),)


class PutsAllInOneTransaction(GroupWork):
    """However many members there are, one transaction is to move them all."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        due = super()._plan(rows)
        whole = tuple(action for transaction in due.transactions for action in transaction)
        return replace(due, transactions=(whole,) if whole else ())


class ReadsOnePage(GroupWork):
    """What stands behind the first page of a reading is not there (H21)."""

    def _pages(self, read: Read) -> Generator[Request, Response, tuple[Item, ...]]:
        page = yield from self._try(read)
        return page.items if page is not None else ()


class FollowsNobody(GroupWork):
    """Whom a row names is asked where the index shows that row, and not where a consistent reading does."""

    def _read_members(
        self, members: set[MemberId], read: set[MemberId]
    ) -> Generator[Request, Response, tuple[GroupRow, ...]]:
        rows: list[GroupRow] = []
        for member in sorted(members - read):
            read.add(member)
            rows.extend(self._rows((yield from self._pages(ReadMember(member, self.group)))))
        return tuple(rows)


class WaitsForWhoHasNoRow(GroupWork):
    """A known member without a row is an error: whoever left keeps the group from ever being done."""

    def requests(self) -> Generator[Request, Response, None]:
        yield from super().requests()
        rows = self._rows((yield from self._pages(ReadIndex(self.group))))
        if rows and self._known(rows) - {row.member for row in rows}:
            raise GaveUp("a member has no row yet")


class WaitsForOrphans(GroupWork):
    """A group without any row is an error, for ever."""

    def requests(self) -> Generator[Request, Response, None]:
        yield from super().requests()
        if self.tally.orphan:
            raise GaveUp("no row yet")


class TriesTheNewestAlone(GroupWork):
    """A newest message that does not fit is set aside, and the group is not planned again with its next newest."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        return plan(rows, self.messages[:1], self._taken)


class MovesEverybodyOrNobody(GroupWork):
    """A text that does not fit one member's row is applied to no row."""

    def _plan(self, rows: Sequence[GroupRow]) -> Plan:
        due = super()._plan(rows)
        unfit = {each.message for each in due.unfit}
        fitting = [message for message in self.messages if message not in unfit]
        return plan(rows, fitting, self._taken) if fitting else replace(due, transactions=())


class NeverLearnsOfCollisions(GroupWork):
    """A key that another group's row has is tried again and again (H7, the other way)."""

    def _learn(self, _transaction: Transaction, _failure: ConditionFailed) -> bool:
        return False


class TakesRowsWithoutTimeForNewest(GroupWork):
    """A row whose sort key is no time is left as it is."""

    def _rows(self, items: Iterable[Item]) -> tuple[GroupRow, ...]:
        latest = self.messages[0].instant.replace(year=9999)
        return tuple(
            row if row.has_time else replace(row, has_time=True, instant=latest) for row in super()._rows(items)
        )


class ComparesWholeSeconds(GroupWork):
    """What is behind the second is not read."""

    def __init__(self, messages: Sequence[Message], jitter: Callable[[float], float]) -> None:
        whole = [replace(message, instant=message.instant.replace(microsecond=0)) for message in messages]
        super().__init__(whole, jitter)


WRONG_WORKS: tuple[type[GroupWork], ...] = (
    DeletesThenPuts,
    PutsThenDeletes,
    MovesWithoutConditions,
    ConditionsTheTextOnly,
    IgnoresAbsences,
    OverwritesOtherGroups,
    ShiftsTheInstant,
    DropsOtherAttributes,
    KeepsDoubledRows,
    ForgetsTheLosersAttributes,
    HasNoOrder,
    ComparesTimesAsText,
    TakesTheOldest,
    TrustsTheIndex,
    ReadsTheIndexAgain,
    ForgetsWhomRowsName,
    ForgetsTheSenders,
    ForgetsEarlierSenders,
    CreatesMissingRows,
    WritesWhatIsNotDue,
    DeletesAndPutsOneKey,
    PutsAllInOneTransaction,
    FollowsNobody,
    WaitsForWhoHasNoRow,
    WaitsForOrphans,
    NeverLearnsOfCollisions,
    TakesRowsWithoutTimeForNewest,
    ComparesWholeSeconds,
)
"""Convicted by the scenarios that the function is run through."""

WRONG_ELSEWHERE: tuple[type[GroupWork], ...] = (
    HealsOnlyWhatIsDue,
    MovesEverybodyOrNobody,
    ReadsOnePage,
    TriesTheNewestAlone,
)
"""Convicted by histories of their own."""


def _lax(action: Action) -> Action:
    if isinstance(action.condition, NoRow):
        return action
    return replace(action, condition=Unchanged(action.condition.equal[:1], ()))


def _own_fields(action: Action) -> Action:
    if isinstance(action.condition, NoRow):
        return action
    own = tuple(pair for pair in action.condition.equal if pair[0] in {"message_group_uuid", "message"})
    return replace(action, condition=Unchanged(own, ()))


def _without_absences(action: Action) -> Action:
    if isinstance(action.condition, NoRow):
        return action
    return replace(action, condition=replace(action.condition, absent=()))


def _anywhere(action: Action) -> Action:
    if isinstance(action, Put) and isinstance(action.condition, NoRow):
        return replace(action, condition=Unchanged((), ("never",)))
    return action


def _twice(action: Action) -> Transaction:
    if not isinstance(action, Put) or isinstance(action.condition, NoRow):
        return (action,)
    return Delete(action.key, action.condition, action.size), replace(action, condition=NoRow())


def _shifted(action: Action) -> Action:
    if not isinstance(action, Put) or len(action.key.sort_key) <= len("2026-03-01T10:00:00.000000+00:00"):
        return action
    moved = Key(action.key.member, action.key.sort_key[:25] + "1+00:00")
    return replace(action, key=moved, item={**action.item, "sk": {"S": moved.sort_key}})


def _listed(action: Action) -> Action:
    if not isinstance(action, Put):
        return action
    names = {"pk", "sk", "message_group_uuid", "message", "user_uuid", "user_display_name", "user_handle"}
    return replace(action, item={name: value for name, value in action.item.items() if name in names})
