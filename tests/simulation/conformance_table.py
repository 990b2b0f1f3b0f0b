"""A pytest plugin that lists every claim with its cases and verdict: `make conformance`.

Fails the run where a claim has no case, or a case was not run.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.simulation.conformance import claims

if TYPE_CHECKING:
    import pytest

GRADES = "grade: D documented, R recorded on AWS, I inferred, S silent, the conservative reading"


class ConformanceTable:
    """Collects the verdicts of tests that stand for claims."""

    def __init__(self) -> None:
        self._claims_of: dict[str, list[tuple[str, str]]] = {}
        self._verdicts: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            marks = list(item.iter_markers("conformance"))
            kind = "data" if "path" in getattr(item, "fixturenames", ()) else "test"
            self._claims_of[item.nodeid] = [(mark.args[0], kind) for mark in marks]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            for claim, kind in self._claims_of.get(report.nodeid, []):
                self._verdicts[claim].append((kind, report.outcome))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if set(claims()) - set(self._verdicts):
            session.exitstatus = 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("conformance")
        known = claims()
        for claim, (grade, text) in known.items():
            terminalreporter.line(f"{claim:6} {grade}  {_shown(self._verdicts.get(claim, [])):22} {text}")
        extra = [verdict for claim, found in self._verdicts.items() if claim not in known for verdict in found]
        terminalreporter.line(f"{'rules':6}    {_shown(extra):22} rules of the case format, one each")
        missing = [claim for claim in known if claim not in self._verdicts]
        terminalreporter.line(f"{len(known)} claims, {len(missing)} missing {' '.join(missing)}".rstrip())
        terminalreporter.line(GRADES)


def _shown(found: list[tuple[str, str]]) -> str:
    if not found:
        return "MISSING"
    failed = sum(outcome != "passed" for _, outcome in found)
    kinds = ", ".join(
        f"{count} {kind}" for kind in ("data", "test") if (count := sum(given == kind for given, _ in found))
    )
    return f"{kinds} {f'{failed} FAILED' if failed else 'right'}"


def pytest_configure(config: pytest.Config) -> None:
    """Take part in the run."""
    config.pluginmanager.register(ConformanceTable())
