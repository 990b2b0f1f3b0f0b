"""Wrong event sources, each caught by a conformance case: what the cases are worth."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from replay.event_source import answers
from replay.event_source.answers import Meaning, Verdict
from replay.event_source.batching import Waiting
from replay.event_source.case_compare import differences
from replay.event_source.case_run import run_case
from replay.event_source.cases import load_case
from replay.event_source.filters import check_filter_criteria
from replay.event_source.lanes import Lane
from replay.event_source.log import ShardLog
from replay.event_source.outbox import Outbox
from replay.event_source.records import RETENTION_S, StreamRecord
from replay.event_source.rules import Rules, later
from replay.event_source.shards import Shard
from replay.event_source.source import EventSource
from tests.simulation.conformance import case_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.event_source.context import Context
    from replay.event_source.invocations import Part

SMALL = 100_000
CASES = [load_case(path) for path in case_files() if path.stat().st_size < SMALL]

Patch = pytest.MonkeyPatch


def counter_is_not_reset_on_progress(patch: Patch) -> None:
    right = Lane._cut_down

    def wrong(self: Lane, part: Part, done: int, now: float) -> None:
        right(self, part, done, now)
        if self._parts:
            self._parts[-1].attempts = part.attempts + 1

    patch.setattr(Lane, "_cut_down", wrong)


def lowest_identifier_by_text(patch: Patch) -> None:
    def wrong(failures: list[Any], records: tuple[StreamRecord, ...], _switches: object) -> Verdict:
        texts = [record.text for record in records]
        named = [failure.get("itemIdentifier") for failure in failures if isinstance(failure, dict)]
        known = sorted(name for name in named if name in texts)
        return Verdict(Meaning.PARTIAL, texts.index(known[0])) if len(known) == len(failures) else answers.REFUSED

    patch.setattr(answers, "_judge_failures", wrong)


def second_half_first(patch: Patch) -> None:
    right = Lane._halve

    def wrong(self: Lane, part: Part, now: float) -> None:
        before = len(self._parts)
        right(self, part, now)
        if len(self._parts) > before:
            self._parts[-2:] = self._parts[:-3:-1]

    patch.setattr(Lane, "_halve", wrong)


def halves_spend_attempts(patch: Patch) -> None:
    right = Lane._halve

    def wrong(self: Lane, part: Part, now: float) -> None:
        before = len(self._parts)
        right(self, part, now)
        if len(self._parts) > before:
            for half in self._parts[-2:]:
                half.attempts = part.attempts + 1

    patch.setattr(Lane, "_halve", wrong)


def age_is_ignored(patch: Patch) -> None:
    right = Rules.__post_init__

    def wrong(self: Rules) -> None:
        right(self)
        object.__setattr__(self, "expiry_s", RETENTION_S)

    patch.setattr(Rules, "__post_init__", wrong)


def retention_is_told(patch: Patch) -> None:
    patch.setattr(Rules, "retention_is_told", True)


def filter_after_batching(patch: Patch) -> None:
    init, begin = Shard.__init__, Lane._begin

    def wrong_init(self: Shard, name: str, parent: str | None, context: Context, turn: int) -> None:
        init(self, name, parent, context, turn)
        mapping = dataclasses.replace(context.rules.mapping, filters=check_filter_criteria(None))
        self._rules = Rules(mapping, context.rules.switches)

    def wrong_begin(self: Lane, now: float) -> bool:
        while begin(self, now):
            part = self._parts[-1]
            passing = tuple(record for record in part.records if self._mapping.filters.passes(record.wire))
            self._owner.finish([record for record in part.records if record not in passing])
            part.records = passing
            if passing:
                return True
            self._parts.pop()
        return False

    patch.setattr(Shard, "__init__", wrong_init)
    patch.setattr(Lane, "_begin", wrong_begin)


def remainder_is_topped_up(patch: Patch) -> None:
    right = Lane._cut_down

    def wrong(self: Lane, part: Part, done: int, now: float) -> None:
        right(self, part, done, now)
        if self._parts:
            self._parts[-1].records = self._waiting.fill(self._parts[-1].records)

    patch.setattr(Lane, "_cut_down", wrong)


def bad_identifiers_are_success(patch: Patch) -> None:
    patch.setattr(answers, "REFUSED", answers.SUCCESS)


def empty_text_breaks_the_contract(patch: Patch) -> None:
    patch.setattr(answers, "_EMPTY_ANSWERS", (None, {}, []))


def answers_count_without_partial_responses(patch: Patch) -> None:
    right = answers.judge

    def wrong(result: Any, records: Any, switches: Any, **_said: Any) -> Verdict:  # noqa: ANN401 - passed on
        return right(result, records, switches, partial_responses=True)

    patch.setattr("replay.event_source.source.judge", wrong)


def window_from_the_first_record(patch: Patch) -> None:
    patch.setattr(Waiting, "_end_of_window_at", lambda self, now: later(now, self._window_s))


def children_before_parents(patch: Patch) -> None:
    patch.setattr(EventSource, "_may_open", lambda _self, _shard: True)


def lanes_ignore_items(patch: Patch) -> None:
    patch.setattr(StreamRecord, "lane", lambda self, lanes, _key=None: self.sequence % lanes)


def checkpoint_passes_the_unfinished(patch: Patch) -> None:
    right = ShardLog.commit

    def wrong(self: ShardLog) -> None:
        if self._finished:
            newest = max(self._finished)
            self._finished = {record.sequence for record in self._read if record.sequence <= newest}
        right(self)

    patch.setattr(ShardLog, "commit", wrong)


def throttles_spend_attempts(patch: Patch) -> None:
    right = Lane._pause

    def wrong(self: Lane, part: Part, now: float) -> None:
        right(self, part, now)
        if part.invokes == 0 and part.pauses > 3:
            self._spend(part, now)

    patch.setattr(Lane, "_pause", wrong)


def count_is_one_too_low(patch: Patch) -> None:
    right = Lane._discard

    def wrong(self: Lane, records: Any, part: Part, condition: str, now: float) -> None:  # noqa: ANN401 - passed on
        part.invokes -= 1
        right(self, records, part, condition, now)

    patch.setattr(Lane, "_discard", wrong)


def failed_deliveries_are_kept(patch: Patch) -> None:
    patch.setattr(Outbox, "blocks", property(lambda self: self._destination is not None and self._destination.fails))


def records_join_a_retry(patch: Patch) -> None:
    right = Lane._spend

    def wrong(self: Lane, part: Part, now: float) -> None:
        part.records = self._waiting.fill(part.records)
        right(self, part, now)

    patch.setattr(Lane, "_spend", wrong)


def restart_keeps_what_is_done(patch: Patch) -> None:
    def wrong(self: ShardLog) -> None:
        self._upcoming.extendleft(record for record in reversed(self._read) if record.sequence not in self._finished)
        self._read.clear()
        self._finished.clear()

    patch.setattr(ShardLog, "go_back", wrong)


def state_is_lost_within_a_window(patch: Patch) -> None:
    patch.setattr(Lane, "_keep_state", lambda _self, _verdict: None)


def redelivery_does_not_happen(patch: Patch) -> None:
    patch.setattr(Shard, "redeliver", lambda _self, _records: None)


def ends_in_order_of_start(patch: Patch) -> None:
    patch.setattr(EventSource, "turn_of", lambda _self, _invocation: 0)


def held_messages_are_lost_when_the_run_breaks_off(patch: Patch) -> None:
    patch.setattr(Shard, "stop", lambda self, _now: self.log.commit())


def final_invocation_holds_up_its_lane_only(patch: Patch) -> None:
    def wrong(self: Shard, lane: Lane) -> bool:
        others = [other for other in self._lanes if other is not lane]
        return self._rules.stops_lanes and not lane.failing and any(other.failing for other in others)

    patch.setattr(Shard, "_is_stopped", wrong)


def window_waits_for_records_that_are_not_its_own(patch: Patch) -> None:
    def wrong(self: Shard, created_s: int, _lane: int) -> bool:
        return any(self.log.upcoming_before(created_s))

    patch.setattr(Shard, "expects_before", wrong)


MUTATIONS = (
    counter_is_not_reset_on_progress,
    lowest_identifier_by_text,
    second_half_first,
    halves_spend_attempts,
    age_is_ignored,
    retention_is_told,
    filter_after_batching,
    remainder_is_topped_up,
    bad_identifiers_are_success,
    empty_text_breaks_the_contract,
    answers_count_without_partial_responses,
    window_from_the_first_record,
    children_before_parents,
    lanes_ignore_items,
    checkpoint_passes_the_unfinished,
    throttles_spend_attempts,
    count_is_one_too_low,
    failed_deliveries_are_kept,
    records_join_a_retry,
    restart_keeps_what_is_done,
    state_is_lost_within_a_window,
    redelivery_does_not_happen,
    ends_in_order_of_start,
    held_messages_are_lost_when_the_run_breaks_off,
    final_invocation_holds_up_its_lane_only,
    window_waits_for_records_that_are_not_its_own,
)


def test_unchanged_event_source_is_right() -> None:
    assert not caught()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_wrong_event_source_is_caught(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    assert caught()


def caught() -> str | None:
    """The first case that is not as expected."""
    for case in CASES:
        assert case.expect is not None
        if differences(case.expect, run_case(case)):
            return case.name
    return None
