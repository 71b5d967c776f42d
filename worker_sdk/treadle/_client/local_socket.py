"""A conversation over the server's local socket, for callers on its machine: half the way of one
over gRPC.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import Any, Final, cast

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from treadle._frames import Frames, FrameTooLong, framed
from treadle.v1 import conversation_service_pb2 as messages

_CONNECT_SECONDS: Final = 2.0
"""For connecting and being greeted; gRPC has to do if that takes longer."""

_GREETING_BYTES: Final = 1_000
"""More than this is no greeting."""

RECEIVE_BYTES: Final = 72 << 20
"""The longest message that is taken, here and by gRPC. A definition of a large graph is the largest
answer: 64 MiB of JSON and a little around it.
"""

_PART_CALLS: Final = 10
"""Measured, of a hundred starts at a time: with 10 or 25 a twentieth more runs a second."""

_CREDENTIALS: Final = struct.Struct("iII")
"""`struct ucred` of Linux: process, user, group."""

Said = Callable[[], messages.ConverseRequest | None]
"""The next message that there is to say."""

Heard = Callable[[messages.ConverseResponse], None]


async def find_local_socket(stub: Any, said: Said, heard: Heard) -> LocalSocket | None:
    """A conversation with the server that the stub is of; None if it has no socket, or none that
    can be reached from here. Raises `AioRpcError` if the server is not there.
    """
    try:
        found = await stub.FindLocalSocket(messages.FindLocalSocketRequest())
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            raise
        return None  # an older server, or a proxy between: the stream will say what is wrong
    if not found.path:
        return None
    connection = LocalSocket(said, heard)
    admitted = False
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await asyncio.get_running_loop().create_unix_connection(lambda: connection, found.path)
            if admitted := connection.is_ours() and await connection.greeting == found.greeting:
                connection.admit(found.ticket)
    except (OSError, TimeoutError, NotImplementedError):  # asyncio has no such sockets on Windows
        pass  # not our file system, not our user, not on this system: all the same
    finally:
        if not admitted:
            # Perhaps somebody else's socket of that name, behind a tunnel: it must not hear the
            # ticket.
            connection.close()
    return connection if admitted else None


class LocalSocket(asyncio.Protocol):
    """One connection."""

    def __init__(self, said: Said, heard: Heard) -> None:
        loop = asyncio.get_running_loop()
        self.greeting: asyncio.Future[bytes] = loop.create_future()
        """What the server said first; raises `OSError` if it said nothing."""
        self._ended: asyncio.Future[bytes] = loop.create_future()
        self._said = said
        self._heard = heard
        self._frames = Frames(_GREETING_BYTES)
        self._transport: asyncio.Transport | None = None
        self._end_status = b""
        self._speaking = False
        """Something was said in this round of the loop."""
        self._held_back = 0
        """So many calls since then wait for others."""
        self._full = False
        """The server does not read as fast as it is spoken to."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        # uvloop's transports have all of its methods without being one.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._frames.add(data)
        try:
            while (message := self._frames.next()) is not None:
                self._hear(message)
        except (FrameTooLong, DecodeError):
            self.close()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._full = True

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._full = False
        self.speak()

    def connection_lost(self, _exception: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if not self.greeting.done():
            self.greeting.set_exception(ConnectionResetError("closed before a greeting"))
            self.greeting.exception()  # who was cancelled need not hear of it
        if not self._ended.done():
            self._ended.set_result(self._end_status)

    def is_ours(self) -> bool:
        """Whether the other end belongs to the same user, as far as the system tells: whoever could
        make the socket's path might have heard the greeting from the server himself.
        """
        if not hasattr(socket, "SO_PEERCRED"):
            return True
        assert self._transport is not None
        end = self._transport.get_extra_info("socket")
        peer = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _process, user, _group = _CREDENTIALS.unpack(peer)
        return bool(user == os.geteuid())

    def admit(self, ticket: bytes) -> None:
        """Says the first message, and what there is to say."""
        assert self._transport is not None
        self._frames.max_bytes = RECEIVE_BYTES
        self._transport.write(framed(ticket))
        self.speak()

    def speak(self) -> None:
        """There is something to say. The first of a round of the loop goes at once: a poll does not
        wait for the tasks that the last one brought. What follows goes in parts, so that the server
        is at the first of a hundred starts while the others are made, and the rest when the round
        ends.
        """
        if self._full:
            return
        if not self._speaking:
            self._speaking = True
            self._held_back = 0
            asyncio.get_running_loop().call_soon(self._end_round)
            self._speak()
            return
        self._held_back += 1
        if self._held_back == _PART_CALLS:
            self._held_back = 0
            self._speak()

    async def until_ended(self) -> bytes:
        """The status that the server ended the conversation with; empty if it just went."""
        return await self._ended

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()

    def _end_round(self) -> None:
        self._speaking = False
        self._speak()

    def _speak(self) -> None:
        transport = self._transport
        assert transport is not None
        while not self._full and not transport.is_closing() and (request := self._said()):
            transport.write(framed(request.SerializeToString()))

    def _hear(self, message: bytes) -> None:
        if not self.greeting.done():
            self.greeting.set_result(message)
            return
        response = messages.ConverseResponse.FromString(message)
        self._end_status = response.end_status
        self._heard(response)
