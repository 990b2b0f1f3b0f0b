"""Cases carried out on a table of any schema, and the rules that hold there."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from replay.errors import WrongUse
from replay.exploration.any_schema.handler import FreeHandler
from replay.exploration.any_schema.store import FreeStore
from replay.exploration.execution import execute
from replay.exploration.ground import forked
from replay.exploration.outcome import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from replay.exploration.any_schema.table import FreeTable
    from replay.exploration.case import Case
    from replay.exploration.ground import CarryOut, Subject
    from replay.exploration.invariants import Moment, Scanned, Watch
    from replay.exploration.outcome import Execution, Manner
    from replay.rows.reading import Item
    from replay.tables.endpoint import Endpoint

MESSAGES_RULES: Final = frozenset(RULES) - {
    "an invocation comes to an end",
    "answers are lawful",
    "healthy records are not given up",
    "quiet is reached",
}
"""Rules that need to know what a message is."""
REDELIVERY: Final = "redelivery leaves every row as it is"
FREE_RULES: Final = (REDELIVERY,)
"""Rules that only a table of any schema has; on the messages table the oracle says more."""


@contextmanager
def free_ground(endpoint: Endpoint, subject: Subject, name: str, table: FreeTable) -> Iterator[CarryOut]:
    """Make the table and carry out cases on it.

    Raises:
        WrongUse: the table cannot be made, or the handler not be imported.
    """
    client = endpoint.client()
    try:
        client.create_table(TableName=name, **table.arguments)
    except ClientError as error:
        raise WrongUse(f"the template's table cannot be made: {error.response['Error'].get('Message')}") from error
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    with contextlib.ExitStack() as stack:
        stack.callback(client.delete_table, TableName=name)
        function = stack.enter_context(forked(endpoint, subject, name))

        def carry_out(case: Case, manner: Manner) -> Execution:
            store = FreeStore(client, name, table)
            try:
                for row in case.rows:
                    store.write(row)
                return _execute(case, store, FreeHandler(function, store), manner)
            finally:
                store.wipe()

        yield carry_out


def _execute(case: Case, store: FreeStore, handler: FreeHandler, manner: Manner) -> Execution:
    ignored = manner.ignored | MESSAGES_RULES
    watched = replace(manner, ignored=ignored, watch=_FreeWatch(manner.watch, store), is_messages=False)
    return execute(replace(case, rows=(), lags=(), writes=()), store, handler, watched)


class _FreeWatch:
    """Asks the user's rules, and whether what came again left every row as it was."""

    def __init__(self, watch: Watch | None, store: FreeStore) -> None:
        self._watch = watch
        self._store = store
        self._last: list[Item] | None = None

    def broken(self, moment: Moment, store: Scanned, records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        del store  # it shows the oracle no row
        rows = self._store.rows()
        if self._watch is not None:
            yield from self._watch.broken(moment, _Rows(rows), records)
        if moment == "finally":
            before, self._last = self._last, rows
            if before is not None and before != rows:
                yield REDELIVERY, _difference(before, rows, self._store.table)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows as they were read."""

    rows: Sequence[Item]

    def scan(self) -> Sequence[Item]:
        """Give them."""
        return self.rows


def _difference(before: Sequence[Item], after: Sequence[Item], table: FreeTable) -> str:
    first = table.differences(before, after)[0]
    moved = f"row {first.row} went from {first.first or 'nothing'} to {first.second or 'nothing'}"
    return f"everything had been taken, and was delivered once more: {moved}"
