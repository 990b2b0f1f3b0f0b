"""Engines that stay when the command that started them ends: noted in the cache, found and stopped again.

Each has a note, `engine-PORT.json`. A note whose process has ended, or whose number another process has by now (checked
by its command line), counts for nothing and is removed when it is seen.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from replay.tables.launch import Engine, is_engine, launch
from replay.tables.process import Background, end

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "engine-"


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of an engine in the background; `data` is its folder, `started` a UTC time."""

    port: int
    pid: int
    data: str | None
    started: str

    @property
    def engine(self) -> Engine:
        """The engine it is about."""
        return Engine(self.port, self.pid)


def start(cache: Path, port: int | None, data: Path | None) -> Note:
    """Start an engine that stays, and note it; `WrongUse` as for `local.engine`."""
    engine, process = launch(port, data, Background)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    note = Note(engine.port, engine.pid, None if data is None else str(data.absolute()), now)
    try:
        _file(cache, note.port).write_text(json.dumps(asdict(note)))
    except BaseException:
        process.stop()
        raise
    return note


def running(cache: Path) -> list[Note]:
    """Return the engines that run, by port."""
    found = []
    for file in cache.glob(f"{PREFIX}*.json"):
        note = _read(file)
        if note is not None and is_engine(note.pid, note.port):
            found.append(note)
        else:
            file.unlink(missing_ok=True)
    return sorted(found, key=lambda note: note.port)


def stop(cache: Path, note: Note) -> None:
    """End an engine and wait until it is gone."""
    end(note.pid)
    _file(cache, note.port).unlink(missing_ok=True)


def _file(cache: Path, port: int) -> Path:
    return cache / f"{PREFIX}{port}.json"


def _read(file: Path) -> Note | None:
    try:
        return Note(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
