"""Two handlers compared, for people and as JSON. The class below is the JSON's schema."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from rich.console import Console
from rich.text import Text

from replay.exploration.case_file import dump
from replay.reports.exploration_text import told
from replay.reports.markup import plain
from replay.reports.rows import owner, row_line
from replay.reports.text import aligned
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.exploration.differential import Differential, Divergence

DIFFERENCES_SHOWN: Final = 20


class DifferentialJson(TypedDict):
    """The whole report.

    `compared` cases are those in which both handlers took every record; `divergence` is the first that ended
    differently, made small: its `seed`, `case` (for `--case`), `differences`, and the `stories` of both, line by line.
    """

    verdict: Literal["same", "different", "incomplete"]
    about: dict[str, str]
    cases: int
    compared: int
    different: int
    first: dict[str, int]
    second: dict[str, int]
    divergence: dict[str, Any] | None
    duration_s: float


def verdict_of(result: Differential) -> Literal["same", "different", "incomplete"]:
    """Say it in a word; what compared nothing, or was stopped, proves nothing."""
    if result.different:
        return "different"
    return "incomplete" if result.stopped or not result.compared else "same"


def differential_json(result: Differential, about: Mapping[str, str]) -> DifferentialJson:
    """Make the object."""
    first, second = (asdict(side) for side in result.sides)
    return {
        "verdict": verdict_of(result),
        "about": dict(about),
        "cases": result.cases,
        "compared": result.compared,
        "different": result.different,
        "first": first,
        "second": second,
        "divergence": _divergence(result.divergence) if result.divergence else None,
        "duration_s": round(result.duration_s, 3),
    }


def print_differential(result: Differential, about: Mapping[str, str], console: Console | None = None) -> None:
    """Print the report on standard output."""
    console = console or Console(highlight=False, soft_wrap=True)
    console.print(Text(_sentence(result), style="bold red" if result.different else "bold"))
    for name, value in about.items():
        console.print(Text(plain(f"{name}: {value}")))
    console.print()
    rows = [
        (name.replace("_", " "), f"{getattr(result.sides[0], name):,}", f"{getattr(result.sides[1], name):,}")
        for name in ("requests", "writes", "write_units", "unfinished")
    ]
    console.print(aligned([("", "first", "second"), *rows]))
    if result.divergence:
        _print_divergence(result.divergence, console)


def _sentence(result: Differential) -> str:
    compared = f"{result.compared:,} compared of {counted(result.cases, 'case')}"
    match verdict_of(result):
        case "different":
            return f"different in {counted(result.different, 'case')}: {compared}"
        case "same":
            return f"the same in every case: {compared}"
        case _:
            return f"incomplete: {compared}"


def _print_divergence(divergence: Divergence, console: Console) -> None:
    console.print()
    console.print(Text(f"the smallest case that ends differently ({divergence.smallest.name})", style="bold"))
    rows = [
        (each.row, each.group or "", each.attribute or "row", each.first or "nothing", each.second or "nothing")
        for each in divergence.differences[:DIFFERENCES_SHOWN]
    ]
    shown = [tuple(plain(cell) for cell in row) for row in rows]
    console.print(aligned([("row", "group", "what", "first", "second"), *shown]))
    for item in divergence.smallest.rows:
        console.print(Text(plain(f"row of {owner(item)}: {row_line(item)}"), style="dim"))
    for name, story in zip(("first", "second"), divergence.stories, strict=True):
        console.print()
        console.print(Text(f"the story of the {name}", style="bold"))
        for event in told(list(story)):
            console.print(Text(plain(str(event))))


def _divergence(divergence: Divergence) -> dict[str, Any]:
    return {
        "seed": divergence.seed,
        "case": json.loads(dump(divergence.smallest)),
        "differences": [asdict(each) for each in divergence.differences],
        "stories": [[str(event).strip() for event in story] for story in divergence.stories],
    }
