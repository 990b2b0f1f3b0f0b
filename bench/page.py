"""The results as tables, and the page they stand in: between two markers, which stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench import figures
from bench.contestants import CONTESTANTS, FLOOR, LOOPED, OURS, USUAL
from bench.errors import BenchError
from bench.goals import BYTES_PER_MB, goals
from bench.processes import BARE
from bench.processes import OURS as OURS_STARTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from bench.figures import Figure
    from bench.goals import Goal
    from bench.results import Results

BEGIN = "<!-- benchmarks: rewritten by `make bench` -->"
END = "<!-- end of benchmarks -->"
_BETWEEN = re.compile(re.escape(BEGIN) + r"\n.*?" + re.escape(END), flags=re.DOTALL)

WHOLE_FROM = 100
"""From here on a figure is written without a fraction."""
TITLES = {OURS: "ours", FLOOR: "floor", USUAL: "usual", LOOPED: "usual, looped"}


def rewrite(path: Path, tables: str) -> None:
    """Put tables between the page's markers.

    Raises:
        BenchError: the page has not exactly one pair of them.
    """
    page = path.read_text(encoding="utf-8")
    if len(_BETWEEN.findall(page)) != 1:
        raise BenchError(f"{path} must hold '{BEGIN}' and behind it '{END}', once each")
    path.write_text(_BETWEEN.sub(lambda _match: f"{BEGIN}\n\n{tables}\n\n{END}", page), encoding="utf-8")


def summary(results: Results) -> str:
    """Write what the figures are held to, in Markdown."""
    return "\n\n".join((_surroundings(results), _goals(list(goals(results)))))


def tables(results: Results) -> str:
    """Write everything a run found in Markdown."""
    parts = [summary(results)]
    if results.passes:
        parts += ["### Messages a second", _rates(results), "### Cost a message", _costs(results)]
    if results.starts:
        parts += ["### Cold start and memory", _starts(results)]
    if results.package:
        parts += ["### Package", _package(results)]
    return "\n\n".join(parts)


def _surroundings(results: Results) -> str:
    machine = results.machine
    busy = " **Others were at work on the machine: take these figures with care.**" if machine.is_busy else ""
    return (
        f"Python {machine.python}, botocore {machine.botocore}, DynamoDB Local {machine.engine}, "
        f"{machine.processors} processors, load {machine.load:.1f} before it began; {results.rounds} rounds. "
        f"Medians; in brackets the lowest and highest of the rounds.{busy}"
    )


def _goals(found: Sequence[Goal]) -> str:
    return _table(
        ("what", "found", "rounds", "goal", ""),
        (
            (
                goal.what,
                f"**{_number(goal.found.median)}{goal.unit}**",
                _range(goal.found),
                f"{'≤' if goal.at_most else '≥'} {_number(goal.bound)}{goal.unit}",
                "met" if goal.is_met else "**not met**",
            )
            for goal in found
        ),
    )


def _rates(results: Results) -> str:
    def row(name: str) -> Iterator[str]:
        yield f"**{name}**: {results.shapes[name]}"
        for contestant in CONTESTANTS:
            yield _number(figures.rate(results.passes, name, contestant).median)
        for against in CONTESTANTS[1:]:
            found = figures.ratio(results.passes, name, OURS, against)
            yield f"{_number(found.median)} ({_range(found)})"
        for contestant in (OURS, FLOOR):
            yield _number(figures.processor_ms(results.passes, name, contestant).median)

    titles = [TITLES[contestant] for contestant in CONTESTANTS]
    head = ("scenario", *titles, *(f"ours / {title}" for title in titles[1:]), "ours, CPU ms", "floor, CPU ms")
    return _table(head, (row(name) for name in results.shapes))


def _costs(results: Results) -> str:
    def row(name: str) -> Iterator[str]:
        yield f"**{name}**"
        for contestant in (OURS, USUAL, LOOPED):
            one = results.costs[name][contestant]
            yield _number(one.requests)
            yield _number(one.write_units)

    head = (
        "scenario",
        *(f"{TITLES[name]}, {what}" for name in (OURS, USUAL, LOOPED) for what in ("requests", "write units")),
    )
    return _table(head, (row(name) for name in results.costs))


def _starts(results: Results) -> str:
    def row(name: str, title: str) -> Iterator[str]:
        took, peak = figures.start_ms(results.starts, name), figures.peak_mb(results.starts, name)
        yield from (title, f"{_number(took.median)} ({_range(took)})", _number(peak.median))

    head = ("in a fresh process", "ms", "most memory, MB")
    rows = (row(BARE, "import boto3, make a client, one query"), row(OURS_STARTED, "ours: import, first batch"))
    return _table(head, rows)


def _package(results: Results) -> str:
    package = results.package
    if package is None:
        raise BenchError("no package was measured")
    return (
        f"{package.size / BYTES_PER_MB:.2f} MB in {package.files} files, unzipped; of these "
        f"{package.ours / BYTES_PER_MB:.3f} MB are the function, the rest is Powertools and what it needs."
    )


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _range(figure: Figure) -> str:
    return f"{_number(figure.low)} to {_number(figure.high)}"


def _number(value: float) -> str:
    """Write three digits that count, thousands set apart."""
    if value >= WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.3g}"
