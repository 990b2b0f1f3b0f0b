"""Random histories: a seed decides people, groups, messages, batches, faults, the index and everybody else's writes.

Each seed uses a random subset of what may happen. A history has two phases: faults on, then faults off until everything
was delivered successfully. Then the table must be what the messages say, stated limits aside; with the index up to date
and everything delivered once more, without any exception; and once more again without a write.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from replay.checks.scenarios import row, said
from replay.checks.world import Diverged, World
from replay.tables.memory import MemoryTable
from stream_processor.group import GroupWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from replay.checks.exhaustive import MakeWork
    from replay.checks.reading import Item
    from replay.checks.world import Fault, GroupTask, Invocation, Record, Store

PEOPLE = ("ana", "ben", "cem", "dee", "eli")
STRANGER = "zoe"
EPOCH = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
MOMENTS = 12
"""Distinct instants of a history: few, so that ties and collisions happen."""
GROUPS_MAX = 3
MESSAGES_MAX = 8
ACTIVE_MAX = 3
"""Invocations at work at the same time."""
STEPS_MAX = 2000
FAULTS: tuple[Fault, ...] = ("lost-request", "lost-answer", "crash-before", "crash-after")


@dataclass(slots=True)
class Features:
    """What may happen in one history."""

    lag: bool
    faults: bool
    concurrent: bool
    redelivery: bool
    owners: bool
    leavers: bool
    doubled: bool
    collisions: bool

    @classmethod
    def drawn(cls, random: Random) -> Features:
        """Draw a subset."""
        return cls(*(random.random() < 0.5 for _ in cls.__slots__))  # noqa: PLR2004 - a fair coin


@dataclass(slots=True)
class Reached:
    """How often interesting situations occurred, counted from what was seen."""

    histories: int = 0
    requests: int = 0
    writes: int = 0
    situations: Counter[str] = field(default_factory=Counter)

    def add(self, other: Reached) -> None:
        """Add another count to this one."""
        self.histories += other.histories
        self.requests += other.requests
        self.writes += other.writes
        self.situations.update(other.situations)


def explore(
    seed: int, make_work: MakeWork = GroupWork, store: Callable[[], Store] = MemoryTable, tag: str = ""
) -> Reached:
    """Run the history of a seed; `tag` begins every id, so that histories can share a table.

    Raises:
        Diverged: something that must hold does not.
    """
    history = _History(Random(seed), store(), make_work, tag)  # noqa: S311 - repeatable on purpose
    try:
        return history.run()
    except Diverged as diverged:
        diverged.add_note(f"seed {seed}")
        raise


class _History:
    """One history while it runs."""

    def __init__(self, random: Random, store: Store, make_work: MakeWork, tag: str) -> None:
        self._random = random
        self._features = Features.drawn(random)
        self._world = World(store, make_work)
        self._tag = tag
        self._groups = [f"{tag}g{number}" for number in range(1 + random.randrange(GROUPS_MAX))]
        self._members: dict[str, list[str]] = {}
        self._reached = Reached(histories=1)
        self._fault_chance = random.choice((0.03, 0.1, 0.4))
        self._sequence = 0

    def run(self) -> Reached:
        self._world.begin(self._rows())
        if self._features.lag:
            self._world.store.hold_index()
        batches = self._batches()
        self._faults_on(batches)
        self._faults_off(batches)
        self._reached.requests = self._world.requests
        self._reached.writes = self._world.writes
        return self._reached

    # What there is.

    def _rows(self) -> Iterable[Item]:
        for group in self._groups:
            count = self._random.choices((1, 2, 3, 4, 5), (1, 8, 3, 1, 1))[0]
            self._members[group] = [self._tag + name for name in self._random.sample(PEOPLE, count)]
            for member in self._members[group]:
                others = [other for other in self._members[group] if other != member] or [member]
                yield self._row(group, member, self._random.choice(others))
                if self._features.doubled and self._random.random() < 0.2:  # noqa: PLR2004 - one in five
                    self._reached.situations["two rows of one member"] += 1
                    yield self._row(group, member, self._random.choice(others))

    def _row(self, group: str, member: str, other: str) -> Item:
        taken = {item["sk"]["S"] for item in self._world.store.partition(f"GRP#{member}")}
        while True:
            sort_key = self._spelled(self._random.randrange(MOMENTS // 2))
            if self._random.random() < 0.03:  # noqa: PLR2004 - now and then
                sort_key = f"no time {self._random.randrange(100)}"
            if sort_key not in taken:
                break
        item = dict(row(member, group, sort_key, self._random.choice("abc"), other))
        if self._random.random() < 0.3:  # noqa: PLR2004 - about a third of the rows
            item["unread"] = {"N": "0"}
        if self._random.random() < 0.1:  # noqa: PLR2004 - one in ten
            del item["message"]
        return item

    def _batches(self) -> list[list[Record]]:
        records = [
            record
            for group in self._groups
            for record in (self._message(group) for _ in range(1 + self._random.randrange(MESSAGES_MAX)))
        ]
        self._random.shuffle(records)
        batches: list[list[Record]] = []
        while records:
            size = 1 + self._random.randrange(4)
            batches.append(records[:size])
            records = records[size:]
        return batches

    def _message(self, group: str) -> Record:
        self._sequence += 1
        moment = self._random.randrange(MOMENTS) if self._features.collisions else self._sequence
        senders = [*self._members[group], *self._members[group], self._tag + STRANGER, None]
        return said(
            group, self._spelled(moment), self._random.choice("abcd"), self._random.choice(senders), self._sequence
        )

    def _spelled(self, moment: int) -> str:
        instant = EPOCH + timedelta(seconds=moment)
        spellings = (
            instant.isoformat(timespec="microseconds"),
            instant.isoformat(),
            instant.isoformat(sep=" ")[:19],
            instant.isoformat()[:19] + "Z",
            (instant + timedelta(hours=5, minutes=30)).isoformat()[:19] + "+05:30",
        )
        return self._random.choice(spellings)

    # Faults on.

    def _faults_on(self, batches: Sequence[Sequence[Record]]) -> None:
        waiting = list(batches)
        active: list[Invocation] = []
        for number in range(STEPS_MAX):
            if not active and not waiting:
                return
            if waiting and (not active or (self._features.concurrent and len(active) < ACTIVE_MAX and self._coin(0.3))):
                active.append(self._world.invoke(f"delivery {number}", waiting.pop(0)))
            self._others()
            self._step(active)
            for invocation in [each for each in active if each.done]:
                active.remove(invocation)
                self._ended(invocation, waiting)
        raise Diverged([f"not quiet after {STEPS_MAX} steps"], self._world.story)

    def _step(self, active: Sequence[Invocation]) -> None:
        choices: list[tuple[Invocation, GroupTask]] = [(each, task) for each in active for task in each.runnable]
        if not choices:
            return
        fault: Fault = "none"
        if self._features.faults and self._coin(self._fault_chance):
            fault = self._random.choice(FAULTS)
            self._reached.situations[fault] += 1
        self._world.step(*self._random.choice(choices), fault)

    def _ended(self, invocation: Invocation, waiting: list[Sequence[Record]]) -> None:
        situations = self._reached.situations
        for task in invocation.tasks:
            tally = task.work.tally
            situations["orphan"] += tally.orphan
            situations["consistent reading"] += tally.re_reads > 0
            situations["transaction repeated"] += tally.transaction_retries > 0
            situations["row healed"] += tally.healed > 0
            situations["work failed"] += task.error is not None
        situations["crash"] += invocation.crashed
        if not invocation.succeeded:
            waiting.insert(0, invocation.records)
        elif self._features.redelivery and self._coin(0.2):
            situations["redelivery after success"] += 1
            waiting.insert(self._random.randrange(len(waiting) + 1), invocation.records)

    def _others(self) -> None:
        """Let the index and other owners do something."""
        store = self._world.store
        if self._features.lag and store.waiting() and self._coin(0.4):
            self._reached.situations["index entry late"] += 1
            store.show(self._random.choice(store.waiting()))
        group = self._random.choice(self._groups)
        if not self._members[group]:
            return
        member = self._random.choice(self._members[group])
        if self._features.owners and self._coin(0.1) and self._has_unread(group):
            self._reached.situations["another owner's update"] += 1
            self._world.set_attribute(group, member, "unread", {"N": str(self._random.randrange(100))})
        elif self._features.leavers and self._coin(0.02):
            self._reached.situations["member left"] += 1
            self._members[group].remove(member)
            self._world.leave(group, member)

    def _has_unread(self, group: str) -> bool:
        """Whether whoever reads the group meets the attribute's name: a name nobody has seen is a stated limit."""
        rows = [item for member in self._members[group] for item in self._world.rows(group, member)]
        return (all if self._features.lag else any)("unread" in item for item in rows)

    # Faults off.

    def _faults_off(self, batches: Sequence[Sequence[Record]]) -> None:
        world = self._world
        findings = world.oracle.judge(world.store.scan())
        unexplained = [finding for finding in findings if not world.explained(finding)]
        if unexplained:
            raise Diverged(unexplained, world.story)
        self._reached.situations["stated limit"] += bool(findings)
        world.store.release_index()
        self._deliver(batches)
        findings = world.oracle.judge(world.store.scan())
        if findings:
            raise Diverged(findings, world.story)
        writes = world.writes
        self._deliver(batches)
        if world.writes != writes:
            raise Diverged([f"redelivery wrote {world.writes - writes} times"], world.story)

    def _deliver(self, batches: Sequence[Sequence[Record]]) -> None:
        for records in batches:
            invocation = self._world.invoke("once more", records)
            self._world.finish(invocation)
            if not invocation.succeeded:
                errors = [repr(task.error) for task in invocation.tasks if task.error]
                raise Diverged(["without faults a delivery fails", *errors], self._world.story)

    def _coin(self, chance: float) -> bool:
        return self._random.random() < chance
