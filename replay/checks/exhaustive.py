"""Scenarios driven through every order of their steps, and through every fault at every call.

After the faults, what failed or crashed is delivered again until it succeeds, and everything once more: the table must
then be what the messages say, and the last delivery must have written nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from replay.checks.choices import Drawn, every
from replay.checks.world import Diverged, World
from stream_processor.group import GroupWork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.checks.choices import Choices
    from replay.checks.oracle import Finding
    from replay.checks.scenarios import Scenario, Step
    from replay.checks.store import Store
    from replay.checks.world import Fault, GroupTask, Invocation, Record, Work
    from stream_processor.message import Message

    MakeWork = Callable[[Sequence[Message], Callable[[float], float]], Work]

RUNS_MAX = 400_000
REDELIVERIES_MAX = 5
FAULTS: tuple[Fault, ...] = ("crash-before", "crash-after", "lost-request", "lost-answer")
"""A throttle, a conflict and a timeout before the effect are one fault to the work: the request is lost."""


@dataclass(slots=True)
class Covered:
    """How much was covered: histories run, requests made, findings that a stated limit explained."""

    histories: int = 0
    requests: int = 0
    limits: int = 0


def interleavings(scenario: Scenario, make_work: MakeWork = GroupWork, *, runs_max: int = RUNS_MAX) -> Covered:
    """Run both invocations and the application's steps in every order.

    Raises:
        Diverged: something that must hold does not.
    """
    covered = Covered()
    covered.histories = every(lambda choices: _interleave(scenario, make_work, choices, covered), runs_max=runs_max)
    return covered


def sampled(scenario: Scenario, make_work: MakeWork = GroupWork, *, runs: int, seed: int) -> Covered:
    """Run orders drawn by a seed, where all of them are too many.

    Raises:
        Diverged: something that must hold does not.
    """
    covered = Covered(histories=runs)
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    for _ in range(runs):
        _interleave(scenario, make_work, Drawn(random), covered)
    return covered


def fault_points(
    scenario: Scenario, make_work: MakeWork = GroupWork, store: Callable[[], Store] | None = None
) -> Covered:
    """Run the first invocation with one fault at each of its calls, the second one whole before, behind or in between.

    Raises:
        Diverged: something that must hold does not.
    """
    covered = Covered()

    def run(choices: Choices) -> None:
        world = _world(scenario, make_work, store)
        fault = FAULTS[choices.choose(len(FAULTS))]
        one, other = (scenario.second, scenario.first) if choices.choose(2) else (scenario.first, scenario.second)
        between = choices.choose(2) == 1
        first, second = world.invoke("first", one), None
        pending = True
        while first.runnable:
            hit = pending and choices.choose(2) == 1
            world.step(first, first.runnable[0], fault if hit else "none")
            if hit:
                pending = False
                second = _whole(world, "second", other) if between else None
        second = second or _whole(world, "second", other)
        for step in scenario.steps:
            _apply(world, step)
        _converge(world, scenario, [first, second], covered)

    covered.histories = every(run, runs_max=RUNS_MAX)
    return covered


def _world(scenario: Scenario, make_work: MakeWork, store: Callable[[], Store] | None = None) -> World:
    world = World(store() if store else scenario.table(), make_work)
    for item in scenario.rows:
        world.note(item)
    return world


def _interleave(scenario: Scenario, make_work: MakeWork, choices: Choices, covered: Covered) -> None:
    world = _world(scenario, make_work)
    invocations = [world.invoke("first", scenario.first), world.invoke("second", scenario.second)]
    steps = list(scenario.steps)
    while tasks := [(invocation, task) for invocation in invocations for task in invocation.runnable]:
        branch = choices.choose(len(tasks) + bool(steps))
        if branch < len(tasks):
            world.step(*tasks[branch])
        else:
            _apply(world, steps.pop(0))
    for step in steps:
        _apply(world, step)
    _converge(world, scenario, invocations, covered)


def _whole(world: World, name: str, records: Sequence[Record]) -> Invocation:
    invocation = world.invoke(name, records)
    world.finish(invocation)
    return invocation


def _apply(world: World, step: Step) -> None:
    if step.kind == "leave":
        world.leave(step.group, step.member)
    else:
        world.set_attribute(step.group, step.member, step.name, {"N": step.value})


def _converge(world: World, scenario: Scenario, invocations: Sequence[Invocation], covered: Covered) -> None:
    """Turn the faults off: deliver again what did not succeed, release the index, judge, deliver everything again."""
    waiting: list[Sequence[Record]] = [each.records for each in invocations if not each.succeeded]
    again: list[Invocation] = []
    for number in range(REDELIVERIES_MAX):
        again = [_whole(world, f"redelivery {number}", records) for records in waiting]
        waiting = [each.records for each in again if not each.succeeded]
    if waiting:
        raise Diverged(["an invocation never succeeds", *_errors(again)], world.story)
    world.store.release_index()
    _demand(world, scenario, covered)
    writes = world.writes
    for records in (scenario.first, scenario.second, (*scenario.first, *scenario.second)):
        world.finish(world.invoke("once more", records))
    if world.writes != writes and not world.limits:
        raise Diverged([f"redelivery wrote {world.writes - writes} times"], world.story)
    covered.requests += world.requests


def _demand(world: World, scenario: Scenario, covered: Covered) -> None:
    findings: list[Finding] = world.judge()
    explained = [finding for finding in world.oracle.judge(world.store.scan()) if world.explained(finding)]
    if findings or (explained and not scenario.stated_limits):
        raise Diverged(findings or explained, world.story)
    covered.limits += bool(explained)


def _errors(invocations: Sequence[Invocation]) -> list[str]:
    tasks: list[GroupTask] = [task for invocation in invocations for task in invocation.tasks if task.error]
    return [f"{task.name}: {task.error!r}" for task in tasks]
