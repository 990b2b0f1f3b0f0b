"""The smallest case that still breaks the same rule: what can be left out is left out, what can be simpler is made so.

Delta debugging over the case's lists: ever smaller runs of elements are removed as long as the rule stays broken. Each
attempt is an execution of its own, so the result is a case that was seen to fail.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from replay.exploration.case import Case, Fault, Lag

ATTEMPTS_MAX = 2_000
LISTS = ("faults", "lags", "twins", "redeliveries", "writes", "turns", "records", "rows", "cuts")
NUMBERS = {
    "faults": ("invocation", "call"),
    "lags": ("change", "steps", "changes"),
    "twins": ("at", "invocation"),
    "redeliveries": ("after",),
    "writes": ("at",),
    "turns": ("at", "which"),
}
"""Numbers that say when something happens: sooner is simpler, and lets what went before be left out."""
TIMED = ("twins", "writes", "turns")
"""What happens before a step: a record less makes the steps before it fewer."""
TIMED_MAX = 3
"""With more of them a record is rarely in the way of all by the same number of steps."""
STEPS_UP_MAX = 8
SIMPLE_MAPPING = {"BatchSize": 100, "MaximumRetryAttempts": 5, "FunctionResponseTypes": ["ReportBatchItemFailures"]}


def shrink(case: Case, breaks: Callable[[Case], bool], *, attempts_max: int = ATTEMPTS_MAX) -> Case:
    """Make a case smaller while `breaks` says that it still breaks; Ctrl-C takes what there is by then."""
    shrinking = _Shrinking(breaks, attempts_max, case)
    with contextlib.suppress(KeyboardInterrupt):
        shrinking.go_on()
    return shrinking.smallest


class _Shrinking:
    def __init__(self, breaks: Callable[[Case], bool], attempts_max: int, case: Case) -> None:
        self.smallest = case
        """The smallest case that was seen to break."""
        self._breaks = breaks
        self._left = attempts_max

    def go_on(self) -> None:
        case = self.smallest
        while True:
            before = case
            case = self._mapping(case)
            for name in LISTS:
                case = self._without(case, name)
            case = self._together(case)
            case = self._whole_pages(case)
            for name, fields in NUMBERS.items():
                case = self._sooner(case, name, fields)
            if case == before or self._left <= 0:
                return

    def _try(self, candidate: Case) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        if not self._breaks(candidate):
            return False
        self.smallest = candidate
        return True

    def _without(self, case: Case, name: str) -> Case:
        """Remove runs of elements, half of them first, single ones last."""
        size = max(1, len(getattr(case, name)))
        while size:
            start = 0
            while start < len(getattr(case, name)):
                elements = getattr(case, name)
                candidate = _with(case, name, elements[:start] + elements[start + size :])
                if self._try(candidate):
                    case = candidate
                elif size == 1 and (moved := self._moved_up(candidate, name, elements[start])):
                    case = moved
                else:
                    start += size
            size //= 2
        return case

    def _moved_up(self, case: Case, name: str, gone: Any) -> Case | None:  # noqa: ANN401 - an element
        """Let the rest happen as much sooner as there is less before it, where a record or a fault is gone."""
        if name == "faults":
            return self._faults_sooner(case, gone)
        return self._steps_sooner(case) if name == "records" else None

    def _faults_sooner(self, case: Case, gone: Fault) -> Case | None:
        """Let faults of later invocations meet the one before: an invocation that does not fail is not repeated."""
        later = {fault: fault.invocation > gone.invocation for fault in case.faults}
        faults = [replace(fault, invocation=fault.invocation - is_later) for fault, is_later in later.items()]
        candidate = replace(case, faults=tuple(faults))
        return candidate if any(later.values()) and self._try(candidate) else None

    def _steps_sooner(self, case: Case) -> Case | None:
        """Let what happens at steps happen as much sooner as there are fewer calls before it, redeliveries by one."""
        timed = [each.at for name in TIMED for each in getattr(case, name)]
        if not 1 <= len(timed) + len(case.redeliveries) <= TIMED_MAX:
            return None
        sooner = tuple(replace(each, after=max(0, each.after - 1)) for each in case.redeliveries)
        for steps in range(1, min(STEPS_UP_MAX, max(timed, default=1)) + 1):
            moved: dict[str, Any] = {
                name: tuple(replace(each, at=max(0, each.at - steps)) for each in getattr(case, name)) for name in TIMED
            }
            candidate = replace(case, redeliveries=sooner, **moved)
            if self._try(candidate):
                return candidate
        return None

    def _together(self, case: Case) -> Case:
        """Let one spell of lateness stand for two of a group."""
        for first, second in combinations(sorted(case.lags, key=lambda lag: (lag.group, lag.change)), 2):
            if first.group == second.group and {first, second} <= set(case.lags):
                others = tuple(lag for lag in case.lags if lag not in {first, second})
                candidate = replace(case, lags=(*others, _spell(first, second)))
                if self._try(candidate):
                    return self._together(candidate)
        return case

    def _sooner(self, case: Case, name: str, fields: Sequence[str]) -> Case:
        """Let each event happen as soon as it may."""
        for place in range(len(getattr(case, name))):
            for numeral in fields:
                for value in _smaller(getattr(getattr(case, name)[place], numeral)):
                    elements = list(getattr(case, name))
                    elements[place] = replace(elements[place], **{numeral: value})
                    candidate = _with(case, name, tuple(elements))
                    if self._try(candidate):
                        case = candidate
                        break
        return case

    def _whole_pages(self, case: Case) -> Case:
        candidate = replace(case, page_items=0)
        return candidate if case.page_items and self._try(candidate) else case

    def _mapping(self, case: Case) -> Case:
        for candidate in _simpler_mappings(case):
            if candidate.mapping != case.mapping and self._try(candidate):
                return candidate
        return case


def _spell(first: Lag, second: Lag) -> Lag:
    """From the first change of one to the last of the other, as late as the later of both."""
    steps = -1 if -1 in {first.steps, second.steps} else max(first.steps, second.steps)
    end = max(lag.change + lag.changes for lag in (first, second))
    return replace(first, steps=steps, changes=end - first.change)


def _smaller(number: int) -> Iterator[int]:
    """Smaller numbers, the smallest first."""
    for value in (0, 1, number // 2, number - 1):
        if 0 <= value < number:
            yield value


def _simpler_mappings(case: Case) -> Iterator[Case]:
    yield replace(case, mapping=SIMPLE_MAPPING)
    yield replace(case, mapping={**SIMPLE_MAPPING, "BatchSize": case.mapping.get("BatchSize", 100)})
    lanes = case.mapping.get("ParallelizationFactor")
    if lanes:
        yield replace(case, mapping={**SIMPLE_MAPPING, "ParallelizationFactor": lanes})


def _with(case: Case, name: str, value: Any) -> Case:  # noqa: ANN401 - by name
    return replace(case, **{name: value})
