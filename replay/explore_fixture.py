"""What the pytest fixture `explore` does: the command `explore` with a test's arguments, and failures that tell all."""

from __future__ import annotations

import inspect
import io
import math
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from rich.console import Console

from replay.commands.explore_options import DEFAULTS, asked_of, exploration_of
from replay.errors import WrongUse
from replay.exploration.case_file import dump
from replay.exploration.search import search
from replay.pytest_plugin import PROPERTY, setting
from replay.reports.exploration import figures
from replay.reports.exploration_html import html_page
from replay.reports.exploration_text import print_exploration
from replay.tables.endpoint import refusals_explained
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.exploration.campaign import Result
    from replay.exploration.search import Found
    from replay.reports.exploration import Exploration

    Handler = Callable[..., Any] | str

NAME_CHARS_MAX: Final = 120
NUMBERS: Final = {"schedules": 1, "seed": 0, "jobs": 1}
"""The least that each can be."""
OPTION: Final = re.compile(r"(?<!\S)--(handler|ignore|reach|env|invariants|rows|records|template|table|case|engine)\b")
"""What the command line says of an argument."""
ENGINES: Final = ("memory", "dynamodb")


class Explore:
    """Explores a handler for one test, once or several times."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._calls = 0

    def __call__(  # noqa: PLR0913 - settings, each by its name
        self,
        handler: Handler | None = None,
        *,
        schedules: int | None = None,
        seed: int | None = None,
        time_s: float | None = None,
        jobs: int | None = None,
        only: Collection[str] = (),
        ignore: Collection[str] = (),
        reach: Collection[str] = (),
        env: Mapping[str, str] | None = None,
        invariants: str | Path | None = None,
        rows: str | Path | None = None,
        records: str | Path | None = None,
        template: str | Path | None = None,
        table: str | None = None,
        case: str | Path | None = None,
        exhaustive: bool = False,
        engine: str = "memory",
    ) -> Result:
        """Explore a handler and give back what was covered; the test fails on the first case that breaks a rule.

        `handler` is a function, `module:function` or `path/to/file.py:function`; none is the project's own function,
        on the `engine` that is named. As on the command line, `only` says what may happen, `ignore` which rules may be
        broken, `reach` which situations must occur. `env` are variables of the handler's environment. `invariants` is a
        file of rules, `records` and `rows` files of one's own, `template` (and its `table`) says the schema of their
        table. `case` is a file to carry out instead of cases that are drawn: a broken one, kept as a test. `exhaustive`
        is every history of one small case. Whatever is named and not there fails the test too.
        """
        __tracebackhide__ = True
        try:
            _check(handler, {"only": only, "ignore": ignore, "reach": reach}, env)
        except WrongUse as error:
            raise _failure(error) from None
        config = self._request.config
        files = {"invariants": invariants, "rows": rows, "records": records, "template": template}
        files["case_file"] = setting(config, "case", case)
        options = {
            **DEFAULTS,
            "handler": _target(handler),
            "schedules": setting(config, "schedules", schedules),
            "seed": setting(config, "seed", seed),
            "time_s": setting(config, "time", time_s),
            "jobs": setting(config, "jobs", jobs),
            "only": tuple(only),
            "ignore": tuple(ignore),
            "reach": tuple(reach),
            "variables": tuple(f"{name}={value}" for name, value in (env or {}).items()),
            **{name: Path(file) if file else None for name, file in files.items()},
            "table": table,
            "exhaustive": exhaustive,
            "engine": engine,
        }
        self._calls += 1
        try:
            _check_numbers(options)
            _check_folder(self._folder())
            found = self._search(options)
        except WrongUse as error:
            raise _failure(error) from None
        return self._told(found, options)

    def _search(self, options: Mapping[str, Any]) -> Found:
        asked = asked_of(options)
        if asked.is_in_memory:
            return search(asked)
        found_where_tests_find_it = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        variables = {**found_where_tests_find_it, **asked.subject.variables}
        asked = replace(asked, subject=replace(asked.subject, variables=variables))
        endpoint = self._request.getfixturevalue("explore_endpoint")
        with refusals_explained(endpoint):
            return search(replace(asked, endpoint_url=endpoint))

    def _told(self, found: Found, options: dict[str, Any]) -> Result:
        __tracebackhide__ = True
        result = found.result
        reached = counted(sum(1 for count in result.situations.values() if count), "situation")
        self._request.node.user_properties.append((PROPERTY, f"{figures(result)}; {reached} reached"))
        if found.broken:
            exploration, written = self._written(found, options)
            pytest.fail(f"{_text(exploration)}\n{written}", pytrace=False)
        if result.stopped:
            raise KeyboardInterrupt
        exploration = exploration_of(found, options)
        if exploration.unreached:
            pytest.fail(exploration.verdict, pytrace=False)
        return result

    def _written(self, found: Found, options: Mapping[str, Any]) -> tuple[Exploration, str]:
        """Write the case and the page, and say where; what cannot be written keeps no story away."""
        assert found.broken is not None  # noqa: S101 - asked before
        case = self._file("json") if options["case_file"] is None else None
        exploration = replace(exploration_of(found, {**options, "save": case}), test=self._line())
        page = self._file("html")
        try:
            page.parent.mkdir(parents=True, exist_ok=True)
            if case is not None:
                case.write_text(dump(found.broken.smallest), encoding="utf-8")
            page.write_bytes(html_page(exploration))
        except OSError as error:
            unsaved = replace(exploration_of(found, options), test=self._line())
            return unsaved, f"neither kept nor made a page: {error.filename or page.parent}: {error.strerror}"
        return exploration, f"as a page: {page}"

    def _folder(self) -> Path:
        folder: Path = self._request.config.rootpath / setting(self._request.config, "folder")
        return folder

    def _file(self, ending: str) -> Path:
        """Name a file after the test, beside those of others; the path is from the working folder where that can be."""
        folder = self._folder()
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", self._request.node.nodeid).strip("-")[-NAME_CHARS_MAX:]
        path = folder / f"{name}{f'-{self._calls}' if self._calls > 1 else ''}.{ending}"
        return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

    def _line(self) -> str:
        return f"python -m pytest {shlex.quote(self._request.node.nodeid)}"


def _check(handler: object, names: Mapping[str, object], env: object) -> None:
    """Refuse arguments of another kind than is meant: tests are seldom type-checked."""
    if handler is not None and not isinstance(handler, str) and not hasattr(handler, "__name__"):
        raise WrongUse(f"handler {handler!r} is neither a function nor a name like 'app/stream.py:handler'")
    for name, given in names.items():
        if isinstance(given, str):
            raise WrongUse(f"{name}={given!r}: write a list of names, {name}=[{given!r}]")
        if not isinstance(given, Collection) or not all(isinstance(each, str) for each in given):
            raise WrongUse(f"{name}={given!r}: write a list of names")
    if env is None:
        return
    if not isinstance(env, Mapping) or not all(isinstance(each, str) for pair in env.items() for each in pair):
        raise WrongUse(f"env={env!r}: write the variables as a dictionary of texts, env={{'NAME': 'value'}}")


def _failure(error: WrongUse) -> BaseException:
    """Make a test's failure of a refusal: one line, in which options of the command are arguments of the fixture."""
    return pytest.fail.Exception("explore: " + OPTION.sub(r"\1=", str(error)), pytrace=False)


def _check_folder(folder: Path) -> None:
    """Refuse before the work a folder that could not be written to after it; it is made where a case broke."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return
    except OSError as error:
        reason = "is a file" if there.is_file() else f"cannot be written to: {error.strerror}"
    raise WrongUse(f"folder {folder} for broken cases: {there} {reason}; name another with --explore-folder")


def _check_numbers(options: Mapping[str, Any]) -> None:
    """Refuse numbers that the command line would refuse, wherever they come from."""
    for name, lowest in NUMBERS.items():
        number = options[name]
        if isinstance(number, bool) or not isinstance(number, int) or number < lowest:
            raise WrongUse(f"{name}={number!r}: write a whole number of {lowest} or more")
    if options["engine"] not in ENGINES:
        raise WrongUse(f"engine={options['engine']!r}: write {' or '.join(map(repr, ENGINES))}")
    time_s = options["time_s"]
    if time_s is None:
        return
    if isinstance(time_s, bool) or not isinstance(time_s, int | float) or not 0 < time_s < math.inf:
        raise WrongUse(f"time_s={time_s!r}: write a number of seconds above 0")


def _target(handler: Handler | None) -> str | None:
    """Name a handler as the command line does.

    A function has to be found by its module's name, as the test itself found it.
    """
    if handler is None or isinstance(handler, str):
        return handler
    function = inspect.unwrap(handler)
    return f"{function.__module__}:{function.__name__}"


def _text(exploration: Exploration) -> str:
    written = io.StringIO()
    print_exploration(exploration, Console(file=written, highlight=False, soft_wrap=True, width=NAME_CHARS_MAX))
    return written.getvalue()
