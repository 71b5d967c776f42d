"""`treadle.v1.ConversationService`: calls of the other services, carried by one that stays open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from treadle.v1 import conversation_service_pb2 as messages
from treadle_server.api.errors import Described, invalid
from treadle_server.runs.errors import Busy, Stopping

MAX_OPEN_CALLS: Final = 100_000
"""Of one conversation, most of them waits for the ends of runs. One more is refused."""

MESSAGE_BYTES: Final = 1 << 20
"""Answers share a message up to this size."""

Answer = Callable[[bytes, Any], Awaitable[bytes]]
"""Carries out a method: takes its serialised request and the call's context."""


class ConversationService:
    """One method per RPC, found by its name. `methods`: what can be carried, by its full path."""

    def __init__(self, methods: Mapping[str, Answer]) -> None:
        self._methods = methods
        self._open: dict[_Conversation, None] = {}
        self._stopping = False

    async def Converse(
        self, asked: AsyncIterator[messages.ConverseRequest], _context: Any
    ) -> AsyncIterator[bytes]:
        """Carries calls until the caller has said all, or the server stops."""
        conversation = _Conversation(self._methods)
        if self._stopping:
            conversation.end(_stopping())
        self._open[conversation] = None
        reading = asyncio.ensure_future(conversation.read(asked))
        try:
            while response := await conversation.next():
                yield response.SerializeToString()
        finally:
            del self._open[conversation]
            reading.cancel()
            conversation.close()

    def stop(self) -> None:
        """Ends each conversation when what it carries is answered: the server is stopping."""
        self._stopping = True
        for conversation in self._open:
            conversation.end(_stopping())


class CarriedContext:
    """What a method gets as its context: the part of gRPC's that methods use."""

    __slots__ = ("_deadline",)

    def __init__(self, timeout_seconds: float | None) -> None:
        self._deadline = timeout_seconds
        if timeout_seconds is not None:
            self._deadline = asyncio.get_running_loop().time() + timeout_seconds

    def time_remaining(self) -> float | None:
        """Seconds to the caller's deadline."""
        if self._deadline is None:
            return None
        return self._deadline - asyncio.get_running_loop().time()

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """None: what the conversation was begun with belongs to none of its calls."""
        return ()


class _Conversation:
    """The calls of one stream, each carried out by a task of its own."""

    def __init__(self, methods: Mapping[str, Answer]) -> None:
        self._methods = methods
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._answers: list[messages.CarriedAnswer] = []
        self._waiter: asyncio.Future[None] | None = None
        """Who waits for an answer, or for the end."""
        self._complete = False
        self._failure: Exception | None = None

    async def read(self, asked: AsyncIterator[messages.ConverseRequest]) -> None:
        """Begins the calls as they come."""
        try:
            async for request in asked:
                for call in request.calls:
                    self._begin(call)
                for number in request.withdrawn:
                    self._withdraw(number)
                del request  # it may be long until the next one
        except Exception as error:  # noqa: BLE001 - the call ends with it, from where it is answered
            self.close()
            self.end(error)
        else:
            self.end()

    async def next(self) -> messages.ConverseResponse | None:
        """The answers since the last call, waiting for one if need be; None: there will be none.
        Raises what the conversation fails with.
        """
        while not self._answers:
            if self._complete and not self._calls:
                if self._failure is not None:
                    raise self._failure
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        response = messages.ConverseResponse()
        taken = size = 0
        for answer in self._answers:
            size += answer.ByteSize()
            if taken and size > MESSAGE_BYTES:
                break
            response.answers.append(answer)
            taken += 1
        del self._answers[:taken]
        return response

    def end(self, failure: Exception | None = None) -> None:
        """There will be no further call; those under way are still answered."""
        self._complete, self._failure = True, self._failure or failure
        self._go_on()

    def _go_on(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Nobody waits for what is under way any more."""
        calls, self._calls = self._calls, {}
        for task in calls.values():
            task.cancel()

    def _begin(self, call: messages.CarriedCall) -> None:
        if self._complete:
            return  # nobody answers any more: the end of the conversation says so
        if call.number in self._calls:
            raise invalid("calls.number", f"{call.number} is that of a call without an answer yet")
        timeout = None
        if call.HasField("timeout"):
            timeout = call.timeout.seconds + call.timeout.nanos / 1e9
        carrying = self._carry(call.number, call.method, call.request, timeout)
        self._calls[call.number] = asyncio.get_running_loop().create_task(carrying)

    def _withdraw(self, number: int) -> None:
        task = self._calls.pop(number, None)
        if task is not None:
            task.cancel()

    async def _carry(self, number: int, name: str, request: bytes, timeout: float | None) -> None:
        # The parts of the call and not the call itself, which would keep the whole message that it
        # came with for as long as it waits.
        try:
            response = await self._method(name)(request, CarriedContext(timeout))
            answer = messages.CarriedAnswer(number=number, response=response)
        except Exception as error:  # noqa: BLE001 - becomes the call's status
            status = Described(error).status().SerializeToString()
            answer = messages.CarriedAnswer(number=number, status=status)
        if self._calls.pop(number, None) is None:
            return  # it was withdrawn just now
        self._answers.append(answer)
        self._go_on()

    def _method(self, name: str) -> Answer:
        if len(self._calls) > MAX_OPEN_CALLS:
            raise Busy(
                f"one conversation carries at most {MAX_OPEN_CALLS} calls at a time; "
                "open another one for more"
            )
        method = self._methods.get(name)
        if method is None:
            raise invalid("calls.method", f"names no method that can be carried: {name!r}")
        return method


def _stopping() -> Stopping:
    return Stopping("the server is stopping; ask again in a moment")
