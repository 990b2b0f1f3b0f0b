"""A part of a recording, and one in another order."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from replay.sources.recording import Recorded
from replay.sources.selection import Between, Shuffled

if TYPE_CHECKING:
    from collections.abc import Iterator


class Records:
    """A recording in memory."""

    def __init__(self, records: list[Recorded]) -> None:
        self._records = records
        self.records, self.duplicates, self.batches = len(records), 0, 0
        self.parents: dict[str, str | None] = {recorded.shard: None for recorded in records}

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self._records)


def recorded(number: int, item: str, shard: str = "a") -> Recorded:
    keys = {"pk": {"S": f"MSG#{item}"}, "sk": {"S": "1"}}
    wire: dict[str, Any] = {"eventID": str(number), "dynamodb": {"SequenceNumber": str(10 * number), "Keys": keys}}
    return Recorded(wire, 10 * number, shard, "file:1", number)


RECORDS = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("ab")), max_size=40).map(
    lambda drawn: Records([recorded(number, item, shard) for number, (item, shard) in enumerate(drawn)])
)


@given(records=RECORDS, seed=st.integers(0, 1000))
def test_a_shuffled_recording_is_a_lawful_stream_of_the_same_records(records: Records, seed: int) -> None:
    """The same records, each item's in its order, each shard's sequence numbers the same and rising."""
    before, after = list(records), list(Shuffled(records, seed))
    assert sorted(r.number for r in after) == [r.number for r in before]
    assert list(Shuffled(records, seed)) == after, "the same seed gives the same order"
    items: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in after:
        items[one.shard, one.wire["dynamodb"]["Keys"]["pk"]["S"]].append(one.number)
    assert all(numbers == sorted(numbers) for numbers in items.values())
    for shard in "ab":
        assert [r.sequence for r in after if r.shard == shard] == [r.sequence for r in before if r.shard == shard]
    assert all(r.wire["dynamodb"]["SequenceNumber"] == str(r.sequence) for r in after)
    assert [r.wire["dynamodb"]["SequenceNumber"] for r in before] == [str(r.sequence) for r in before], "untouched"


def test_another_seed_gives_another_order() -> None:
    records = Records([recorded(number, str(number)) for number in range(30)])
    orders = {tuple(r.number for r in Shuffled(records, seed)) for seed in range(5)}
    assert len(orders) == 5


@given(records=RECORDS, first=st.none() | st.integers(0, 400), last=st.none() | st.integers(0, 400))
def test_between_two_numbers_are_exactly_the_records_between_them(
    records: Records, first: int | None, last: int | None
) -> None:
    part = Between(records, first, last)
    expected = [r for r in records if (first is None or r.sequence >= first) and (last is None or r.sequence <= last)]
    assert list(part) == expected
    assert part.records == len(expected)
