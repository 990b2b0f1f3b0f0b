"""Where the report of an exploration goes: standard output, a page, a file for CI."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from replay.commands.explore_options import exploration_of
from replay.errors import WrongUse
from replay.reports.exploration_html import html_page
from replay.reports.exploration_json import as_json
from replay.reports.exploration_text import print_exploration
from replay.reports.junit import junit_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.exploration.search import Found
    from replay.reports.exploration import Exploration

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


def deliver_report(found: Found, options: Mapping[str, Any]) -> Exploration:
    """Write the files that were asked for, print the report, and give it back."""
    exploration = exploration_of(found, options)
    if options["html"]:
        options["html"].write_bytes(html_page(exploration))
    if options["junit"]:
        options["junit"].write_bytes(junit_xml(exploration))
    if options["as_json"]:
        json.dump(as_json(exploration), sys.stdout)
        click.echo()
    else:
        print_exploration(exploration)
    return exploration
