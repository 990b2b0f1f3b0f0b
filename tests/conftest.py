"""One DynamoDB Local for each worker, started on first use, fresh tables on it, and a watch over private texts."""

from __future__ import annotations

import os
import signal
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from replay.tables import local
from replay.tables.endpoint import Endpoint, chosen
from replay.tables.schema import create_table, load_schema
from tests import recorded_calls

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from xdist.workermanage import WorkerController

ENDPOINT_VARIABLE = "INBOX_REPLAY_ENDPOINT"
"""Names a DynamoDB to test against instead of starting one: a container, another emulator."""

recorded_calls.install()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in the background so, and whatever a test starts inherits it: nothing would hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "chance",  # other examples in every run: make test ARGS="--hypothesis-profile=chance"
    deadline=None,  # timing is never asserted: the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],  # the same
    print_blob=True,  # a failure shows how to run it again
)
settings.register_profile("same", settings.get_profile("chance"), derandomize=True)
settings.register_profile(
    "found",  # for mutants: that something fails is enough
    settings.get_profile("same"),
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("same")


@pytest.fixture(scope="session")
def engine_endpoint() -> Iterator[str]:
    """The address of an engine, shared by all tests of this worker."""
    given = os.environ.get(ENDPOINT_VARIABLE)
    if given:
        yield given
        return
    with local.engine() as engine:
        yield engine.endpoint


@pytest.fixture(scope="session")
def dynamodb(engine_endpoint: str) -> DynamoDBClient:
    """A client of that engine."""
    return endpoint_of(engine_endpoint).client()


@pytest.fixture(scope="session")
def dynamodb_streams(engine_endpoint: str) -> DynamoDBStreamsClient:
    """A client of that engine's streams."""
    return endpoint_of(engine_endpoint).client("dynamodbstreams")


def endpoint_of(address: str) -> Endpoint:
    """The endpoint of an address; one that is not local gets the environment's own credentials."""
    found = chosen(address)
    assert found is not None
    return found


@pytest.fixture
def table(dynamodb: DynamoDBClient) -> str:
    """The name of a fresh table of the template's schema.

    Tables are never dropped: in DynamoDB Local, dropping one that had a stream slows every later write for good.
    """
    name = f"messages-{uuid.uuid4().hex}"
    create_table(dynamodb, load_schema(), name)
    return name


@pytest.fixture(scope="session")
def shared_table(dynamodb: DynamoDBClient) -> str:
    """The name of one table for tests that keep apart by their ids."""
    name = f"shared-{os.getpid()}"
    create_table(dynamodb, load_schema(), name)
    return name


CALLS_FAULT = pytest.StashKey[str]()

PRIVATE_MARK = "PRIVATE-"
"""Every text, name and handle that `builders.py` makes begins so."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001 - the hook's signature
    call: pytest.CallInfo[None],  # noqa: ARG001 - the same
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test in whose output or log a message's text, a name or a handle stands."""
    report = yield
    places = [name for name, shown in report.sections if name.endswith(report.when) and PRIVATE_MARK in shown]
    if report.passed and places:
        report.outcome = "failed"
        report.longrepr = f"a private text was shown: {', '.join(places)}"
    return report


def pytest_testnodedown(node: WorkerController) -> None:
    """Take the calls that a worker's tests made."""
    recorded_calls.take_over(getattr(node, "workeroutput", {}).get(recorded_calls.OUTPUT, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hold the permissions in the template to the calls that the whole suite made."""
    recorded_calls.hand_over(session.config)
    if exitstatus == pytest.ExitCode.OK and recorded_calls.is_whole(session.config):
        fault = recorded_calls.difference()
        if fault:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[CALLS_FAULT] = fault or "equal to the calls that this run made"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how the permissions and the calls compare."""
    if CALLS_FAULT in config.stash:
        terminalreporter.write_line(f"permissions of the function's own statement: {config.stash[CALLS_FAULT]}")
