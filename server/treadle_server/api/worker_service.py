"""`treadle.v1.WorkerService`."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import structlog

from treadle.v1 import worker_service_pb2 as messages
from treadle_server.api import checks, convert
from treadle_server.api.errors import item_status
from treadle_server.api.worker_requests import MAX_SESSION_BYTES, poll_request, reported
from treadle_server.engine.values import Duration
from treadle_server.runs.errors import RecordUnreadable
from treadle_server.runs.model import Beat, CompleteRequest, PollAnswer, TaskView
from treadle_server.runs.service import Runs

_log = structlog.get_logger(component="api")


class WorkerService:
    """One method per RPC, found by its name."""

    def __init__(self, runs: Runs, sampling_ratio: float, longest_wait: Duration) -> None:
        self._runs = runs
        self._longest_wait = longest_wait
        self._sampling_ratio = sampling_ratio

    def PollTasks(
        self, request: messages.PollTasksRequest, context: Any
    ) -> Awaitable[messages.PollTasksResponse]:
        """Waits for tasks."""
        # Not asynchronous itself: two kilobytes of a request would wait with it.
        polling = self._runs.poll(poll_request(request, context, self._longest_wait))
        return self._polled(polling, plain_json=request.plain_json)

    async def _polled(
        self, polling: Awaitable[PollAnswer], *, plain_json: bool
    ) -> messages.PollTasksResponse:
        answer = await polling
        response = messages.PollTasksResponse(
            control_messages=[convert.control(stop) for stop in answer.stops],
            delivery_id=answer.delivery_id,
        )
        self._write_tasks(answer.tasks, response, plain_json=plain_json)
        return response

    def _write_tasks(
        self,
        tasks: list[TaskView],
        response: messages.PollTasksResponse | messages.CompleteTasksResponse,
        *,
        plain_json: bool = False,
    ) -> None:
        add, ratio = response.tasks.add, self._sampling_ratio
        for task in tasks:
            try:
                convert.write_task(task, add(), plain_json=plain_json, sampling_ratio=ratio)
            except RecordUnreadable as error:  # the others are handed over all the same
                del response.tasks[-1]
                _log.error("a task cannot be handed over", key=task.key, error=error.message)

    async def CompleteTasks(
        self, request: messages.CompleteTasksRequest, _context: Any
    ) -> messages.CompleteTasksResponse:
        """Takes results."""
        results, refused = reported(request)
        answer = await self._runs.complete(
            CompleteRequest(
                namespace=checks.namespace(request.namespace),
                results=results,
                want_next=checks.count(
                    "want_next", request.want_next, low=0, high=checks.MAX_BATCH
                ),
                session_id=checks.identifier(
                    "session_id", request.session_id, limit=MAX_SESSION_BYTES
                ),
                acknowledged=tuple(request.acknowledged_delivery_ids),
            )
        )
        taken = iter(answer.refusals)
        response = messages.CompleteTasksResponse(
            delivery_id=answer.delivery_id,
            decisions=[convert.decision_answer(view) for view in answer.decisions],
        )
        for number in range(len(request.results)):
            refusal = refused[number] if number in refused else next(taken)
            status = response.statuses.add()
            if refusal is not None:
                status.CopyFrom(item_status(refusal))
        self._write_tasks(answer.tasks, response)
        return response

    async def ReadHistory(
        self, request: messages.ReadHistoryRequest, _context: Any
    ) -> messages.ReadHistoryResponse:
        """The events of a decision's run."""
        records, more = await self._runs.read_history(
            checks.namespace(request.namespace), request.task_token, request.after_seq
        )
        return messages.ReadHistoryResponse(
            event_batches=[record.body for record in records],
            more=more,
            last_seq=records[-1].base_seq + records[-1].count - 1 if records else 0,
        )

    async def Heartbeat(
        self, request: messages.HeartbeatRequest, _context: Any
    ) -> messages.HeartbeatResponse:
        """Renews leases."""
        beats = [
            Beat(
                token=beat.task_token,
                details=checks.payload(f"heartbeats[{number}].details", beat.details)
                if beat.HasField("details")
                else None,
            )
            for number, beat in enumerate(checks.batch("heartbeats", request.heartbeats))
        ]
        session_id = checks.identifier("session_id", request.session_id, limit=MAX_SESSION_BYTES)
        answers = await self._runs.heartbeat(checks.namespace(request.namespace), session_id, beats)
        return messages.HeartbeatResponse(
            statuses=[
                messages.TaskHeartbeatStatus(
                    status=item_status(answer.refusal), cancel_requested=answer.cancel_requested
                )
                for answer in answers
            ]
        )

    async def EndSession(
        self, request: messages.EndSessionRequest, _context: Any
    ) -> messages.EndSessionResponse:
        """Ends a session."""
        session_id = checks.identifier(
            "session_id", request.session_id, limit=MAX_SESSION_BYTES, required=True
        )
        await self._runs.end_session(checks.namespace(request.namespace), session_id)
        return messages.EndSessionResponse()
