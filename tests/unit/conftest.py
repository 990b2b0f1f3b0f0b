"""What the function writes to standard output, read line by line."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.metrics import Metrics

from stream_processor.settings import SERVICE_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A function that gives every JSON line written since it was last asked; none may hold a private text."""
    _forget_the_logger()

    def lines() -> list[dict[str, Any]]:
        written = capsys.readouterr()
        assert "PRIVATE" not in written.out + written.err
        assert written.err == ""
        return [json.loads(line) for line in written.out.splitlines()]

    yield lines
    lines()
    _forget_the_logger()


def _forget_the_logger() -> None:
    """Powertools keeps one logger a process, bound to the standard output that was there when it was made."""
    logger = logging.getLogger(SERVICE_DEFAULT)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    for name in [name for name in vars(logger) if name == "init" or name.startswith("powertools_")]:
        delattr(logger, name)
    Metrics(namespace="forgotten", service=SERVICE_DEFAULT).clear_metrics()
