"""Members that rows lead to: owners, whom their rows name, whom those rows name, and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from replay.rows.keys import member_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from replay.rows.reading import Item

SENDERS_MESSAGES_MAX: Final = 20
"""What the README promises, not what the function does: an excuse must not grow with it."""


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


def senders_of(newest: Iterable[Item]) -> set[str]:
    """Who wrote a group's last messages, oldest first: where no member is found, that many are asked for."""
    return {sender for item in list(newest)[-SENDERS_MESSAGES_MAX:] for sender in named(item)}


def named(item: Item) -> set[str]:
    """Whom a row names in `user_uuid`: one member, or nobody where that could be no key."""
    member = member_named(item)
    return set() if member is None else {member}
