"""What is asked of a generated recording: how much of everything, held to what is possible."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse
from replay.sources.generated.spellings import EPOCH, SPELLINGS

if TYPE_CHECKING:
    from replay.sources.generated.spellings import Spelling

START: Final = datetime(2026, 3, 14, 8, 30, 12, 160498, tzinfo=UTC)
TABLE: Final = "cruddur-messages"

GROUPS_MAX: Final = 10_000_000
MEMBERS_MAX: Final = 10_000
MESSAGES_MAX: Final = 1_000_000_000
SHARDS_MAX: Final = 1_000
RATE_MAX: Final = 100_000.0
"""Messages a second; each has a slot of its own of at least ten microseconds, and instants differ by one at least."""
RATE_MIN: Final = 0.001

TEXT_BYTES_MAX: Final = 390 * 1024
"""A row has 400 KB; ten are left for keys, names and other owners' attributes."""
LARGE_BYTES_MIN: Final = 100 * 1024
"""What `large` texts have at least."""

END: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""All messages are dated before; behind it only poison is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted.

    `messages` counts those that can be applied, the one that opens each conversation included. `members` and
    `text_bytes` are the least and the most. All below `text_bytes` are numbers of messages, except `leavers` (members
    who leave), `redeliveries` (records that come again) and `poison` (records of each kind, besides the messages).
    """

    groups: int = 10
    members: tuple[int, int] = (2, 2)
    messages: int = 1000
    rate: float = 1.0
    seed: int = 0
    people: int = 0
    """How many there are to be members; 0 is as many as groups."""
    start: datetime = START
    shards: int = 1
    spellings: tuple[Spelling, ...] = SPELLINGS
    text_bytes: tuple[int, int] = (4, 200)
    large: int = 0
    emoji: int = 0
    equal_instants: int = 0
    collisions: int = 0
    leavers: int = 0
    strangers: int = 0
    redeliveries: int = 0
    poison: dict[str, int] = field(default_factory=dict)

    @property
    def people_count(self) -> int:
        """How many people there are."""
        return self.people or max(self.groups, self.members[1])

    @property
    def plain(self) -> int:
        """How many messages are left to be just messages."""
        special = 2 * (self.equal_instants + self.collisions) + self.leavers + self.strangers
        return self.messages - self.groups - special

    @property
    def slots(self) -> int:
        """How often somebody says something, right or broken; what is said at one instant counts once."""
        return self.messages - self.equal_instants - self.collisions + sum(self.poison.values())

    @property
    def width_us(self) -> float:
        """How many microseconds there are from one message to the next."""
        return 1_000_000 / self.rate

    def check(self) -> None:
        """Hold it to what is possible.

        Raises:
            WrongUse: something cannot be had, or not together; says what to change.
        """
        self._check_numbers()
        self._check_room()
        self._check_instants()

    def _check_numbers(self) -> None:
        for name, value, most in (
            ("--groups", self.groups, GROUPS_MAX),
            ("--members", self.members[1], MEMBERS_MAX),
            ("--messages", self.messages, MESSAGES_MAX),
            ("--shards", self.shards, SHARDS_MAX),
        ):
            if not 1 <= value <= most:
                raise WrongUse(f"{name} {value}: it is 1 to {most}")
        if not RATE_MIN <= self.rate <= RATE_MAX:
            raise WrongUse(f"--rate {self.rate:g}: it is {RATE_MIN:g} to {RATE_MAX:g} messages a second")
        if self.people and self.people < self.members[1]:
            raise WrongUse(f"--people {self.people}: a conversation of {self.members[1]} members needs as many people")
        if not 1 <= self.text_bytes[0] <= self.text_bytes[1] <= TEXT_BYTES_MAX:
            least, most = self.text_bytes
            raise WrongUse(f"--text-bytes {least}-{most}: texts have 1 to {TEXT_BYTES_MAX} bytes, the least first")
        for name, count in (("--emoji", self.emoji), ("--large", self.large)):
            if count > self.messages:
                raise WrongUse(f"{name} {count}: there are only {self.messages} messages")

        if self.redeliveries > self.slots:
            raise WrongUse(f"--redeliveries {self.redeliveries}: at most one behind each message, {self.slots} here")

    def _check_room(self) -> None:
        if self.messages < self.groups:
            raise WrongUse(
                f"--messages {self.messages}: each of the {self.groups} conversations is opened by a message; "
                f"ask for {self.groups} or more, or for fewer --groups"
            )
        if self.plain < 0:
            raise WrongUse(
                f"--messages {self.messages} are too few: {self.groups} open conversations, and what is asked (two for "
                "each equal instant and collision, one for each leaver and stranger) needs "
                f"{self.messages - self.plain} in all"
            )
        if self.collisions and (self.groups < 2 or self.members[0] < 2):  # noqa: PLR2004 - two groups meet in one member
            raise WrongUse("--collisions need two --groups or more, of two --members or more: two groups of one member")
        stay = 2 if self.collisions else 1
        room = self.groups * max(self.members[0] - stay, 0)
        if self.leavers > room:
            raise WrongUse(
                f"--leavers {self.leavers}: {room} can leave, so that {stay} stay in each conversation; ask for more "
                "--members or --groups"
            )

    def _check_instants(self) -> None:
        finest = min(spelling.precision_us for spelling in self.spellings)
        if finest > self.width_us:
            names = ", ".join(spelling.name for spelling in self.spellings)
            raise WrongUse(
                f"--rate {self.rate:g}: with --spelling {names} alone, "
                f"there are {1_000_000 / finest:g} instants a second at most; lower the rate or allow another spelling"
            )
        if self.equal_instants and sum(spelling.precision_us == finest for spelling in self.spellings) < 2:  # noqa: PLR2004
            raise WrongUse(
                "--equal-instants need two spellings of one precision: two messages of one group cannot have one key; "
                f"known are {', '.join(spelling.name for spelling in SPELLINGS)}"
            )
        lasts_s = (self.messages + sum(self.poison.values())) / self.rate
        if self.start < EPOCH or (END - self.start).total_seconds() <= lasts_s:
            raise WrongUse(
                f"--start {self.start.isoformat()}: the messages must lie between the years {EPOCH.year} and {END.year}"
            )
