"""A connection, and the calls that every other verb is made of, from asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import grpc.aio

from treadle._client import channel, requests, retry, statuses, values
from treadle._client.values import RunDescription
from treadle.errors import RunNotFound
from treadle.v1 import run_service_pb2
from treadle.v1.definition_service_pb2_grpc import DefinitionServiceStub
from treadle.v1.run_service_pb2_grpc import RunServiceStub

_Response = TypeVar("_Response")

_NEXT_RUN_SECONDS = 0.05


class Connected:
    """What the parts of a client have in common. The client says what the arguments are."""

    _longest_wait_seconds = requests.MAX_WAIT_SECONDS

    def __init__(
        self,
        address: str | None = None,
        *,
        namespace: str = "default",
        call_timeout_seconds: float = 30.0,
        retry_seconds: float = 20.0,
        connection: grpc.aio.Channel | None = None,
    ) -> None:
        self.address = channel.resolve_address(address)
        self.namespace = namespace
        self._call_timeout_seconds = call_timeout_seconds
        self._retry_seconds = retry_seconds
        self._channel = connection or channel.open_channel(self.address)
        self._definitions = DefinitionServiceStub(self._channel)
        self._runs = RunServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection; calls that are under way are cancelled."""
        await self._channel.close()

    async def get_run(
        self,
        run_id: str | None = None,
        *,
        workflow_id: str | None = None,
        include_nodes: bool = False,
    ) -> RunDescription:
        """Describes a run; `workflow_id` names the newest run of it. Raises `NotFound`."""
        request = run_service_pb2.GetRunRequest(
            namespace=self.namespace,
            include_nodes=include_nodes,
            **requests.named_run(run_id, workflow_id),
        )
        return values.description(await self._call(self._runs.GetRun, request))

    async def _run(
        self, request: run_service_pb2.StartRunRequest, timeout_seconds: float | None
    ) -> object:
        """The output of a run that is started by this."""
        now = asyncio.get_running_loop().time
        began = now()
        wait = requests.ask_to_wait(request, timeout_seconds, self._longest_wait_seconds)
        try:
            async with asyncio.timeout(timeout_seconds):  # also while no server answers
                response = await self._call(self._runs.StartRun, request, wait)
        except TimeoutError:
            raise requests.not_heard_of(request.workflow) from None
        if response.end.ended and not response.end.next_run_id:
            return values.result(response.end)
        left = None if timeout_seconds is None else timeout_seconds - (now() - began)
        return await self._result(response.run_id, left)

    async def _result(self, run_id: str, timeout_seconds: float | None) -> object:
        now = asyncio.get_running_loop().time
        give_up_at = None if timeout_seconds is None else now() + timeout_seconds
        expected: set[str] = set()  # runs that go on in place of others, and begin in a moment
        while True:
            left = None if give_up_at is None else give_up_at - now()
            try:
                response = await self._wait(run_id, left)
            except RunNotFound:
                if run_id not in expected:
                    raise
                await asyncio.sleep(_NEXT_RUN_SECONDS)
                continue
            if response.ended and response.next_run_id:
                run_id = response.next_run_id
                expected.add(run_id)
            elif response.ended:
                return values.result(response)

    async def _wait(
        self, run_id: str, left_seconds: float | None
    ) -> run_service_pb2.WaitRunResponse:
        """The run's end, or that it has not come yet. Raises `TimeoutError`."""
        wait = requests.wait_seconds(left_seconds, self._longest_wait_seconds, run_id)
        request = run_service_pb2.WaitRunRequest(
            namespace=self.namespace, run_id=run_id, timeout=requests.duration(wait)
        )
        try:
            async with asyncio.timeout(left_seconds):  # also while no server answers
                return await self._call(self._runs.WaitRun, request, wait)
        except TimeoutError:
            raise requests.not_ended(run_id) from None

    async def _resolve(self, run_id: str | None, workflow_id: str | None) -> str:
        # The newest run of a workflow id may be another one by the second page or the reconnect.
        if run_id and not workflow_id:
            return run_id
        return (await self.get_run(run_id, workflow_id=workflow_id)).run_id

    async def _call(
        self,
        method: Callable[..., Awaitable[_Response]],
        request: Any,
        extra_seconds: float = 0.0,
    ) -> _Response:
        backoff = retry.Backoff(self._retry_seconds)
        while True:
            try:
                return await method(request, timeout=self._call_timeout_seconds + extra_seconds)
            except grpc.aio.AioRpcError as error:
                await self._wait_or_raise(error, backoff)

    async def _wait_or_raise(self, error: grpc.aio.AioRpcError, backoff: retry.Backoff) -> None:
        delay = backoff.next_delay_seconds() if error.code() in retry.TRANSIENT else None
        if delay is None:
            raise statuses.from_call(
                error.code(), error.details(), error.trailing_metadata(), address=self.address
            ) from error
        await asyncio.sleep(delay)
