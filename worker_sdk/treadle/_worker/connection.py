"""The worker's channel. Calls raise errors of `treadle.errors`; nothing is tried again here."""

from __future__ import annotations

import grpc
import grpc.aio

from treadle._client import channel, statuses
from treadle.errors import RequestError
from treadle.v1 import definition_service_pb2 as definition_messages
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.definition_service_pb2_grpc import DefinitionServiceStub
from treadle.v1.worker_service_pb2_grpc import WorkerServiceStub

PollCall = grpc.aio.UnaryUnaryCall[messages.PollTasksRequest, messages.PollTasksResponse]


class Connection:
    """The calls of `WorkerService`, and the one by which a worker deploys its workflows."""

    def __init__(self, address: str, call_timeout_seconds: float) -> None:
        self.address = address
        self._timeout_seconds = call_timeout_seconds
        self._channel = channel.open_channel(address)
        self._stub = WorkerServiceStub(self._channel)
        self._definitions = DefinitionServiceStub(self._channel)

    async def close(self) -> None:
        """Closes the channel; calls that are under way are cancelled."""
        await self._channel.close()

    def poll(self, request: messages.PollTasksRequest, wait_seconds: float) -> PollCall:
        """Begins a poll; the caller awaits it through `answer`, and may cancel it before."""
        return self._stub.PollTasks(request, timeout=wait_seconds + self._timeout_seconds)

    async def answer(self, call: PollCall) -> messages.PollTasksResponse:
        """The answer to a poll. Raises a `RequestError`."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    async def complete(
        self, request: messages.CompleteTasksRequest
    ) -> messages.CompleteTasksResponse:
        """Reports results. Raises a `RequestError`."""
        try:
            return await self._stub.CompleteTasks(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    async def read_history(
        self, request: messages.ReadHistoryRequest
    ) -> messages.ReadHistoryResponse:
        """Reads the events of a decision's run. Raises a `RequestError`."""
        try:
            return await self._stub.ReadHistory(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    async def deploy(
        self, request: definition_messages.DeployDefinitionRequest
    ) -> definition_messages.DeployDefinitionResponse:
        """Deploys a definition. Raises a `RequestError`."""
        try:
            return await self._definitions.DeployDefinition(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    async def heartbeat(self, request: messages.HeartbeatRequest) -> messages.HeartbeatResponse:
        """Sends heartbeats. Raises a `RequestError`."""
        try:
            return await self._stub.Heartbeat(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    async def end_session(
        self, request: messages.EndSessionRequest, timeout_seconds: float
    ) -> None:
        """Says goodbye. Raises a `RequestError`."""
        try:
            await self._stub.EndSession(request, timeout=timeout_seconds)
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    def _translated(self, error: grpc.aio.AioRpcError) -> RequestError:
        return statuses.from_call(
            error.code(), error.details(), error.trailing_metadata(), address=self.address
        )
