"""Conversations as a table's stream would show them, record after record, in memory that does not grow.

    conversations = Conversations(Asked(groups=100, messages=10_000, seed=7))
    for line in conversations.lines(): ...

First every conversation is opened as apps do it: the rows of its members, then its first message, all with one time.
Then people talk, at random among the groups. Everything asked for occurs exactly as often as asked, at random places.

The seed alone decides: only `random()` of Python's generator is used, which is the same on every version.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from replay.inbox import Saying, message_row
from replay.sources.generated.cast import Cast
from replay.sources.generated.clock import Clock, Moment
from replay.sources.generated.lines import Lines, Stamp, View, message_uuid
from replay.sources.generated.poison import KINDS, NO_NEW_IMAGE
from replay.sources.generated.samples import Lots, Sample
from replay.sources.generated.spellings import SECOND, utc
from replay.sources.generated.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.sources.generated.asked import Asked
    from replay.sources.generated.cast import Group, Member

LONGER_FROM: Final = 10**21
"""Sequence numbers have 21 digits at first and 22 about the middle, so that comparing them as texts is seen to fail."""
GAP_MAX: Final = 1_000

AGAIN_WITHIN: Final = 20
"""A redelivered record is one of the last twenty: few enough to keep, whatever their size."""

SPREAD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""An odd number: adding it again and again modulo 2**128 gives every record an id of its own, unlike the last one."""
ID_MASK: Final = (1 << 128) - 1


@dataclass(slots=True)
class Counts:
    """What has been made so far."""

    records: int = 0
    messages: int = 0
    group_rows: int = 0
    leavers: int = 0
    strangers: int = 0
    equal_instants: int = 0
    collisions: int = 0
    redeliveries: int = 0
    large: int = 0
    emoji: int = 0
    poison: dict[str, int] = field(default_factory=dict)
    spellings: dict[str, int] = field(default_factory=dict)


class _Said(NamedTuple):
    """A message as it was said."""

    number: int
    group: Group
    moment: Moment
    text: bytes


class Conversations:
    """One recording, made once; `counts` tells what it holds so far."""

    def __init__(self, asked: Asked) -> None:
        """Take what is asked.

        Raises:
            WrongUse: it is not possible.
        """
        asked.check()
        self.counts = Counts()
        self._asked = asked
        self._draw = draw = random.Random(asked.seed).random  # noqa: S311 - made-up talk, no secret
        self._cast = Cast(asked)
        self._clock = Clock(asked, draw)
        self._texts = Texts(asked.text_bytes, draw)
        self._lines = Lines(names_shards=asked.shards > 1)
        self._large = Sample(asked.large, asked.messages, draw)
        self._emoji = Sample(asked.emoji, asked.messages, draw)
        self._again = Sample(asked.redeliveries, asked.slots, draw)
        self._shards = tuple(b"shardId-%020d-%08x" % (number, number) for number in range(asked.shards))
        self._first_leaver = int(draw() * asked.groups)
        self._event_id = int(draw() * ID_MASK)
        self._sequence = LONGER_FROM - asked.slots * GAP_MAX // 2

    def lines(self) -> Iterator[bytes]:
        """Make the records, a line each."""
        recent: deque[bytes] = deque(maxlen=AGAIN_WITHIN)
        for slot in self._slots():
            for line in slot:
                recent.append(line)
                self.counts.records += 1
                yield line
            if self._again.take():
                self.counts.records += 1
                self.counts.redeliveries += 1
                yield recent[int(self._draw() * len(recent))]

    def _slots(self) -> Iterator[Iterator[bytes]]:
        """Open all conversations, then let people talk."""
        for number in range(self._asked.groups):
            yield self._open(number)
        asked = self._asked
        makers = {
            "plain": self._plain,
            "leavers": self._leave,
            "strangers": self._stranger,
            "equal_instants": self._equal_instants,
            "collisions": self._collision,
        }
        lots = Lots({**{name: getattr(asked, name) for name in makers}, **asked.poison}, self._draw)
        for drawn in lots:
            maker = makers.get(drawn)
            yield self._poison(drawn) if maker is None else maker()

    def _open(self, number: int) -> Iterator[bytes]:
        said = self._next(number)
        for place in range(len(said.group.members)):
            self.counts.group_rows += 1
            yield self._row(said, place, said.moment.text, left=False)
        yield self._said(said, self._cast.member_of(said.group, 0))

    def _plain(self) -> Iterator[bytes]:
        said = self._next()
        yield self._said(said, self._sender(said))

    def _stranger(self) -> Iterator[bytes]:
        self.counts.strangers += 1
        yield self._said(self._next(), self._cast.stranger(self.counts.strangers))

    def _leave(self) -> Iterator[bytes]:
        """Say something; then the last member who is still there leaves, whose row had come to that message."""
        leaver = self.counts.leavers
        said = self._next((self._first_leaver + leaver) % self._asked.groups)
        yield self._said(said, self._sender(said))
        place = self._present(said) - 1
        self.counts.leavers += 1
        yield self._row(said, place, utc(said.moment.at_us), left=True)

    def _equal_instants(self) -> Iterator[bytes]:
        """Say two things in one group at one instant, spelled in two ways."""
        self.counts.equal_instants += 1
        said = self._next()
        yield self._said(said, self._sender(said))
        again = _Said(said.number, said.group, self._clock.again(said.moment, respelled=True), self._text())
        yield self._said(again, self._sender(again))

    def _collision(self) -> Iterator[bytes]:
        """Say something at one instant in two groups that share a member."""
        self.counts.collisions += 1
        said = self._next()
        yield self._said(said, self._sender(said))
        number = said.number + 1 if said.number + 1 < self._asked.groups else said.number - 1
        moment = self._clock.again(said.moment, respelled=False)
        beside = _Said(number, self._cast.group(number), moment, self._text())
        yield self._said(beside, self._sender(beside))

    def _poison(self, kind: str) -> Iterator[bytes]:
        self.counts.poison[kind] = self.counts.poison.get(kind, 0) + 1
        number = int(self._draw() * self._asked.groups)
        group = self._cast.group(number)
        moment = self._clock.tick()
        said = _Said(number, group, moment, self._texts.next(is_large=False, has_emoji=False))
        stamp = self._stamp(moment, group.shard)
        saying = Saying(said.text.decode(), moment.text, message_uuid(stamp).decode())
        right = message_row(group.uuid, self._sender(said).person, saying)
        row = KINDS[kind](right, moment.at_us)
        yield self._lines.broken(stamp, row, has_image=kind != NO_NEW_IMAGE)

    def _next(self, number: int | None = None) -> _Said:
        """Let the next thing be said, in a group of this number or in any."""
        if number is None:
            number = int(self._draw() * self._asked.groups)
        return _Said(number, self._cast.group(number), self._clock.tick(), self._text())

    def _said(self, said: _Said, sender: Member) -> bytes:
        self.counts.messages += 1
        _, group, moment, text = said
        spellings, spelling = self.counts.spellings, moment.spelling.name
        spellings[spelling] = spellings.get(spelling, 0) + 1
        return self._lines.message(self._stamp(moment, group.shard), group, sender, moment.text.encode(), text)

    def _row(self, said: _Said, place: int, time: str, *, left: bool) -> bytes:
        """Write of the view of the member at this place; it names the opener, the opener's names the next."""
        group = said.group
        member = self._cast.member_of(group, place)
        other = self._cast.member_of(group, 0 if place else min(1, len(group.members) - 1))
        stamp = self._stamp(said.moment, member.shard)
        return self._lines.group_row(stamp, View(group, member, other), time.encode(), said.text, left=left)

    def _text(self) -> bytes:
        is_large, has_emoji = self._large.take(), self._emoji.take()
        self.counts.large += is_large
        self.counts.emoji += has_emoji
        return self._texts.next(is_large=is_large, has_emoji=has_emoji)

    def _sender(self, said: _Said) -> Member:
        return self._cast.member_of(said.group, int(self._draw() * self._present(said)))

    def _present(self, said: _Said) -> int:
        """Count who is still there: members leave from the last, group after group round the circle."""
        left = self.counts.leavers
        if not left:
            return len(said.group.members)
        groups = self._asked.groups
        behind = (said.number - self._first_leaver) % groups
        return len(said.group.members) - (left - behind + groups - 1) // groups

    def _stamp(self, moment: Moment, shard: int) -> Stamp:
        self._sequence += 1 + int(self._draw() * (GAP_MAX - 1))
        self._event_id = self._event_id + SPREAD & ID_MASK
        created_s = moment.at_us // SECOND
        return Stamp(b"%032x" % self._event_id, b"%d" % self._sequence, b"%d" % created_s, self._shards[shard])
