"""A channel whose calls share one that stays open, where the server can carry them: a socket on the
same machine, else a stream.

A call by itself costs both sides more than twice what a message on an open stream does, and takes
twice as long; calls that come together also travel together. Whoever makes calls notices nothing
else: the same arguments, answers, errors and cancellation. What does not fit goes by itself: calls
that stream, large requests, those that carry metadata, and those made in a span, which a channel
with OpenTelemetry's interceptor sends along.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable, Generator
from functools import partial
from itertools import count
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from treadle._client.local_socket import LocalSocket, find_local_socket
from treadle._client.requests import duration
from treadle._client.statuses import CODES, DETAILS_KEY
from treadle._deadlines import Deadlines
from treadle.v1 import conversation_service_pb2 as messages
from treadle.v1.conversation_service_pb2_grpc import ConversationServiceStub

MESSAGE_BYTES: Final = 1 << 20
"""Requests share a message up to this size; one that is larger goes by itself."""

_REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
    }
)
"""Of a conversation, these are about who began it, and what was said in it."""


class ConversingChannel:
    """The part of `grpc.aio.Channel` that generated stubs use, on top of one."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._conversation = _Conversation(channel)

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        **options: Any,
    ) -> Callable[..., Any]:
        """See `grpc.aio.Channel`."""
        conversation = self._conversation
        alone = self._channel.unary_unary(
            method, request_serializer, response_deserializer, **options
        )

        def call(request: Any, *, timeout: float | None = None, **extra: Any) -> Any:
            if extra or conversation.refused or is_traced():
                return alone(request, timeout=timeout, **extra)
            data = request_serializer(request)
            if len(data) > MESSAGE_BYTES:
                return alone(request, timeout=timeout)
            carried = messages.CarriedCall(method=method, request=data)
            return CarriedCall(
                conversation,
                conversation.ask(carried, timeout),
                carried.number,
                response_deserializer,
                lambda: alone(request, timeout=timeout),
            )

        return call

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel`."""
        return self._channel.unary_stream(*arguments, **options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel`."""
        return self._channel.stream_stream(*arguments, **options)

    async def close(self, grace: float | None = None) -> None:
        """Ends the conversation, and the channel."""
        await self._conversation.close()
        await self._channel.close(grace)


class CarriedCall:
    """A call that the conversation carries; to be awaited once, as gRPC's own."""

    __slots__ = ("_alone", "_answer", "_conversation", "_deserialize", "_number")

    def __init__(
        self,
        conversation: _Conversation,
        answer: asyncio.Future[bytes],
        number: int,
        deserialize: Callable[[bytes], Any],
        alone: Callable[[], Any],
    ) -> None:
        self._conversation = conversation
        self._answer = answer
        self._number = number
        self._deserialize = deserialize
        self._alone = alone

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._answered().__await__()

    def cancel(self) -> bool:
        """Nobody waits for the answer any more."""
        self._conversation.withdraw(self._number)
        return self._answer.cancel()

    async def _answered(self) -> Any:
        try:
            data = await self._answer
        except asyncio.CancelledError:
            self._conversation.withdraw(self._number)
            raise
        except NotServed:
            return await self._alone()
        return self._deserialize(data)


class NotServed(Exception):
    """The server carries no calls: it is older than that."""


class _Conversation:
    """The open call, made when the first call is to be carried, and again after it broke."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ConversationServiceStub(channel)
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._deadlines = Deadlines(self._expire)
        self._unsaid: dict[int, messages.CarriedCall] = {}
        self._withdrawn: list[int] = []
        self._something = asyncio.Event()
        """There is something to say."""
        self._work: asyncio.Task[None] | None = None
        self._socket: LocalSocket | None = None
        self.refused = False
        """The server carries no calls."""

    def ask(self, call: messages.CarriedCall, timeout: float | None) -> asyncio.Future[bytes]:
        """Has a call carried, under a number of its own; the response, serialised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        call.number = next(self._numbers)
        if timeout is not None:
            call.timeout.CopyFrom(duration(timeout))
            self._deadlines.add(call.number, loop.time() + timeout)
        self._waiting[call.number] = answer
        self._unsaid[call.number] = call
        self._speak()
        if self._work is None:
            self._work = loop.create_task(self._converse(), context=contextvars.Context())
        return answer

    def withdraw(self, number: int) -> None:
        """Nobody waits for the answer any more."""
        self._deadlines.remove(number)
        if self._waiting.pop(number, None) is None or self._unsaid.pop(number, None) is not None:
            return  # it was answered, or the server has not even heard of it
        self._withdrawn.append(number)
        self._speak()

    async def close(self) -> None:
        """Ends the call; those that it carries are cancelled."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        if self._work is not None:
            self._give_up(None)  # it was cancelled before it could do anything

    def _speak(self) -> None:
        if self._socket is None:
            self._something.set()
        else:
            self._socket.speak()

    async def _converse(self) -> None:
        """One socket or stream, until it breaks."""
        failure: Callable[[], Exception] | None = None
        try:
            self._socket = await find_local_socket(self._stub, self._request, self._hear)
            if self._socket is None:
                await self._over_stream()
                failure = partial(_status, grpc.StatusCode.UNAVAILABLE, "")
            elif status := await self._socket.until_ended():
                failure = partial(_broken, _failed(status))
            else:
                failure = partial(
                    _status, grpc.StatusCode.UNAVAILABLE, "the server's local socket was closed"
                )
        except grpc.aio.AioRpcError as error:
            self.refused = error.code() is grpc.StatusCode.UNIMPLEMENTED
            failure = NotServed if self.refused else partial(_broken, error)
        finally:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            self._give_up(failure)

    async def _over_stream(self) -> None:
        stream: Any = self._stub.Converse()
        writing = asyncio.ensure_future(self._write(stream))
        try:
            while (response := await stream.read()) is not grpc.aio.EOF:
                self._hear(response)
        finally:
            writing.cancel()
            stream.cancel()

    async def _write(self, stream: Any) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while (request := self._request()) is not None:
                    await stream.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # whoever reads the stream hears of it, too

    def _request(self) -> messages.ConverseRequest | None:
        """What is to be said, as far as it fits into a message; None: nothing."""
        if not self._unsaid and not self._withdrawn:
            return None
        request = messages.ConverseRequest(withdrawn=self._withdrawn)
        self._withdrawn.clear()
        size = 0
        while self._unsaid:
            number, call = next(iter(self._unsaid.items()))
            size += call.ByteSize()
            if request.calls and size > MESSAGE_BYTES:
                break
            request.calls.append(call)
            del self._unsaid[number]
        return request

    def _hear(self, response: messages.ConverseResponse) -> None:
        for answer in response.answers:
            self._settle(answer)

    def _settle(self, answer: messages.CarriedAnswer) -> None:
        self._deadlines.remove(answer.number)
        waiting = self._waiting.pop(answer.number, None)
        if waiting is None or waiting.done():
            return  # it was cancelled meanwhile
        if answer.WhichOneof("outcome") == "status":
            waiting.set_exception(_failed(answer.status))
        else:
            waiting.set_result(answer.response)

    def _expire(self, number: int) -> None:
        waiting = self._waiting.get(number)
        self.withdraw(number)
        if waiting is not None and not waiting.done():
            code = grpc.StatusCode.DEADLINE_EXCEEDED
            waiting.set_exception(_status(code, "Deadline Exceeded"))
            waiting.exception()  # who never awaits it need not hear of it

    def _give_up(self, failure: Callable[[], Exception] | None) -> None:
        """The stream is no more: nothing that it carried is answered. None: it was closed."""
        self._work = None
        waiting, self._waiting = self._waiting, {}
        self._unsaid.clear()
        self._withdrawn.clear()
        self._something.clear()
        self._deadlines.clear()
        for answer in waiting.values():
            if answer.done():
                continue
            if failure is None:
                answer.cancel()
            else:
                answer.set_exception(failure())
                answer.exception()  # who never awaits it need not hear of it


def is_traced() -> bool:
    """Whether the caller is in a span, which a channel with OpenTelemetry's interceptor sends: the
    run's trace then belongs below it, so its call must be one of its own.
    """
    # Another thread may be loading it at this moment.
    current_span = getattr(sys.modules.get("opentelemetry.trace"), "get_current_span", None)
    return current_span is not None and current_span().get_span_context().is_valid


def _failed(data: bytes) -> grpc.aio.AioRpcError:
    """The error that the call would have ended with by itself."""
    try:
        status = status_pb2.Status.FromString(data)
    except DecodeError:
        return _status(grpc.StatusCode.UNKNOWN, "the server's error cannot be read")
    code = CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return _status(code, status.message, (DETAILS_KEY, data))


def _broken(error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
    """What a call ends with whose conversation broke, for each one anew: an exception that several
    raise mixes up their tracebacks.
    """
    # A proxy that ends a long stream says so in many ways; none of them is about the call.
    code = error.code() if error.code() in _REFUSALS else grpc.StatusCode.UNAVAILABLE
    return grpc.aio.AioRpcError(
        code,
        error.initial_metadata(),
        error.trailing_metadata(),
        details=error.details(),
        debug_error_string=error.debug_error_string(),
    )


def _status(
    code: grpc.StatusCode, details: str, *trailing: tuple[str, bytes]
) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=details
    )
