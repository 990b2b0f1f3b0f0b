"""The filters against the slow evaluator: hand-made cases, and a part of what `make fuzz-filters` compares."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from replay.event_source.filters import matches
from tests.simulation.filter_pairs import make_pair
from tests.simulation.fuzz_filters import Tally, compare
from tests.simulation.slow_filter import slow_matches
from tests.unit.test_filters_matching import ARRAY_CASES, DOT_CASES, OR_CASES, STREAM_CASES

HAND_MADE = [*STREAM_CASES, *ARRAY_CASES, *DOT_CASES, *OR_CASES]
PAIRS = 2_000


@pytest.mark.parametrize(("pattern", "event", "expected"), [pytest.param(*c[1:], id=c[0]) for c in HAND_MADE])
def test_slow_evaluator_answers_what_is_known(pattern: object, event: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    as_json = json.loads(json.dumps(event))
    assert slow_matches(json.dumps(pattern), as_json) is expected


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_filters_agree_with_the_slow_evaluator(seed: int) -> None:
    tally = compare(seed, PAIRS)
    assert not tally.differences, str(tally)
    assert 0.3 < tally.matched / tally.pairs < 0.7


def test_pairs_reach_every_operator_both_ways() -> None:
    wanted = {"$or", "prefix", "suffix", "wildcard", "cidr", "exactly", "numeric", "exists", "anything-but"}
    wanted |= {"equals-ignore-case"}
    rng = random.Random(5)  # noqa: S311 - reproducible, no secret
    pairs = [make_pair(rng) for _ in range(PAIRS)]
    for verdict in (True, False):
        seen = {
            name
            for pair in pairs
            for name in wanted
            if f'"{name}"' in pair.pattern and matches(pair.pattern, pair.record, dialect=pair.dialect) is verdict
        }
        assert seen == wanted


def test_a_difference_is_kept_with_its_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.fuzz_filters.matches", lambda *_args, **_kwargs: None)
    told: list[Tally] = []
    tally = compare(7, 5_000, told.append)
    assert len(tally.differences) == tally.pairs == 5_000
    assert told == [tally]
    assert str(tally).startswith("seed 7: 5,000 pairs, ")
