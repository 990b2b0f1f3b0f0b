"""What `explore` was asked for: its options read and checked, and written again for whoever wants to do the same."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from replay.errors import WrongUse
from replay.exploration.case import load
from replay.exploration.draw import Features
from replay.exploration.ground import Subject
from replay.exploration.search import SCHEDULES, Search, rule_named
from replay.function.target import Target
from replay.reports.exploration import Exploration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.exploration.search import Found

DEFAULTS: Final[Mapping[str, Any]] = {
    "schedules": SCHEDULES,
    "seed": 0,
    "jobs": 1,
    "time_s": None,
    "only": (),
    "ignore": (),
    "handler": None,
    "variables": (),
    "case_file": None,
    "save": None,
    "engine": "memory",
    "endpoint_url": None,
    "yes": False,
}
"""Every option that decides what is explored, by its name."""


def asked_of(options: Mapping[str, Any]) -> Search:
    """Read and check the options.

    Raises:
        WrongUse: one names what is not there.
    """
    target = Target.parse(options["handler"]) if options["handler"] else None
    return Search(
        subject=Subject(target, dict(map(_variable, options["variables"]))),
        features=Features.only(options["only"]) if options["only"] else None,
        ignored=frozenset(map(rule_named, options["ignore"])),
        case=load(options["case_file"]) if options["case_file"] else None,
        **{name: options[name] for name in ("schedules", "seed", "jobs", "time_s", "engine", "endpoint_url", "yes")},
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise WrongUse(f"--env '{text}': write NAME=VALUE")
    return name, value


def exploration_of(found: Found, options: Mapping[str, Any]) -> Exploration:
    """Say what was explored, and how to do it again."""
    is_in_memory = options["engine"] == "memory" and options["handler"] is None
    about = {
        "handler": options["handler"] or "the project's own function",
        "table": "in memory" if is_in_memory else options["endpoint_url"] or "DynamoDB Local",
        **({"case": str(options["case_file"])} if options["case_file"] else {"first seed": str(options["seed"])}),
    }
    about |= {name: ", ".join(options[name]) for name in ("only", "ignore") if options[name]}
    case_file = options["save"] or options["case_file"]
    return Exploration(
        found.result,
        found.broken,
        about,
        _command(options),
        str(case_file) if case_file else None,
        arguments=_arguments(options),
        ignored=frozenset(options["ignore"]),
    )


def _command(options: Mapping[str, Any]) -> str:
    """Write the command with the options that decide what a case does; a variable's value may be a secret."""
    words = ["python", "-m", "replay", "explore"]
    for name, option in (("handler", "--handler"), ("endpoint_url", "--endpoint-url")):
        words += [option, options[name]] if options[name] else []
    words += ["--engine", "dynamodb"] if options["engine"] != "memory" else []
    for name, option in (("only", "--only"), ("ignore", "--ignore")):
        words += [word for value in options[name] for word in (option, value)]
    names = [variable.partition("=")[0] for variable in options["variables"]]
    return " ".join([shlex.join(words), *(f'--env {name}="${name}"' for name in names)])


def _arguments(options: Mapping[str, Any]) -> str:
    """Write the arguments of the pytest fixture that carry out the same case."""
    words = [repr(options["handler"])] if options["handler"] else []
    words += [f"ignore={list(options['ignore'])!r}"] if options["ignore"] else []
    names = [variable.partition("=")[0] for variable in options["variables"]]
    words += [f"env={{{', '.join(f'{name!r}: os.environ[{name!r}]' for name in names)}}}"] if names else []
    words += ["engine='dynamodb'"] if options["engine"] != "memory" else []
    return ", ".join(words)
