"""Everything one run of the bench found, as one value, and as JSON with every single pass in it."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from replay.tables.artifact import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.package import Package
    from bench.processes import Start
    from bench.rounds import Pass
    from bench.simulation import Speed
    from bench.units import Cost

BUSY_SHARE = 0.25
"""A machine counts as busy when this share of its processors had work before the bench began."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What it ran on; `load` is the average number of waiting and running threads of the minute before."""

    python: str
    processors: int
    load: float
    botocore: str
    engine: str

    @classmethod
    def here(cls) -> Machine:
        """Look at this machine, before anything runs."""
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        return cls(platform.python_version(), os.cpu_count() or 1, load, metadata.version("botocore"), VERSION)

    @property
    def is_busy(self) -> bool:
        """Whether others were at work."""
        return self.load / self.processors > BUSY_SHARE


@dataclass(frozen=True, slots=True)
class Results:
    """One run. What was left out is empty."""

    machine: Machine
    rounds: int
    shapes: Mapping[str, str]
    passes: Sequence[Pass] = ()
    costs: Mapping[str, Mapping[str, Cost]] = field(default_factory=dict)
    starts: Sequence[Start] = ()
    package: Package | None = None
    speeds: Sequence[Speed] = ()

    def as_json(self) -> dict[str, Any]:
        """Everything, with the names of the fields."""
        return asdict(self)
