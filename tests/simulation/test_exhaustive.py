"""Every order of two invocations, every fault at every call: the function stays right, wrong ones are convicted."""

from __future__ import annotations

import pytest

from replay.checks.exhaustive import fault_points, interleavings, sampled
from replay.checks.scenarios import Scenario, scenarios
from replay.checks.world import Diverged
from tests.handlers.wrong_works import WRONG_WORKS

TOO_MANY_ORDERS = {"more than fifty members"}
"""Scenarios whose orders are sampled: two invocations of seventy calls each."""
SCENARIOS = scenarios()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_order_of_two_invocations_ends_right(scenario: Scenario) -> None:
    covered = sampled(scenario, runs=20, seed=1) if scenario.name in TOO_MANY_ORDERS else interleavings(scenario)
    assert covered.histories > 1
    assert (covered.limits > 0) == scenario.stated_limits


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_fault_before_and_after_every_call_ends_right(scenario: Scenario) -> None:
    covered = fault_points(scenario)
    assert covered.histories >= 2 * 2 * 4 * 2  # order of invocations, in between or behind, four faults, two calls


@pytest.mark.parametrize("wrong", WRONG_WORKS, ids=lambda wrong: wrong.__name__)
def test_a_wrong_work_is_convicted(wrong: type) -> None:
    assert any(_convicts(scenario, wrong) for scenario in SCENARIOS), f"nothing convicts: {wrong.__doc__}"


def _convicts(scenario: Scenario, wrong: type) -> bool:
    try:
        if scenario.name not in TOO_MANY_ORDERS:
            interleavings(scenario, wrong)
        fault_points(scenario, wrong)
    except Diverged:
        return True
    return False
