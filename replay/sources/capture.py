"""A recording being written: a file of lines that can be gone on with after any end, without loss or doubles.

Beside the file lies its position (`FILE.position`): which stream, how far each shard is read, and up to which byte that
is in the file. It is written before the first line, then now and then, whole; what the file has behind that byte is
read again at the next start, and a last line that was cut is taken off. So a process killed at any moment leaves
nothing to mend. The position reaches the disk after the lines that it counts: a machine that fails leaves lines without
a position, never a position without lines. Two processes cannot write one file.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from replay.errors import WrongUse
from replay.sources.single_records import PARENT, SHARD
from replay.sources.stream import ShardPosition
from replay.wording import unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from replay.sources.stream import Read

POSITION_SUFFIX: Final = ".position"
PART_SUFFIX: Final = ".part"
SAVED_EVERY_BYTES: Final = 8 << 20
"""At most so much of the file is read again at the next start."""


@dataclass(slots=True)
class Capture:
    """One file being written; `positions` say how far each shard is in it."""

    path: Path
    stream: str
    positions: dict[str, ShardPosition] = field(default_factory=dict)
    records: int = 0
    """Written by this process."""
    _file: IO[bytes] | None = None
    _bytes: int = 0
    """Up to here the file and the positions agree, whenever this process ends."""
    _saved_at: int = 0

    @classmethod
    @contextmanager
    def opened(cls, path: Path, stream: str) -> Iterator[Capture]:
        """Go on with a file, or begin it.

        Raises:
            WrongUse: it cannot be written, holds something else, or records of another stream.
        """
        try:
            positions, known_bytes = _known(path, stream)
            with path.open("r+b" if path.exists() else "w+b") as file:
                _lock(file, path)
                capture = cls(path, stream, positions, _file=file, _bytes=known_bytes)
                capture._read_rest()
                capture.save()
                try:
                    yield capture
                finally:
                    capture.save()
        except OSError as error:
            raise WrongUse(f"{path} cannot be written: {error.strerror}") from None

    def write(self, read: Read) -> None:
        """Append one record."""
        assert self._file is not None  # noqa: S101 - opened
        beside = {SHARD: read.shard} | ({PARENT: read.parent} if read.parent else {})
        line = json.dumps(read.wire | beside, ensure_ascii=False).encode() + b"\n"
        self._file.write(line)
        self.positions.setdefault(read.shard, ShardPosition()).sequence = read.wire["dynamodb"]["SequenceNumber"]
        self._bytes += len(line)
        self.records += 1

    def finish(self, shards: Iterable[str]) -> None:
        """Take note of shards that are written to their end; their lines do not tell."""
        ended = [self.positions.setdefault(name, ShardPosition()) for name in shards]
        if not all(position.finished for position in ended):
            for position in ended:
                position.finished = True
            self.save()

    def flush(self) -> None:
        """Hand what was written to the system, so that it outlives this process."""
        assert self._file is not None  # noqa: S101 - opened
        self._file.flush()
        if self._bytes - self._saved_at >= SAVED_EVERY_BYTES:
            self.save()

    def save(self) -> None:
        """Write the position, whole or not at all."""
        assert self._file is not None  # noqa: S101 - opened
        self._file.flush()
        os.fsync(self._file.fileno())
        self._saved_at = self._bytes
        content = {
            "stream": self.stream,
            "bytes": self._saved_at,
            "shards": {
                name: {"sequence": position.sequence, "finished": position.finished}
                for name, position in self.positions.items()
            },
        }
        _write_whole(_position_file(self.path), json.dumps(content, indent=1).encode())

    def _read_rest(self) -> None:
        """Learn what stands behind the saved position, and take off a line that was cut."""
        assert self._file is not None  # noqa: S101 - opened
        self._file.seek(0, os.SEEK_END)
        if self._file.tell() < self._bytes:
            raise WrongUse(f"{self.path} is shorter than its position says; remove both to begin anew")
        self._file.seek(self._bytes)
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._note(line)
            self._bytes += len(line)
        self._file.seek(self._bytes)
        self._file.truncate()

    def _note(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            shard, sequence = record[SHARD], record["dynamodb"]["SequenceNumber"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise WrongUse(f"{self.path} holds something else than a recording; name another file") from None
        self.positions.setdefault(shard, ShardPosition()).sequence = sequence


def _lock(file: IO[bytes], path: Path) -> None:
    """Keep other processes from the file, until this one ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WrongUse(f"another process is recording to {path}; name another file") from None


def _write_whole(path: Path, content: bytes) -> None:
    """Put content in a file's place, on the disk, whole or not at all."""
    part = path.with_name(path.name + PART_SUFFIX)
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _known(path: Path, stream: str) -> tuple[dict[str, ShardPosition], int]:
    """Read the position beside a file, as far as there is one."""
    file = _position_file(path)
    if not file.exists():
        if path.exists() and path.stat().st_size:
            raise WrongUse(f"{path} is there already, without its position; name another file, or remove it")
        return {}, 0
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if content["stream"] != stream:
            raise WrongUse(f"{path} records {content['stream']}, not {stream}; name another file")
        positions = {name: ShardPosition(**position) for name, position in content["shards"].items()}
        return positions, int(content["bytes"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise WrongUse(f"{file} cannot be read ({unread(error)}); remove it and {path} to begin anew") from None


def _position_file(path: Path) -> Path:
    return path.with_name(path.name + POSITION_SUFFIX)
