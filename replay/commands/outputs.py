"""Files that commands write: never over what the same command reads or writes, and refused in one line."""

from __future__ import annotations

import itertools
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from replay.errors import WrongUse
from replay.function.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def refuse_same_file(option: str, out: Path | str, read: Iterable[Path | str]) -> None:
    """Refuse to write over a file that is read, under whatever names.

    Raises:
        WrongUse: it is one of them.
    """
    for given in read:
        if Path(out).is_file() and Path(given).is_file() and os.path.samefile(out, given):  # noqa: PTH121 - of two kinds
            same = f"the same file as {given}" if str(given) != str(out) else "also read"
            raise WrongUse(f"{option} {out} is {same}, which would be lost; name another file")


def refuse_one_for_two(outputs: Mapping[str, Path | None]) -> None:
    """Refuse to write two outputs, by the options that name them, to one file; a device may have any number.

    Raises:
        WrongUse: two name the same.
    """
    named = [(option, out) for option, out in outputs.items() if out and (out.is_file() or not out.exists())]
    for (first, one), (second, other) in itertools.combinations(named, 2):
        if one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other)):
            raise WrongUse(f"{first} {one} and {second} {other} are one file, and one would be lost; name two")


def sources_of(handlers: Iterable[str | None]) -> list[Path]:
    """Name the files that handlers may stand in: their own, or where Python looks for their modules.

    Raises:
        WrongUse: one is no handler's name.
    """
    sources: list[Path] = []
    for target in (Target.parse(handler) for handler in handlers if handler is not None):
        if target.file is not None:
            sources.append(target.file)
            continue
        inside = target.location.replace(".", "/")
        places = [Path(folder, inside) for folder in ("", *sys.path)]
        sources += [path for place in places for path in (Path(f"{place}.py"), place / "__init__.py")]
    return sources


@contextmanager
def written_to(option: str, path: Path) -> Iterator[None]:
    """Explain why a file cannot be written.

    Raises:
        WrongUse: it cannot.
    """
    try:
        yield
    except OSError as error:
        raise WrongUse(f"{option} {path} cannot be written: {error.strerror or error}; name another file") from None
