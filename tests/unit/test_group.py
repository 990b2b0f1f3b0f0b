"""One group's work: how many requests it takes, what it learns from failures, and when it gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from replay.tables.memory import MemoryTable
from stream_processor.errors import ConditionFailed, GaveUp, OutOfTime, RefusedError, TransientError
from stream_processor.group import (
    BACKOFF_S,
    COLLISIONS_MAX,
    NAMED_MEMBERS_MAX,
    PAGES_MAX,
    PLANS_MAX,
    TRIES_MAX,
    GroupWork,
    Pause,
    Request,
    Transact,
)
from stream_processor.message import coalesce
from stream_processor.plan import KEY_ATTEMPTS_MAX, Unfit, sort_key_attempt
from stream_processor.table import SENDERS_MESSAGES_MAX, Page, ReadIndex, ReadMember, ReadSenders
from stream_processor.transaction import Key, Put
from tests.builders import ANN, BOB, CAT, GROUP, group_item, message, message_item, text, time_text
from tests.driver import Fault, drive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stream_processor.row import Item
    from stream_processor.table import Read
    from stream_processor.transaction import Transaction

HI = message("hi", at=1)
THROTTLED = Fault(TransientError("ThrottlingException"))


def pair(at: float = 0) -> list[Item]:
    """The two rows of a conversation between Ann and Bob."""
    return [group_item(ANN, at=at, other=BOB), group_item(BOB, at=at, other=ANN)]


def shown(table: MemoryTable, group: str = GROUP) -> list[tuple[str, str, str]]:
    """Whose rows show what, and since when."""
    return [
        (item["pk"]["S"].removeprefix("GRP#"), item["sk"]["S"], item["message"]["S"])
        for item in table.scan()
        if item["pk"]["S"].startswith("GRP#") and item.get("message_group_uuid") == {"S": group}
    ]


def both_show_hi(table: MemoryTable) -> bool:
    return shown(table) == [(ANN, time_text(1), text("hi")), (BOB, time_text(1), text("hi"))]


def seen_through(index: Iterable[Item], rows: Iterable[Item]) -> MemoryTable:
    """A table whose index shows other rows than it has."""
    table = MemoryTable(index)
    table.hold_index()
    for item in list(table.scan()):
        table.delete((item["pk"]["S"], item["sk"]["S"]))
    for item in rows:
        table.put(item)
    return table


# How many requests it takes.


def ring(count: int) -> list[Item]:
    """A group of members of whom each row names the next."""
    members = [f"m{number:03}" for number in range(count)]
    return [group_item(member, other=members[(place + 1) % count]) for place, member in enumerate(members)]


@pytest.mark.parametrize(
    ("table", "sender", "kinds"),
    [
        pytest.param(MemoryTable(pair()), ANN, ["index", "write"], id="due"),
        pytest.param(MemoryTable(pair(at=1)), ANN, ["index", "write"], id="greater text at the same instant"),
        pytest.param(MemoryTable(pair(at=2)), ANN, ["index"], id="not due"),
        pytest.param(MemoryTable([group_item(ANN, other=ANN)]), ANN, ["index", "write"], id="with oneself"),
        pytest.param(MemoryTable(ring(3)), "m000", ["index", "write"], id="three members"),
        pytest.param(MemoryTable(ring(50)), "m000", ["index", "write"], id="fifty members"),
        pytest.param(MemoryTable(ring(51)), "m000", ["index", "write", "write"], id="fifty-one members"),
        pytest.param(
            MemoryTable(ring(101)), "m000", ["index", "write", "write", "write"], id="a hundred and one members"
        ),
        pytest.param(
            MemoryTable([*pair(), group_item(ANN, at=1, group="g2")]),
            ANN,
            ["index", "write", "write"],
            id="key taken by another group",
        ),
        pytest.param(
            MemoryTable([*pair(), {**message_item(), "message_group_uuid": {"S": GROUP}}]),
            ANN,
            ["index", "write"],
            id="message row in the index",
        ),
        pytest.param(
            MemoryTable([*pair(), group_item(ANN, at=-1)]),
            ANN,
            ["index", "member", "member", "write"],
            id="doubled row",
        ),
        pytest.param(
            seen_through(pair(at=-1), pair()), ANN, ["index", "write", "member", "member", "write"], id="index old"
        ),
        pytest.param(
            seen_through(pair(at=-1), pair(at=2)),
            ANN,
            ["index", "write", "member", "member"],
            id="index old, nothing due",
        ),
        pytest.param(
            seen_through([*pair(), *pair(at=-1)], pair()), ANN, ["index", "member", "member", "write"], id="index both"
        ),
        pytest.param(seen_through([], pair()), ANN, ["index", "member", "member", "write"], id="index neither"),
        pytest.param(
            seen_through(pair()[:1], pair()),
            ANN,
            ["index", "member", "member", "write"],
            id="index shows one row of two",
        ),
        pytest.param(
            MemoryTable(pair()), CAT, ["index", "member", "member", "member", "again", "write"], id="stranger as sender"
        ),
        pytest.param(MemoryTable(pair()[:1]), ANN, ["index", "member", "member", "again", "write"], id="leaver"),
        pytest.param(MemoryTable(), ANN, ["index", "member", "again", "senders"], id="orphan"),
        pytest.param(MemoryTable(), None, ["index", "senders"], id="orphan without a sender"),
        pytest.param(
            MemoryTable([message_item(sender=ANN), message_item(at=1, sender=BOB)]),
            ANN,
            ["index", "member", "again", "senders", "member", "again"],
            id="orphan of two senders",
        ),
        pytest.param(
            seen_through([], [*pair(), message_item(sender=BOB)]),
            None,
            ["index", "senders", "member", "member", "write"],
            id="found through earlier senders",
        ),
    ],
)
def test_requests_are_counted_for_each_case(table: MemoryTable, sender: str | None, kinds: list[str]) -> None:
    story = drive([message("z", at=1, sender=sender)], table)
    assert story.error is None
    assert story.kinds == [kind.replace("again", "member") for kind in kinds]
    assert story.pauses == [BACKOFF_S] * kinds.count("again")


@pytest.mark.parametrize("count", [2, 3, 50, 51])
def test_a_second_delivery_writes_nothing(count: int) -> None:
    table = MemoryTable(ring(count))
    drive([message(at=1, sender="m000")], table)
    story = drive([message(at=1, sender="m000")], table)
    assert story.kinds == ["index"]
    assert story.work.tally.moved == 0


def test_every_page_of_the_index_is_read() -> None:
    table = MemoryTable(ring(7), page_items=3)
    story = drive([message("hi", at=1, sender="m000")], table)
    assert story.kinds == ["index", "index", "index", "write"]
    assert story.work.tally.moved == 7
    starts = [request.after for request in story.calls if isinstance(request, ReadIndex)]
    assert starts[0] is None
    assert len({str(start) for start in starts}) == 3


def test_every_page_of_a_member_is_read() -> None:
    others = [group_item(ANN, at=number, group=f"g{number + 2}") for number in range(5)]
    table = seen_through([], [*others, group_item(ANN, at=9, other=ANN)])
    for item in others:
        assert item["message_group_uuid"] != {"S": GROUP}
    small = MemoryTable(table.scan(), page_items=2)
    small.hold_index()
    story = drive([message("hi", at=10)], Blind(small))
    assert story.kinds == ["index", "member", "member", "member", "write"]
    assert shown(small) == [(ANN, time_text(10), text("hi"))]


class Blind:
    """A table whose index shows nothing."""

    def __init__(self, table: MemoryTable | Torn) -> None:
        self._table = table

    def read(self, request: Read) -> Page:
        return Page(()) if isinstance(request, ReadIndex) else self._table.read(request)

    def transact(self, actions: Transaction) -> None:
        self._table.transact(actions)


# Members.


def test_rows_of_message_rows_in_the_index_are_never_written() -> None:
    intruder = {**message_item(at=-5), "message_group_uuid": {"S": GROUP}}
    table = MemoryTable([*pair(), intruder])
    drive([HI], table)
    assert table.get((intruder["pk"]["S"], intruder["sk"]["S"])) == intruder
    assert both_show_hi(table)


def test_a_member_without_a_row_is_never_given_one() -> None:
    table = MemoryTable(pair()[:1])
    drive([message("hi", at=1, sender=CAT)], table)
    assert shown(table) == [(ANN, time_text(1), text("hi"))]


@pytest.mark.parametrize(
    "value", [None, {"S": ""}, {"N": "5"}, {"S": "x" * 2045}], ids=["missing", "empty", "number", "long"]
)
def test_a_row_that_names_nobody_who_could_have_a_row_is_no_reason_to_read_again(value: dict[str, str] | None) -> None:
    item = group_item(ANN)
    table = MemoryTable(
        [{**item, "user_uuid": value} if value else {k: v for k, v in item.items() if k != "user_uuid"}]
    )
    assert drive([HI], table).kinds == ["index", "write"]


def test_a_member_named_by_a_row_that_only_the_base_table_shows_is_found() -> None:
    rows = [group_item(ANN, other=BOB), group_item(BOB, other=CAT), group_item(CAT, other=ANN)]
    table = seen_through(rows[:1], rows)
    story = drive([message("hi", at=1)], table)
    assert story.kinds == ["index", "member", "member", "member", "write"]
    assert [member for member, _, _ in shown(table)] == [ANN, BOB, CAT]
    assert {at for _, at, _ in shown(table)} == {time_text(1)}


def test_no_member_is_read_twice_in_one_reading() -> None:
    rows = [group_item(ANN, other=BOB), group_item(BOB, other=ANN), group_item(CAT, other=ANN)]
    story = drive([message(at=1), message(at=2, sender=CAT)], Blind(MemoryTable(rows)))
    read = [request.member for request in story.calls if isinstance(request, ReadMember)]
    assert sorted(read) == [ANN, BOB, CAT]


def test_the_senders_of_the_whole_batch_are_known_members() -> None:
    table = MemoryTable([group_item(ANN, other=ANN), group_item(BOB, other=ANN)])
    batch = coalesce([message(at=2, sender=ANN), message(at=1, sender=BOB)])[GROUP]
    story = drive(batch, Blind(table))
    assert [request.member for request in story.calls if isinstance(request, ReadMember)] == [ANN, BOB]


def test_named_members_are_followed_to_a_limit() -> None:
    rows = ring(NAMED_MEMBERS_MAX + 50)
    table = MemoryTable(rows)
    story = drive([message(at=1, sender="m000")], Blind(table))
    read = [request.member for request in story.calls if isinstance(request, ReadMember)]
    assert read == [f"m{number:03}" for number in range(1 + NAMED_MEMBERS_MAX)]
    assert story.work.tally.moved == 1 + NAMED_MEMBERS_MAX


def test_the_newest_twenty_messages_senders_are_asked_where_no_row_is_found() -> None:
    messages = [message_item(f"{number}", at=number, sender=f"m{number:02}") for number in range(25)]
    story = drive([message(at=25, sender=None)], MemoryTable(messages))
    read = [request.member for request in story.calls if isinstance(request, ReadMember)]
    assert read == [f"m{number:02}" for number in range(5, 25)] * 2
    assert story.work.tally.orphan


@pytest.mark.parametrize("page_items", [1, 7, 19, 20, 21])
def test_the_newest_twenty_are_twenty_on_however_many_pages(page_items: int) -> None:
    messages = [message_item(f"{number}", at=number, sender=f"m{number:02}") for number in range(25)]
    story = drive([message(at=25, sender=None)], MemoryTable(messages, page_items=page_items))
    asked = [request for request in story.calls if isinstance(request, ReadSenders)]
    read = [request.member for request in story.calls if isinstance(request, ReadMember)]
    assert len(asked) == -(-SENDERS_MESSAGES_MAX // page_items)
    assert set(read) == {f"m{number:02}" for number in range(5, 25)}


def test_an_orphan_is_done_and_told() -> None:
    story = drive([HI], MemoryTable([group_item(ANN, group="g2"), message_item()]))
    assert story.error is None
    assert story.work.tally.orphan
    assert (story.work.tally.moved, story.work.tally.re_reads) == (0, 1)


def test_a_group_found_through_its_senders_is_no_orphan() -> None:
    table = MemoryTable([*pair(), message_item(sender=BOB)])
    story = drive([message("hi", at=1, sender="stranger")], Blind(table))
    assert not story.work.tally.orphan
    assert both_show_hi(table)


def test_groups_whose_ids_look_like_prefixes_are_groups() -> None:
    group = "GRP#MSG#MSG#x"
    table = MemoryTable([group_item("MSG#a", other="MSG#a", group=group)])
    drive([message("hi", at=1, group=group, sender="MSG#a")], table)
    assert shown(table, group) == [("MSG#a", time_text(1), text("hi"))]


def test_a_row_without_a_text_is_a_row() -> None:
    ann, bob = pair()
    table = MemoryTable([ann, {**bob, "message": {"S": ""}}])
    assert drive([HI], table).kinds == ["index", "write"]
    assert both_show_hi(table)


# Readings that meet another invocation's transaction.


class Torn:
    """A table whose first reading of one member sees a transaction's delete, and not yet its put."""

    def __init__(self, table: MemoryTable, member: str) -> None:
        self._table = table
        self._member = member
        self.torn = 0

    def read(self, request: Read) -> Page:
        if isinstance(request, ReadMember) and request.member == self._member and not self.torn:
            self.torn += 1
            return Page(())
        return self._table.read(request)

    def transact(self, actions: Transaction) -> None:
        self._table.transact(actions)


@pytest.mark.parametrize("member", [ANN, BOB])
def test_a_row_that_a_reading_missed_while_it_moved_is_found(member: str) -> None:
    table = MemoryTable(pair())
    torn = Torn(table, member)
    story = drive([HI], Blind(torn))
    assert torn.torn == 1
    assert story.error is None
    assert both_show_hi(table)


def test_a_row_that_moved_between_two_pages_of_a_reading_is_found() -> None:
    offset = "2026-01-01T15:30:00.000000+05:30"  # ten o'clock; as a text it sorts behind what it becomes
    between = group_item(ANN, at="2026-01-01T12:00:00.000000+00:00", other="zoe", group="g2")
    table = MemoryTable([group_item(ANN, at=offset, other=BOB), group_item(BOB, other=ANN), between], page_items=1)
    pages = 0

    def overtake(_: int, request: Request) -> None:
        nonlocal pages
        pages += isinstance(request, ReadMember) and request.member == ANN
        if pages == 2:
            pages += 1
            drive([HI], table)

    drive([message("newer", at=2, sender="gone"), HI], table, before=overtake)
    assert {at for _, at, _ in shown(table)} == {time_text(2)}


def test_a_member_found_at_the_second_look_leads_on() -> None:
    rows = [group_item(ANN, other=BOB), group_item(BOB, other=CAT), group_item(CAT, other=ANN)]
    table = MemoryTable(rows)
    drive([message("hi", at=1, sender=ANN)], Blind(Torn(table, BOB)))
    assert {at for _, at, _ in shown(table)} == {time_text(1)}


# Failed conditions.


def test_another_owners_update_between_read_and_write_is_kept() -> None:
    table = MemoryTable(pair())
    changed = {**group_item(ANN, other=BOB), "unread": {"N": "7"}}

    def update(number: int, _: Request) -> None:
        if number == 1:
            table.put({**changed, "user_handle": {"S": "new"}})

    story = drive([HI], table, before=update)
    assert story.kinds == ["index", "write", "member", "member", "write"]
    assert both_show_hi(table)
    after = table.get(("GRP#ann", time_text(1)))
    assert after is not None
    assert (after["unread"], after["user_handle"]) == ({"N": "7"}, {"S": "new"})


def test_an_update_of_a_name_seen_on_another_row_is_kept_although_it_was_not_on_this_one() -> None:
    table = MemoryTable([group_item(ANN, other=BOB), group_item(BOB, other=ANN, unread={"N": "1"})])

    def update(number: int, _: Request) -> None:
        if number == 1:
            table.put(group_item(ANN, other=BOB, unread={"N": "7"}))

    story = drive([HI], table, before=update)
    after = table.get(("GRP#ann", time_text(1)))
    assert after is not None
    assert after["unread"] == {"N": "7"}
    assert story.work.tally.transaction_retries == 1


def test_what_another_invocation_merges_is_kept_although_the_reading_meets_half_of_that() -> None:
    notes = {"S": "of the older row"}
    table = MemoryTable([group_item(ANN, other=ANN), group_item(ANN, at=-1, other=ANN, notes=notes)])

    def merge(number: int, _: Request) -> None:
        if number == 1:
            table.delete(("GRP#ann", time_text(-1)))
        elif number == 2:
            table.put(group_item(ANN, other=ANN, notes=notes))

    story = drive([HI], table, before=merge)
    assert story.kinds == ["index", "member", "write", "member", "write"]
    after = table.get(("GRP#ann", time_text(1)))
    assert after is not None
    assert after["notes"] == notes


def test_a_text_that_the_index_does_not_show_yet_on_a_row_without_one_is_kept() -> None:
    silent = {name: value for name, value in group_item(ANN, at=1, other=ANN).items() if name != "message"}
    table = MemoryTable([silent])
    table.hold_index()
    drive([message("b", at=1)], table)
    story = drive([message("a", at=1)], table)
    assert story.error is None
    assert shown(table) == [(ANN, time_text(1), text("b"))]


def test_another_invocations_newer_message_is_met_and_left() -> None:
    table = MemoryTable(pair())

    def overtake(number: int, _: Request) -> None:
        if number == 1:
            drive([message("newer", at=2)], table)

    story = drive([HI], table, before=overtake)
    assert story.kinds == ["index", "write", "member", "member"]
    assert {at for _, at, _ in shown(table)} == {time_text(2)}
    assert story.work.tally.moved == 0


def test_a_row_deleted_between_read_and_write_stays_deleted() -> None:
    table = MemoryTable(pair())

    def leave(number: int, _: Request) -> None:
        if number == 1:
            table.delete(("GRP#bob", time_text(0)))

    story = drive([HI], table, before=leave)
    assert story.error is None
    assert shown(table) == [(ANN, time_text(1), text("hi"))]


def test_rows_that_change_before_every_write_are_given_up_in_the_end() -> None:
    table = MemoryTable(pair())
    updates: list[int] = []

    def update(number: int, request: Request) -> None:
        if isinstance(request, Transact):
            updates.append(number)
            table.put(group_item(ANN, other=BOB, user_handle={"S": f"handle {number}"}))

    story = drive([HI], table, before=update)
    assert isinstance(story.error, GaveUp)
    assert story.kinds.count("write") == PLANS_MAX == len(updates)
    assert story.kinds.count("member") == 2 * (PLANS_MAX - 1)
    assert story.work.tally.transaction_retries == PLANS_MAX
    assert story.work.tally.re_reads == PLANS_MAX - 1


def test_the_last_plan_may_still_succeed() -> None:
    table = MemoryTable(pair())

    writes: list[int] = []

    def update(number: int, request: Request) -> None:
        if isinstance(request, Transact):
            writes.append(number)
            if len(writes) < PLANS_MAX:
                table.put(group_item(ANN, other=BOB, user_handle={"S": f"handle {number}"}))

    story = drive([HI], table, before=update)
    assert story.error is None
    assert both_show_hi(table)


def test_each_failed_condition_and_retry_is_counted() -> None:
    story = drive([HI], seen_through(pair(at=-1), pair()))
    tally = story.work.tally
    assert (tally.moved, tally.re_reads, tally.transaction_retries, tally.healed) == (2, 1, 1, 0)


def test_what_a_plan_counts_is_told() -> None:
    many: dict[str, Any] = {f"x{number:03}": {"N": "1"} for number in range(160)}
    rows = [group_item(ANN, at="odd", other=ANN) | many, group_item(ANN, at="less", other=ANN)]
    tally = drive([HI], MemoryTable(rows)).work.tally
    assert (tally.moved, tally.healed, tally.untimed) == (1, 1, 1)
    assert tally.unchecked > 0


def test_messages_that_fit_nobody_are_told_and_the_next_newest_is_applied() -> None:
    table = MemoryTable(pair())
    huge, huger = message("x" * 410_000, at=2), message("y" * 410_000, at=3)
    story = drive([huger, huge, HI], table)
    assert both_show_hi(table)
    assert story.work.tally.unfit == (Unfit(huger, (ANN, BOB)), Unfit(huge, (ANN, BOB)))


# Collisions.


@pytest.mark.parametrize("taken", [1, 2, KEY_ATTEMPTS_MAX])
def test_a_chain_of_taken_keys_is_followed_without_reading_again(taken: int) -> None:
    others = [
        group_item(ANN, at=sort_key_attempt(HI.instant, GROUP, attempt), group=f"g{attempt + 2}")
        for attempt in range(taken)
    ]
    table = MemoryTable([*pair(), *others])
    story = drive([HI], table)
    assert story.kinds == ["index"] + ["write"] * (1 + taken)
    assert shown(table) == [
        (ANN, sort_key_attempt(HI.instant, GROUP, taken), text("hi")),
        (BOB, time_text(1), text("hi")),
    ]
    assert all(table.get((item["pk"]["S"], item["sk"]["S"])) == item for item in others)


def test_when_every_key_is_taken_the_group_is_given_up() -> None:
    others = [
        group_item(ANN, at=sort_key_attempt(HI.instant, GROUP, attempt), group=f"g{attempt + 2}")
        for attempt in range(KEY_ATTEMPTS_MAX + 1)
    ]
    story = drive([HI], MemoryTable([*pair(), *others]))
    assert isinstance(story.error, GaveUp)
    assert story.kinds == ["index"] + ["write"] * (KEY_ATTEMPTS_MAX + 1)


def test_keys_of_two_members_may_be_taken_at_once() -> None:
    table = MemoryTable([*pair(), group_item(ANN, at=1, group="g2"), group_item(BOB, at=1, group="g2")])
    story = drive([HI], table)
    assert story.kinds == ["index", "write", "write"]
    assert {at for _, at, _ in shown(table)} == {sort_key_attempt(HI.instant, GROUP, 1)}


def test_an_item_of_no_group_under_the_key_is_another_owners_too() -> None:
    alien = {"pk": {"S": "GRP#ann"}, "sk": {"S": time_text(1)}, "note": {"S": "x"}}
    table = MemoryTable([*pair(), alien])
    assert drive([HI], table).kinds == ["index", "write", "write"]
    assert table.get(("GRP#ann", time_text(1))) == alien


def test_a_collision_beside_a_changed_row_is_read_again_and_remembered() -> None:
    table = MemoryTable([*pair(), group_item(ANN, at=1, group="g2")])

    def update(number: int, _: Request) -> None:
        if number == 1:
            table.put(group_item(BOB, other=ANN, user_handle={"S": "new"}))

    story = drive([HI], table, before=update)
    assert story.kinds == ["index", "write", "member", "member", "write"]
    assert [at for _, at, _ in shown(table)] == [sort_key_attempt(HI.instant, GROUP, 1), time_text(1)]


def test_a_row_of_the_own_group_under_the_new_key_is_read_again() -> None:
    rows = pair()
    table = MemoryTable(rows)

    def appear(number: int, _: Request) -> None:
        if number == 1:
            table.put(group_item(ANN, at=1, name="a", other=BOB, avatar={"S": "x"}))

    story = drive([HI], table, before=appear)
    assert story.kinds == ["index", "write", "member", "member", "write"]
    assert both_show_hi(table)
    assert story.work.tally.healed == 1


def test_a_collision_in_a_later_transaction_needs_no_reading_either() -> None:
    rows = ring(51)
    table = MemoryTable([*rows, group_item("m050", at=1, group="g2")])
    story = drive([message("hi", at=1, sender="m000")], table)
    assert story.kinds == ["index", "write", "write", "write"]
    assert len(shown(table)) == 51
    assert story.work.tally.moved == 51


def test_a_collision_of_every_member_of_a_large_group_ends_in_one_delivery() -> None:
    count = 50 * (COLLISIONS_MAX + 1)
    rows = ring(count)
    taken = [group_item(item["pk"]["S"].removeprefix("GRP#"), at=1, group="g2") for item in rows]
    table = MemoryTable([*rows, *taken])
    story = drive([message("hi", at=1, sender="m000")], table)
    assert story.error is None
    assert (story.kinds.count("write"), story.kinds.count("member")) == (2 * count // 50, 0)
    assert story.work.tally.moved == count
    assert {at for _, at, _ in shown(table)} == {sort_key_attempt(HI.instant, GROUP, 1)}


def test_what_was_written_before_a_failure_is_counted() -> None:
    table = MemoryTable(ring(51))

    def overtake(number: int, _: Request) -> None:
        if number == 2:
            table.put(group_item("m050", other="m000", user_handle={"S": "new"}))

    story = drive([message("hi", at=1, sender="m000")], table, before=overtake)
    assert story.kinds == ["index", "write", "write"] + ["member"] * 51 + ["write"]
    assert story.work.tally.moved == 51


def test_what_was_written_before_the_work_failed_is_counted() -> None:
    table = MemoryTable(ring(51))
    story = drive([message("hi", at=1, sender="m000")], table, {2: Fault(RefusedError("AccessDeniedException"))})
    assert isinstance(story.error, RefusedError)
    assert story.work.tally.moved == 50


def odd_and_doubled(count: int) -> list[Item]:
    """Members with two rows each, neither under a time, and more attributes than one condition holds."""
    many: dict[str, Any] = {f"x{number:03}": {"N": "1"} for number in range(160)}
    rows = [(f"m{number:03}", f"m{(number + 1) % count:03}") for number in range(count)]
    return [group_item(one, at=at, other=other) | many for one, other in rows for at in ("odd", "less")]


@pytest.mark.parametrize("fault", [RefusedError("AccessDeniedException"), None], ids=["refused", "changed"])
def test_every_count_is_of_what_was_written(fault: RefusedError | None) -> None:
    table = MemoryTable(odd_and_doubled(60))

    def change(number: int, request: Request) -> None:
        if isinstance(request, Transact) and number == first + 1:
            table.put({**odd_and_doubled(60)[-2], "x000": {"N": "2"}})

    first = 61  # the index, every member, then the first transaction
    faults = {first + 1: Fault(fault)} if fault else {}
    story = drive([message("hi", at=1, sender="m000")], table, faults, None if fault else change)
    tally = story.work.tally
    moved = len([item for item in table.scan() if item["sk"]["S"] == time_text(1)])
    assert moved == (33 if fault else 60)
    assert (tally.moved, tally.healed, tally.untimed) == (moved, moved, moved)
    assert tally.unchecked % moved == 0
    assert tally.unchecked > moved


def test_a_healing_of_two_transactions_goes_on_behind_a_taken_key() -> None:
    losers = [group_item(ANN, at=-1 - number, name=f"l{number}", other=BOB) for number in range(150)]
    losers[0]["avatar"] = {"S": "only here"}
    taken = group_item(BOB, at=1, group="g2")
    table = MemoryTable([*pair(), *losers, taken])
    story = drive([HI], table)
    assert story.error is None
    assert [member for member, _, _ in shown(table)] == [ANN, BOB]
    assert story.kinds.count("write") == 3
    assert (story.work.tally.moved, story.work.tally.healed) == (2, 150)
    (ann,) = (item for item in table.partition("GRP#ann"))
    assert ann["avatar"] == {"S": "only here"}, "what the first transaction merged is known to the next"


class Silent:
    """A table that says which conditions failed and shows no row, as some engines do."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def read(self, request: Read) -> Page:
        return self._table.read(request)

    def transact(self, actions: Transaction) -> None:
        try:
            self._table.transact(actions)
        except ConditionFailed as failure:
            raise ConditionFailed([None if item is None else {} for item in failure.items]) from failure


def test_a_taken_key_whose_row_is_not_shown_is_read_again() -> None:
    table = MemoryTable(pair())

    def appear(number: int, _: Request) -> None:
        if number == 1:
            table.put(group_item(ANN, at=1, name="a", other=BOB))

    story = drive([HI], Silent(table), before=appear)
    assert story.kinds == ["index", "write", "member", "member", "write"]
    assert both_show_hi(table)


class Thief:
    """A table in which, at every write, the first new key turns out to hold another group's row."""

    def __init__(self, table: MemoryTable, members: Sequence[str], times: int) -> None:
        self._table = table
        self._members = members
        self._times = times
        self.thefts = 0

    def read(self, request: Read) -> Page:
        return self._table.read(request)

    def transact(self, actions: Transaction) -> None:
        for action in actions:
            if isinstance(action, Put) and action.key.member == self._members[self.thefts // self._times]:
                self.thefts += 1
                raise ConditionFailed(
                    [
                        group_item(each.key.member, at=each.key.sort_key, group="thief") if each is action else None
                        for each in actions
                    ]
                )


def test_collisions_without_end_are_given_up() -> None:
    thief = Thief(MemoryTable(ring(3)), ["m000", "m001", "m002"], KEY_ATTEMPTS_MAX)
    story = drive([message("hi", at=1, sender="m000")], thief)
    assert isinstance(story.error, GaveUp)
    assert thief.thefts == COLLISIONS_MAX == story.kinds.count("write")


# Transient errors.

STORIES: list[tuple[str, int, Callable[[], MemoryTable | Blind]]] = [
    ("due", 6, lambda: MemoryTable(pair())),
    ("index old", 6, lambda: seen_through(pair(at=-1), pair())),
    ("collision", 7, lambda: MemoryTable([*pair(), group_item(ANN, at=1, group="g2")])),
    ("through senders", 7, lambda: Blind(MemoryTable([*pair(), message_item(sender=BOB)]))),
]
FAULTY = [
    pytest.param(make, number, id=f"{name}, request {number}")
    for name, requests, make in STORIES
    for number in range(requests)
]


@pytest.mark.parametrize(("requests", "make"), [pytest.param(*story, id=name) for name, *story in STORIES])
def test_a_story_has_as_many_requests_as_there_are_places_for_an_error(
    requests: int, make: Callable[[], MemoryTable]
) -> None:
    assert len(drive([message("hi", at=1, sender=CAT)], make()).calls) == requests


@pytest.mark.parametrize(("make", "number"), FAULTY)
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after it"])
@pytest.mark.parametrize("times", [1, TRIES_MAX - 1])
def test_a_transient_error_at_any_request_is_tried_again(
    make: Callable[[], MemoryTable],
    number: int,
    after: bool,  # noqa: FBT001 - a case
    times: int,
) -> None:
    calm = make()
    drive([message("hi", at=1, sender=CAT)], calm)
    table = make()
    faults = {number + again: Fault(TransientError("TransactionConflict"), after) for again in range(times)}
    story = drive([message("hi", at=1, sender=CAT)], table, faults)
    assert rows_of(table) == rows_of(calm)
    assert story.error is None
    assert len(story.pauses) == times + story.work.tally.re_reads  # a stranger is looked for once more each time


def rows_of(table: MemoryTable | Blind) -> list[Item]:
    inner = table._table if isinstance(table, Blind) else table
    assert isinstance(inner, MemoryTable)
    return list(inner.scan())


@pytest.mark.parametrize(("make", "number"), FAULTY)
def test_a_request_is_sent_a_few_times_with_growing_pauses_and_then_given_up(
    make: Callable[[], MemoryTable], number: int
) -> None:
    faults = {number + again: THROTTLED for again in range(TRIES_MAX)}
    story = drive([message("hi", at=1, sender=CAT)], make(), faults)
    assert story.error is THROTTLED.error
    assert len(story.calls) == number + TRIES_MAX
    assert story.calls[number:] == [story.calls[number]] * TRIES_MAX
    assert story.pauses[-(TRIES_MAX - 1) :] == [BACKOFF_S, 2 * BACKOFF_S, 4 * BACKOFF_S]


def test_every_request_has_tries_of_its_own() -> None:
    faults = dict.fromkeys([*range(TRIES_MAX - 1), *range(TRIES_MAX, 2 * TRIES_MAX - 1)], THROTTLED)
    table = MemoryTable(pair())
    story = drive([HI], table, faults)
    assert story.error is None
    assert both_show_hi(table)
    assert len(story.calls) == 2 * TRIES_MAX


def test_pauses_are_what_the_jitter_makes_of_their_ceilings() -> None:
    faults = dict.fromkeys(range(TRIES_MAX - 1), THROTTLED)
    story = drive([HI], MemoryTable(pair()), faults, jitter=lambda ceiling_s: ceiling_s / 2)
    assert story.pauses == [0.025, 0.05, 0.1]


def test_pauses_stand_between_the_tries() -> None:
    story = drive([HI], MemoryTable(pair()), {0: THROTTLED})
    assert [type(request) for request in story.requests] == [ReadIndex, Pause, ReadIndex, Transact]


def test_only_transactions_sent_again_are_counted_as_such() -> None:
    assert drive([HI], MemoryTable(pair()), {0: THROTTLED}).work.tally.transaction_retries == 0
    assert drive([HI], MemoryTable(pair()), {1: THROTTLED}).work.tally.transaction_retries == 1


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("error", [RefusedError("AccessDeniedException"), OutOfTime("0 ms are left")], ids=repr)
def test_any_other_error_ends_the_work_at_once(error: RefusedError | OutOfTime, number: int) -> None:
    story = drive([HI], MemoryTable(pair()), {number: Fault(error)})
    assert story.error is error
    assert len(story.calls) == number + 1
    assert story.pauses == []


def test_a_lost_answer_to_a_write_is_found_out_by_reading() -> None:
    table = MemoryTable(pair())
    story = drive([HI], table, {1: Fault(TransientError("ReadTimeoutError"), after=True)})
    assert story.error is None
    assert story.kinds == ["index", "write", "write", "member", "member"]
    assert both_show_hi(table)


def test_a_reading_without_end_is_given_up() -> None:
    class Endless:
        def read(self, request: Read) -> Page:
            del request
            return Page((), Key(ANN, "x").item)

        def transact(self, actions: Transaction) -> None:
            raise AssertionError(actions)

    story = drive([HI], Endless())
    assert isinstance(story.error, GaveUp)
    assert len(story.calls) == PAGES_MAX


def test_a_driver_that_answers_a_reading_with_nothing_is_told() -> None:
    requests = GroupWork([HI], float).requests()
    next(requests)
    with pytest.raises(TypeError, match="NoneType"):
        requests.send(None)


def test_what_happened_stays_readable_when_the_work_fails() -> None:
    story = drive([HI], seen_through(pair(at=-1), pair()), {2: Fault(RefusedError("AccessDeniedException"))})
    assert (story.work.tally.re_reads, story.work.tally.transaction_retries, story.work.tally.moved) == (1, 1, 0)
