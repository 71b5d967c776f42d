"""Many starts that one client makes at the same time: in batches, instead of a call for each.

A start goes out by itself while few are under way. More than that wait for one of them to come back
and then go together, so batches grow with the load by themselves. Each is answered as it would have
been alone: what a batch refuses is asked again alone, as its request id names it.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Awaitable, Callable

from treadle._client import requests
from treadle.errors import RequestError
from treadle.v1 import run_service_pb2

_UNDER_WAY = 2
"""Calls at a time; the second fills the time that the first one's commit takes."""

_Request = run_service_pb2.StartRunRequest
_Response = run_service_pb2.StartRunResponse
_Batch = run_service_pb2.BatchStartRunsRequest
_Waiting = tuple[_Request, asyncio.Future[_Response | None]]


class Starts:
    """The starts of a client. The two callables make the calls, and try again as they may."""

    def __init__(
        self,
        namespace: str,
        one: Callable[[_Request], Awaitable[_Response]],
        many: Callable[[_Batch], Awaitable[run_service_pb2.BatchStartRunsResponse]],
    ) -> None:
        self._namespace = namespace
        self._one = one
        self._many = many
        self._under_way = 0
        self._waiting: list[_Waiting] = []
        self._batches: set[asyncio.Task[None]] = set()

    async def start(self, request: _Request) -> _Response:
        """Raises what StartRun raises."""
        if self._under_way >= _UNDER_WAY and not _is_traced():
            future: asyncio.Future[_Response | None] = asyncio.get_running_loop().create_future()
            self._waiting.append((request, future))
            response = await future
            if response is not None:
                return response
        self._under_way += 1
        try:
            return await self._one(request)
        finally:
            self._came_back()

    def _came_back(self) -> None:
        self._under_way -= 1
        waiting = [one for one in self._waiting if not one[1].done()]  # the others were cancelled
        if not waiting or self._under_way >= _UNDER_WAY:
            self._waiting = waiting
            return
        batch = _Batch(namespace=self._namespace)
        size = taken = 0
        for request, _ in waiting[: requests.MAX_BATCH]:
            size += request.ByteSize()
            if taken and size > requests.MAX_BATCH_BYTES:
                break
            batch.items.append(request)
            taken += 1
        self._waiting = waiting[taken:]
        self._under_way += 1
        task = asyncio.get_running_loop().create_task(
            self._send(batch, [future for _, future in waiting[:taken]]),
            context=contextvars.Context(),  # it is nobody's in particular
        )
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)

    async def _send(self, batch: _Batch, futures: list[asyncio.Future[_Response | None]]) -> None:
        answers: list[_Response | None] = [None] * len(futures)
        try:
            response = await self._many(batch)
            answers = [None if item.status.code else item.run for item in response.items]
        except RequestError as error:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        finally:
            for future, answer in zip(futures, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
            self._came_back()


def _is_traced() -> bool:
    """Whether the caller is in a span, which a channel with OpenTelemetry's interceptor sends: the
    run's trace then belongs below it, so its start needs a call of its own.
    """
    trace = sys.modules.get("opentelemetry.trace")
    return trace is not None and trace.get_current_span().get_span_context().is_valid
