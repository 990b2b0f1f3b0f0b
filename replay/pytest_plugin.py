"""A pytest plugin: hostile but lawful deliveries to a handler, explored inside the suite of whoever wrote it.

    def test_the_inbox_survives_any_delivery(explore):
        explore("app/stream.py:handler")

A case that breaks a rule fails the test with its story and how to see it again; the smallest such case, and the report
as a page, are written to the folder `explored`. What the command line says wins over the test's own arguments, these
over the ini file. The explorer is imported on first use: the plugin costs nothing where no test explores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from replay.explore_fixture import Explore

PROPERTY: Final = "explored"
"""Name of the property that an exploring test's report carries: how much was explored."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: `--explore-NAME` and `explore_NAME`; `is_momentary` ones have no ini form."""

    name: str
    kind: Callable[[str], Any]
    default: Any
    help: str
    is_momentary: bool = False


OPTIONS: Final = {
    option.name: option
    for option in (
        Option("schedules", int, 200, "how many cases each exploration draws (200)"),
        Option("seed", int, 0, "the first case's seed (0)"),
        Option("time", float, None, "stop each exploration after this many seconds"),
        Option("jobs", int, 1, "processes of an exploration in memory (1)"),
        Option("endpoint", str, None, "a DynamoDB to explore on; else DynamoDB Local is started once a session"),
        Option("folder", str, "explored", "where broken cases and their pages are written (explored)"),
        Option("case", str, None, "carry out the case of this file instead", is_momentary=True),
    )
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add every setting."""
    group = parser.getgroup("explore", "exploration of stream handlers")
    for option in OPTIONS.values():
        group.addoption(f"--explore-{option.name}", type=option.kind, metavar=option.name.upper(), help=option.help)
        if not option.is_momentary:
            parser.addini(f"explore_{option.name}", help=option.help)


def setting(config: pytest.Config, name: str, given: object = None) -> Any:  # noqa: ANN401 - of the option's kind
    """Find a setting: on the command line, then `given`, then in the ini file, then the default.

    Raises:
        pytest.UsageError: the ini file's value is of another kind.
    """
    option = OPTIONS[name]
    for value in (config.getoption(f"explore_{name}"), given):
        if value is not None:
            return value
    written = "" if option.is_momentary else config.getini(f"explore_{name}")
    if not written:
        return option.default
    try:
        return option.kind(written)
    except ValueError:
        raise pytest.UsageError(f"explore_{name} = {written}: it is to be a number") from None


@pytest.fixture
def explore(request: pytest.FixtureRequest) -> Explore:
    """Explore a handler: call it with one; the first case that breaks a rule fails the test with its story."""
    from replay.explore_fixture import Explore  # noqa: PLC0415 - half a second, for tests that explore

    return Explore(request)


@pytest.fixture(scope="session")
def explore_endpoint(pytestconfig: pytest.Config) -> Iterator[str]:
    """Give the address of the DynamoDB that is explored on: the one that was named, or an engine for this session."""
    named = setting(pytestconfig, "endpoint")
    if named:
        yield named
        return
    from replay.tables import local  # noqa: PLC0415 - for tests that explore

    with local.engine() as engine:
        yield engine.endpoint


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the story out of the line that sums a failure up: on a CI machine pytest does not cut that line."""
    report = yield
    told = any(name == PROPERTY for name, _ in item.user_properties)
    crash = getattr(report.longrepr, "reprcrash", None)
    if told and report.failed and crash:
        crash.message = crash.message.partition("\n")[0]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much each test explored."""
    lines = [
        f"{report.nodeid}: {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if lines:
        terminalreporter.section(PROPERTY)
    for line in lines:
        terminalreporter.write_line(line)
