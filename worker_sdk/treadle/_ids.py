"""Ids that are ordered by time: an index of them grows at its end, where ids without order would
have a page of their own written for each.
"""

from __future__ import annotations

import base64
from typing import Final

_SORTED: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~",
)
"""From base64's digits to others that sort by what they stand for."""


def uuid7(milliseconds: int, randomness: bytes) -> bytes:
    """A UUID of version 7 (RFC 9562 §5.7): 48 bits of Unix time, then 10 bytes of randomness, of
    which the version and the variant take six bits.
    """
    value = bytearray(milliseconds.to_bytes(6, "big") + randomness)
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    return bytes(value)


def request_id(milliseconds: int, randomness: bytes) -> str:
    """Twenty characters: 48 bits of Unix time, then 9 bytes of randomness. A run's row and an index
    have it, which is why it is not the text of a UUID.
    """
    value = milliseconds.to_bytes(6, "big") + randomness
    return base64.b64encode(value).translate(_SORTED).decode()
