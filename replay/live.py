"""Runs a handler on a table's stream by the wall clock, as Lambda would, until it is stopped.

Promises: at least once. What is finished is in the checkpoint file before anything behind it is; a restart, also after
a crash, goes on behind it. A handler that fails is tried again as the mapping says, one that crashes gets a new
process, one whose files change gets one too. Batches of one shard are delivered in order; each is told in one line.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from replay.delivery_round import request_id_of, result_of, why_refused
from replay.errors import WrongUse
from replay.event_source import answers
from replay.event_source.answers import Meaning
from replay.event_source.records import StreamRecord
from replay.event_source.virtual import AHEAD_MAX
from replay.function.outcome import Invoked, Raised, Returned
from replay.function.process import HandlerNotLoaded
from replay.sources.stream import ShardPosition
from replay.wording import counted, unread

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from replay.event_source.answers import Verdict
    from replay.event_source.invocations import Invocation
    from replay.event_source.source import EventSource
    from replay.function.process import FunctionProcess
    from replay.sources.stream import StreamReader

POLL_S: Final = 0.25
"""AWS: Lambda developer guide, with-ddb: a shard is polled four times a second."""


@dataclass
class Checkpoint:
    """How far each shard of a stream is finished, kept in a file."""

    path: Path
    stream: str
    finished: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, stream: str) -> Checkpoint:
        """Read the file, if it is there and of this stream.

        Raises:
            WrongUse: it is something else.
        """
        if not path.exists():
            return cls(path, stream)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            finished = {str(shard): str(sequence) for shard, sequence in content["finished"].items()}
            return cls(path, stream, finished if content["stream"] == stream else {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise WrongUse(
                f"--checkpoint {path} is no checkpoint ({unread(error)}); remove it, or name another file"
            ) from None

    def positions(self) -> dict[str, ShardPosition]:
        """Say where reading goes on."""
        return {shard: ShardPosition(sequence) for shard, sequence in self.finished.items()}

    def note(self, finished: dict[str, str | None]) -> None:
        """Write the file where something new is finished."""
        newer = {**self.finished, **{shard: sequence for shard, sequence in finished.items() if sequence is not None}}
        if newer != self.finished:
            self.finished = newer
            self.save()

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            WrongUse: it cannot be written.
        """
        part = self.path.with_name(self.path.name + ".part")
        try:
            part.write_text(json.dumps({"stream": self.stream, "finished": self.finished}, indent=1), encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            raise WrongUse(f"--checkpoint {self.path} cannot be written: {error.strerror}") from None


@dataclass
class Live:
    """One handler at work on one stream; `changed` names files that are new or changed.

    `tell` gets a line a batch, `delivered` the same as fields that JSON can hold.
    """

    reader: StreamReader
    source: EventSource
    workers: Sequence[FunctionProcess]
    checkpoint: Checkpoint
    tell: Callable[[str], None]
    changed: Callable[[], list[str]]
    epoch_s: float = field(default_factory=time.time)
    delivered: Callable[[dict[str, Any]], None] = lambda _: None

    def __post_init__(self) -> None:
        self._free: SimpleQueue[FunctionProcess] = SimpleQueue()
        for worker in self.workers:
            self._free.put(worker)
        self._running: dict[Future[Invoked], Invocation] = {}
        self._poll_at_s = 0.0

    def run(self, stopped: threading.Event) -> None:
        """Deliver until told to stop; what runs then is waited for."""
        with ThreadPoolExecutor(len(self.workers), thread_name_prefix="delivery") as executor:
            while not stopped.is_set():
                self._poll()
                self._start(executor)
                self._wait(stopped)
            while self._running:
                self._finish(wait(self._running, return_when=FIRST_COMPLETED).done)

    @property
    def _now_s(self) -> float:
        return time.time() - self.epoch_s

    def _poll(self) -> None:
        """Read the stream, when it is time to and there is room."""
        if self._now_s < self._poll_at_s or self.source.backlog >= AHEAD_MAX:
            return
        if not self._running:
            self._reload()
        for read in self.reader.read():
            self.source.add_shard(read.shard, read.parent)
            created_s = read.wire["dynamodb"].get("ApproximateCreationDateTime", self.epoch_s)
            now_s = self._now_s
            record = StreamRecord.of(
                read.wire,  # type: ignore[arg-type] # as the stream has it
                shard=read.shard,
                available_at_s=now_s,
                created_at_s=min(now_s, created_s - self.epoch_s),
            )
            self.source.offer([record])
        for name, position in self.reader.positions.items():
            if position.finished:
                self.source.close_shard(name)
        self._poll_at_s = self._now_s + POLL_S

    def _reload(self) -> None:
        """Let the next invocation start the handler anew, where its files have changed."""
        changed = self.changed()
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            self.tell(f"handler changed: {changed[0]}{more}; the next batch starts it anew")
            for worker in self.workers:
                worker.stop()

    def _start(self, executor: ThreadPoolExecutor) -> None:
        now_s = self._now_s
        self.source.advance(now_s)
        for invocation in self.source.starts(now_s):
            self._running[executor.submit(self._invoke, invocation)] = invocation

    def _invoke(self, invocation: Invocation) -> Invoked:
        worker = self._free.get()
        try:
            return worker.invoke(invocation.event, request_id_of(invocation.number))
        except HandlerNotLoaded as error:
            # As on AWS: a function that cannot start fails its batch, which comes again.
            return Invoked("", Raised("Runtime.ImportModuleError", str(error), ()), (), 0.0, cold_start=True)
        finally:
            self._free.put(worker)

    def _wait(self, stopped: threading.Event) -> None:
        """Wait until something has ended or may start."""
        until_s = min(self._poll_at_s, max(self.source.next_at(), self._now_s))
        pause_s = max(0.0, until_s - self._now_s)
        if self._running:
            self._finish(wait(self._running, pause_s, FIRST_COMPLETED).done)
        elif pause_s:
            stopped.wait(pause_s)

    def _finish(self, done: set[Future[Invoked]]) -> None:
        for future in done:
            invocation, invoked = self._running.pop(future), future.result()
            result = result_of(invoked.outcome)
            verdict = self.source.judge(invocation, result)
            if verdict.meaning is Meaning.UNREADABLE:  # a failure here: the run goes on
                result = answers.Raised(verdict.reason)
            self._tell(invocation, invoked, verdict)
            self.source.finish(invocation, result, self._now_s)
        if done:
            self.checkpoint.note(self.source.checkpoints)

    def _tell(self, invocation: Invocation, invoked: Invoked, verdict: Verdict) -> None:
        records = invocation.records
        match verdict.meaning:
            case Meaning.SUCCESS:
                how = "done"
            case Meaning.PARTIAL:
                how = f"done up to {records[verdict.unfinished_from].text}"
            case Meaning.UNREADABLE:
                how = verdict.reason
            case Meaning.REFUSED if isinstance(invoked.outcome, Returned):
                how = why_refused(invoked.outcome.value, records)
            case _:
                how = str(invoked.outcome)
        cold = ", cold start" if invoked.cold_start else ""
        which = f"{counted(len(records), 'record')} from {records[0].text}"
        self.tell(
            f"{time.strftime('%H:%M:%S')} {invocation.shard}: {which}: "
            f"{how} ({counted(len(invoked.calls), 'request')}, {invoked.duration_s * 1000:.0f} ms{cold})"
        )
        self.delivered(
            {
                "at": datetime.now(UTC).isoformat(),
                "shard": invocation.shard,
                "records": len(records),
                "first_sequence": records[0].text,
                "last_sequence": records[-1].text,
                "outcome": how,
                "requests": len(invoked.calls),
                "duration_s": round(invoked.duration_s, 6),
                "cold_start": invoked.cold_start,
            }
        )
