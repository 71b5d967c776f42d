"""The other end of a local socket, as a program without the SDK has it."""

from __future__ import annotations

import asyncio

from treadle.v1 import conversation_service_pb2 as messages

SHORT = 10.0


class Caller:
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *sent: bytes | messages.ConverseRequest) -> None:
        """Messages, or bytes as one."""
        for one in sent:
            data = one if isinstance(one, bytes) else one.SerializeToString()
            self.writer.write(len(data).to_bytes(4, "big") + data)

    def ask(self, number: int, request: bytes, method: str = "/echo") -> None:
        """One call."""
        call = messages.CarriedCall(number=number, method=method, request=request)
        self.say(messages.ConverseRequest(calls=[call]))

    async def message(self) -> bytes:
        """The next one."""
        async with asyncio.timeout(SHORT):
            length = int.from_bytes(await self.reader.readexactly(4), "big")
            return await self.reader.readexactly(length)

    async def response(self) -> messages.ConverseResponse:
        """The next message, read."""
        return messages.ConverseResponse.FromString(await self.message())

    async def rest(self) -> bytes:
        """What comes until the server hangs up."""
        async with asyncio.timeout(SHORT):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""
