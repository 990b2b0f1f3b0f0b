"""Items as JSON carries them and as the SDK does: they differ in binary values, base64 here and bytes there."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Item = dict[str, dict[str, Any]]


def from_sdk(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """Turn an item of the SDK's into JSON's."""
    return {name: _turned(value, _text) for name, value in item.items()}


def to_sdk(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """Turn an item of JSON's into the SDK's; what is no base64 stays as it is."""
    return {name: _turned(value, _bytes) for name, value in item.items()}


def _turned(value: Mapping[str, Any], binary: Callable[[Any], Any]) -> dict[str, Any]:
    """Copy one attribute value, its binary parts turned at any depth."""
    turned: dict[str, Any] = {}
    for tag, content in value.items():
        match tag:
            case "B":
                turned[tag] = binary(content)
            case "BS":
                turned[tag] = [binary(element) for element in content]
            case "L":
                turned[tag] = [_turned(element, binary) for element in content]
            case "M":
                turned[tag] = {name: _turned(element, binary) for name, element in content.items()}
            case _:
                turned[tag] = content
    return turned


def _text(content: bytes | str) -> str:
    return content if isinstance(content, str) else base64.b64encode(content).decode()


def _bytes(content: bytes | str) -> bytes | str:
    if isinstance(content, bytes):
        return content
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return content
