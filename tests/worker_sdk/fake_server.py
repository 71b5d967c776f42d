"""A server double for the worker: real gRPC on a real port, and rules just long enough for it.

It hands out the tasks it was given, wants each delivery acknowledged, repeats what a resuming
session does not hold, and keeps every call for the tests to look at. It has no leases, no retries
and no journal: those are the server's own tests.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from treadle import payload
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.worker_service_pb2_grpc import (
    WorkerServiceServicer,
    add_WorkerServiceServicer_to_server,
)

OK = payload_pb2.ItemStatus()


def refusal(code: grpc.StatusCode, message: str) -> payload_pb2.ItemStatus:
    return payload_pb2.ItemStatus(code=code.value[0], message=message)


class FakeServer(WorkerServiceServicer):
    def __init__(self) -> None:
        self.port = 0
        self.polls: list[messages.PollTasksRequest] = []
        self.reports: list[messages.CompleteTasksRequest] = []
        self.heartbeats: list[messages.HeartbeatRequest] = []
        self.ended: list[str] = []
        self.acknowledged: set[int] = set()
        self.parked = 0
        self.most_parked = 0
        self.most_handed_out = 0
        self.results: dict[bytes, messages.TaskResult] = {}
        self.refuse: Callable[[messages.TaskResult], payload_pb2.ItemStatus] = lambda result: OK
        self.before_report: Callable[[Any, Any], Awaitable[None]] | None = None
        """Awaited with request and context before a report is taken; may abort or hang."""
        self.before_poll: Callable[[Any, Any], Awaitable[None]] | None = None
        self.before_heartbeat: Callable[[Any, Any], Awaitable[None]] | None = None
        self.refuse_heartbeat: dict[bytes, payload_pb2.ItemStatus] = {}
        self.cancel_at_heartbeat: set[bytes] = set()
        self.control: list[messages.ControlMessage] = []
        self._waiting: deque[messages.Task] = deque()
        self._handed_out: dict[bytes, messages.Task] = {}
        self._deliveries = 0
        self._tokens = 0
        self._changed = asyncio.Condition()
        self._server: grpc.aio.Server | None = None

    # --- for tests -----------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self, *options: tuple[str, int]) -> None:
        self._server = grpc.aio.server(options=options)
        add_WorkerServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """Ends at once, as a killed process does: calls under way are cut off."""
        assert self._server is not None
        await self._server.stop(None)

    async def add(self, activity: str, value: object = None, **fields: Any) -> bytes:
        """Puts a task into the queue; returns its token."""
        self._tokens += 1
        token = f"token-{self._tokens}".encode()
        fields = {"run_id": "run-1", "key": activity, "attempt": 1, **fields}
        await self.put(
            messages.Task(
                task_token=token, activity_type=activity, input=payload.encode(value), **fields
            )
        )
        return token

    async def put(self, task: messages.Task) -> None:
        self._waiting.append(task)
        await self.notify()

    async def send(self, action: messages.ControlAction, token: bytes) -> None:
        if action == messages.CONTROL_ACTION_ABANDON:
            self._handed_out.pop(token, None)
        self.control.append(messages.ControlMessage(action=action, task_token=token))
        await self.notify()

    async def notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits until a condition holds that the server's calls bring about."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def result(self, token: bytes) -> messages.TaskResult:
        await self.until(lambda: token in self.results)
        return self.results[token]

    async def output(self, token: bytes) -> object:
        result = await self.result(token)
        assert result.WhichOneof("outcome") == "completed", result
        return payload.decode(result.completed.output)

    async def failure(self, token: bytes) -> payload_pb2.Failure:
        result = await self.result(token)
        assert result.WhichOneof("outcome") == "failed", result
        return result.failed

    # --- the service ---------------------------------------------------------------------------

    async def PollTasks(
        self, request: messages.PollTasksRequest, context: Any
    ) -> messages.PollTasksResponse:
        if self.before_poll is not None:
            await self.before_poll(request, context)
        self.polls.append(request)
        self.acknowledged.update(request.acknowledged_delivery_ids)
        if request.HasField("resume"):
            for token in set(self._handed_out) - set(request.resume.held_task_tokens):
                self._waiting.append(self._handed_out.pop(token))
        self.parked += 1
        self.most_parked = max(self.most_parked, self.parked)
        await self.notify()
        try:
            async with asyncio.timeout(request.wait.ToTimedelta().total_seconds()):
                await self.until(lambda: self.control or (request.max_tasks and self._waiting))
        except TimeoutError:
            pass
        finally:
            self.parked -= 1
        response = messages.PollTasksResponse(control_messages=self.control)
        self.control = []
        response.tasks.extend(self._take(request.max_tasks))
        response.delivery_id = self._delivery(response.tasks)
        return response

    async def CompleteTasks(
        self, request: messages.CompleteTasksRequest, context: Any
    ) -> messages.CompleteTasksResponse:
        if self.before_report is not None:
            await self.before_report(request, context)
        self.reports.append(request)
        self.acknowledged.update(request.acknowledged_delivery_ids)
        response = messages.CompleteTasksResponse()
        for result in request.results:
            status = self.refuse(result)
            response.statuses.append(status)
            if not status.code:
                self.results[result.task_token] = result
                self._handed_out.pop(result.task_token, None)
        response.tasks.extend(self._take(request.want_next))
        response.delivery_id = self._delivery(response.tasks)
        await self.notify()
        return response

    async def Heartbeat(
        self, request: messages.HeartbeatRequest, context: Any
    ) -> messages.HeartbeatResponse:
        if self.before_heartbeat is not None:
            await self.before_heartbeat(request, context)
        self.heartbeats.append(request)
        await self.notify()
        return messages.HeartbeatResponse(
            statuses=[
                messages.TaskHeartbeatStatus(
                    status=self.refuse_heartbeat.get(beat.task_token),
                    cancel_requested=beat.task_token in self.cancel_at_heartbeat,
                )
                for beat in request.heartbeats
            ]
        )

    async def ReadHistory(
        self, request: messages.ReadHistoryRequest, context: Any
    ) -> messages.ReadHistoryResponse:
        return messages.ReadHistoryResponse()

    async def EndSession(
        self, request: messages.EndSessionRequest, context: Any
    ) -> messages.EndSessionResponse:
        self.ended.append(request.session_id)
        await self.notify()
        return messages.EndSessionResponse()

    def _take(self, limit: int) -> list[messages.Task]:
        tasks = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._handed_out.update((task.task_token, task) for task in tasks)
        self.most_handed_out = max(self.most_handed_out, len(self._handed_out))
        return tasks

    def _delivery(self, tasks: Any) -> int:
        self._deliveries += bool(tasks)
        return self._deliveries if tasks else 0


@asynccontextmanager
async def fake_server() -> AsyncIterator[FakeServer]:
    server = FakeServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
