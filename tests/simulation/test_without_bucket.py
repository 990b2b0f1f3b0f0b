"""Without a quarantine the event source isolates what can never be applied: right where the mapping halves batches."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from replay.exploration.draw import draw
from replay.exploration.execution import execute
from replay.exploration.features import Features
from replay.exploration.ours import OurHandler
from replay.tables.memory import MemoryTable

CASES = 400


def explored(*, bisect: bool) -> tuple[Counter[str], Counter[str]]:
    """Carry out cases that hold what can never be applied; the rules broken and the situations reached."""
    broken: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    for seed in range(CASES):
        drawn = Features.drawn(Random(seed))  # noqa: S311 - repeatable on purpose
        features = replace(drawn, poison=True, batches=True, bisect=bisect)
        store = MemoryTable()
        execution = execute(draw(seed, features=features), store, OurHandler(store, has_quarantine=False))
        broken.update(execution.rules)
        reached.update(execution.situations)
    return broken, reached


def test_halving_batches_isolates_what_can_never_be_applied() -> None:
    broken, reached = explored(bisect=True)
    assert broken == {}
    assert reached["discarded"] > CASES / 4
    assert reached["answer error"] > CASES


def test_without_halving_healthy_records_are_discarded_beside_it() -> None:
    broken, _ = explored(bisect=False)
    assert broken["healthy records are not given up"] > 0
