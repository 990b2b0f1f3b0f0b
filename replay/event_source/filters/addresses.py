"""IP addresses in patterns and records, read as the public engine reads them (aws/event-ruler, class CIDR)."""

from __future__ import annotations

import ipaddress
import re
from typing import TypeAlias

from replay.event_source.filters.errors import InvalidFilterPattern

Address: TypeAlias = tuple[int, int]
"""Bits of its family (32 or 128) and the address as an integer."""

_V4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_V6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_MASK = re.compile(r"[+-]?[0-9]{1,9}")
_V4_BITS = 32
_V6_BITS = 128
_V4_CHARACTERS_MAX = 15
_OCTET_MAX = 255


def read_address(text: str) -> Address | None:
    """Read an address literal, or nothing if the text is none.

    Octets are decimal, leading zeros allowed. An IPv6 address that maps an IPv4 address (`::ffff:a00:1`) is that one,
    as in Java. No zone, no dotted tail.
    """
    if _V4.fullmatch(text):
        return _read_v4(text)
    if _V6.fullmatch(text):
        return _read_v6(text)
    return None


def read_block(text: str, path: str) -> tuple[Address, Address]:
    """Read a CIDR block as its lowest and highest address.

    A mask of all bits (/32, /128) is refused: the engine wants fewer, one address is written as a plain string.
    """
    base, slash, mask = text.partition("/")
    if not slash or not mask or "/" in mask:
        raise InvalidFilterPattern(f"cidr needs one '/' between address and mask, got '{text}'", path)
    if not _MASK.fullmatch(mask):
        raise InvalidFilterPattern(f"cidr mask must be an integer, got '{mask}'", path)
    address = read_address(base)
    if address is None:
        raise InvalidFilterPattern(f"cidr needs an IPv4 or IPv6 address, got '{base}'", path)
    return _bounds(address, int(mask), path)


def _bounds(address: Address, mask: int, path: str) -> tuple[Address, Address]:
    bits, value = address
    if not 0 <= mask < bits:
        raise InvalidFilterPattern(f"cidr mask must be from 0 to {bits - 1}, got {mask}", path)
    rest = (1 << (bits - mask)) - 1
    return (bits, value & ~rest), (bits, value | rest)


def _read_v4(text: str) -> Address | None:
    octets = [int(octet) for octet in text.split(".")] if len(text) <= _V4_CHARACTERS_MAX else [_OCTET_MAX + 1]
    if max(octets) > _OCTET_MAX:
        return None
    return _V4_BITS, int.from_bytes(bytes(octets))


def _read_v6(text: str) -> Address | None:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if address.ipv4_mapped is not None:
        return _V4_BITS, int(address.ipv4_mapped)
    return _V6_BITS, int(address)
