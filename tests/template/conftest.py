"""The project's own template: as it is written, and resolved in its modes."""

from __future__ import annotations

import json
from typing import Any

import cfn_flip
import pytest

from replay.template import Template
from tests.template.modes import MODES, PATH, ROOT


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The template with nothing resolved: `{"Ref": ...}` and `{"Fn::...": ...}` as CloudFormation spells them."""
    plain: dict[str, Any] = json.loads(cfn_flip.to_json(PATH.read_text(encoding="utf-8")))
    return plain


@pytest.fixture(scope="session")
def made() -> Template:
    """The template that makes a table."""
    return Template.load(PATH, {})


@pytest.fixture(scope="session")
def attached() -> Template:
    """The template that attaches to the table of `STREAM_ARN`."""
    return Template.load(PATH, MODES["attached"])


@pytest.fixture(scope="session", params=MODES)
def in_every_mode(request: pytest.FixtureRequest) -> Template:
    """The template, once in each mode."""
    return Template.load(PATH, MODES[request.param])


@pytest.fixture(scope="session")
def log_schema() -> dict[str, Any]:
    """The fixed names of log keys and metrics."""
    schema: dict[str, Any] = json.loads((ROOT / "tests/golden/log_schema.json").read_text(encoding="utf-8"))
    return schema
