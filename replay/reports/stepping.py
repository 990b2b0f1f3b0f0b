"""A run call by call, for somebody who watches: each request, then each change of a row, then a wait.

Enter goes on to the next call, `c` to the end without stopping, `q` ends the run. Without a terminal nothing waits.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from replay.delivery_round import delivery_of
from replay.function.control import GO
from replay.tables.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from replay.function.control import Asked, Order
    from replay.sources.stream import Read

SHOWN_MAX: Final = 600
ROW_SHOWN_MAX: Final = 160


class Stepping:
    """A control that shows every call and lets it happen when it is told to.

    `changes` gives what has changed in the table since it was last called; `wait` asks what to do next.
    """

    def __init__(
        self,
        changes: Callable[[], Iterable[Read]],
        wait: Callable[[], str] | None = None,
        tell: Callable[[str], None] = say,
    ) -> None:
        self._changes = changes
        self._wait = wait or _ask
        self._tell = tell
        self._lock = threading.Lock()
        self._stops = True

    def asked(self, call: Asked) -> Order:
        """Show what has happened so far and the call, and wait."""
        with self._lock:
            self._show_changes("put before")
            self._tell(f"delivery {delivery_of(call.request_id)}: {call.name} {_cut(json.dumps(call.body), SHOWN_MAX)}")
            if self._stops:
                self._act(self._wait())
        return GO

    def called(self, call: Asked, error: str | None) -> None:
        """Show what came of a call."""
        with self._lock:
            self._tell(f"  {call.name}: {error or 'done'}")
            self._show_changes("changed")

    def _act(self, answer: str) -> None:
        if answer.strip().lower() == "q":
            raise KeyboardInterrupt
        if answer.strip().lower() == "c":
            self._stops = False

    def _show_changes(self, word: str) -> None:
        for read in self._changes():
            change = read.wire["dynamodb"]
            keys = change["Keys"]
            before, after = _row(change.get("OldImage")), _row(change.get("NewImage"))
            self._tell(f"  {word}: {keys['pk']['S']} {keys['sk']['S']}: {before} -> {after}")


def _row(item: Mapping[str, Any] | None) -> str:
    if item is None:
        return "no row"
    others = {name: value for name, value in item.items() if name not in ("pk", "sk")}
    return _cut(json.dumps(others, ensure_ascii=False), ROW_SHOWN_MAX)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _ask() -> str:
    """Wait for a line; where nobody is there, go on to the end."""
    if not sys.stdin.isatty():
        return "c"
    line = sys.stdin.readline()
    return line or "c"
