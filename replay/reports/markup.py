"""Elements of a page or an XML file, made so that no text can become markup.

Whatever comes from records, handlers or tables goes through `plain`: a character that a terminal, XML or a reader's eye
would stumble over is written out as its number.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element

_UNSHOWABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Controls but tab and newline, what turns the direction of text, halves of pairs, what XML 1.0 does not allow."""


def element(tag: str, *children: Element | str | None, **attributes: str | None) -> Element:
    """Make an element. In names of attributes `_` stands for `-`, and is dropped at the end: `class_`, `aria_label`."""
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), plain(value))
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            _append_text(made, last, plain(child))
        elif child is not None:
            made.append(child)
            last = child
    return made


def plain(text: str) -> str:
    r"""Write out what cannot be shown as JSON does, an escape character as `\u001b`: JSON still says the same."""
    return _UNSHOWABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _append_text(made: Element, last: Element | None, text: str) -> None:
    if last is None:
        made.text = (made.text or "") + text
    else:
        last.tail = (last.tail or "") + text
