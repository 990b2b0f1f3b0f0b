"""What the figures are held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import figures
from bench.contestants import FLOOR, OURS, USUAL
from bench.exploration import ONE, TWO
from bench.processes import BARE
from bench.processes import OURS as OURS_STARTED
from bench.simulation import BATCHED, FILTER, SINGLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figures import Figure
    from bench.results import Results

PACKAGE_MB_MAX = 8
BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure and its bound; `unit` stands behind both."""

    what: str
    found: Figure
    bound: float
    at_most: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the median keeps the bound."""
        return self.found.median <= self.bound if self.at_most else self.found.median >= self.bound


def goals(results: Results) -> Iterator[Goal]:
    """List the goals that this run can answer."""
    passes = results.passes
    if passes:
        yield Goal("hot: ours / the usual function", figures.ratio(passes, "hot", OURS, USUAL), 80, unit="x")
        for scenario, bound in (("spread", 0.9), ("mixed", 0.9), ("single", 0.9), ("hot", 0.6)):
            yield Goal(f"{scenario}: ours / the floor", figures.ratio(passes, scenario, OURS, FLOOR), bound, unit="x")
    if results.starts:
        found = figures.start_ratio(results.starts, OURS_STARTED, BARE)
        yield Goal("cold start: ours / a bare client", found, 1.2, at_most=True, unit="x")
    if results.package:
        size = results.package.size / BYTES_PER_MB
        yield Goal("package", figures.Figure(size, size, size), PACKAGE_MB_MAX, at_most=True, unit=" MB")
    if any(speed.name == BATCHED for speed in results.speeds):
        for what, name, bound in (
            ("simulated delivery, batches of 100", BATCHED, 200_000),
            ("simulated delivery, batches of one", SINGLE, 20_000),
            ("the template's filter, compiled", FILTER, 500_000),
        ):
            yield Goal(what, figures.speed(results.speeds, name), bound, unit=" records/s")
    if any(speed.name == ONE for speed in results.speeds):
        cases = "random cases with faults, 3 groups and 20 messages"
        yield Goal(f"{cases}, one process", figures.speed(results.speeds, ONE), 500, unit=" cases/s")
        yield Goal(f"{cases}: two processes / one", figures.speed_ratio(results.speeds, TWO, ONE), 1.7, unit="x")
