"""The second look at a record: every leaf of every path, and a choice among them that holds together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from replay.event_source.filters.operators import Condition

Elements: TypeAlias = dict[tuple[object, ...], int]
"""Which element a leaf lies in, for each array on the way to it; the keys and indexes that lead to an array name it."""


def search(record: Mapping[str, Any], ordered: list[tuple[str, Condition]]) -> bool:
    """Tell whether the record satisfies all conditions, with no two leaves from different elements of one array.

    Conditions are taken in order of their paths. A leaf is absent when none of its path agrees with the elements chosen
    so far, that is for the paths before it (aws/event-ruler, NameState.getNameTransitions); the order is AWS's too.
    """
    leaves = [list(_leaves(record, path)) for path, _ in ordered]
    chosen: list[Elements] = [{}]
    for index, (_, condition) in enumerate(ordered):
        later = {array for found in leaves[index + 1 :] for _, elements in found for array in elements}
        chosen = _choose(chosen, condition, leaves[index], later)
        if not chosen:
            return False
    return True


def _choose(
    chosen: list[Elements], condition: Condition, leaves: list[tuple[object, Elements]], later: set[tuple[object, ...]]
) -> list[Elements]:
    """Return the choices of elements after one more condition, reduced to the arrays that still matter, each once."""
    accepted = [elements for value, elements in leaves if condition.accepts(value)]
    following: dict[frozenset[tuple[tuple[object, ...], int]], Elements] = {}
    for before in chosen:
        options = [{**before, **elements} for elements in accepted if _agree(before, elements)]
        if condition.accepts_absence and not any(_agree(before, elements) for _, elements in leaves):
            options.append(before)
        for option in options:
            kept = {array: element for array, element in option.items() if array in later}
            following[frozenset(kept.items())] = kept
    return list(following.values())


def _agree(before: Elements, elements: Elements) -> bool:
    return all(before.get(array, element) == element for array, element in elements.items())


def _leaves(record: object, path: str) -> Iterator[tuple[object, Elements]]:
    """Yield each leaf of the path, with the array elements it lies in.

    Scalars directly in an array lie in no element of it: they are values of the field (aws/event-ruler, Event).
    """
    waiting: list[tuple[object, str | None, tuple[object, ...], Elements]] = [(record, path, (), {})]
    while waiting:
        value, rest, place, elements = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(value[key], after, (*place, key), elements) for key, after in _keys_on(value, rest)]
        elif isinstance(value, (list, tuple)):
            for index, element in enumerate(value):
                inner = {**elements, place: index} if isinstance(element, (Mapping, list, tuple)) else elements
                waiting.append((element, rest, (*place, index), inner))
        elif rest is None:
            yield value, elements


def _keys_on(value: Mapping[Any, Any], rest: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield the keys that lie on the rest of a path, with what is left of it behind them."""
    if rest is None:
        return
    for key in value:
        if key == rest:
            yield key, None
        elif isinstance(key, str) and rest.startswith(f"{key}."):
            yield key, rest[len(key) + 1 :]
