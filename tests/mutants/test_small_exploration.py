"""A small exploration as a killer of mutants: each test is one run of seeds, or one scenario with every fault."""

from __future__ import annotations

import pytest

from replay.checks.exhaustive import fault_points
from replay.checks.scenarios import Scenario, scenarios
from replay.exploration.campaign import in_memory
from replay.exploration.draw import draw

SEEDS = 50


@pytest.mark.parametrize("first", range(0, 500, SEEDS))
def test_these_seeds_are_right(first: int) -> None:
    for seed in range(first, first + SEEDS):
        assert in_memory(draw(seed)).broken == []


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_every_fault_at_every_call_ends_right(scenario: Scenario) -> None:
    fault_points(scenario)
