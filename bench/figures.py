"""From timed rounds to figures: medians, and ratios of what ran in the same minute.

A ratio is taken pass by pass, between neighbours, so that a minute in which the machine was slow slows both; the
figure is the median of these, its range the medians of the single rounds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.processes import Start
    from bench.rounds import Pass
    from bench.simulation import Speed


@dataclass(frozen=True, slots=True)
class Figure:
    """A median, and the lowest and highest of the rounds' own medians."""

    median: float
    low: float
    high: float


def figure(by_round: Mapping[int, Sequence[float]]) -> Figure:
    """Sum rounds up; each holds one value or more."""
    medians = [median(values) for values in by_round.values()]
    return Figure(median(value for values in by_round.values() for value in values), min(medians), max(medians))


def rate(passes: Iterable[Pass], scenario: str, contestant: str) -> Figure:
    """Messages a second."""
    return figure(
        _by_round((one.round, one.messages / one.wall_s) for one in _of(passes, scenario, contestant).values())
    )


def processor_ms(passes: Iterable[Pass], scenario: str, contestant: str) -> Figure:
    """Processor time of this process a message, in milliseconds; the engine's is not in it."""
    return figure(
        _by_round((one.round, 1000 * one.cpu_s / one.messages) for one in _of(passes, scenario, contestant).values())
    )


def ratio(passes: Sequence[Pass], scenario: str, contestant: str, against: str) -> Figure:
    """How many times as many messages a second, pass by pass."""
    theirs = _of(passes, scenario, against)
    return figure(
        _by_round(
            (one.round, (one.messages / one.wall_s) / (theirs[at].messages / theirs[at].wall_s))
            for at, one in _of(passes, scenario, contestant).items()
        )
    )


def start_ratio(starts: Sequence[Start], name: str, against: str) -> Figure:
    """How many times as long a cold start took, round by round."""
    theirs = {start.round: start.took_ms for start in starts if start.name == against}
    return figure(
        _by_round((start.round, start.took_ms / theirs[start.round]) for start in starts if start.name == name)
    )


def start_ms(starts: Iterable[Start], name: str) -> Figure:
    """Milliseconds a cold start took."""
    return figure(_by_round((start.round, start.took_ms) for start in starts if start.name == name))


def peak_mb(starts: Iterable[Start], name: str) -> Figure:
    """The most memory a cold started process had."""
    return figure(_by_round((start.round, start.peak_mb) for start in starts if start.name == name))


def speed(speeds: Iterable[Speed], name: str) -> Figure:
    """How many a second."""
    return figure(_by_round((one.round, one.count / one.wall_s) for one in speeds if one.name == name))


def speed_ratio(speeds: Sequence[Speed], name: str, against: str) -> Figure:
    """How many times as many a second, round by round."""
    theirs = {one.round: one.count / one.wall_s for one in speeds if one.name == against}
    return figure(
        _by_round((one.round, one.count / one.wall_s / theirs[one.round]) for one in speeds if one.name == name)
    )


def _of(passes: Iterable[Pass], scenario: str, contestant: str) -> dict[tuple[int, int], Pass]:
    return {(one.round, one.number): one for one in passes if (one.scenario, one.contestant) == (scenario, contestant)}


def _by_round(values: Iterable[tuple[int, float]]) -> dict[int, list[float]]:
    rounds: dict[int, list[float]] = defaultdict(list)
    for number, value in values:
        rounds[number].append(value)
    return rounds
