"""The project's own function, stepped in this process: its real batch code on a light thread of control.

A greenlet runs `BatchProcessor.process`; its table switches back to the explorer at each request. Nothing of the
function is replaced but what it is given anyway: table, quarantine, telemetry, sleep, jitter and clock.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import greenlet

from replay.event_source.answers import Raised, Returned, TimedOut
from replay.exploration.account import Account
from replay.exploration.handler import NextCall
from replay.exploration.torn import shown
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX
from stream_processor.batch import BatchProcessor, Invocation
from stream_processor.errors import QuarantineError, StreamProcessorError, TransientError
from stream_processor.group import GroupWork
from stream_processor.settings import RESERVE_MS, Settings
from stream_processor.table import Page, ReadIndex, ReadMember
from stream_processor.transaction import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.checks.store import Store
    from replay.event_source.answers import FunctionResult
    from replay.exploration.case import FaultKind
    from replay.exploration.torn import View
    from stream_processor.quarantine import Quarantined
    from stream_processor.table import Read
    from stream_processor.telemetry import BatchReport, FailureReport
    from stream_processor.transaction import Transaction

PLENTY_MS = 60_000.0
LITTLE_MS = RESERVE_MS - 1.0


class OurHandler:
    """The function over a store; `make_work` may be a wrong work, to see it convicted."""

    def __init__(
        self, store: Store, *, has_quarantine: bool = True, make_work: type[GroupWork] = GroupWork, workers: int = 1
    ) -> None:
        self._store = store
        self._set_aside: list[str] = []
        self._has_quarantine = has_quarantine
        self._heard = _Heard()
        self._processor = BatchProcessor(
            table=_SteppedTable(),
            quarantine=_SteppedQuarantine() if has_quarantine else None,
            settings=Settings("T", workers=workers),
            telemetry=self._heard,
            jitter=lambda ceiling_s: ceiling_s,
            sleep=lambda _: None,
            now=lambda: 0.0,
            make_work=make_work,
        )

    def start(self, event: dict[str, Any], request_id: str) -> SteppedFunction:
        """Begin an invocation and stop it at its first request."""
        account = self._heard.accounts[request_id] if self._has_quarantine else None
        return SteppedFunction(self._processor, self._store, self._set_aside, event, request_id, account=account)

    def quarantined(self) -> Sequence[str] | None:
        """Sequence numbers of quarantined records; nothing without a quarantine: the event source gives them up."""
        return self._set_aside if self._has_quarantine else None


class SteppedFunction:
    """One invocation of the function."""

    def __init__(  # noqa: PLR0913 - all that it works with
        self,
        processor: BatchProcessor,
        store: Store,
        set_aside: list[str],
        event: dict[str, Any],
        request_id: str,
        *,
        account: Account | None,
    ) -> None:
        self.account = account
        self.result: FunctionResult | None = None
        self.call: NextCall | None = None
        self._store = store
        self._set_aside = set_aside
        self._remaining_ms = PLENTY_MS
        self._request: Read | Transaction | Quarantined | None = None
        invocation = Invocation(request_id, lambda: self._remaining_ms)
        self._thread = greenlet.greenlet(lambda: processor.process(event, invocation))
        self._advance(self._thread.switch)

    def go(self, fault: FaultKind | None = None, torn: View | None = None) -> str:
        """Let the next request happen, or fail."""
        match fault:
            case "crash-before" | "timeout-before":
                return self._kill(fault)
            case "throttle" | "conflict" | "lost-request":
                return self._fail(fault)
            case "little-time":
                self._remaining_ms = LITTLE_MS
        error: StreamProcessorError | None = None
        answer: Page | bool | None = None
        try:
            answer = self._perform(torn)
        except StreamProcessorError as failure:
            error = failure
        if fault in {"crash-after", "timeout-after"}:
            return self._kill(fault)
        if fault == "lost-answer":
            return self._fail(fault)
        if error is not None:
            self._advance(self._thread.throw, error)
            return error.code
        self._advance(self._thread.switch, answer)
        return "done"

    def drop(self) -> None:
        """End the function where it stands."""
        self._kill("crash-before")

    def _perform(self, torn: View | None) -> Page | bool | None:
        request = self._request
        if isinstance(request, tuple):
            self._store.transact(request)
            return None
        if self.call is not None and self.call.kind == "quarantine":
            identifier = cast("Quarantined", request).identifier
            first = identifier not in self._set_aside
            if first:
                self._set_aside.append(identifier)
            return first
        read: Any = request
        page = self._store.read(read)
        return replace(page, items=tuple(shown(page.items, torn))) if torn else page

    def _fail(self, fault: FaultKind) -> str:
        quarantine = self.call is not None and self.call.kind == "quarantine"
        error = QuarantineError(fault, "injected") if quarantine else TransientError(fault)
        self._advance(self._thread.throw, error)
        return fault

    def _kill(self, fault: FaultKind) -> str:
        self._thread.throw(greenlet.GreenletExit)
        self.call = None
        self.result = TimedOut() if fault.startswith("timeout") else Raised("Runtime.ExitError")
        return fault

    def _advance(self, go_on: Callable[..., Any], *given: object) -> None:
        """Run the function to its next request, or to its end."""
        try:
            handed = go_on(*given)
        except Exception as error:  # noqa: BLE001 - whatever the function raises is its result
            self.call, self.result = None, Raised(type(error).__name__)
            return
        if self._thread.dead:
            self.call, self.result = None, Returned(handed)
        else:
            self._request = handed
            self.call = _told(handed)
            if self.account and self._remaining_ms < RESERVE_MS:
                self.account.late_calls += 1


class _SteppedTable:
    """Hands each request to whoever steps the function."""

    def read(self, request: Read) -> Page:
        page: Page = _explorer().switch(request)
        return page

    def transact(self, actions: Transaction) -> None:
        _explorer().switch(actions)


class _SteppedQuarantine:
    """Hands each record to whoever steps the function."""

    def put(self, quarantined: Quarantined) -> bool:
        return bool(_explorer().switch(quarantined))


class _Heard:
    """A telemetry of which each invocation's failures are kept, by its id."""

    def __init__(self) -> None:
        self.accounts: dict[str | None, Account] = defaultdict(Account)

    def batch(self, report: BatchReport) -> None: ...

    def failure(self, report: FailureReport) -> None:
        self.accounts[report.request_id].unfinished.append(report.sequence)

    def orphan(self, group: str, sequence: str) -> None: ...

    def healed(self, group: str, rows: int) -> None: ...

    def future_dated(self, group: str, sequence: str, ahead_s: int) -> None: ...

    def quarantined(self, sequence: str, reason: str, key: str) -> None: ...


def _explorer() -> greenlet.greenlet:
    parent = greenlet.getcurrent().parent
    if parent is None:
        raise RuntimeError("the function is not being stepped")
    return parent


def _told(request: Read | Transaction | Quarantined) -> NextCall:
    if isinstance(request, tuple):
        touches = tuple(
            (GROUP_PREFIX + action.key.member, action.key.sort_key)
            for action in request
            if not isinstance(action, Check)
        )
        names = ", ".join(f"{type(action).__name__} {action.key.member} {action.key.sort_key}" for action in request)
        return NextCall("write", f"TransactWriteItems {names}", touches)
    if isinstance(request, ReadIndex):
        return NextCall("index", f"Query index of {request.group}", group=request.group)
    if hasattr(request, "identifier"):
        return NextCall("quarantine", f"put {request.identifier} into the quarantine")
    if isinstance(request, ReadMember):
        partition = GROUP_PREFIX + request.member
        text = f"Query {partition} for rows of {request.group}"
        return NextCall("read", text, group=request.group, partition=partition, is_query=True)
    return NextCall("read", f"Query {MESSAGE_PREFIX}{request.group} for who wrote lately")
