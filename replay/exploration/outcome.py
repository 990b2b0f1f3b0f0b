"""What came of a case, the rules it is held to, and how it is carried out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replay.checks.oracle import Finding
    from replay.exploration.invariants import Watch
    from replay.exploration.story import Event


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that must hold and does not: `rule` is the invariant's name, `text` the evidence."""

    rule: str
    text: str
    finding: Finding | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


@dataclass(slots=True)
class Execution:
    """What came of a case."""

    broken: list[Broken] = field(default_factory=list)
    was_calm: bool = False
    """Whether the phase without faults had begun."""
    story: list[Event] = field(default_factory=list)
    situations: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    writes: int = 0
    limited: int = 0
    """Findings of the first phase that a stated limit explains."""

    @property
    def rules(self) -> frozenset[str]:
        """The names of what is broken."""
        return frozenset(each.rule for each in self.broken)


RULES = (
    "a list never moves back",
    "a member always has a row",
    "ahead",
    "altered",
    "an invocation comes to an end",
    "answers are lawful",
    "answers tell what is not finished",
    "behind",
    "doubled",
    "healthy records are not given up",
    "healthy records are not set aside",
    "message-touched",
    "missing",
    "out-of-order",
    "quiet is reached",
    "redelivery changes nothing",
    "what does not fit is set aside",
    "what nobody can read is set aside",
)
"""Every rule by name: invariants of every moment and of quiet, and the oracle's kinds of findings."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a case is carried out: `tells` keeps the story, `ignored` rules may be broken, `calmed` goes on to phase two.

    `watch` looks at the table with rules of its own. Where `is_messages` is not so, the table is of any schema. Without
    a story everything is much faster.
    """

    tells: bool = False
    ignored: frozenset[str] = frozenset()
    calmed: bool = True
    watch: Watch | None = None
    is_messages: bool = True


PLAIN = Manner()
