"""Where the report of an exploration goes: standard output, a page, a file for CI."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from replay.errors import WrongUse
from replay.reports.exploration import Exploration
from replay.reports.exploration_html import html_page
from replay.reports.exploration_json import as_json
from replay.reports.exploration_text import print_exploration
from replay.reports.junit import junit_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.exploration.campaign import BrokenCase, Result

FILES: Final = ("save", "html", "junit")


def check_files(options: Mapping[str, Any]) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        WrongUse: A file's folder does not exist, or the name is a folder's.
    """
    for name in FILES:
        path = options[name]
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            wrong = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise WrongUse(f"--{name} {path}: {wrong}; name a file in a folder that exists")


def deliver_report(result: Result, broken: BrokenCase | None, options: Mapping[str, Any]) -> None:
    """Write the files that were asked for, and print the report."""
    exploration = _exploration(result, broken, options)
    if options["html"]:
        options["html"].write_bytes(html_page(exploration))
    if options["junit"]:
        options["junit"].write_bytes(junit_xml(exploration))
    if options["as_json"]:
        json.dump(as_json(exploration), sys.stdout)
        click.echo()
    else:
        print_exploration(exploration)


def _exploration(result: Result, broken: BrokenCase | None, options: Mapping[str, Any]) -> Exploration:
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
        result,
        broken,
        about,
        _command(options),
        str(case_file) if case_file else None,
        is_in_memory=is_in_memory,
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
