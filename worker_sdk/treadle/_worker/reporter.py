"""Results on their way to the server.

A result goes out at once while few others are on their way, and otherwise with whatever else has
gathered by the time a call returns, or with many others: batches grow with the load by themselves.
A result is kept until the server has taken or refused it; its token names it, so sending it twice
is safe. The answer may bring the next tasks.
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

_FEW_RESULTS = 8
"""With fewer on their way, the next one does not wait for their answer, which under load takes many
times as long as the way: each call of one result costs more than its share of a batch, so there
must not be many.
"""

_MANY_RESULTS = 50
"""So many together do not wait either, or the server would commit the few by themselves, and do
nothing meanwhile. Measured with a hundred runs at a time: 6 % more of them a second; with 25, code
is slower, whose results come one by one. Large ones, of which not so many fit into a call, wait:
the server would have to keep them all.
"""

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
        self._on_their_way: set[bytes] = set()
        """Tokens of results in calls without an answer yet, or that wait to be sent again."""
        self._calls: asyncio.TaskGroup
        self._failing = False
        """A call has failed: one call at a time, until one that was begun since then succeeds. One
        that was under way already says nothing about what is wrong.
        """
        self._pausing = False
        self._one_by_one = False

    async def run(self) -> None:
        """Reports until cancelled."""
        session = self._session
        async with asyncio.TaskGroup() as calls:
            self._calls = calls
            while True:
                await session.result_came.wait()
                session.result_came.clear()
                self._begin_calls()

    def _begin_calls(self) -> None:
        slots = self._session.slots
        while (fewest := self._fewest()) and len(batch := self._next_batch()) >= fewest:
            # A result brings its run's next task as a rule, so as many as there are results. What
            # is free beside that stays with the parked poll: it gets what begins meanwhile at once,
            # which would otherwise be written down as waiting and read again.
            promised = min(slots.free, len(batch))
            slots.promised_to_reports += promised
            self._on_their_way.update(result.task_token for result in batch)
            self._calls.create_task(self._report(batch, promised, on_trial=self._failing))

    def _fewest(self) -> int:
        """So many results must go together for a call to begin now; 0: none may."""
        on_their_way = len(self._on_their_way)
        if self._failing:
            return 0 if on_their_way else 1
        if on_their_way < _FEW_RESULTS:
            return 1
        waiting = len(self._session.unreported) - on_their_way
        return _MANY_RESULTS if waiting >= _MANY_RESULTS else 0

    def _next_batch(self) -> list[messages.TaskResult]:
        batch: list[messages.TaskResult] = []
        size = 0
        for token, result in self._session.unreported.items():
            if token in self._on_their_way:
                continue
            size += result.ByteSize()
            if batch and (
                size > outcomes.MAX_RESULT_BYTES or len(batch) == _MAX_BATCH or self._one_by_one
            ):
                break
            batch.append(result)
        return batch

    async def _report(
        self, batch: Sequence[messages.TaskResult], promised: int, *, on_trial: bool
    ) -> None:
        session = self._session
        acknowledgements = session.take_acknowledgements()
        request = messages.CompleteTasksRequest(
            namespace=self._namespace,
            results=batch,
            want_next=promised,
            session_id=session.session_id,
            acknowledged_delivery_ids=acknowledgements,
        )
        response = None
        try:
            response = await self._connection.complete(request)
        except RequestError as error:
            session.put_back_acknowledgements(acknowledgements)
            await self._call_failed(batch, error)
        finally:
            session.slots.promised_to_reports -= promised
        if response is not None:
            if self._take(batch, response):
                session.slots_changed()
                await self._pause()
            elif on_trial:
                self._backoff.reset()
                self._failing = self._one_by_one = False
        self._on_their_way.difference_update(result.task_token for result in batch)
        self._begin_calls()  # something may have waited for this answer
        if len(session.unreported) <= len(self._on_their_way):
            # The answer promised nothing more than it brought: what is left can go to the poll. Not
            # while a result waits to be sent, for which the server still counts a slot as taken.
            session.slots_changed()

    def _take(
        self, batch: Sequence[messages.TaskResult], response: messages.CompleteTasksResponse
    ) -> bool:
        """Reads an answer; whether some of the results must be sent again."""
        session = self._session
        session.receive(response.tasks, response.delivery_id)
        answers = {answer.task_token: answer for answer in response.decisions}
        again = False
        for result, status in zip(batch, response.statuses, strict=False):
            again |= self._read(result, status)
            if result.HasField("decided") and status.code not in _TRANSIENT:
                token = result.task_token
                answer = answers.get(token) or DecisionAnswer(task_token=token)
                session.decided(token, None if status.code else answer)
        return again

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
        self._failing = True
        if isinstance(error, RequestRefused) or _too_large(error):
            if len(batch) == 1:
                self._refused(batch[0], True, error.message)
                if batch[0].HasField("decided"):
                    self._session.decided(batch[0].task_token, None)
            else:
                self._one_by_one = True  # to find the one that spoils the call
            return
        self._session.connection_lost()
        at_least = 0.0
        if isinstance(error, ServerBusy) and error.retry_after_seconds is not None:
            at_least = error.retry_after_seconds
        _log.warning("%d results not delivered, to be sent again: %s", len(batch), error)
        await self._pause(at_least)

    async def _pause(self, at_least_seconds: float = 0.0) -> None:
        """Nothing is sent meanwhile: the results of the call that waits here are on their way. One
        wait is enough for all calls of the same moment.
        """
        self._failing = True
        if self._pausing:
            return
        self._pausing = True
        try:
            delay = self._backoff.next_delay_seconds() or 0.0
            await asyncio.sleep(max(delay, at_least_seconds))
        finally:
            self._pausing = False

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


def _too_large(error: RequestError) -> bool:
    """Whether it is gRPC that does not take a call, for its size: again and again, that is. It says
    so with the code of a server that is busy, but of those ours names the limit that was reached.
    """
    return isinstance(error, ServerBusy) and not error.reason and "larger than max" in error.message
