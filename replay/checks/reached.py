"""Members that rows lead to: owners, whom their rows name, whom those rows name, and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_processor.message import member_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.checks.reading import Item


def reached(pointed: set[str], base: Mapping[str, Sequence[Item]]) -> set[str]:
    """Members reached from these by following whom rows name; `base` has each member's rows of one group."""
    found: set[str] = set()
    waiting = set(pointed)
    while waiting:
        member = waiting.pop()
        found.add(member)
        for item in base.get(member, ()):
            waiting |= named(item) - found
    return found


def named(item: Item) -> set[str]:
    """Whom a row names in `user_uuid`: one member, or nobody where that could be no key."""
    member = member_id(item.get("user_uuid"))
    return set() if member is None else {str(member)}
