"""Compare the filters with the slow evaluator on many random pairs.

    python -m tests.simulation.fuzz_filters --pairs 100000 --seed 7

Progress goes to standard error; the last line says seed, pairs, share of matches and differences. Exit code 1 on a
difference, with the pair to reproduce it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from replay.event_source.filters import matches
from tests.simulation.filter_pairs import Pair, make_pair
from tests.simulation.slow_filter import slow_matches

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN_MAX = 10
REPORT_EVERY = 5_000
SEED_BITS = 32


@dataclass(slots=True)
class Tally:
    """What a campaign saw."""

    seed: int
    pairs: int = 0
    matched: int = 0
    differences: list[Pair] = field(default_factory=list)

    def __str__(self) -> str:
        share = self.matched / max(self.pairs, 1)
        return f"seed {self.seed}: {self.pairs:,} pairs, {share:.0%} match, {len(self.differences)} differences"


def compare(seed: int, pairs: int, report: Callable[[Tally], None] = lambda _tally: None) -> Tally:
    """Compare so many pairs; the seed makes them."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, no secret
    tally = Tally(seed)
    for _ in range(pairs):
        pair = make_pair(rng)
        expected = slow_matches(pair.pattern, pair.record)
        if matches(pair.pattern, pair.record, dialect=pair.dialect) is not expected:
            tally.differences.append(pair)
        tally.pairs += 1
        tally.matched += expected
        if tally.pairs % REPORT_EVERY == 0:
            report(tally)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the filters with a slow evaluator.")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(SEED_BITS))
    arguments = parser.parse_args()
    sys.stderr.write(f"seed {arguments.seed}\n")
    start = time.monotonic()

    def report(tally: Tally) -> None:
        left = (time.monotonic() - start) / tally.pairs * (arguments.pairs - tally.pairs)
        sys.stderr.write(f"{tally}, {left:.0f} s left\n")

    tally = compare(arguments.seed, arguments.pairs, report)
    for pair in tally.differences[:SHOWN_MAX]:
        sys.stdout.write(f"matches({pair.pattern!r}, {pair.record!r}, dialect={pair.dialect!r})\n")
    sys.stdout.write(f"{tally}\n")
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
