"""What may happen in a case, how often it is drawn, and how large cases are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

CHANCE: Final = 0.4
CHANCES: Final = {
    "batches": 0.9,
    **dict.fromkeys(("fractions", "distances", "newer_rows", "texts", "ids", "attributes"), 0.3),
    **dict.fromkeys(("earlier", "removals", "own_records", "undated", "numbers", "pages", "joiners", "torn"), 0.2),
    **dict.fromkeys(("heaps", "collisions"), 0.1),
    "crowds": 0.05,
    **dict.fromkeys(("floods", "large"), 0.03),
}
"""How often a seed has what, where not as often as anything else."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large cases are; `messages` is for all groups together."""

    groups: int = 3
    messages: int = 16
    is_fixed: bool = False
    """Exactly that large, for measurements; else up to it."""


@dataclass(frozen=True, slots=True)
class Features:
    """What may happen in one case."""

    batches: bool
    """More than one record a batch."""
    lag: bool
    faults: bool
    lanes: bool
    shards: bool
    redelivery: bool
    twins: bool
    owners: bool
    leavers: bool
    doubled: bool
    ties: bool
    edits: bool
    """Messages change after they were written: MODIFY records."""
    poison: bool
    """Records that nobody can read, some by a hair."""
    bisect: bool
    fractions: bool
    """Instants microseconds apart."""
    distances: bool
    """Instants hours, days and years apart, far from when their records were made."""
    newer_rows: bool
    """Rows at the very instant of a message, or newer than some or all."""
    texts: bool
    ids: bool
    attributes: bool
    """Other owners' attributes of every type; rows without `user_uuid` and names, or with what names nobody."""
    earlier: bool
    """Messages there before the first record; messages that stand in the index."""
    removals: bool
    """Messages are removed after they were written."""
    own_records: bool
    """Records of group rows, and of rows of other kinds: what the handler and the application did."""
    undated: bool
    """Records that do not say when they were made."""
    numbers: bool
    """Sequence numbers whose order as texts is another, or with zeros in front."""
    pages: bool
    heaps: bool
    """Three and more rows of one member."""
    joiners: bool
    """Rows of members that come late: somebody joins, or the application has not put every row yet."""
    torn: bool
    """A reading that meets another invocation's transaction sees half of it."""
    collisions: bool
    """Rows of other groups, or of none, stand where a group's rows move to."""
    crowds: bool
    floods: bool
    """More than fifty records a batch."""
    large: bool

    @classmethod
    def drawn(cls, random: Random) -> Features:
        """Draw a subset; most cases have batches, and few what makes them long."""
        return cls(**{name: random.random() < CHANCES.get(name, CHANCE) for name in cls.__slots__})

    @classmethod
    def only(cls, names: Collection[str]) -> Features:
        """Take just these.

        Raises:
            WrongUse: there is no such feature.
        """
        for name in names:
            if name not in cls.__slots__:
                near = difflib.get_close_matches(name, cls.__slots__, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(cls.__slots__)}"
                raise WrongUse(f"nothing called '{name}' can happen in a case; {hint}")
        return cls(**{name: name in names for name in cls.__slots__})
