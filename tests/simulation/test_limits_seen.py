"""Where a stated limit leaves a table wrong, its own rows say so: `verify` would name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.checks.audit import Audit
from replay.checks.scenarios import TIMES, pair, row, said
from tests.simulation.worlds import deliver, world

if TYPE_CHECKING:
    from replay.checks.world import World

THREE = (*pair("g", TIMES[0]), row("cem", "g", TIMES[0], other="ana"))


def seen(made: World) -> set[tuple[str, str | None]]:
    audit = Audit(thorough=True)
    for item in sorted(made.store.scan(), key=lambda item: item["pk"]["S"]):
        audit.see(item)
    return {(fault.kind, fault.member) for fault in audit.faults()}


def test_a_third_member_found_through_the_index_alone_is_seen_behind() -> None:
    made = world(THREE, in_transit=True)
    deliver(made, said("g", TIMES[10], "one", "ana", 1))
    assert seen(made) == {("behind", "cem")}
    made.store.release_index()
    deliver(made, said("g", TIMES[20], "two", "ana", 2))
    assert seen(made) == set()


def test_a_row_created_after_a_later_message_is_seen_behind() -> None:
    made = world(pair("g", TIMES[0]))
    deliver(made, said("g", TIMES[20], "later", "ana", 1))
    made.store.put(row("cem", "g", TIMES[5], "joined", "ana"))
    assert seen(made) == {("behind", "cem")}


def test_a_group_taken_for_an_orphan_is_seen_behind() -> None:
    made = world(pair("g", TIMES[0]), in_transit=True)
    deliver(made, said("g", TIMES[10], "one", "zoe", 1))
    assert seen(made) == {("behind", "ana"), ("behind", "ben"), ("missing", "zoe")}


def test_a_group_without_rows_is_seen() -> None:
    made = world(())
    deliver(made, said("g", TIMES[10], "one", "ana", 1))
    assert seen(made) == {("missing", None)}


def test_the_text_of_a_deleted_last_message_is_seen_ahead() -> None:
    made = world(pair("g", TIMES[0]))
    deliver(made, said("g", TIMES[10], "kept", "ana", 1))
    deliver(made, said("g", TIMES[20], "regretted", "ana", 2))
    made.store.delete(("MSG#g", TIMES[20]))
    assert seen(made) == {("ahead", "ana"), ("ahead", "ben")}
