"""The rounds: a fresh engine each, every contestant on a fresh table again and again, in an order that rotates.

Before anything is timed, ours is recorded once on every scenario, and it is proved that the floor sends the same bytes.
After each pass the table is compared with what the scenario must lead to.
"""

from __future__ import annotations

import gc
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import surroundings
from bench.contestants import CONTESTANTS, FLOOR, OURS, Stage, open_floor, open_ours, open_stage, share
from bench.errors import BenchError, Disturbed
from bench.tables import Tables
from bench.units import Cost, cost
from bench.wire import recording
from replay.tables import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.contestants import Groups
    from bench.scenarios import Scenario, Sizes
    from bench.wire import Sent

ATTEMPTS_MAX = 5
"""How often a pass is tried that the machine disturbs."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One timed pass: `wall_s` and this process's own `cpu_s` for so many messages; the first batch is not counted."""

    round: int
    number: int
    scenario: str
    contestant: str
    messages: int
    wall_s: float
    cpu_s: float
    disturbed: int
    """How many tries were thrown away before."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What every contestant sent on one scenario: the cost a message, and ours' requests for the floor."""

    costs: Mapping[str, Cost]
    requests: Groups


def record(scenarios: Sequence[Scenario], sizes: Sizes) -> dict[str, Recorded]:
    """Run every contestant once on an engine of its own and keep what they send.

    Raises:
        BenchError: the floor does not send the bytes that ours sent.
    """
    with local.engine(tell=_quiet) as running:
        surroundings.enter(running.endpoint)
        tables = Tables(local.client(running.endpoint))
        return {scenario.name: _record(tables, scenario, sizes.one_by_one) for scenario in scenarios}


def measure(
    scenarios: Sequence[Scenario],
    recorded: Mapping[str, Recorded],
    *,
    rounds: int,
    sizes: Sizes,
    done: Callable[[], None],
) -> list[Pass]:
    """Time every contestant on every scenario; `done` is called after each pass, timed or not."""
    passes: list[Pass] = []
    for number in range(rounds):
        with local.engine(tell=_quiet) as running:
            surroundings.enter(running.endpoint)
            tables = Tables(local.client(running.endpoint))
            passes.extend(_round(tables, number, scenarios, recorded, sizes, done))
    return passes


def passes_in(scenarios: Sequence[Scenario], rounds: int, sizes: Sizes) -> int:
    """Count the passes `measure` will make."""
    return rounds * (sizes.passes + 1) * len(scenarios) * len(CONTESTANTS)


def _record(tables: Tables, scenario: Scenario, one_by_one: int) -> Recorded:
    requests = _record_ours(tables, scenario)
    _prove_floor(tables, scenario, requests)
    costs = {}
    for name in CONTESTANTS:
        part = share(name, scenario, one_by_one)
        handle = open_stage(name, Stage(tables.filled(part.rows), part, requests))
        with recording() as sent:
            for number in range(len(part.batches)):
                handle(number)
        costs[name] = cost(sent, part.messages)
    return Recorded(costs, requests)


def _record_ours(tables: Tables, scenario: Scenario) -> Groups:
    """Keep what ours sends, one worker: the requests of one group are then next to each other."""
    table = tables.filled(scenario.rows)
    handle = open_ours(Stage(table, scenario), workers=1)
    batches = []
    for number in range(len(scenario.batches)):
        with recording() as sent:
            handle(number)
        batches.append(tuple(_by_group(sent)))
    tables.check(table, scenario, OURS)
    return tuple(batches)


def _by_group(sent: Sequence[Sent]) -> Iterator[tuple[Sent, ...]]:
    """Cut a batch's requests before each query: a group's work begins with one."""
    starts = [number for number, request in enumerate(sent) if request.operation == "Query"]
    for start, end in itertools.pairwise([*starts, len(sent)]):
        yield tuple(sent[start:end])


def _prove_floor(tables: Tables, scenario: Scenario, requests: Groups) -> None:
    table = tables.filled(scenario.rows)
    handle = open_floor(Stage(table, scenario, requests), workers=1)
    with recording() as sent:
        for number in range(len(requests)):
            handle(number)
    ours = [request for batch in requests for group in batch for request in group]
    name = ours[0].parameters["TableName"]
    if [one.comparable(name) for one in ours] != [one.comparable(table) for one in sent]:
        raise BenchError(f"the floor sends other bytes than ours on '{scenario.name}'")
    tables.check(table, scenario, FLOOR)


def _round(  # noqa: PLR0913, PLR0917 - a round needs it all
    tables: Tables,
    round_number: int,
    scenarios: Sequence[Scenario],
    recorded: Mapping[str, Recorded],
    sizes: Sizes,
    done: Callable[[], None],
) -> Iterator[Pass]:
    for number in range(sizes.passes + 1):
        for scenario in scenarios:
            turn = (round_number + number) % len(CONTESTANTS)
            for name in CONTESTANTS[turn:] + CONTESTANTS[:turn]:
                part = share(name, scenario, sizes.one_by_one)
                passed = _pass(tables, part, name, recorded[scenario.name].requests, (round_number, number))
                done()
                if number > 0:
                    yield passed


def _pass(tables: Tables, scenario: Scenario, contestant: str, requests: Groups, at: tuple[int, int]) -> Pass:
    for disturbed in range(ATTEMPTS_MAX):
        table = tables.filled(scenario.rows)
        try:
            wall_s, cpu_s = _timed(open_stage(contestant, Stage(table, scenario, requests)), len(scenario.batches))
        except Disturbed:
            continue
        tables.check(table, scenario, contestant)
        messages = sum(map(len, scenario.batches[1:]))
        return Pass(*at, scenario.name, contestant, messages, wall_s, cpu_s, disturbed)
    raise BenchError(f"'{scenario.name}' was disturbed {ATTEMPTS_MAX} times in a row: is the machine that busy?")


def _timed(handle: Callable[[int], None], batches: int) -> tuple[float, float]:
    handle(0)  # connections, and whatever is made on first use
    gc.unfreeze()
    gc.collect()
    gc.freeze()  # what the bench itself holds is nobody's garbage to look through
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for number in range(1, batches):
        handle(number)
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


def _quiet(_line: str) -> None:
    """Engines come and go here; the progress shows it."""
