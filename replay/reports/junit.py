"""An exploration as JUnit XML: one suite, a test case for the campaign and one for each broken case.

The campaign's test case passes when all of it was carried out and every situation that was asked for occurred; the
suite's other failures are the broken cases. Names stay the same from run to run, so that a CI server can follow them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, ElementTree, indent, tostring

from replay.exploration.case_file import dump
from replay.reports.exploration import anomalies
from replay.reports.exploration_text import situation_lines
from replay.reports.markup import element

if TYPE_CHECKING:
    from replay.exploration.campaign import BrokenCase
    from replay.reports.exploration import Exploration

SUITE: Final = "replay explore"
CLASS: Final = "replay.explore"


def junit_xml(exploration: Exploration) -> bytes:
    """Make the file, in UTF-8."""
    result, broken = exploration.result, exploration.broken
    told = broken.seed if broken else None
    cases = [_campaign(exploration)]
    if broken:
        cases.append(_told(broken, exploration))
    cases += [_untold(seed, exploration) for seed in sorted(result.broken) if seed != told]
    time_s = f"{result.duration_s:.3f}"
    failures = str(len(cases) - 1 + (exploration.word == "incomplete"))
    suite = element(
        "testsuite", *cases, name=SUITE, tests=str(len(cases)), failures=failures, errors="0", skipped="0", time=time_s
    )
    root = element("testsuites", suite, name=SUITE, tests=str(len(cases)), failures=failures, errors="0", time=time_s)
    indent(ElementTree(root))
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _campaign(exploration: Exploration) -> Element:
    result = exploration.result
    figures = {**exploration.about, "cases": result.cases, "calls": result.calls, "writes": result.writes}
    figures["findings explained by a stated limit"] = result.limited
    properties = [element("property", name=name, value=str(value)) for name, value in figures.items()]
    reached = "\n".join(["situations reached:", *situation_lines(exploration)])
    incomplete = element("failure", exploration.verdict, message=exploration.verdict, type="incomplete")
    return element(
        "testcase",
        element("properties", *properties),
        incomplete if exploration.word == "incomplete" else None,
        element("system-out", reached),
        classname=CLASS,
        name="campaign",
        time=f"{result.duration_s:.3f}",
    )


def _told(broken: BrokenCase, exploration: Exploration) -> Element:
    parts = [f"{anomaly.rule}: {anomaly.evidence}\n{anomaly.why}".strip() for anomaly in anomalies(broken)]
    parts.append("\n".join(["the story:", *map(str, broken.execution.story)]))
    parts += [f"again, {title}:\n{text}" for title, text in exploration.again().items()]
    first = broken.execution.broken[0]
    failure = element("failure", "\n\n".join(parts), message=str(first), type=first.rule)
    case = element("system-out", f"the case, for --case:\n{dump(broken.smallest)}")
    return element("testcase", failure, case, classname=CLASS, name=broken.drawn.name or "case", time="0")


def _untold(seed: int, exploration: Exploration) -> Element:
    failure = element("failure", f"again:\n{exploration.seed_again(seed)}", message="a rule is broken", type="broken")
    return element("testcase", failure, classname=CLASS, name=f"seed {seed}", time="0")
