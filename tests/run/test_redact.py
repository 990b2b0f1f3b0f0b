"""A redacted recording replays as its original does: the same verdict, the same findings, the same requests."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from replay.fixtures import CONVERSATION, locate_fixture
from replay.sources.generated.asked import Asked
from replay.sources.generated.conversations import Conversations
from replay.sources.redacted.walk import is_time, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.run.conftest import Ran

    Run = Callable[..., Ran]

pytestmark = pytest.mark.engine

OURS = "stream_processor.handler:lambda_handler"
USUAL = "tests/handlers/usual.py:lambda_handler"
ALWAYS_DIFFERENT = {"table", "endpoint", "duration_s"}


@pytest.fixture(params=["conversation", "generated"])
def original(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A recording of real work on a table, and one with every fault that a generator makes up."""
    if request.param == "conversation":
        return locate_fixture(CONVERSATION)
    file = tmp_path / "generated.jsonl"
    asked = Asked(
        groups=6,
        members=(2, 4),
        messages=120,
        equal_instants=20,
        collisions=10,
        strangers=5,
        poison={"no-message": 1, "time-hour-24": 1, "empty-group": 1, "too-large": 1},
    )
    file.write_bytes(b"".join(Conversations(asked).lines()))
    return file


@pytest.mark.parametrize("handler", [OURS, USUAL])
def test_verdict_findings_and_requests_are_the_originals(
    run: Run, original: Path, handler: str, tmp_path: Path
) -> None:
    copy = tmp_path / "redacted.jsonl"
    assert main(["redact", str(original), "--out", str(copy)]) == 0
    before, after = (run(file, "--handler", handler) for file in (original, copy))
    assert (after.code, after.report["verdict"]) == (before.code, before.report["verdict"])
    assert kinds(after) == kinds(before)
    assert figures(after) == figures(before)


def kinds(ran: Ran) -> Counter[tuple[str, int | None]]:
    return Counter((finding["kind"], finding["delivery"]) for finding in ran.report["findings"])


def figures(ran: Ran) -> dict[str, Any]:
    return {name: figure for name, figure in ran.summary.items() if name not in ALWAYS_DIFFERENT}


def test_nothing_of_the_recorded_conversation_can_be_read(tmp_path: Path) -> None:
    original, copy = locate_fixture(CONVERSATION), tmp_path / "redacted.jsonl"
    assert main(["redact", str(original), "--out", str(copy)]) == 0
    content = copy.read_bytes()
    originals = {
        part.encode()
        for line in original.read_text(encoding="utf-8").splitlines()
        for image in ("NewImage", "OldImage")
        for value in json.loads(line)["dynamodb"].get(image, {}).values()
        for text in texts(value)
        if not is_time(text)
        for part in parts_of(text)[::2]
    }
    long_enough = [text for text in originals if len(text) >= 4]
    assert len(long_enough) > 100
    assert [text for text in long_enough if text in content] == []


def texts(value: dict[str, Any]) -> Iterator[str]:
    for content in value.values():
        if isinstance(content, str):
            yield content
