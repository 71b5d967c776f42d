"""Many runs that one client waits for: over one stream, instead of a call for each.

A call costs both sides ten times what a message on an open stream does, and ends that come together
travel together. The stream lives while somebody waits, and is made again if it breaks.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from treadle._client import retry, statuses
from treadle.errors import RequestError
from treadle.v1 import run_service_pb2

_MAX_NAMES = 1_000

Waiters = dict[asyncio.Future[run_service_pb2.WaitRunResponse], None]


class Ends:
    """What a client waits for on its stream; `open_stream` begins the call."""

    def __init__(
        self, open_stream: Callable[[], Any], namespace: str, retry_seconds: float, address: str
    ) -> None:
        self._open_stream = open_stream
        self._namespace = namespace
        self._retry_seconds = retry_seconds
        self._address = address
        self._waiting: dict[str, Waiters] = {}
        self._unsaid: dict[str, bool] = {}
        """Runs that the server has yet to hear of: True, to wait for; False, to forget."""
        self._something = asyncio.Event()
        """Somebody came or went."""
        self._work: asyncio.Task[None] | None = None

    async def wait(self, run_id: str) -> run_service_pb2.WaitRunResponse:
        """How the run ended, once it has. Raises what WaitRun raises, and gives up as it does."""
        future: asyncio.Future[run_service_pb2.WaitRunResponse]
        future = asyncio.get_running_loop().create_future()
        if run_id not in self._waiting:
            self._waiting[run_id] = {}
            self._say(run_id, wanted=True)
        self._waiting[run_id][future] = None
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(
                self._listen(), context=contextvars.Context()
            )
        try:
            return await future
        finally:
            waiters = self._waiting.get(run_id)
            if waiters is not None:
                waiters.pop(future, None)
                if not waiters:
                    del self._waiting[run_id]
                    self._say(run_id, wanted=False)

    async def close(self) -> None:
        """Ends the call."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    def _say(self, run_id: str, *, wanted: bool) -> None:
        self._unsaid[run_id] = wanted
        self._something.set()

    async def _listen(self) -> None:
        """Keeps the stream while anybody waits."""
        backoff = retry.Backoff(self._retry_seconds)
        try:
            while self._waiting:
                try:
                    await self._converse(backoff)
                except grpc.aio.AioRpcError as error:
                    transient = error.code() in retry.TRANSIENT
                    delay = backoff.next_delay_seconds() if transient else None
                    if delay is None:
                        backoff.reset()
                        self._fail(error)
                    else:
                        await asyncio.sleep(delay)
        finally:
            self._work = None
            # The client was closed, or gRPC fails as it never should: nobody may wait for ever.
            for future in self._let_go():
                future.cancel()

    async def _converse(self, backoff: retry.Backoff) -> None:
        """One stream, until nobody waits any more."""
        stream = self._open_stream()
        self._unsaid = dict.fromkeys(self._waiting, True)
        self._something.set()
        writing = asyncio.ensure_future(self._write(stream))
        try:
            while self._waiting:
                response = await stream.read()
                if response is grpc.aio.EOF:
                    raise _left_off()
                backoff.reset()
                for end in response.ends:
                    self._settle(end)
        finally:
            writing.cancel()
            stream.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, stream: Any) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while self._unsaid:
                    await stream.write(self._request())
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # whoever reads the stream hears of it, too

    def _request(self) -> run_service_pb2.WaitRunsRequest:
        request = run_service_pb2.WaitRunsRequest(namespace=self._namespace)
        for run_id in list(self._unsaid)[:_MAX_NAMES]:
            wanted = self._unsaid.pop(run_id)
            (request.run_ids if wanted else request.forget_run_ids).append(run_id)
        return request

    def _settle(self, end: run_service_pb2.RunEnd) -> None:
        for future in self._waiting.pop(end.run_id, ()):
            if future.done():
                continue
            if end.status.code:
                future.set_exception(statuses.from_item(end.status))
            else:
                future.set_result(end.end)

    def _fail(self, error: grpc.aio.AioRpcError) -> None:
        """Tells all who wait that it is of no use."""
        for future in self._let_go():
            if not future.done():
                future.set_exception(self._described(error))

    def _let_go(self) -> list[asyncio.Future[run_service_pb2.WaitRunResponse]]:
        """All who wait; they are not waited for any more."""
        waiting, self._waiting = self._waiting, {}
        return [future for waiters in waiting.values() for future in waiters]

    def _described(self, error: grpc.aio.AioRpcError) -> RequestError:
        return statuses.from_call(
            error.code(), error.details(), error.trailing_metadata(), address=self._address
        )


def _left_off() -> grpc.aio.AioRpcError:
    """The server has ended the stream without an answer to everything: as if it had gone."""
    return grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata()
    )
