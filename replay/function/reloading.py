"""Whether a handler's files have changed since it was imported."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from replay.function.target import Target

FILES_MAX: Final = 5000
"""Of a folder with more Python files than this, the rest is not watched."""
NOT_WATCHED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})

Stamp = tuple[int, int]
"""A file's time of change in nanoseconds, and its size."""


class HandlerFiles:
    """The Python files of a handler: its folder, or its package, with everything below."""

    def __init__(self, target: Target, path: Sequence[str]) -> None:
        self._folder = _folder(target, path)
        self._seen = self._stamps()

    def changed(self) -> list[str]:
        """Name the files that changed, came or went since the last time."""
        before, self._seen = self._seen, self._stamps()
        paths = sorted(before.keys() | self._seen.keys())
        return [str(path) for path in paths if before.get(path) != self._seen.get(path)]

    def _stamps(self) -> dict[Path, Stamp]:
        stamps: dict[Path, Stamp] = {}
        for path in _python_files(self._folder) if self._folder is not None else ():
            try:
                state = path.stat()
            except OSError:  # gone between listing and looking
                continue
            stamps[path] = state.st_mtime_ns, state.st_size
            if len(stamps) >= FILES_MAX:
                break
        return stamps


def _folder(target: Target, path: Sequence[str]) -> Path | None:
    """Find what belongs to a handler; nothing for a module that is not found."""
    if target.file is not None:
        return target.file.resolve().parent
    specification = PathFinder.find_spec(target.location.partition(".")[0], list(path))
    if specification is None or specification.origin is None:
        return None
    file = Path(specification.origin)
    return file.parent if specification.submodule_search_locations else file


def _python_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in NOT_WATCHED:
            continue
        if path.is_dir():
            yield from _python_files(path)
        elif path.suffix == ".py":
            yield path
