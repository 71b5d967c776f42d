"""Messages on a socket: each follows its length, four bytes, the highest first. For both ends of a
local socket.
"""

from __future__ import annotations

from typing import Final

_LENGTH_BYTES: Final = 4


class FrameTooLong(Exception):
    """A message longer than is allowed."""


def framed(message: bytes) -> bytes:
    """The message as it is sent."""
    return len(message).to_bytes(_LENGTH_BYTES, "big") + message


class Frames:
    """Cuts what arrives into messages. `max_bytes` may change between them."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._begun = bytearray()
        """Arrived, without the end of its message."""

    def add(self, data: bytes) -> None:
        """Takes what has arrived."""
        self._begun += data

    def next(self) -> bytes | None:
        """The next whole message; None until more has arrived. Raises `FrameTooLong`."""
        begun = self._begun
        if len(begun) < _LENGTH_BYTES:
            return None
        end = _LENGTH_BYTES + int.from_bytes(begun[:_LENGTH_BYTES], "big")
        if end - _LENGTH_BYTES > self.max_bytes:
            raise FrameTooLong(
                f"a message of {end - _LENGTH_BYTES} bytes; at most {self.max_bytes} are allowed"
            )
        if len(begun) < end:
            return None
        message = bytes(memoryview(begun)[_LENGTH_BYTES:end])
        del begun[:end]
        return message
