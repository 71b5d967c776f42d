"""A gRPC channel without a network: calls go to the server's handlers in the same process.

Messages are written and read as for a real channel, errors travel as statuses with their details,
and deadlines and cancellation reach the handler; so client and worker notice no difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import grpc
import grpc.aio

_Result = TypeVar("_Result")


@dataclass(slots=True)
class Listener:
    """One life of a server, as callers see it."""

    handlers: Mapping[str, Mapping[str, Any]]
    """By service and method; they take and give bytes."""
    calls: set[asyncio.Task[Any]] = field(default_factory=set)
    """What it is about to answer."""

    def die(self) -> None:
        """The process is gone: nobody gets an answer."""
        for call in list(self.calls):
            call.cancel()


class _Aborted(Exception):
    """The handler ended the call with a status."""

    def __init__(self, status: grpc.aio.AioRpcError) -> None:
        super().__init__()
        self.status = status


class _Call:
    """What a handler gets as its context: the part of `ServicerContext` that they use."""

    def __init__(self, timeout: float | None, metadata: Any) -> None:
        self._deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        self._metadata = tuple(metadata or ())
        self._trailing: tuple[tuple[str, str | bytes], ...] = ()

    def time_remaining(self) -> float | None:
        """Seconds to the caller's deadline."""
        if self._deadline is None:
            return None
        return self._deadline - asyncio.get_running_loop().time()

    def invocation_metadata(self) -> Any:
        """What the caller sent along."""
        return self._metadata

    def set_trailing_metadata(self, metadata: Any) -> None:
        """What goes with the status."""
        self._trailing = tuple(metadata)

    async def abort(self, code: grpc.StatusCode, details: str = "") -> NoReturn:
        """Ends the call."""
        raise _Aborted(_status(code, details, self._trailing))


def _status(
    code: grpc.StatusCode, details: str, trailing: tuple[tuple[str, str | bytes], ...] = ()
) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=details
    )


class Stream:
    """A call that answers with a stream."""

    def __init__(self, parts: AsyncIterator[Any]) -> None:
        self._parts = parts

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._parts

    def cancel(self) -> bool:
        """Ends the call: it is ended by the one who reads it, who does not come back."""
        return True


class InProcessChannel:
    """The part of `grpc.aio.Channel` that generated stubs use.

    `find` gives the server that is up, or None while there is none: then calls fail as they do when
    nobody listens.
    """

    def __init__(self, find: Callable[[], Listener | None]) -> None:
        self._find = find
        self._calls: set[asyncio.Task[Any]] = set()
        """What callers hold."""
        self._work: set[asyncio.Task[Any]] = set()
        """What the server does for them."""
        self._broken: Exception | None = None

    @property
    def waits(self) -> bool:
        """Whether a call is under way."""
        return bool(self._work)

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        **_: Any,
    ) -> Callable[..., asyncio.Task[Any]]:
        """See `grpc.aio.Channel`."""

        async def call(data: bytes, timeout: float | None, metadata: Any) -> Any:
            handler = self._listener().handlers
            call = _find(handler, method).unary_unary(data, _Call(timeout, metadata))
            return response_deserializer(await self._answer(call, timeout))

        def begin(
            request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any
        ) -> asyncio.Task[Any]:
            task = asyncio.ensure_future(call(request_serializer(request), timeout, metadata))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
            return task

        return begin

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        **_: Any,
    ) -> Callable[..., Stream]:
        """See `grpc.aio.Channel`."""

        async def parts(data: bytes, metadata: Any) -> AsyncIterator[Any]:
            handler = _find(self._listener().handlers, method)
            parts = handler.unary_stream(data, _Call(None, metadata))
            try:
                while (part := await self._answer(anext(parts, None), None)) is not None:
                    yield response_deserializer(part)
            finally:
                await parts.aclose()

        def begin(request: Any, *, metadata: Any = None, **_: Any) -> Stream:
            return Stream(parts(request_serializer(request), metadata))

        return begin

    async def close(self, grace: float | None = None) -> None:
        """Cancels the calls that are under way."""
        for call in list(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def cut(self) -> None:
        """The cable is gone: nothing goes through any more, in either direction."""
        self._broken = _status(grpc.StatusCode.UNAVAILABLE, "the connection is gone")
        for work in list(self._work):
            work.cancel()

    def interrupt(self, error: Exception) -> None:
        """Ends the calls that are under way with this error; later ones go through."""
        self._broken = error
        for work in list(self._work):
            work.add_done_callback(self._mend)
            work.cancel()

    def _mend(self, _: object) -> None:
        asyncio.get_running_loop().call_soon(setattr, self, "_broken", None)

    async def _answer(
        self, handling: Coroutine[Any, Any, _Result], timeout: float | None
    ) -> _Result:
        """Lets the server do it; raises what a real call raises if it does not come to an end."""
        listener = self._listener()
        work = asyncio.ensure_future(handling)
        for keeper in (listener.calls, self._work):
            keeper.add(work)
            work.add_done_callback(keeper.discard)
        try:
            async with asyncio.timeout(timeout):
                return await work
        except TimeoutError:
            raise _status(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        except _Aborted as aborted:
            raise aborted.status from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            gone = _status(grpc.StatusCode.UNAVAILABLE, "the server has gone away")
            raise self._broken or gone from None

    def _listener(self) -> Listener:
        found = self._find()
        if self._broken is not None:
            raise self._broken
        if found is None:
            raise _status(grpc.StatusCode.UNAVAILABLE, "nobody listens")
        return found


def _find(handlers: Mapping[str, Mapping[str, Any]], method: str) -> Any:
    _, service, name = method.split("/")
    return handlers[service][name]
