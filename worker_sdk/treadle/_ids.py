"""Ids that are ordered by time: an index of them grows at its end, where ids without order would
have a page of their own written for each.
"""

from __future__ import annotations


def uuid7(milliseconds: int, randomness: bytes) -> bytes:
    """A UUID of version 7 (RFC 9562 §5.7): 48 bits of Unix time, then 10 bytes of randomness, of
    which the version and the variant take six bits.
    """
    value = bytearray(milliseconds.to_bytes(6, "big") + randomness)
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    return bytes(value)
