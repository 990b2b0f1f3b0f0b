"""Everybody else while a handler works: other owners of the rows, members who leave, an index that is late."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from replay.checks.scenarios import row
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX
from replay.rows.reading import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.checks.store import Store
    from replay.exploration.case import Case, Write
    from replay.exploration.judgement import Judgement
    from replay.exploration.message_rows import MessageRows
    from replay.exploration.story import Storyteller
    from replay.rows.reading import Item, Value
    from replay.tables.memory import Address


NEVER = sys.maxsize
"""When a change is shown that waits until the faults end."""


def value_set(text: str) -> Mapping[str, Any]:
    """Read what a `set` gives an attribute: a number, or a value of any type as DynamoDB's JSON has it.

    Raises:
        ValueError: it begins like the latter and is no JSON.
    """
    value: Mapping[str, Any] = json.loads(text) if text.startswith("{") else {"N": text}
    return value


class OtherWriters:
    """Does what a case says of others, step by step; what it did is counted in `situations`."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that it works with
        self,
        case: Case,
        store: Store,
        messages: MessageRows,
        judgement: Judgement,
        situations: Counter[str],
        story: Storyteller | None,
    ) -> None:
        self._store = store
        self._messages = messages
        self._judgement = judgement
        self._situations = situations
        self._story = story
        self._writes = sorted(case.writes, key=lambda write: write.at)
        self._lags = {(lag.group, lag.change + after): lag.steps for lag in case.lags for after in range(lag.changes)}
        self._changes: Counter[str] = Counter()
        self._shows: list[tuple[int, Address]] = []

    @property
    def index_is_behind(self) -> bool:
        """Whether the index does not show all there is, as the case has it."""
        return bool(self._lags and self._store.waiting())

    def begin(self) -> None:
        """Take hold of the index, where the case has it late."""
        if self._lags:
            self._store.hold_index()

    def act(self, step: int) -> None:
        """Do what is due before a step."""
        while self._writes and self._writes[0].at <= step:
            self._write(self._writes.pop(0), step)
        for due in [each for each in self._shows if each[0] <= step]:
            self._shows.remove(due)
            self._show(due[1])

    def look_at_changes(self, step: int) -> None:
        """Give every index change that is not scheduled yet its delay."""
        if not self._lags:
            return
        scheduled = Counter(address for _, address in self._shows)
        for address, count in self._store.waiting_changes():
            for _ in range(count - scheduled[address]):
                delay = self._delay(address)
                self._situations["index entry late"] += delay != 0
                if delay == 0 and scheduled[address] == 0 and count == 1:
                    self._store.show(address)
                else:
                    self._shows.append((NEVER if delay < 0 else step + delay, address))

    def calm_down(self) -> None:
        """Let the index show everything, from now on at once; whatever else the application does, it does now."""
        self._store.release_index()
        self._lags.clear()
        self._shows.clear()
        self.act(NEVER)

    def _delay(self, address: Address) -> int:
        """How many steps the next index change of this row's group is late."""
        group = self._store.group_of(address)
        self._changes[group] += 1
        return self._lags.get((group, self._changes[group] - 1), 0)

    def _show(self, address: Address) -> None:
        if address in self._store.waiting():
            self._store.show(address)
            if self._story:
                self._story.index_shown(address)

    def _write(self, write: Write, step: int) -> None:
        rows = self._judgement.rows(write.group, write.member)
        has_row = bool(rows) and self._judgement.has(write.group, write.member)
        match write.kind:
            case "set" | "leave" if has_row:
                touches = [(item["pk"]["S"], item["sk"]["S"]) for item in rows]
            case "join" if not has_row:
                touches = [(GROUP_PREFIX + write.member, write.time)]
            case "remove-message":
                touches = [(MESSAGE_PREFIX + write.group, write.time)]
            case _:
                return
        if self._story:
            self._story.about_to_write(touches)
        if self._do(write, rows, touches):
            self.look_at_changes(step)
            if self._story:
                self._story.wrote(write)

    def _do(self, write: Write, rows: list[Item], touches: list[Address]) -> bool:
        """Do a write; whether it could be done."""
        match write.kind:
            case "set":
                self._set(write, max(rows, key=_order))
            case "leave":
                self._leave(write, rows)
            case "join":
                return self._join(write, touches[0])
            case "remove-message":
                return self._messages.remove(touches[0])
        return True

    def _join(self, write: Write, address: Address) -> bool:
        if self._store.has(address):  # another group's row: the application takes another key
            return False
        item = row(write.member, write.group, write.time, write.value, write.name or None)
        self._store.put(item)
        self._judgement.joined(item, write.group, write.member)
        self._situations["row put late"] += 1
        return True

    def _set(self, write: Write, survivor: Item) -> None:
        value = value_set(write.value)
        self._store.put({**survivor, write.name: value})
        self._judgement.attribute_set(write.group, write.member, write.name, value)
        self._situations["another owner's update"] += 1

    def _leave(self, write: Write, rows: list[Item]) -> None:
        for item in rows:
            self._store.delete((item["pk"]["S"], item["sk"]["S"]))
        self._judgement.member_left(write.group, write.member)
        self._situations["member left"] += 1


def _order(item: Item) -> tuple[Value, str]:
    return value_of(item), item["sk"]["S"]
