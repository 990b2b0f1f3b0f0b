"""Where the recorded events that come with the project are: in the repository, or inside an installed package."""

from __future__ import annotations

from pathlib import Path

from replay.errors import WrongUse

PACKAGE = Path(__file__).resolve().parent
CONVERSATION = "conversation/events.jsonl"
"""What is replayed where nothing is named."""


def locate_fixture(name: str, package: Path = PACKAGE) -> Path:
    """Find a file of `fixtures/`."""
    candidates = (package.parent / "fixtures" / name, package / "resources" / "fixtures" / name)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise WrongUse(f"the recording {name} is missing: looked for {' and '.join(map(str, candidates))}")
