"""Bodies of records as the file has them: packed where that makes them smaller.

A turn often holds the same value twice, as the output of one step and the input of the next, and
names from the definition all over; and most of what is not a value stands in other records as well,
of which a dictionary has a collection (`dictionaries`). Packed, a turn takes a quarter to a half of
the bytes, so fewer pages are written in each commit. LZ4 packs one of 700 bytes in 1 to 2 µs, on
the writer's thread and without the interpreter's lock, and unpacks it in less.

No column says which bodies are packed: the first byte does. A `treadle.v1.EventBatch` begins with
the tag of its only field, and with none of those below.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lz4 import block

_SMALLEST: Final = 200
_SMALLEST_WITH_DICTIONARY: Final = 40
_LARGEST: Final = 256 * 1024
"""Above this, packing would hold up a commit: it goes at some 500 MB a second."""

_PLAIN: Final = b"\x00"
"""As it is, behind this byte: its own first byte would have it taken for a packed one."""
_LZ4: Final = b"\x04"
"""How long it was, in four bytes, and one block of LZ4."""
_LZ4_WITH_DICTIONARY: Final = b"\x05"
"""Its dictionary's number and how long it was, in three bytes each, and one block of LZ4."""
_ZLIB: Final = b"\x78"
"""As earlier versions packed; read, but no longer written."""
_MARKS: Final = (_PLAIN, _LZ4, _LZ4_WITH_DICTIONARY, _ZLIB)

Contents = Callable[[int], bytes | None]
"""The content of a dictionary by its number; None for one that is missing or damaged."""


@dataclass(slots=True, frozen=True)
class Dictionary:
    """What bodies may be packed against: bytes that are likely to stand in them."""

    number: int
    content: bytes


def packed(body: bytes, dictionary: Dictionary | None = None) -> bytes:
    """The body as it is stored."""
    size = len(body)
    smaller = body
    if dictionary is not None and _SMALLEST_WITH_DICTIONARY <= size <= _LARGEST:
        number, length = dictionary.number.to_bytes(3, "little"), size.to_bytes(3, "little")
        shared = block.compress(body, store_size=False, dict=dictionary.content)
        smaller = _LZ4_WITH_DICTIONARY + number + length + shared
    elif _SMALLEST <= size <= _LARGEST:
        smaller = _LZ4 + block.compress(body)
    if len(smaller) < size:
        return smaller
    return _PLAIN + body if body[:1] in _MARKS else body


def unpacked(stored: bytes, contents: Contents) -> bytes:
    """The body that was stored; what is damaged is given as it is, for whoever decodes it to say
    so.
    """
    mark = stored[:1]
    try:
        if mark == _LZ4_WITH_DICTIONARY:
            return _unpacked_with_dictionary(stored, contents)
        if mark == _LZ4 and int.from_bytes(stored[1:5], "little") <= _LARGEST:
            body: bytes = block.decompress(stored[1:])
            return body
        if mark == _ZLIB:
            return zlib.decompress(stored)
    except (block.LZ4BlockError, zlib.error, ValueError):  # the last if it is cut short
        return stored
    return stored[1:] if mark == _PLAIN else stored


def _unpacked_with_dictionary(stored: bytes, contents: Contents) -> bytes:
    size = int.from_bytes(stored[4:7], "little")
    content = contents(int.from_bytes(stored[1:4], "little")) if size <= _LARGEST else None
    if content is None:
        return stored
    body: bytes = block.decompress(stored[7:], uncompressed_size=size, dict=content)
    return body if len(body) == size else stored
