"""`python -m replay run`: replay recorded events against a handler and give the verdict."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import secrets
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import click

from replay.checks.compare import differences
from replay.commands.discards import write_discard
from replay.commands.launching import launch_of
from replay.commands.outputs import refuse_same_file, sources_of, written_to
from replay.commands.run_asked import Asked
from replay.commands.run_checks import AGAINST_SUFFIX, check_startable
from replay.commands.run_options import run_options
from replay.delivery_round import Duplicates, delivery_of
from replay.errors import WrongUse
from replay.fixtures import CONVERSATION, locate_fixture
from replay.forecast import forecast
from replay.function.controls import Controls
from replay.function.faults import Faults
from replay.function.process import FunctionProcess
from replay.function.target import DEFAULT
from replay.report import InjectedFault
from replay.reports.progress import deliveries_bar, records_bar
from replay.reports.run_json import as_json
from replay.reports.stepping import Stepping
from replay.reports.text import NO_TABLE, print_differences, print_forecast, print_report
from replay.run import Replay, deliver_only
from replay.sources import shapes
from replay.sources.documents import STANDARD_INPUT, opened
from replay.sources.history import History
from replay.sources.recording import TOLD_EVERY, Recording
from replay.sources.state import carried_on, read_state
from replay.sources.values import fault_in
from replay.tables import local
from replay.tables.endpoint import Endpoint, announce, chosen, confirm_writes, of_engine, refusals_explained
from replay.tables.lagging_index import LaggingIndex, change_of
from replay.tables.progress import say
from replay.tables.schema import ensure_table, locate_template
from replay.tables.under_test import TableUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from replay.function.control import Control
    from replay.function.target import Target
    from replay.report import Report
    from replay.rows.wire import Item

RIGHT = 0
ENDINGS = {"right": 0, "not judged": 0, "wrong": 1, "incomplete": 2}
"""Exit codes; what is incomplete proves nothing."""
COLLECTED_EVERY = (100_000, 20, 100)
"""Records are many and hold no cycles: looking for some as often as Python does takes longer than reading them."""
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens on the discard port: a handler that asks for a table finds none."""
NAME_BYTES = 4
"""Random ones at the end of a new table's name."""


@click.command()
@click.argument("events", nargs=-1, metavar="[EVENTS]...")
@run_options
def run(events: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401 - click's options
    """Deliver recorded stream records to a handler as Lambda would, and say whether the table is right.

    EVENTS are files of Lambda events, single records, GetRecords answers, Kinesis events, Pipes batches, discarded
    batches or incremental exports, plain or gzip, or '-' for standard input; without any, the conversation that comes
    with the project. The rows that the recording presupposes are put first; the handler runs in a process of its own,
    is killed at its timeout, and finds the table at AWS_ENDPOINT_URL_DYNAMODB under TABLE_NAME.

    Exit code 0: the table is what the messages say. 1: it is not, and the report says where; or no delivery succeeded.
    2: wrong use, or a fault that was asked for never happened. The verdict is about tables of messages: where the
    records hold none that is delivered, it is "not judged", and 1 only where the handler left records behind.

    \b
    Example:
      python -m replay run
      python -m replay run events.jsonl --handler app/stream.py:handler --env TABLE=messages
      python -m replay run --crash-after DeleteItem:3 --lag calls:5 --duplicate
      zcat events.jsonl.gz | python -m replay run - --json | jq .verdict
    """
    gc.set_threshold(*COLLECTED_EVERY)
    if options["log"] is not None:
        named = (options["template"] or locate_template(), options["filtered_by"])
        read = (*events, *options["table_state"], *filter(None, named))
        refuse_same_file("--log", options["log"], [*read, *sources_of((options["handler"], options["against"]))])
    if options["step"] and STANDARD_INPUT in events:
        raise WrongUse("--step waits for somebody at standard input; give the events as a file")
    with opened(events or (str(locate_fixture(CONVERSATION)),)) as files:
        shape = shapes.named(options["shape"]) if options["shape"] else None
        with records_bar("checking", None) as told:
            recording = Recording(files, shape, told, fault_in)
        asked = Asked.of(recording, options)
        check_startable(asked)
        return _forecast(asked) if options["dry_run"] else _run(asked)


def _forecast(asked: Asked) -> int:
    if asked.options["table"] != NO_TABLE:
        _history(asked)
    expected = forecast(asked.recording, asked.mapping, asked.switches)
    if asked.options["as_json"]:
        click.echo(json.dumps(dataclasses.asdict(expected)))
    else:
        print_forecast(expected, is_own=asked.options["handler"] == DEFAULT)
    return RIGHT


def _run(asked: Asked) -> int:
    if asked.options["table"] == NO_TABLE:
        return _run_without_table(asked)
    history = _history(asked)
    with _endpoint(asked) as (endpoint, table), _output(asked.options) as tell:
        tables = [table] if len(asked.targets) == 1 else [table, f"{table}{AGAINST_SUFFIX}"]
        _check_later_handlers(asked, (endpoint, table))
        ran = [
            _replay(asked, history, target, (endpoint, name), tell)
            for target, name in zip(asked.targets, tables, strict=True)
        ]
    _tell(asked, ran)
    return ENDINGS[ran[0].report.word]


def _check_later_handlers(asked: Asked, where: tuple[Endpoint, str]) -> None:
    """Import them before the first one's run: it may take long."""
    for target in asked.targets[1:]:
        with FunctionProcess(launch_of(target, asked.configuration, asked.schema, where, asked.variables)) as process:
            process.start()


@dataclass(frozen=True, slots=True)
class _Ran:
    """One handler's run."""

    report: Report
    about: dict[str, str]
    rows: list[Item]

    @property
    def json(self) -> dict[str, Any]:
        return as_json(self.report, self.about)


def _history(asked: Asked) -> History:
    """Tell what the recorded application wrote; from here on nothing in the events can be refused."""
    with opened(asked.options["table_state"]) as state:
        history = History(carried_on(read_state(state), asked.before or ()))
    with records_bar("noting what was written", asked.recording.records) as told:
        for done, recorded in enumerate(asked.recording):
            history.note(recorded)
            if done % TOLD_EVERY == 0:
                told(done)
    return history


def _run_without_table(asked: Asked) -> int:
    """Deliver everything and judge nothing."""
    nowhere = Endpoint(NOWHERE, NOWHERE, local.REGION)
    launch = launch_of(asked.targets[0], asked.configuration, asked.schema, (nowhere, NO_TABLE), asked.variables)
    faults = Faults(asked.faults)
    with contextlib.ExitStack() as stack:
        tell = stack.enter_context(_output(asked.options))
        handlers = [
            stack.enter_context(FunctionProcess(launch, tell, faults if asked.faults else None))
            for _ in range(asked.options["concurrent"])
        ]
        handlers[0].start()
        told = stack.enter_context(deliveries_bar("delivering", asked.recording.records))
        report = deliver_only(asked.recording, handlers, asked.mapping, asked.switches, watch=told)
    _note_faults(report, faults)
    _tell(asked, [_Ran(report, {"handler": str(asked.targets[0]), "table": NO_TABLE}, [])])
    return ENDINGS[report.word]


def _replay(
    asked: Asked,
    history: History,
    target: Target,
    where: tuple[Endpoint, str],
    tell: Callable[[str], None] | None,
) -> _Ran:
    """Run one handler on a table of its own; `where` is the endpoint and the table's name there."""
    endpoint, table = where
    ensure_table(endpoint.client(), asked.schema, table)
    announce(endpoint, table)
    under_test = TableUnderTest(table, endpoint)
    faults = Faults(asked.faults)
    lagging = _lagging_index(asked, under_test)
    control = _control(asked, under_test, faults, lagging)
    launch = launch_of(target, asked.configuration, asked.schema, where, asked.variables)
    with contextlib.ExitStack() as stack:
        handlers = [
            stack.enter_context(FunctionProcess(launch, tell, control)) for _ in range(asked.options["concurrent"])
        ]
        handlers[0].start()
        told = _progress(stack, asked)
        report = Replay(
            asked.recording,
            history,
            handlers,
            under_test,
            asked.mapping,
            asked.switches,
            keep_batches=asked.options["keep_batches"],
            duplicates=Duplicates(asked.options["seed"]) if asked.options["duplicate"] else None,
            begun=lagging.begin if lagging is not None else lambda: None,
            watch=told,
        ).run()
    _note_faults(report, faults)
    report.lagging_queries = lagging.answered if lagging is not None else 0
    about = {"handler": str(target), "table": table, "endpoint": str(endpoint)}
    return _Ran(report, about, list(under_test.rows()) if asked.options["against"] else [])


def _note_faults(report: Report, faults: Faults) -> None:
    report.faults = [
        InjectedFault(str(done.fault), done.operation, delivery_of(done.request_id)) for done in faults.happened
    ]
    report.faults_left = [str(fault) for fault in faults.waiting]


def _progress(stack: contextlib.ExitStack, asked: Asked) -> Callable[[Report], None]:
    """Show a bar; but where every call is shown and waited for, say how to go on."""
    if not asked.options["step"]:
        return stack.enter_context(deliveries_bar("replaying", asked.recording.records))
    if sys.stdin.isatty():
        say("after each request: Enter goes on, c goes on to the end, q ends the run")
    return lambda _: None


def _lagging_index(asked: Asked, table: TableUnderTest) -> LaggingIndex | None:
    if asked.lag is None:
        return None
    changes = table.follow()
    return LaggingIndex(
        asked.schema.indexes[0].name,
        asked.lag,
        lambda: (change for read in changes() if (change := change_of(read.wire)) is not None),
    )


def _control(asked: Asked, table: TableUnderTest, faults: Faults, lagging: LaggingIndex | None) -> Control | None:
    controls: list[Control] = []
    if asked.options["step"]:
        controls.append(Stepping(table.follow()))
    if asked.faults:
        controls.append(faults)
    if lagging is not None:
        controls.append(lagging)
    return Controls(controls) if controls else None


@contextmanager
def _endpoint(asked: Asked) -> Iterator[tuple[Endpoint, str]]:
    """Find the endpoint named, or start an engine that lives as long as the run; and choose the table's name."""
    endpoint, name = chosen(asked.options["endpoint_url"]), asked.options["table"]
    with contextlib.ExitStack() as stack:
        if endpoint is None:
            endpoint = of_engine(stack.enter_context(local.engine()))
            name = name or asked.schema.name  # nobody else is on that engine
        else:
            name = name or f"{asked.schema.name}-{secrets.token_hex(NAME_BYTES)}"
            confirm_writes(endpoint, name, yes=asked.options["yes"])
        stack.enter_context(refusals_explained(endpoint))
        yield endpoint, name


@contextmanager
def _output(options: dict[str, Any]) -> Iterator[Callable[[str], None] | None]:
    """Say where the handler's lines go: a file, standard error, or nowhere."""
    if options["log"] is not None:
        with written_to("--log", options["log"]):
            file = options["log"].open("w", encoding="utf-8")
        yield from _logged(file, options["log"])
    elif options["verbose"]:
        yield lambda line: click.echo(f"handler: {line}", err=True)
    else:
        yield None


def _logged(file: IO[str], path: Path) -> Iterator[Callable[[str], None]]:
    """Write lines from the threads that read them; what cannot be written is told at the end of the run."""
    failed: list[OSError] = []

    def write(line: str) -> None:
        try:
            print(line, file=file)
        except OSError as error:
            failed.append(error)

    try:
        yield write
    finally:
        try:
            file.close()
        except OSError as error:
            failed.append(error)
    if failed:
        say(f"--log {path} cannot be written: {failed[0].strerror}; what the handler printed is not all there")


def _tell(asked: Asked, ran: list[_Ran]) -> None:
    first, *others = ran
    if not first.report.deliveries:
        say("no record passed the filter, so the handler was never called; --filter none delivers every record")
    if asked.options["discards"] is not None:
        for message in first.report.discards:
            write_discard(message, asked.options["discards"])
    different = [difference for other in others for difference in differences(first.rows, other.rows)]
    if asked.options["as_json"]:
        compared = [
            {"against": other.json, "differences": [dataclasses.asdict(difference) for difference in different]}
            for other in others
        ]
        click.echo(json.dumps(first.json | (compared[0] if compared else {})))
        return
    for one in ran:
        print_report(one.report, one.about)
    if others:
        print_differences(different, first.json["summary"], others[0].json["summary"])
