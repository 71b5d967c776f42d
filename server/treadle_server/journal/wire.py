"""Pieces of protobuf's wire format, of which the codec's derived encoders put messages together.

A piece is a field as it stands in a message: tag and value, or nothing for a field without presence
that has its type's zero value. What comes again and again in a journal (keys, types, queues,
sessions, small numbers, the moment of a turn) is looked up, as the piece that it was before: 0.05
µs, where an assignment to a message's field and its share of the serialization take 0.3.

What is not here: which field is written how (`codec_functions`). The format is that of
protobuf.dev/programming-guides/encoding; tests hold it to protobuf's own bytes.
"""

from __future__ import annotations

import enum
import math
import struct
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

_Value = TypeVar("_Value")

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2

_MOST_PIECES: Final = 1_000
"""With more, what is kept is forgotten: then it is not what comes again and again."""
_LONGEST_TEXT: Final = 100
_LARGEST_NUMBER: Final = 10_000


class CodecError(ValueError):
    """Bytes or a message that are not what this version writes, or a value that a message cannot
    hold."""


def unknown(cls: type[enum.IntEnum], number: int) -> CodecError:
    """The error for a number that is no member of an enum."""
    return CodecError(f"{number} is not a {cls.__name__} that this version of Treadle knows")


def varint(number: int) -> bytes:
    """A number from 0 on, or a negative one of 64 bits, seven bits to a byte."""
    if number < 0:
        number += 1 << 64
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


def tag(number: int, wire_type: int) -> bytes:
    """What a field begins with."""
    return varint(number << 3 | wire_type)


class Kept(dict[_Value, bytes]):
    """The bytes of values, made when they are first asked for."""

    def __missing__(self, value: _Value) -> bytes:
        made = self._make(value)
        if self._recurs(value):
            if len(self) >= _MOST_PIECES:
                self.clear()
            self[value] = made
        return made

    @abstractmethod
    def _make(self, value: _Value) -> bytes: ...

    def _recurs(self, value: _Value) -> bool:
        return True


class Lengths(Kept[int]):
    """How long something is, as a varint."""

    def _make(self, value: int) -> bytes:
        return varint(value)


LENGTHS: Final = Lengths()


class Texts(Kept[str]):
    """Pieces of one `string` field. `always`: it is written though it is empty."""

    def __init__(self, number: int, *, always: bool) -> None:
        self._tag = tag(number, LENGTH)
        self._always = always

    def _make(self, value: str) -> bytes:
        return framed(self._tag, value.encode()) if value or self._always else b""

    def _recurs(self, value: str) -> bool:
        return len(value) <= _LONGEST_TEXT


class Numbers(Kept[int]):
    """Pieces of one field of `bits` bits, or of an enum. `always`: it is written though it is 0."""

    def __init__(self, number: int, bits: int, *, always: bool) -> None:
        self._tag = tag(number, VARINT)
        self._bits = bits
        self._always = always

    def _make(self, value: int) -> bytes:
        if not -(1 << self._bits - 1) <= value < 1 << self._bits - 1:
            raise ValueError(f"{value} is out of range: {self._bits} bits do not hold it")
        return self._tag + varint(value) if value or self._always else b""

    def _recurs(self, value: int) -> bool:
        return 0 <= value < _LARGEST_NUMBER


class Clocks(Kept[int]):
    """Timestamps and durations, from microseconds: what follows the tag of such a field."""

    def _make(self, value: int) -> bytes:
        seconds, microseconds = divmod(value, 1_000_000)
        body = _SECONDS[seconds]
        nanos = microseconds * 1_000
        if nanos >= 1 << 28:  # as three of four are: five bytes, and no loop to find them
            low = (nanos & 127 | 128, nanos >> 7 & 127 | 128, nanos >> 14 & 127 | 128)
            body += b"\x10" + bytes((*low, nanos >> 21 & 127 | 128, nanos >> 28))
        elif nanos:
            body += b"\x10" + varint(nanos)
        return LENGTHS[len(body)] + body


class Seconds(Numbers):
    """The first field of a `Timestamp` or `Duration`; most are of this second or the last."""

    def _recurs(self, value: int) -> bool:
        return True


_SECONDS: Final = Seconds(1, 64, always=False)
CLOCKS: Final = Clocks()


class Doubles(Kept[Any]):
    """Pieces of one `double` field. `always`: it is written though it is 0.

    Its values are `float`; said to mypyc, that would be another kind of argument than `Kept`'s.
    """

    def __init__(self, number: int, *, always: bool) -> None:
        self._tag = tag(number, FIXED64)
        self._always = always

    def _make(self, value: Any) -> bytes:
        unset = value == 0 and math.copysign(1, value) > 0
        return b"" if unset and not self._always else self._tag + struct.pack("<d", value)

    def _recurs(self, value: Any) -> bool:
        return value != 0 and not math.isnan(value)  # 0.0 equals -0.0, and NaN nothing


def framed(tag_: bytes, body: bytes) -> bytes:
    """A piece that says how long it is: of a message, or of bytes."""
    return tag_ + LENGTHS[len(body)] + body


def messages(tag_: bytes, encode: Callable[[Any], bytes], values: Iterable[Any]) -> bytes:
    """The pieces of a repeated field."""
    return b"".join([framed(tag_, encode(value)) for value in values])


def entries(tag_: bytes, values: Mapping[str, bytes]) -> bytes:
    """The pieces of a map, in the order of its keys."""
    return b"".join(
        [framed(tag_, _KEYS[key] + framed(_VALUE, values[key])) for key in sorted(values)]
    )


_KEYS: Final = Texts(1, always=True)
_VALUE: Final = tag(2, LENGTH)
