"""Whether a record's keys and images are items that a table could hold: a handler is not blamed for any other.

What JSON can carry and DynamoDB cannot is let through in one case: half a surrogate pair in a text of a row that is no
group row. Such messages exist, and a handler must get past them; a group row is put into the table for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.rows.attribute_values import fault_of
from replay.rows.keys import GROUP_PREFIX
from replay.sources.history import address_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ITEMS: Final = ("Keys", "NewImage", "OldImage")


def fault_in(wire: Mapping[str, Any]) -> str | None:
    """Say what no stream can have put into a record; nothing where it is fine, or an item is not there.

    `{"NewImage": {"pk": {"S": 1}}}` gives `NewImage: pk is {'S': 1}, which is no value such as {"S": "text"}`.
    """
    change = wire["dynamodb"]
    for name in ITEMS:
        item = change.get(name)
        if item is not None and not _holds_texts(item) and (fault := _fault_of(item, change)) is not None:
            return f"{name}: {fault}"
    return None


def _holds_texts(item: Any) -> bool:  # noqa: ANN401 - whatever a record brings
    """Whether all is text that UTF-8 can carry: what nearly every record is, told in a fraction of the time."""
    try:
        "".join([*item, *[value["S"] for value in item.values()]]).encode()
    except (AttributeError, KeyError, TypeError, UnicodeEncodeError):
        return False
    return "" not in item and sum(map(len, item.values())) == len(item)


def _fault_of(item: object, change: Mapping[str, Any]) -> str | None:
    address = address_of(change.get("Keys"))
    if isinstance(item, dict) and (address is None or not address[0].startswith(GROUP_PREFIX)):
        item = {name: _without_halves(value) for name, value in item.items()}
    return fault_of(item) if item != {} else None


def _without_halves(value: object) -> object:
    """Take half surrogate pairs out of a text."""
    text = value.get("S") if isinstance(value, dict) and len(value) == 1 else None
    return {"S": text.encode(errors="replace").decode()} if isinstance(text, str) else value
