"""A user's own rules: a Python file with functions over the table's rows and the records.

A function whose name begins with `always_` must hold at every moment: before the handler's first call and after each
call that may have written. One whose name begins with `finally_` must hold at quiet, once every record was taken. Both
are called with two lists: the table's rows in Python's own values (texts, `Decimal`s, sets, as boto3's resources give
them), and the records delivered so far, as the handler got them, in stream order. A rule is broken where its function
says so: an `AssertionError`, a text, or `False`. A text is the evidence.

    def finally_everybody_has_a_name(rows, records):
        for row in rows:
            assert row.get("user_display_name"), f"{row['pk']} has none"
"""

from __future__ import annotations

import copy
import inspect
import runpy
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from boto3.dynamodb.types import TypeDeserializer

from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

Moment = Literal["always", "finally"]
"""After each call that may have written, or at quiet."""
PARAMETERS: Final = 2


class Scanned(Protocol):
    """What has rows."""

    def scan(self) -> Iterable[Mapping[str, Any]]:
        """Read every row, in DynamoDB's JSON."""
        ...


class Watch(Protocol):
    """Looks at a case's table while the case is carried out."""

    def broken(self, moment: Moment, store: Scanned, records: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
        """Give each rule that does not hold now, with the evidence; `records` are those delivered so far."""
        ...


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule: its name, when it must hold, and the function that tells."""

    name: str
    moment: Moment
    holds: Callable[[list[dict[str, Any]], list[Mapping[str, Any]]], Any]


@dataclass(frozen=True, slots=True)
class Invariants:
    """The rules of one file."""

    path: Path
    every: tuple[Invariant, ...]

    @classmethod
    def load(cls, path: Path) -> Invariants:
        """Run a file and take its rules.

        Raises:
            WrongUse: the file cannot be read or run, holds no rule, or one that cannot be called with rows and records.
        """
        every = tuple(_invariants(path, _names(path)))
        if not every:
            raise WrongUse(f"invariants {path}: it has no function whose name begins with 'always_' or 'finally_'")
        return cls(path, every)

    @property
    def names(self) -> tuple[str, ...]:
        """The rules by name."""
        return tuple(each.name for each in self.every)

    def broken(self, moment: Moment, store: Scanned, records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        """Give each rule of this moment that does not hold on the whole table.

        Raises:
            WrongUse: a rule's function fails itself.
        """
        asked = [each for each in self.every if each.moment == moment]
        rows = [_plain(item) for item in store.scan()] if asked else []
        for each in asked:
            evidence = self._evidence(each, copy.deepcopy(rows), copy.deepcopy(list(records)))
            if evidence is not None:
                yield each.name, evidence

    def _evidence(
        self, invariant: Invariant, rows: list[dict[str, Any]], records: list[Mapping[str, Any]]
    ) -> str | None:
        """Ask one function; nothing where the rule holds."""
        try:
            said = invariant.holds(rows, records)
        except AssertionError as error:
            return _text(error) or f"line {_line(error, self.path)} does not hold"
        except (Exception, SystemExit, GeneratorExit) as error:
            where = _place(error, self.path)
            raise WrongUse(f"invariant {invariant.name} fails itself at {where}: {_told(error)}") from error
        if isinstance(said, str):
            return said
        if said is None or isinstance(said, bool):
            return "it does not hold" if said is False else None
        raise WrongUse(
            f"invariant {invariant.name} in {self.path} returned a {type(said).__name__}; "
            "return nothing or True where it holds, a text or False where it does not"
        )


def _names(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise WrongUse(f"invariants {path}: there is no such file")
    try:
        return runpy.run_path(str(path))
    except (Exception, SystemExit) as error:
        raise WrongUse(f"invariants {_place(error, path)}: {_told(error)}") from error


def _invariants(path: Path, names: Mapping[str, Any]) -> Iterator[Invariant]:
    moments: tuple[Moment, ...] = ("always", "finally")
    for name, value in names.items():
        for moment in moments:
            if name.startswith(f"{moment}_") and callable(value) and not inspect.isclass(value):
                _check(path, name, value)
                yield Invariant(name, moment, value)


def _check(path: Path, name: str, function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind(*range(PARAMETERS))
    except TypeError:
        raise WrongUse(f"invariants {path}: {name} cannot be called as {name}(rows, records)") from None
    if any(kind(function) for kind in (inspect.isgeneratorfunction, inspect.iscoroutinefunction)):
        raise WrongUse(f"invariants {path}: {name} is async or yields, so calling it asks nothing; let it return")


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _DESERIALISER.deserialize(value) for name, value in item.items()}


_DESERIALISER = TypeDeserializer()


def _place(error: BaseException, path: Path) -> str:
    """Name the file, and its line where there is one: a file that is no text has none."""
    line = _line(error, path)
    return f"{path}:{line}" if line else str(path)


def _line(error: BaseException, path: Path) -> int:
    """Find the last line of the file itself that an error came through; 0 where there is none."""
    if isinstance(error, SyntaxError) and error.filename in {None, str(path)}:
        return error.lineno or 0
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return (lines[-1] if lines else 0) or 0


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {_text(error)}".splitlines()[0]


def _text(error: BaseException) -> str:
    """What an error says; nothing where even that fails."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user's own class
        return ""
