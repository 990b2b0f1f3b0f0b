"""`replay explore`: random deliveries to a handler, until one breaks a rule or all were right."""

from __future__ import annotations

import contextlib
import difflib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from replay.commands.explore_report import check_files, deliver_report
from replay.errors import WrongUse
from replay.exploration.campaign import BrokenCase, Result, campaign, explain, in_memory, on_store, one_by_one
from replay.exploration.case import dump, load
from replay.exploration.draw import Features, Size, draw
from replay.exploration.execution import RULES, Manner
from replay.exploration.foreign import ForeignHandler
from replay.function.configuration import Configuration
from replay.function.environment import Surroundings, handler_environment
from replay.function.forked import ForkedFunction
from replay.function.process import Launch
from replay.function.target import Target
from replay.tables.dynamo import DynamoStore
from replay.tables.endpoint import announce, confirm_writes, opened
from replay.tables.schema import create_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from replay.exploration.case import Case
    from replay.exploration.execution import Execution
    from replay.tables.endpoint import Endpoint

SMALL = Size(groups=2, messages=6)
"""Cases for a handler whose every call crosses to another process."""
HANDLER_TIMEOUT_S = 10.0
EXIT_BROKEN = 1


@click.command()
@click.option("--schedules", default=10_000, show_default=True, type=click.IntRange(1), help="How many cases.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="The first case's seed.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1, 256), help="Processes.")
@click.option("--time", "time_s", type=click.FloatRange(min=0, min_open=True), help="Stop after this many seconds.")
@click.option(
    "--only", multiple=True, metavar="FEATURE", help="Let only this happen (repeatable): lag, faults, ties, …"
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Let this rule be broken (repeatable).")
@click.option("--handler", metavar="TARGET", help="Another handler: MODULE:FUNCTION or path/to/file.py:function.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of its environment.")
@click.option("--case", "case_file", type=click.Path(path_type=Path), help="Carry out the case of this file only.")
@click.option("--save", type=click.Path(path_type=Path), help="Write the smallest broken case to this file.")
@click.option("--engine", type=click.Choice(["memory", "dynamodb"]), default="memory", show_default=True)
@click.option("--endpoint-url", help="A DynamoDB to use instead of starting one (with --engine dynamodb).")
@click.option("--yes", is_flag=True, help="Do not ask before writing to something that is not local.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as one page to this file.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write the report as JUnit XML to this file.")
def explore(**options: Any) -> int:  # noqa: ANN401 - click hands over each option under its name
    """Explore hostile but lawful deliveries to a handler and check each against the oracle.

    Every seed is one case: groups, members, messages, batches, faults, index lag, other owners' writes, carried out by
    the event source's own rules and stepped call by call. The same seed makes the same case. One that breaks a rule is
    made as small as it gets, told as a story, and can be kept with --save and run again with --case.

    Without --handler it is the project's own function, on a table in memory; with --engine dynamodb its calls go
    through botocore to DynamoDB Local. Any other handler runs in processes of its own against DynamoDB Local, stopped
    at every call that botocore makes.

    \b
    Examples:
      python -m replay explore --schedules 200000 --jobs 2
      python -m replay explore --handler app/stream.py:handler --schedules 500 --save broken.json
    """
    asked = _Asked.of(options)
    check_files(options)
    with contextlib.ExitStack() as stack:
        if asked.is_in_memory:
            result, broken = _in_memory(asked)
        else:
            result, broken = _on_dynamodb(asked, stack)
    if broken and asked.save:
        asked.save.write_text(dump(broken.smallest), encoding="utf-8")
    deliver_report(result, broken, options)
    return EXIT_BROKEN if broken else 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options, read and checked."""

    schedules: int
    seed: int
    jobs: int
    time_s: float | None
    features: Features | None
    ignored: frozenset[str]
    target: Target | None
    variables: Mapping[str, str]
    case: Case | None
    save: Path | None
    engine: str
    endpoint_url: str | None
    yes: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> _Asked:
        return cls(
            features=Features.only(options["only"]) if options["only"] else None,
            ignored=frozenset(map(_rule, options["ignore"])),
            target=Target.parse(options["handler"]) if options["handler"] else None,
            variables=dict(map(_variable, options["variables"])),
            case=load(options["case_file"]) if options["case_file"] else None,
            **{name: options[name] for name in ("schedules", "seed", "jobs", "time_s", "save", "engine")},
            **{name: options[name] for name in ("endpoint_url", "yes")},
        )

    @property
    def is_in_memory(self) -> bool:
        return self.engine == "memory" and self.target is None

    @property
    def manner(self) -> Manner:
        return Manner(ignored=self.ignored)

    @property
    def telling(self) -> Manner:
        return Manner(tells=True, ignored=self.ignored)

    def cases(self) -> Iterator[tuple[int, Case]]:
        for seed in range(self.seed, self.seed + self.schedules):
            yield seed, self.drawn(seed)

    def drawn(self, seed: int) -> Case:
        return draw(seed, SMALL if self.target else None, features=self.features)


def _in_memory(asked: _Asked) -> tuple[Result, BrokenCase | None]:
    def carry_out(case: Case, manner: Manner) -> Execution:
        return in_memory(case, manner=manner)

    if asked.case is not None:
        return _one(asked.case, lambda case: carry_out(case, asked.telling))
    with _progress(asked.schedules) as tell:
        result = campaign(
            asked.seed,
            asked.schedules,
            jobs=asked.jobs,
            time_s=asked.time_s,
            features=asked.features,
            ignored=asked.ignored,
            progress=tell,
        )
    return result, _explained(result, carry_out, asked)


def _on_dynamodb(asked: _Asked, stack: contextlib.ExitStack) -> tuple[Result, BrokenCase | None]:
    endpoint = stack.enter_context(opened(asked.endpoint_url))
    schema = load_schema()
    table, index = f"explore-{os.getpid()}", schema.indexes[0].name
    announce(endpoint, table)
    confirm_writes(endpoint, table, yes=asked.yes)
    client = endpoint.client()
    create_table(client, schema, table)
    function = stack.enter_context(ForkedFunction(_launch(asked, endpoint, table, index))) if asked.target else None

    def carry_out(case: Case, manner: Manner) -> Execution:
        store = DynamoStore(client, table, index)
        handler = ForeignHandler(function, store) if function else None
        return on_store(case, store, handler, manner)

    if asked.case is not None:
        return _one(asked.case, lambda case: carry_out(case, asked.telling))
    with _progress(asked.schedules) as tell:
        result = one_by_one(
            asked.cases(), lambda case: carry_out(case, asked.manner), time_s=asked.time_s, progress=tell
        )
    return result, _explained(result, carry_out, asked)


def _launch(asked: _Asked, endpoint: Endpoint, table: str, index: str) -> Launch:
    """Give the handler what the project's own would get; one thread makes its calls come in one order."""
    assert asked.target is not None  # noqa: S101 - asked before
    known = {"TABLE_NAME": table, "GROUP_INDEX_NAME": index, "WORKERS": "1"}
    configuration = Configuration(timeout_s=HANDLER_TIMEOUT_S, variables=known)
    around = Surroundings(endpoint.region, endpoint.url, endpoint.is_local, os.environ, asked.variables)
    environment = handler_environment(asked.target, configuration, around)
    return Launch(asked.target, configuration, environment, endpoint.url if endpoint.is_local else None)


def _explained(result: Result, carry_out: Callable[[Case, Manner], Execution], asked: _Asked) -> BrokenCase | None:
    if not result.broken:
        return None
    seed = min(result.broken)
    return explain(seed, carry_out, asked.drawn(seed), asked.manner)


def _one(case: Case, carry_out: Callable[[Case], Execution]) -> tuple[Result, BrokenCase | None]:
    execution = carry_out(case)
    result = Result()
    result.count(0, execution)
    return result, BrokenCase(0, case, case, execution) if execution.broken else None


def _rule(name: str) -> str:
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"rules are: {'; '.join(RULES)}"
        raise WrongUse(f"--ignore: there is no rule '{name}'; {hint}")
    return name


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise WrongUse(f"--env '{text}': write NAME=VALUE")
    return name, value


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Result], None]]:
    """Show a bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    columns = (
        TextColumn("exploring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/s, {task.fields[broken]} broken"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, rate="-", broken=0)

        def tell(result: Result) -> None:
            rate = f"{result.cases / result.duration_s:.0f}" if result.duration_s else "-"
            bar.update(task, completed=result.cases, rate=rate, broken=len(result.broken))

        yield tell
