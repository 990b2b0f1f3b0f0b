"""From a file to the JSON documents in it, each with the line it begins on.

Plain or gzip, UTF-8, one document a line or documents laid out over lines; all told by the content. Lines are read one
at a time; a file laid out over lines is read whole. Whatever is wrong is `WrongUse`: one line with file and line.
"""

from __future__ import annotations

import difflib
import gzip
import itertools
import json
import re
import shutil
import sys
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from replay import quick_json
from replay.errors import WrongUse
from replay.wording import unread

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_INPUT = "-"
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANKS = b" \t\r\n"

FOREIGN = {
    b"\xff\xfe\0\0": "UTF-32 text",
    b"\0\0\xfe\xff": "UTF-32 text",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"{\0": "UTF-16 text",
    b"\0{": "UTF-16 text",
    b"[\0": "UTF-16 text",
    b"\0[": "UTF-16 text",
    b"PK\x03\x04": "a zip archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    GZIP_MAGIC: "packed with gzip twice",
}
"""How a file begins that holds something else, and what that is: half of what people give by mistake."""

LINE_BYTES_MAX = 64 << 20
"""Ten times what Lambda takes for an event: no line of records is longer."""

LAYOUT_BYTES_MAX = 256 << 20
"""A file laid out over lines is held in memory; a greater one can be given as lines."""

EXPORT_FILES = "data/*.json.gz"
ION_FILES = "data/*.ion.gz"
"""AWS: DynamoDB developer guide, "DynamoDB table export output format": the data files of an export."""

SHOWN_MAX = 40
WHITESPACE = re.compile(r"[ \t\r\n]*")


class Document(NamedTuple):
    """One JSON document and where it begins."""

    content: Any
    place: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that can be read again and again; `name` is what the user calls it."""

    name: str
    path: Path

    def documents(self) -> Iterator[Document]:
        """Read the documents from the beginning.

        Raises:
            WrongUse: something in it is no JSON, no text, too long, cut; or there is nothing in it.
        """
        with self._opened() as stream:
            first, number = self._first_line(stream)
            if _is_json(first):
                yield from self._lines(first, number, stream)
            else:
                yield from self._laid_out(first, number, stream)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Open it, unpacked; what goes wrong while it is read becomes one line."""
        try:
            with self.path.open("rb") as raw:
                packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
                raw.seek(0)
                if packed:
                    with gzip.open(raw) as unpacked:
                        yield cast("IO[bytes]", unpacked)
                else:
                    yield raw
        except EOFError:
            raise WrongUse(f"{self.name}: the gzip data is cut") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise WrongUse(f"{self.name}: the gzip data is damaged ({error})") from None
        except OSError as error:
            raise WrongUse(f"{self.name} cannot be read: {error.strerror or error}") from None

    def _first_line(self, stream: IO[bytes]) -> tuple[bytes, int]:
        """Find the first line that is not blank, without a byte order mark."""
        for number in itertools.count(1):
            line = self._line(stream, number)
            if not line:
                raise WrongUse(f"{self.name} is empty: it holds no record")
            if number == 1:
                self._refuse_foreign(line)
                line = line.removeprefix(BYTE_ORDER_MARK)
            if line.strip(BLANKS):
                return line, number
        raise AssertionError

    def _refuse_foreign(self, line: bytes) -> None:
        for start, what in FOREIGN.items():
            if line.startswith(start):
                how = "save it as UTF-8" if "text" in what else "unpack it"
                raise WrongUse(f"{self.name} is {what}; {how}: records are JSON in UTF-8, plain or gzip")

    def _lines(self, first: bytes, number: int, stream: IO[bytes]) -> Iterator[Document]:
        line = first
        while line:
            if line.strip(BLANKS):
                yield Document(self._parsed(line, number), f"{self.name}:{number}")
            number += 1
            line = self._line(stream, number)

    def _line(self, stream: IO[bytes], number: int) -> bytes:
        line = stream.readline(LINE_BYTES_MAX + 1)
        if len(line) > LINE_BYTES_MAX:
            raise WrongUse(f"{self.name}:{number}: the line is longer than {LINE_BYTES_MAX >> 20} MB; no event is")
        return line

    def _parsed(self, line: bytes, number: int) -> Any:  # noqa: ANN401 - any JSON
        try:
            return quick_json.loads(line)
        except (ValueError, RecursionError):
            text = self._text(line, number)
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise self._no_json(number, error) from None
        except (RecursionError, ValueError) as error:
            raise WrongUse(f"{self.name}:{number}: no JSON that can be read: {unread(error)}") from None

    def _laid_out(self, first: bytes, number: int, stream: IO[bytes]) -> Iterator[Document]:
        """Read documents that follow one another over lines."""
        rest = stream.read(LAYOUT_BYTES_MAX + 1)
        if len(rest) > LAYOUT_BYTES_MAX:
            self._parsed(first, number)  # lines, and the first is broken: says how
        text = self._text(first + rest, number)
        decoder, at = json.JSONDecoder(), 0
        while True:
            at = WHITESPACE.match(text, at).end()  # type: ignore[union-attr] # it matches nothing, too
            if at == len(text):
                return
            begins = number + text.count("\n", 0, at)
            try:
                content, at = decoder.raw_decode(text, at)
            except json.JSONDecodeError as error:
                raise self._no_json(number + error.lineno - 1, error) from None
            except (RecursionError, ValueError) as error:
                raise WrongUse(f"{self.name}:{begins}: no JSON that can be read: {unread(error)}") from None
            yield Document(content, f"{self.name}:{begins}")

    def _text(self, content: bytes, number: int) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            line = number + content.count(b"\n", 0, error.start)
            raise WrongUse(
                f"{self.name}:{line}: no UTF-8 text ({error.reason}); records are JSON, plain or gzip"
            ) from None

    def _no_json(self, number: int, error: json.JSONDecodeError) -> WrongUse:
        rest = error.doc[error.pos :]
        if not rest.strip() or error.msg.startswith("Unterminated"):
            found = "the text ends there: is it cut?"
        else:
            found = f"it goes on with {rest[:SHOWN_MAX].splitlines()[0]!r}"
        what = error.msg.removesuffix(" at")
        return WrongUse(f"{self.name}:{number}: no JSON: {what} at column {error.colno}; {found}")


def _is_json(line: bytes) -> bool:
    """Whether a first line is a whole document, so that every line is one."""
    try:
        quick_json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


@contextmanager
def opened(names: tuple[str, ...]) -> Iterator[tuple[File, ...]]:
    """Find the files of these names; standard input (`-`) and pipes are kept in a temporary folder meanwhile.

    A folder stands for the data files of the table export in it.

    Raises:
        WrongUse: a name is no file's, or standard input is named twice.
    """
    if names.count(STANDARD_INPUT) > 1:
        raise WrongUse(f"standard input ('{STANDARD_INPUT}') is there once; name it once")
    with tempfile.TemporaryDirectory(prefix="inbox-replay-") as folder:
        yield tuple(file for number, name in enumerate(names) for file in _found(name, Path(folder) / str(number)))


def _found(name: str, spool: Path) -> Iterator[File]:
    path = Path(name)
    if name == STANDARD_INPUT:
        with spool.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        yield File("standard input", spool)
    elif path.is_dir():
        yield from _exported(path)
    elif path.is_file():
        yield File(name, path)
    elif path.exists():
        yield _spooled(path, spool)
    else:
        raise WrongUse(f"there is no file {name}{_nearest(path)}")


def _exported(folder: Path) -> Iterator[File]:
    """Name the data files of an export: `data/*.json.gz`, at any depth."""
    files = sorted(folder.rglob(EXPORT_FILES))
    if not files:
        ion = ", and Ion is not read: export as DynamoDB JSON" if any(folder.rglob(ION_FILES)) else ""
        raise WrongUse(f"{folder} is a folder; name the files in it (no table export is in it{ion})")
    yield from (File(str(file), file) for file in files)


def _spooled(pipe: Path, spool: Path) -> File:
    try:
        with pipe.open("rb") as stream, spool.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    except OSError as error:
        raise WrongUse(f"{pipe} cannot be read: {error.strerror}") from None
    return File(str(pipe), spool)


def _nearest(path: Path) -> str:
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""
