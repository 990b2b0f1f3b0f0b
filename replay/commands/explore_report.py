"""Where the report of an exploration goes: standard output, a page, a file for CI."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

import click

from replay.commands.explore_options import exploration_of
from replay.commands.outputs import (
    refuse_one_for_two,
    refuse_same_file,
    refuse_unwritable,
    sources_of,
    written_to,
)
from replay.exploration.case_file import dump
from replay.reports.exploration_html import html_page
from replay.reports.exploration_json import as_json
from replay.reports.exploration_text import print_exploration
from replay.reports.junit import junit_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from replay.exploration.case import Case
    from replay.exploration.search import Found
    from replay.reports.exploration import Exploration

FILES: Final = ("save", "html", "junit")


def check_files(options: Mapping[str, Any]) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        WrongUse: A file cannot be made or written, or is one that is read or written too.
    """
    sources = sources_of((options["handler"], options["against"]))
    refuse_one_for_two({f"--{name}": options[name] for name in FILES})
    for name in FILES:
        path = options[name]
        if path is not None:
            read = ("invariants", "rows", "records", "template", *(["case_file"] if name != "save" else []))
            refuse_same_file(f"--{name}", path, [*(options[other] for other in read if options[other]), *sources])
            refuse_unwritable(f"--{name}", path)


def deliver_report(found: Found, options: Mapping[str, Any]) -> Exploration:
    """Print the report, write the files that were asked for, and give it back; one that fails keeps no other away."""
    exploration = exploration_of(found, options)
    with contextlib.ExitStack() as last_to_first:
        last_to_first.callback(_write, "junit", options, lambda: junit_xml(exploration))
        last_to_first.callback(_write, "html", options, lambda: html_page(exploration))
        if found.broken:
            last_to_first.callback(save, found.broken.smallest, options)
        if options["as_json"]:
            click.echo(json.dumps(as_json(exploration)))
        else:
            print_exploration(exploration)
    return exploration


def save(case: Case, options: Mapping[str, Any]) -> None:
    """Write a case to the file that was asked for.

    Raises:
        WrongUse: it cannot be written.
    """
    _write("save", options, dump(case).encode)


def _write(name: str, options: Mapping[str, Any], made: Callable[[], bytes]) -> None:
    if options[name]:
        with written_to(f"--{name}", options[name]):
            options[name].write_bytes(made())
