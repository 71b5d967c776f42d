"""Bodies of records as the file has them: packed where that makes them smaller.

A turn often holds the same value twice, as the output of one step and the input of the next, and
names from the definition all over: packed, it takes a third to a half of the bytes, so fewer pages
are written in each commit. Level 3 of zlib costs about 10 µs for a turn of 700 bytes, on the
writer's thread and without the interpreter's lock; unpacking costs 1 µs.

No column says which bodies are packed: a `treadle.v1.EventBatch` begins with the tag of its only
field, and zlib's output with another byte.
"""

from __future__ import annotations

import zlib
from typing import Final

_SMALLEST: Final = 200
_LARGEST: Final = 64 * 1024
"""Above this, packing would hold up a commit: it goes at some 50 MB a second."""

_LEVEL: Final = 3
_MARK: Final = zlib.compress(b"")[:1]


def packed(body: bytes) -> bytes:
    """The body as it is stored."""
    if body[:1] == _MARK:
        return zlib.compress(body, _LEVEL)  # or it would be taken for a packed one
    if not _SMALLEST <= len(body) <= _LARGEST:
        return body
    smaller = zlib.compress(body, _LEVEL)
    return smaller if len(smaller) < len(body) else body


def unpacked(stored: bytes) -> bytes:
    """The body that was stored; what is damaged is given as it is, for whoever decodes it to say
    so.
    """
    if stored[:1] != _MARK:
        return stored
    try:
        return zlib.decompress(stored)
    except zlib.error:
        return stored
