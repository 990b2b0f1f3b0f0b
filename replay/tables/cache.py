"""The folder in which the harness keeps what it fetched and what it left running.

One folder per user: `$INBOX_REPLAY_CACHE`, else `$XDG_CACHE_HOME/inbox-replay`, else `~/.cache/inbox-replay`.
Everything in it can be deleted at any time; it is made again when needed.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

VARIABLE = "INBOX_REPLAY_CACHE"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Name the cache folder and make it; one that cannot be made is `WrongUse`."""
    folder = _chosen(environ)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUse(
            f"the cache folder {folder} cannot be made ({error.strerror}); name another in {VARIABLE}"
        ) from error
    return folder


def _chosen(environ: Mapping[str, str]) -> Path:
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).expanduser().absolute()
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / "inbox-replay"
    return Path.home() / ".cache" / "inbox-replay"


@contextmanager
def locked(file: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold an exclusive lock on `file` between processes; `waiting` is called once when somebody else holds it.

    The system releases the lock when its holder ends, however it ends, so nothing stays locked. The file stays.
    """
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
