"""Who is there before the first record: groups, their members, the rows of both, messages of earlier days."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from replay.checks.scenarios import row, said
from replay.exploration.vocabulary import (
    BALLAST,
    BALLAST_BYTES,
    GROUP_IDS,
    LARGE_TEXT_BYTES,
    LETTERS,
    MANY_BEFORE,
    MANY_BEHIND,
    MEMBER_IDS,
    NO_TEXTS,
    NOBODY,
    OWNED,
    PLAIN_TEXTS,
    TEXTS,
    filled,
    key_written,
)
from replay.rows.keys import GROUP_PREFIX, MESSAGE_PREFIX
from replay.rows.reading import CANONICAL_KEY_BYTES, room

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from replay.exploration.dice import Dice
    from replay.exploration.features import Features, Size
    from replay.exploration.instants import Instants
    from replay.rows.reading import Item

PEOPLE: Final = ("ana", "ben", "cem", "dee", "eli")
STRANGER: Final = "zoe"
GROUP_SIZES: Final = {1: 1, 2: 8, 3: 3, 4: 1, 5: 1}
GROUPS_MAX: Final = 8
CROWD: Final = range(6, 61)
"""Members of a large group: more than fifty do not fit into one transaction."""
RUSH: Final = range(51, 61)
"""Members of a group that gets one message, with nothing behind it that would mend what it left undone."""
SPELLINGS_TRIED: Final = 8
ROWS_MAX: Final = 6
"""Rows of one member of one group."""
EARLIER_MAX: Final = 25
"""Messages of a group before the first record; twenty of them are its newest."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A group whose rows begin at the very instant of its first message, as the application puts all three."""

    place: int
    sort_key: str
    text: str
    sender: str


@dataclass(slots=True)
class Population:
    """What was drawn so far. `taken` are addresses of rows and messages: none is put twice."""

    dice: Dice
    features: Features
    size: Size
    tag: str
    moments: Instants
    groups: list[str] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=dict)
    births: dict[str, Birth] = field(default_factory=dict)
    taken: set[tuple[str, str]] = field(default_factory=set)
    large_texts: list[str] = field(default_factory=list)
    """Texts that do not fit every row."""
    late: list[tuple[str, str, str]] = field(default_factory=list)
    """Group, member, and whom their row is to name: rows that are put later."""
    owned: Sequence[str] = ()
    """Names of attributes that other owners keep on rows."""
    _many: Item = field(default_factory=dict)
    _letter: str = ""
    _ballast: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def is_rush(self) -> bool:
        """Whether the case is one message to one group that needs several transactions."""
        is_small = self.size.is_fixed or len(CROWD) > 4 * self.size.messages
        return self.features.crowds and self.moments.messages == 1 and not is_small

    def rows(self) -> tuple[Item, ...]:
        """Draw groups, members and everything that is in the table before the first record."""
        self._name_groups()
        if self.features.attributes:
            self.owned = self.dice.sample(sorted(OWNED), 1 + int(self.dice.random() * 4))
            if self.dice.coin(0.06):
                self._many = MANY_BEFORE if self.features.owners or self.dice.coin(0.7) else MANY_BEHIND
        if self.features.large:
            self._letter = self.dice.choice(LETTERS)
        rows = [item for group in self.groups for item in self._rows_of(group)]
        if self.features.collisions:
            rows += self._rows_in_the_way()
        if self.features.large:
            self.large_texts += self._large_texts(rows)
        if self.features.earlier:
            rows += [item for group in self.groups for item in self._earlier(group)]
        return tuple(rows)

    def text(self) -> str:
        """Draw a text."""
        if self.large_texts and self.dice.coin(0.3):
            return self.dice.choice(self.large_texts)
        return self.dice.choice(TEXTS if self.features.texts else PLAIN_TEXTS)

    def take(self, partition_key: str, place: int, spelling: str = "") -> str:
        """Find a spelling of a place under which nothing stands yet; where there is none, a time before all others."""
        sort_key, tries = spelling or self.moments.spelled(place), 1
        while (partition_key, sort_key) in self.taken:
            sort_key = self.moments.spelled(place) if tries < SPELLINGS_TRIED else self.moments.spelled_before_all()
            tries += 1
        self.taken.add((partition_key, sort_key))
        return sort_key

    def takes(self, partition_key: str, sort_key: str) -> bool:
        """Take an address if nothing stands there yet; whether that was so."""
        if (partition_key, sort_key) in self.taken:
            return False
        self.taken.add((partition_key, sort_key))
        return True

    # Ids.

    def _name_groups(self) -> None:
        most = self.size.groups
        if self.features.crowds and not self.size.is_fixed and self.dice.coin(0.5):
            most = GROUPS_MAX
        if (self.moments.is_backwards and not self.size.is_fixed) or self.is_rush:
            most = 1
        count = most if self.size.is_fixed else self.dice.up_to(most)
        if self.features.ids:
            names: Sequence[str] = self.dice.sample(GROUP_IDS, min(count, len(GROUP_IDS)))
        else:
            names = [f"g{number}" for number in range(count)]
        self.groups = [self.tag + name for name in names]
        for group in self.groups:
            self.members[group] = [self.tag + name for name in self._people()]

    def _people(self) -> Sequence[str]:
        if self.is_rush:
            return [f"p{number:02d}" for number in range(self.dice.choice(RUSH))]
        if self.features.crowds and not self.size.is_fixed and self.dice.coin(0.5):
            return [f"p{number:02d}" for number in range(self.dice.choice(CROWD[: 4 * self.size.messages]))]
        count = self.dice.choices(tuple(GROUP_SIZES), tuple(GROUP_SIZES.values()))[0]
        return self.dice.sample(MEMBER_IDS if self.features.ids else PEOPLE, count)

    # Rows.

    def _rows_of(self, group: str) -> Iterator[Item]:
        members = self.members[group]
        birth = self._birth(group) if self.features.newer_rows and self.dice.coin(0.3) else None
        for member in members:
            others = [other for other in members if other != member] or [member]
            count = 1 + (self.features.doubled and self.dice.coin(0.2))
            if self.features.heaps and self.dice.coin(0.3):
                count = self.dice.randrange(3, ROWS_MAX + 1)
            if self.features.joiners and self.dice.coin(0.3):
                self.late.append((group, member, self.dice.choice(others)))
                continue
            for _ in range(count):
                yield self._row(group, member, self.dice.choice(others), birth)

    def _birth(self, group: str) -> Birth:
        place = self.moments.of_message(1)
        sort_key = self.moments.spelled(place)
        self.births[group] = Birth(place, sort_key, self.text(), self.dice.choice(self.members[group]))
        return self.births[group]

    def _row(self, group: str, member: str, other: str, birth: Birth | None) -> Item:
        partition_key = GROUP_PREFIX + member
        text = birth.text if birth else self.dice.choice(TEXTS if self.features.texts else PLAIN_TEXTS[:3])
        if self.dice.coin(0.03):
            sort_key = self._no_time(partition_key)
        elif birth:
            sort_key = self.take(partition_key, birth.place, birth.sort_key)
        else:
            is_newer = self.features.newer_rows and self.dice.coin(0.4)
            place = self.moments.of_any_row() if is_newer else self.moments.of_row()
            sort_key = self.take(partition_key, place)
        item = dict(row(member, group, sort_key, text, other))
        if self.features.owners and self.dice.coin(0.8):
            item["unread"] = {"N": "0"}
        if self.dice.coin(0.05):
            del item["message"]
        if self.features.attributes:
            self._attribute(item)
        if self.features.large:
            self._burden(item, group, member)
        return item

    def _no_time(self, partition_key: str) -> str:
        number = self.dice.up_to(100)
        while (partition_key, f"no time {number}") in self.taken:
            number += 1
        self.taken.add((partition_key, f"no time {number}"))
        return f"no time {number}"

    def _attribute(self, item: dict[str, Any]) -> None:
        """Give a row attributes of others, and take some of its own away."""
        for name in self.owned:
            if self.dice.coin(0.6):
                item[name] = self.dice.choice(OWNED[name])
        for name in ("user_uuid", "user_display_name", "user_handle"):
            if self.dice.coin(0.12):
                del item[name]
        if self._many and self.dice.coin(0.7):
            item.update(self._many)
        if self.dice.coin(0.1):
            item["user_uuid"] = self.dice.choice(NOBODY)
        if self.dice.coin(0.05):
            item["message"] = self.dice.choice(NO_TEXTS)

    def _burden(self, item: dict[str, Any], group: str, member: str) -> None:
        """Make a member's rows of a group large, all alike: what is left when several become one is known."""
        length = self._ballast.setdefault((group, member), self.dice.choice((0, 0, *BALLAST_BYTES)))
        if length:
            item[BALLAST] = {"S": filled(length, self._letter)}

    def _large_texts(self, rows: Sequence[Item]) -> Iterator[str]:
        """Draw lengths that fit some rows; to the byte, where nothing changes a row's size meanwhile."""
        features = self.features
        may_meet = len(self.groups) > 1 and (features.ties or features.newer_rows or features.joiners)
        varies = features.owners or features.doubled or features.heaps or features.collisions or may_meet
        for _ in range(self.dice.up_to(3)):
            length = self.dice.choice(LARGE_TEXT_BYTES)
            heavy = [item for item in rows if BALLAST in item]
            if heavy and not varies and self.dice.coin(0.5):
                length = room(self.dice.choice(heavy)) - CANONICAL_KEY_BYTES + self.dice.randrange(2)
            yield filled(length, self._letter)

    def _rows_in_the_way(self) -> Iterator[Item]:
        """Let rows of other groups, or of none, stand on the keys that a group's moves would write."""
        for number in range(self.dice.up_to(3)):
            group = self.dice.choice(self.groups)
            member = self.dice.choice(self.members[group])
            place = self.moments.of_message(self.dice.up_to(4))
            for attempt in range(self.dice.up_to(3)):
                sort_key = key_written(self.moments.instant(place), group, attempt)
                if self.takes(GROUP_PREFIX + member, sort_key):
                    item = row(member, f"{self.tag}other-{number}-{attempt}", sort_key, "c", member)
                    yield {name: item[name] for name in ("pk", "sk", "message")} if self.dice.coin(0.3) else item

    # Messages of earlier days.

    def _earlier(self, group: str) -> Iterator[Item]:
        """Draw messages older than every row, some of which stand in the index as no message should."""
        partition_key = MESSAGE_PREFIX + group
        for _ in range(self.dice.choice((0, 1, 3, EARLIER_MAX))):
            sort_key = self.moments.spelled_before_all()
            self.taken.add((partition_key, sort_key))
            yield self.message(group, sort_key, "earlier", self.sender(group), 1)["dynamodb"]["NewImage"]

    def sender(self, group: str) -> str | None:
        """Draw who writes: a member, seldom a stranger or nobody."""
        members = self.members[group]
        number = int(self.dice.random() * (2 * len(members) + 2))
        if number < 2 * len(members):
            return members[number // 2]
        return self.tag + STRANGER if number % 2 else None

    def message(self, group: str, sort_key: str, text: str, sender: str | None, number: int) -> dict[str, Any]:
        """Make the record of a message; it may stand in the index, where such messages are drawn."""
        record: dict[str, Any] = dict(said(group, sort_key, text, sender, number))
        if self.features.earlier and self.dice.coin(0.2):
            record["dynamodb"]["NewImage"]["message_group_uuid"] = {"S": group}
        if self.features.attributes and self.dice.coin(0.1):
            record["dynamodb"]["NewImage"]["user_uuid"] = self.dice.choice(NOBODY)
        return record
