"""What is given up, in files: each object as it would lie in the bucket of failures, under its own key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from replay.errors import WrongUse

if TYPE_CHECKING:
    from pathlib import Path

    from replay.event_source.destinations import FailureMessage


def write_discard(message: FailureMessage, folder: Path) -> None:
    """Write one object.

    Raises:
        WrongUse: the folder cannot be written to.
    """
    file = folder / (message.key or message.discard.request_id)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(message.body, indent=1), encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"--discards {folder}: {error.strerror}") from None
