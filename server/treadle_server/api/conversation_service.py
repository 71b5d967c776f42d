"""`treadle.v1.ConversationService`: calls of the other services, carried by one that stays open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from treadle.v1 import conversation_service_pb2 as messages
from treadle_server.api.conversation import Answer, Conversation
from treadle_server.api.local_socket import LocalSocket
from treadle_server.runs.errors import Stopping

_HERE = ("ipv4:127.", "ipv6:%5B::1%5D", "ipv6:[::1]", "unix:")
"""What gRPC calls callers on this machine."""


class ConversationService:
    """One method per RPC, found by its name. `methods`: what can be carried, by its full path."""

    def __init__(self, methods: Mapping[str, Answer], socket: LocalSocket | None) -> None:
        self._methods = methods
        self._socket = socket
        self._open: dict[Conversation, None] = {}
        self._stopping = False

    async def FindLocalSocket(
        self, _request: messages.FindLocalSocketRequest, context: Any
    ) -> messages.FindLocalSocketResponse:
        """The way past gRPC, for callers who can go there."""
        socket = self._socket
        if socket is None or not socket.listening or not context.peer().startswith(_HERE):
            return messages.FindLocalSocketResponse()
        return messages.FindLocalSocketResponse(
            path=str(socket.path), greeting=socket.greeting, ticket=socket.ticket
        )

    async def Converse(
        self, asked: AsyncIterator[messages.ConverseRequest], _context: Any
    ) -> AsyncIterator[bytes]:
        """Carries calls until the caller has said all, or the server stops."""
        changed = asyncio.Event()
        has_room = asyncio.Event()
        conversation = Conversation(self._methods, changed.set, has_room.set)
        if self._stopping:
            conversation.end(_stopping())
        self._open[conversation] = None
        reading = asyncio.ensure_future(_read(conversation, asked, has_room))
        try:
            while not conversation.ended:
                if (response := conversation.take()) is not None:
                    yield response.SerializeToString()
                    continue
                changed.clear()
                await changed.wait()
            if conversation.failure is not None:
                raise conversation.failure
        finally:
            del self._open[conversation]
            reading.cancel()
            conversation.close()

    def stop(self) -> None:
        """Ends each conversation when what it carries is answered: the server is stopping."""
        self._stopping = True
        for conversation in self._open:
            conversation.end(_stopping())
        if self._socket is not None:
            self._socket.stop(_stopping())


async def _read(
    conversation: Conversation,
    asked: AsyncIterator[messages.ConverseRequest],
    has_room: asyncio.Event,
) -> None:
    """Begins the calls as they come."""
    try:
        async for request in asked:
            conversation.hear(request)
            del request  # it may be long until the next one
            if conversation.crowded:
                has_room.clear()
                await has_room.wait()
    except Exception as error:  # noqa: BLE001 - the call ends with it, from where it is answered
        conversation.close()
        conversation.end(error)
    else:
        conversation.end()


def _stopping() -> Stopping:
    return Stopping("the server is stopping; ask again in a moment")
