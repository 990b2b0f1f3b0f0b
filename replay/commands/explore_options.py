"""What `explore` was asked for: its options read and checked, and written again for whoever wants to do the same."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from replay.commands.outputs import called_as
from replay.errors import WrongUse
from replay.exploration.any_schema.ground import FREE_RULES, MESSAGES_RULES
from replay.exploration.any_schema.table import FreeTable
from replay.exploration.case_file import load
from replay.exploration.features import Features
from replay.exploration.given import given_messages
from replay.exploration.ground import Subject
from replay.exploration.invariants import Invariants
from replay.exploration.search import SCHEDULES, Search, rule_named
from replay.exploration.situations import situation_named
from replay.function.target import Target
from replay.reports.exploration import Exploration
from replay.sources.history import address_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from replay.exploration.case import Case
    from replay.exploration.given import Given
    from replay.exploration.search import Found

DEFAULTS: Final[Mapping[str, Any]] = {
    "schedules": SCHEDULES,
    "seed": 0,
    "jobs": 1,
    "time_s": None,
    "only": (),
    "ignore": (),
    "reach": (),
    "handler": None,
    "against": None,
    "variables": (),
    "invariants": None,
    "rows": None,
    "records": None,
    "template": None,
    "table": None,
    "case_file": None,
    "save": None,
    "engine": "memory",
    "endpoint_url": None,
    "exhaustive": False,
    "yes": False,
}
"""Every option that decides what is explored, by its name."""


GIVEN: Final = ("rows", "records")
"""Files that the cases of seeds are drawn from; a case that was saved has them inside."""
FILES: Final = ("invariants", *GIVEN, "template")


def asked_of(options: Mapping[str, Any]) -> Search:
    """Read and check the options.

    Raises:
        WrongUse: one names what is not there.
    """
    target = Target.parse(options["handler"]) if options["handler"] is not None else None
    table = FreeTable.load(options["template"], options["table"]) if options["template"] else None
    _check_together(options)
    for situation in options["reach"]:
        situation_named(situation)
    return Search(
        subject=Subject(target, dict(map(_variable, options["variables"]))),
        features=Features.only(options["only"]) if options["only"] else None,
        ignored=frozenset(map(rule_named, options["ignore"])),
        invariants=Invariants.load(options["invariants"]) if options["invariants"] else None,
        given=_given(options, table),
        table=table,
        case=_case(options["case_file"], table) if options["case_file"] else None,
        **{name: options[name] for name in ("schedules", "seed", "jobs", "time_s", "engine", "endpoint_url")},
        **{name: options[name] for name in ("exhaustive", "yes")},
    )


def _case(path: Path, table: FreeTable | None) -> Case:
    """Read a case; on the messages table every row has its key."""
    case = load(path)
    for row in case.rows if table is None else ():
        if address_of(row) is None:
            raise WrongUse(
                f"case {path}: a row has no texts pk and sk; name the template of another table with --template"
            )
    return case


def engine_of(options: Mapping[str, Any]) -> str:
    """Say where the project's own function has its table; who names an endpoint means it.

    Raises:
        WrongUse: an endpoint is named, and none is to be used.
    """
    if options["engine"] == "memory" and options["endpoint_url"]:
        raise WrongUse("--engine memory uses no endpoint; leave out --endpoint-url, or name --engine dynamodb")
    return options["engine"] or ("dynamodb" if options["endpoint_url"] else "memory")


def check_against(options: Mapping[str, Any]) -> None:
    """Refuse what does not go with a comparison.

    Raises:
        WrongUse: it was asked for.
    """
    for name in ("html", "junit", "ignore", "reach", "invariants", "exhaustive"):
        if options[name]:
            raise WrongUse(f"--{name} does not go with --against, which compares ends and judges none; leave it out")


def _check_together(options: Mapping[str, Any]) -> None:
    """Refuse options that mean nothing without others."""
    if options["variables"] and options["handler"] is None and options["against"] is None:
        raise WrongUse("--env is of the environment of another handler; name that with --handler")
    if options["rows"] and not options["records"]:
        raise WrongUse("--rows says what is there before; name what is delivered with --records")
    if options["table"] and not options["template"]:
        raise WrongUse("--table names a table of a template; name that with --template")
    if options["template"] and not options["handler"]:
        raise WrongUse("--template is of another table than the project's own function knows; name its --handler")
    if options["template"] and not (options["records"] or options["case_file"]):
        raise WrongUse("--template: records of another table cannot be drawn; name some with --records")


def _given(options: Mapping[str, Any], table: FreeTable | None) -> Given | None:
    if not options["records"]:
        return None
    read = table.given if table else given_messages
    return read(options["rows"], options["records"])


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise WrongUse(f"--env '{text}': write NAME=VALUE")
    return name, value


def exploration_of(found: Found, options: Mapping[str, Any]) -> Exploration:
    """Say what was explored, and how to do it again."""
    case_file = options["save"] or options["case_file"]
    return Exploration(
        found.result,
        found.broken,
        about_of(options) | ({"exhaustive": _extent(found)} if found.exhausted else {}),
        _command(options),
        "".join(f" --{name} {shlex.quote(str(options[name]))}" for name in GIVEN if options[name]),
        str(case_file) if case_file else None,
        arguments=_arguments(options),
        is_exhaustive=options["exhaustive"],
        asked=frozenset(options["reach"]),
        ignored=frozenset(options["ignore"]) | (MESSAGES_RULES if options["template"] else frozenset(FREE_RULES)),
    )


def _extent(found: Found) -> str:
    """Say how far the histories of a small case were gone through."""
    if found.broken is None or found.exhausted is None:
        return str(found.exhausted)
    return f"stopped at the first broken one, in arrangement {found.exhausted.arrangements}"


def about_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Say in words what is explored."""
    is_in_memory = options["engine"] == "memory" and options["handler"] is None
    about = {
        "handler": options["handler"] or "the project's own function",
        "table": "in memory" if is_in_memory else options["endpoint_url"] or "DynamoDB Local",
        **({"case": str(options["case_file"])} if options["case_file"] else {"first seed": str(options["seed"])}),
    }
    about |= {"against": options["against"]} if options["against"] else {}
    about |= {name: str(options[name]) for name in FILES if options[name]}
    about |= {name: ", ".join(options[name]) for name in ("only", "ignore") if options[name]}
    return about


def _command(options: Mapping[str, Any]) -> str:
    """Write the command with the options that decide what a case does; a variable's value may be a secret."""
    words = [*called_as().split(), "explore"]
    for name, option in (("handler", "--handler"), ("endpoint_url", "--endpoint-url")):
        words += [option, options[name]] if options[name] else []
    for name in ("invariants", "template", "table"):
        words += [f"--{name}", str(options[name])] if options[name] else []
    words += ["--engine", "dynamodb"] if options["engine"] != "memory" else []
    for name, option in (("only", "--only"), ("ignore", "--ignore")):
        words += [word for value in options[name] for word in (option, value)]
    names = [variable.partition("=")[0] for variable in options["variables"]]
    return " ".join([shlex.join(words), *(f'--env {name}="${name}"' for name in names)])


def _arguments(options: Mapping[str, Any]) -> str:
    """Write the arguments of the pytest fixture that carry out the same case."""
    words = [repr(options["handler"])] if options["handler"] else []
    words += [f"ignore={list(options['ignore'])!r}"] if options["ignore"] else []
    words += [f"{name}={str(options[name])!r}" for name in ("invariants", "template", "table") if options[name]]
    names = [variable.partition("=")[0] for variable in options["variables"]]
    words += [f"env={{{', '.join(f'{name!r}: os.environ[{name!r}]' for name in names)}}}"] if names else []
    words += ["engine='dynamodb'"] if options["engine"] != "memory" else []
    return ", ".join(words)
