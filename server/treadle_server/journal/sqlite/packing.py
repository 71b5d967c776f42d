"""Bodies of records as the file has them: packed where that makes them smaller.

A turn often holds the same value twice, as the output of one step and the input of the next, and
names from the definition all over: packed, it takes a third to a half of the bytes, so fewer pages
are written in each commit. LZ4 packs a turn of 700 bytes in 1 µs, on the writer's thread and
without the interpreter's lock, and unpacks it in less.

No column says which bodies are packed: the first byte does. A `treadle.v1.EventBatch` begins with
the tag of its only field, and with none of those below.
"""

from __future__ import annotations

import zlib
from typing import Final

from lz4 import block

_SMALLEST: Final = 200
_LARGEST: Final = 256 * 1024
"""Above this, packing would hold up a commit: it goes at some 500 MB a second."""

_PLAIN: Final = b"\x00"
"""As it is, behind this byte: its own first byte would have it taken for a packed one."""
_LZ4: Final = b"\x04"
"""How long it was, in four bytes, and one block of LZ4."""
_ZLIB: Final = b"\x78"
"""As earlier versions packed; read, but no longer written."""
_MARKS: Final = (_PLAIN, _LZ4, _ZLIB)


def packed(body: bytes) -> bytes:
    """The body as it is stored."""
    if _SMALLEST <= len(body) <= _LARGEST:
        smaller: bytes = _LZ4 + block.compress(body)
        if len(smaller) < len(body):
            return smaller
    return _PLAIN + body if body[:1] in _MARKS else body


def unpacked(stored: bytes) -> bytes:
    """The body that was stored; what is damaged is given as it is, for whoever decodes it to say
    so.
    """
    mark = stored[:1]
    try:
        if mark == _LZ4 and int.from_bytes(stored[1:5], "little") <= _LARGEST:
            body: bytes = block.decompress(stored[1:])
            return body
        if mark == _ZLIB:
            return zlib.decompress(stored)
    except (block.LZ4BlockError, zlib.error):
        return stored
    return stored[1:] if mark == _PLAIN else stored
