"""The story of a case: what is told is what happened, and telling it changes nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from replay.checks.scenarios import TIMES, pair, row, said
from replay.exploration.campaign import in_memory
from replay.exploration.case import Case, Fault, Lag, Redelivery, Twin, Write
from replay.exploration.draw import draw
from replay.exploration.story import Called, Delivered, Ended, IndexShown, PhaseBegan, RuleBroken, Wrote
from stream_processor.group import GroupWork
from tests.explored import MAPPING, TELLING, broken, case
from tests.handlers.wrong_works import HasNoOrder

SEEDS = range(40)


@pytest.mark.parametrize("work", [GroupWork, HasNoOrder])
def test_telling_changes_nothing(work: type[GroupWork]) -> None:
    for seed in SEEDS:
        silent, told = in_memory(draw(seed), work), in_memory(draw(seed), work, TELLING)
        assert silent.story == []
        told_parts = (told.broken, told.situations, told.calls, told.writes, told.limited)
        assert told_parts == (silent.broken, silent.situations, silent.calls, silent.writes, silent.limited)


def test_every_call_is_told_once_at_its_step() -> None:
    for seed in SEEDS:
        execution = in_memory(draw(seed), manner=TELLING)
        steps = [event.step for event in execution.story if isinstance(event, Called)]
        assert steps == list(range(execution.calls)), f"seed {seed}"


def test_what_is_told_of_rows_fits_together() -> None:
    for seed in SEEDS:
        drawn = draw(seed)
        rows = {(item["pk"]["S"], item["sk"]["S"]): item for item in drawn.rows}
        for event in in_memory(drawn, manner=TELLING).story:
            changes = event.changes if isinstance(event, Called | Wrote) else ()
            for change in [each for each in changes if each.address[0].startswith("GRP#")]:
                assert change.before == rows.get(change.address), f"seed {seed}, step {event.step}"
                if change.after is None:
                    rows.pop(change.address, None)
                else:
                    rows[change.address] = change.after


def test_every_fault_that_happened_is_told() -> None:
    for seed in SEEDS:
        execution = in_memory(draw(seed), manner=TELLING)
        told = Counter(event.fault for event in execution.story if isinstance(event, Called) and event.fault)
        assert told == {kind: execution.situations[kind] for kind in told}, f"seed {seed}"


def test_every_event_has_a_line_of_its_own() -> None:
    for seed in SEEDS:
        for event in in_memory(draw(seed), HasNoOrder, TELLING).story:
            assert str(event).strip()
            assert "\n" not in str(event)


def test_a_delivery_says_why_it_is_made() -> None:
    history = case(
        faults=(Fault(1, 1, "crash-before"),),
        redeliveries=(Redelivery(2, ("100000000000000000001",)),),
        twins=(Twin(1, 2),),
    )
    story = in_memory(history, manner=TELLING).story
    assert [(event.why, event.attempt) for event in story if isinstance(event, Delivered)][:4] == [
        ("batch", 1),
        ("retry", 2),
        ("twin", 3),
        ("redelivery", 4),
    ]


def test_an_end_says_what_it_meant_to_the_event_source() -> None:
    history = case(faults=(Fault(1, 1, "crash-before"), Fault(2, 1, "timeout-before")))
    ends = [event for event in in_memory(history, manner=TELLING).story if isinstance(event, Ended)]
    assert [(end.result, end.verdict) for end in ends][:3] == [
        ("raised Runtime.ExitError", "failure"),
        ("timed out", "failure"),
        ("returned {'batchItemFailures': []}", "success"),
    ]


def test_an_unfinished_answer_names_the_record() -> None:
    history = case(faults=tuple(Fault(1, call, "throttle") for call in range(1, 9)))
    end = next(event for event in in_memory(history, manner=TELLING).story if isinstance(event, Ended))
    assert end.verdict == "unfinished from 100000000000000000001"


def test_an_index_that_is_behind_is_told_with_its_rows() -> None:
    records = (said("g", TIMES[2], "new", "ana", 1), said("g", TIMES[3], "newer", "ana", 2))
    history = Case(pair("g", TIMES[1]), records, {**MAPPING, "BatchSize": 1}, lags=(Lag("g", 0, 4), Lag("g", 1, 4)))
    story = in_memory(history, manner=TELLING).story
    asked = [event for event in story if isinstance(event, Called) and event.does == "index"]
    assert asked[0].behind == ()
    assert ("GRP#ana", TIMES[1]) in asked[1].behind
    assert f"the index is behind in GRP#ana {TIMES[1]}" in str(asked[1])
    assert any(isinstance(event, IndexShown) for event in story)


def test_what_the_application_writes_is_told_with_its_rows() -> None:
    history = case(writes=(Write(1, "set", "g", "ana", "unread", "2"), Write(1, "leave", "g", "ben")))
    changed, left = [event for event in in_memory(history, manner=TELLING).story if isinstance(event, Wrote)]
    assert str(changed) == "  the application: unread = 2 for ana in g"
    assert changed.changes[0].before == pair("g", TIMES[1])[0]
    assert changed.changes[0].after == {**pair("g", TIMES[1])[0], "unread": {"N": "2"}}
    assert str(left) == "  the application: ben leaves g"
    assert left.changes[0].after is None


def test_who_joins_and_what_is_removed_is_told_with_its_rows() -> None:
    late = Write(1, "join", "g", "cem", "ana", "hello", TIMES[0])
    history = case(writes=(late, Write(1, "remove-message", "g", time=TIMES[2])))
    joined, gone = [event for event in in_memory(history, manner=TELLING).story if isinstance(event, Wrote)]
    assert str(joined) == f"  the application: cem joins g, with a row at {TIMES[0]} that shows 'hello'"
    assert [(each.before, each.after) for each in joined.changes] == [(None, row("cem", "g", TIMES[0], "hello", "ana"))]
    assert str(gone) == f"  the application: the message of g at {TIMES[2]} is removed"
    assert [(each.address, each.after) for each in gone.changes] == [(("MSG#g", TIMES[2]), None)]


def test_phases_come_in_order_and_a_broken_rule_is_the_end() -> None:
    never_before = case(faults=tuple(Fault(number, 1, "crash-before") for number in range(1, 9)))
    for told, more in ((case(), []), (never_before, ["everything once more"])):
        phases = [event.phase for event in in_memory(told, manner=TELLING).story if isinstance(event, PhaseBegan)]
        assert phases == ["faults on", "faults off", *more]
    assert isinstance(broken().execution.story[-1], RuleBroken)
