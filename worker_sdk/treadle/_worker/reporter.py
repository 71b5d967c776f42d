"""Results on their way to the server.

One CompleteTasks call at a time. A result goes out at once if no call is under way, and otherwise
with whatever else has gathered by the time the call returns: batches grow with the load by
themselves. A result is kept until the server has taken or refused it; its token names it, so
sending it twice is safe. The answer may bring the next tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import grpc

from treadle._client.retry import Backoff
from treadle._worker import outcomes
from treadle._worker.connection import Connection
from treadle._worker.session import Session
from treadle.errors import RequestError, RequestRefused, ServerBusy
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.decision_pb2 import DecisionAnswer

_log = logging.getLogger("treadle.worker")

_MAX_BATCH = 1_000

_INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]
_TRANSIENT = frozenset(
    code.value[0]
    for code in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    )
)


class Reporter:
    """Sends results until each is taken or refused."""

    def __init__(self, session: Session, connection: Connection, namespace: str) -> None:
        self._session = session
        self._connection = connection
        self._namespace = namespace
        self._backoff = Backoff()
        self._one_by_one = False

    async def run(self) -> None:
        """Reports until cancelled."""
        session = self._session
        while True:
            await session.result_came.wait()
            session.result_came.clear()
            while session.unreported:
                await self._report(self._next_batch())

    def _next_batch(self) -> list[messages.TaskResult]:
        batch: list[messages.TaskResult] = []
        size = 0
        for result in self._session.unreported.values():
            size += result.ByteSize()
            if batch and (
                size > outcomes.MAX_RESULT_BYTES or len(batch) == _MAX_BATCH or self._one_by_one
            ):
                break
            batch.append(result)
        return batch

    async def _report(self, batch: Sequence[messages.TaskResult]) -> None:
        session, slots = self._session, self._session.slots
        # A result brings its run's next task as a rule, so as many as there are results. What is
        # free beside that stays with the parked poll: it gets what begins meanwhile at once, which
        # would otherwise be written down as waiting and read again.
        slots.promised_to_report = min(slots.free, len(batch), _MAX_BATCH)
        acknowledgements = session.take_acknowledgements()
        request = messages.CompleteTasksRequest(
            namespace=self._namespace,
            results=batch,
            want_next=slots.promised_to_report,
            session_id=session.session_id,
            acknowledged_delivery_ids=acknowledgements,
        )
        try:
            response = await self._connection.complete(request)
        except RequestError as error:
            session.put_back_acknowledgements(acknowledgements)
            await self._call_failed(batch, error)
            return
        finally:
            slots.promised_to_report = 0
        session.receive(response.tasks, response.delivery_id)
        answers = {answer.task_token: answer for answer in response.decisions}
        again = 0
        for result, status in zip(batch, response.statuses, strict=False):
            again += self._read(result, status)
            if result.HasField("decided") and status.code not in _TRANSIENT:
                token = result.task_token
                answer = answers.get(token) or DecisionAnswer(task_token=token)
                session.decided(token, None if status.code else answer)
        # The answer promised nothing more than it brought: what is left can go to the poll.
        session.slots_changed()
        if again:
            await asyncio.sleep(self._backoff.next_delay_seconds() or 0.0)
        else:
            self._backoff.reset()
            self._one_by_one = False

    def _read(self, result: messages.TaskResult, status: payload_pb2.ItemStatus) -> bool:
        """Notes what became of a result; whether it must be sent again."""
        if status.code in _TRANSIENT:
            return True
        if status.code:
            self._refused(result, status.code == _INVALID, status.message)
        else:
            self._session.settle(result)
        return False

    async def _call_failed(self, batch: Sequence[messages.TaskResult], error: RequestError) -> None:
        if isinstance(error, RequestRefused):
            if len(batch) == 1:
                self._refused(batch[0], True, error.message)
            else:
                self._one_by_one = True  # to find the one that spoils the call
            return
        self._session.connection_lost()
        delay = self._backoff.next_delay_seconds() or 0.0
        if isinstance(error, ServerBusy) and error.retry_after_seconds is not None:
            delay = max(delay, error.retry_after_seconds)
        _log.warning(
            "%d results not delivered, trying again in %.1f s: %s", len(batch), delay, error
        )
        await asyncio.sleep(delay)

    def _refused(self, result: messages.TaskResult, invalid: bool, message: str) -> None:
        """The server will not have it. If it is the result that is wrong, its run learns that."""
        if result.HasField("decided") and not invalid:
            self._session.settle(result)
            return
        final = result.failed.kind == outcomes.RESULT_REFUSED
        becomes = "reported as a failure instead" if invalid and not final else "dropped"
        _log.warning("the server refused a result, which is %s: %s", becomes, message)
        if invalid and not final:
            failure = outcomes.result_refused(message)
            self._session.add_result(outcomes.failed(result.task_token, failure))
        else:
            self._session.settle(result)
