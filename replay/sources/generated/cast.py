"""Who there is and who talks with whom, all told from the seed and a number: nothing is kept but what was last used.

Group `g` has the people `g`, `g + 1`, … as its members, round the circle of all people. So neighbouring groups share a
member, and everybody is in about as many groups as a group has members.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from replay.inbox import Person

if TYPE_CHECKING:
    from replay.sources.generated.asked import Asked

KEPT: Final = 32_768
"""People and groups kept, each: some 50 MB in all."""
DIGEST_BYTES: Final = 20

FIRST_NAMES: Final = (
    "Ada",
    "Bayo",
    "Chiara",
    "Dag",
    "Élodie",
    "Farid",
    "Gül",
    "Hana",
    "Ilse",
    "Joaquín",
    "Kofi",
    "Lena",
    "Mina",
    "Nils",
    "Ọlá",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Tunde",
    "Uma",
    "Václav",
    "Wei",
    "Ximena",
    "雪",
    "Zoë",
)
LAST_NAMES: Final = (
    "Adeyemi",
    "Björk",
    "Castro",
    "Dvořák",
    "Eriksen",
    "Fontaine",
    "García",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalczyk",
    "López",
    "Müller",
    "Nguyễn",
    "O'Brien",
    "Петрова",
    "Rao",
    "Silva",
    "田中",
    "Öztürk",
)


@dataclass(frozen=True, slots=True)
class Member:
    """A person, and the shard that the records of their rows are in; `named` is how rows name them: uuid, name, handle.

    What goes into lines is encoded here, once.
    """

    person: Person
    shard: int
    key: bytes
    named: tuple[bytes, bytes, bytes]
    size: int
    """Of name and handle in a row, in bytes."""


@dataclass(frozen=True, slots=True)
class Group:
    """A conversation; `members` are numbers of people, the one who opens it first."""

    uuid: str
    key: bytes
    shard: int
    members: range


class Cast:
    """All people and groups."""

    def __init__(self, asked: Asked) -> None:
        self._seed = asked.seed
        self._shards = asked.shards
        self._people = asked.people_count
        self._members = asked.members
        self.member = lru_cache(KEPT)(self._member)
        """A member by number."""
        self.group = lru_cache(KEPT)(self._group)
        """A group by number."""

    def member_of(self, group: Group, place: int) -> Member:
        """Find the member of a group who has this place in it."""
        return self.member(group.members[place] % self._people)

    def stranger(self, number: int) -> Member:
        """Bring in somebody who is a member of nothing."""
        return self.member(self._people + number)

    def _member(self, number: int) -> Member:
        digest = self._digest("person", number)
        first = FIRST_NAMES[digest[-1] % len(FIRST_NAMES)]
        last = LAST_NAMES[digest[-2] % len(LAST_NAMES)]
        handle = f"{first.lower() if first.isascii() else 'user'}.{number}"
        person = Person(_uuid(digest), handle, f"{first} {last}")
        key, name = person.uuid.encode(), person.name.encode()
        return Member(person, self._shard(digest), key, (key, name, handle.encode()), len(name) + len(handle))

    def _group(self, number: int) -> Group:
        digest = self._digest("group", number)
        least, most = self._members
        count = least + int.from_bytes(digest[16:18], "big") % (most - least + 1)
        uuid = _uuid(digest)
        return Group(uuid, uuid.encode(), self._shard(digest), range(number, number + count))

    def _digest(self, kind: str, number: int) -> bytes:
        return hashlib.blake2b(f"{self._seed}/{kind}/{number}".encode(), digest_size=DIGEST_BYTES).digest()

    def _shard(self, digest: bytes) -> int:
        return int.from_bytes(digest[12:16], "big") % self._shards


def _uuid(digest: bytes) -> str:
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"
