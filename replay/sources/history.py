"""What the recorded application wrote, told from the records: the rows to begin with, and each record's own write.

Group rows: per member and group the first record decides. A change or a removal tells that the row was there before:
its old image is put before the first delivery. An insert is the application's own: its new image is put when its place
is reached. Every later record of that member's row is the recorded handler's work and is put by nobody: that is what
the handler under test is there for. All other rows, messages first of all, follow their records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replay.errors import WrongUse
from replay.rows.keys import GROUP_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.sources.recording import Recorded


Item = dict[str, dict[str, Any]]
Address = tuple[str, str]
View = tuple[str, str]
"""A group and a member: one person's view of one conversation."""


@dataclass(frozen=True, slots=True)
class Write:
    """What one record did to the table; `item` None removed the row."""

    address: Address
    item: Item | None


class History:
    """Takes the records in order, then tells what to put and when; `state` are rows known to be there before them."""

    def __init__(self, state: Sequence[Item] = ()) -> None:
        self.initial: list[Item] = list(state)
        """The rows that were there before the first record."""
        self._decided: dict[View, int | None] = {view: None for item in state if (view := _row_view(item)) is not None}

    def note(self, recorded: Recorded) -> None:
        """Take note of the next record.

        Raises:
            WrongUse: it is a group row's and has no image to tell what was there.
        """
        change = recorded.wire["dynamodb"]
        address = address_of(change.get("Keys"))
        if address is None or not address[0].startswith(GROUP_PREFIX):
            return
        inserted = recorded.wire.get("eventName") == "INSERT"
        row = _image(recorded, "NewImage" if inserted else "OldImage")
        view = view_of(address, row)
        if view is None or view in self._decided:
            return
        self._decided[view] = recorded.number if inserted else None
        if not inserted:
            self.initial.append(row)

    def write_of(self, recorded: Recorded) -> Write | None:
        """Tell what the application wrote with this record; nothing where it was the recorded handler."""
        change = recorded.wire["dynamodb"]
        address = address_of(change.get("Keys"))
        if address is None:
            return None
        if recorded.wire.get("eventName") == "REMOVE":
            return None if address[0].startswith(GROUP_PREFIX) else Write(address, None)
        item = change.get("NewImage")
        if not isinstance(item, dict) or address_of(item) != address:
            return None
        view = view_of(address, item)
        if view is not None and self._decided.get(view) != recorded.number:
            return None
        return Write(address, item)


def address_of(keys: object) -> Address | None:
    """Read a row's partition key and sort key; nothing where they are not the messages table's."""
    if not isinstance(keys, dict):
        return None
    texts = [value.get("S") if isinstance(value, dict) else None for value in (keys.get("pk"), keys.get("sk"))]
    partition_key, sort_key = texts
    return (partition_key, sort_key) if isinstance(partition_key, str) and isinstance(sort_key, str) else None


def view_of(address: Address, item: Mapping[str, Any]) -> View | None:
    """Whose view of which group a row is; nothing for a row of another kind."""
    if not address[0].startswith(GROUP_PREFIX):
        return None
    group = item.get("message_group_uuid")
    text = group.get("S") if isinstance(group, dict) else None
    return (text, address[0].removeprefix(GROUP_PREFIX)) if isinstance(text, str) else None


def _row_view(item: Item) -> View | None:
    address = address_of(item)
    return view_of(address, item) if address is not None else None


def _image(recorded: Recorded, name: str) -> Item:
    change = recorded.wire["dynamodb"]
    image = change.get(name)
    if not isinstance(image, dict):
        view_type = change.get("StreamViewType")
        raise WrongUse(
            f"{recorded.place}: a group row's {recorded.wire.get('eventName')} has no {name} (its view type is "
            f"{view_type}), so the rows to begin with cannot be told; record with NEW_AND_OLD_IMAGES, "
            "or give an export of the table as --table-state"
        )
    return image
