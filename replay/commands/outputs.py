"""Files that commands write: never over what the same command reads or writes, refused in one line where it cannot be.

And the name that a command has in what it writes.
"""

from __future__ import annotations

import itertools
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from replay.errors import WrongUse
from replay.function.target import Target
from replay.wording import AS_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def called_as() -> str:
    """Give the command by the name that it was called by, for what it says to do again."""
    context = click.get_current_context(silent=True)
    return (context.find_root().info_name if context else None) or AS_MODULE


def refuse_same_file(option: str, out: Path | str, read: Iterable[Path | str]) -> None:
    """Refuse to write over a file that is read, under whatever names.

    Raises:
        WrongUse: it is one of them.
    """
    for given in read:
        if Path(out).is_file() and Path(given).is_file() and os.path.samefile(out, given):  # noqa: PTH121 - of two kinds
            same = f"the same file as {given}" if str(given) != str(out) else "also read"
            raise WrongUse(f"{option} {out} is {same}, which would be lost; name another file")


def refuse_unwritable(option: str, path: Path) -> None:
    """Try a file before the work that ends in it: what stands in it stays, and where none was, none is left.

    Devices and pipes are not tried: opening one may wait for its reader.

    Raises:
        WrongUse: it is a folder, or its folder does not exist, or it cannot be opened for writing.
    """
    with written_to(option, path):
        if path.is_dir() or not path.parent.is_dir():
            wrong = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise WrongUse(f"{option} {path}: {wrong}; name a file in a folder that exists")
        file = path.resolve()  # where a link leads: what is made here is taken away again, not the link
        if file.is_file():
            file.open("ab").close()
        elif not file.exists():
            file.open("xb").close()
            file.unlink()


def refuse_one_for_two(outputs: Mapping[str, Path | None]) -> None:
    """Refuse to write two outputs, by the options that name them, to one file; a device may have any number.

    Raises:
        WrongUse: two name the same.
    """
    exists = os.path.exists  # says no where a name is no file's at all, and raises nothing
    named = [(option, out) for option, out in outputs.items() if out and (not exists(out) or out.is_file())]
    for (first, one), (second, other) in itertools.combinations(named, 2):
        if one.resolve() == other.resolve() or (exists(one) and exists(other) and one.samefile(other)):
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
