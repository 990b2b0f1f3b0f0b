"""Which permissions the function was seen to need over a whole test run, compared with what the template grants.

Every call that `stream_processor` makes through botocore in this process is noted, whatever answers it. Workers hand
their notes to the run's controller, which compares both ways once everything passed: a grant that no test needs is too
much, a need without a grant would fail in production.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from botocore.client import BaseClient

from replay.template import Template
from tests.template.modes import PATH
from tests.template.permissions import Grant, needed_by, own_grants

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

FUNCTION: Final = "stream_processor."
OUTPUT: Final = "function_grants"
_CALLER_DEPTH: Final = 2
"""The recorder, botocore's generated method, then whoever called it."""

_needed: set[Grant] = set()


def install() -> None:
    """Note every call from now on."""
    client_class: Any = BaseClient
    original = client_class._make_api_call

    def noted(client: Any, operation: str, parameters: Any) -> Any:  # noqa: ANN401 - botocore's untyped method
        if sys._getframe(_CALLER_DEPTH).f_globals.get("__name__", "").startswith(FUNCTION):
            _needed.update(needed_by(client.meta.service_model.service_name, operation, parameters))
        return original(client, operation, parameters)

    client_class._make_api_call = noted


def hand_over(config: pytest.Config) -> None:
    """In a worker: give the notes to the controller."""
    if hasattr(config, "workeroutput"):
        config.workeroutput[OUTPUT] = [tuple(grant) for grant in sorted(_needed)]


def take_over(grants: Iterable[tuple[str, str]]) -> None:
    """In the controller: add a worker's notes."""
    _needed.update(Grant(*grant) for grant in grants)


def is_whole(config: pytest.Config) -> bool:
    """Whether this run selects every test, in the process that sees all of it."""
    options = config.option
    selects = options.keyword or options.markexpr or getattr(options, "lf", False) or options.deselect
    return not selects and not hasattr(config, "workerinput") and config.args == config.getini("testpaths")


def difference() -> str:
    """Say how needs and grants differ; empty where they are equal."""
    granted = own_grants(Template.load(PATH, {}))
    unneeded, ungranted = sorted(granted - _needed), sorted(_needed - granted)
    parts = [f"granted, but no test needs it: {grant}" for grant in unneeded]
    return "; ".join(parts + [f"needed, but not granted: {grant}" for grant in ungranted])
