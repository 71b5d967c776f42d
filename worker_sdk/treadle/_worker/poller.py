"""The parked poll: one PollTasks call that waits at the server all the time.

It brings tasks and control messages, and by being there it keeps the session's leases alive; so it
stays parked, with `max_tasks` 0, when the worker is full or draining. It asks for what is free when
it begins. A poll that asked for nothing is withdrawn when a slot comes free, as waiting it out
would leave the slot empty for up to 20 s. Withdrawing costs: what was on its way may be lost, so
the next poll names all that is held. A worker that has just become full therefore waits a moment
first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from treadle._client.requests import duration
from treadle._client.retry import Backoff
from treadle._worker.connection import Connection, PollCall
from treadle._worker.session import Session
from treadle._worker.settings import Settings
from treadle.errors import InvalidRequest, NotPermitted, RequestError
from treadle.v1 import worker_service_pb2 as messages

_log = logging.getLogger("treadle.worker")

_MAX_TASKS = 1_000

_TOKEN_INVALID = "TASK_TOKEN_INVALID"
"""The server's reason for a token that it has not made."""

_FULL_SECONDS = 0.5
"""A full worker that has work in plenty frees a slot sooner, and one that is full of long work can
wait so long for a control message.
"""

# A server that answers an empty poll sooner is not waiting at all; asking at once would be a storm.
_SHORTEST_EMPTY_SECONDS = 0.05


class Poller:
    """Keeps the poll parked."""

    def __init__(
        self,
        session: Session,
        connection: Connection,
        settings: Settings,
        activity_types: Sequence[messages.ActivityType] = (),
        workflow_types: Sequence[messages.WorkflowType] = (),
        queue: str | None = None,
    ) -> None:
        self._session = session
        self._connection = connection
        self._settings = settings
        self._activity_types = activity_types
        self._workflow_types = workflow_types
        self._queue = queue or settings.queue
        self._call: PollCall | None = None
        self._withdrawn = False
        self._slot_came_free = asyncio.Event()
        self._failing_since: float | None = None

    async def run(self) -> None:
        """Polls until cancelled. Raises `InvalidRequest` or `NotPermitted`: no repeat helps."""
        backoff = Backoff()
        while True:
            await self._wait_for_a_slot()
            began = time.monotonic()
            try:
                response = await self._ask()
            except RequestError as error:
                self._lost(error)
                await asyncio.sleep(backoff.next_delay_seconds() or 0.0)
                continue
            if response is None:
                continue
            backoff.reset()
            self._found()
            self._read(response)
            empty = not response.tasks and not response.control_messages
            if empty and time.monotonic() - began < _SHORTEST_EMPTY_SECONDS:
                await asyncio.sleep(_SHORTEST_EMPTY_SECONDS)

    def reconsider(self) -> None:
        """The free slots have changed: withdraws the poll if it asks for the wrong thing."""
        slots = self._session.slots
        if slots.free > 0 or not slots.open:
            self._slot_came_free.set()
        starving = slots.promised_to_poll == 0 and slots.free > 0
        too_much = slots.promised_to_poll > 0 and not slots.open
        if self._call is not None and (starving or too_much):
            self._withdrawn = True
            self._call.cancel()

    async def _wait_for_a_slot(self) -> None:
        """Returns at once if there is one, and after a moment if none comes free."""
        slots = self._session.slots
        if slots.free > 0 or not slots.open:
            return
        self._slot_came_free.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FULL_SECONDS):
                await self._slot_came_free.wait()

    def _request(self, acknowledgements: Sequence[int]) -> messages.PollTasksRequest:
        settings, session = self._settings, self._session
        request = messages.PollTasksRequest(
            namespace=settings.namespace,
            queue=self._queue,
            max_tasks=session.slots.promised_to_poll,
            wait=duration(settings.poll_wait_seconds),
            identity=settings.identity,
            build_id=settings.build_id,
            session_id=session.session_id,
            acknowledged_delivery_ids=acknowledgements,
        )
        if session.must_resume:
            request.activity_types.extend(self._activity_types)
            request.workflow_types.extend(self._workflow_types)
            request.resume.held_task_tokens.extend(session.held_tokens())
            session.must_resume = False
        return request

    async def _ask(self) -> messages.PollTasksResponse | None:
        """One poll; None if it was withdrawn."""
        session = self._session
        session.slots.promised_to_poll = min(session.slots.free, _MAX_TASKS)
        acknowledgements = session.take_acknowledgements()
        response = None
        try:
            response = await self._poll(self._request(acknowledgements))
        finally:
            session.slots.promised_to_poll = 0
            if response is None:
                session.put_back_acknowledgements(acknowledgements)
        return response

    async def _poll(self, request: messages.PollTasksRequest) -> messages.PollTasksResponse | None:
        """The answer; None if the poll was withdrawn."""
        self._withdrawn = False
        self._call = self._connection.poll(request, self._settings.poll_wait_seconds)
        try:
            return await self._connection.answer(self._call)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._withdrawn or (task is not None and task.cancelling()):
                raise
            # Its answer may have been on the way. Saying what is held gets the rest sent again.
            self._session.must_resume = True
            return None
        finally:
            self._call = None

    def _read(self, response: messages.PollTasksResponse) -> None:
        self._session.receive(response.tasks, response.delivery_id)
        for message in response.control_messages:
            self._session.control(message.action, message.task_token)

    def _lost(self, error: RequestError) -> None:
        """Notes a poll that failed. Raises the error if asking again cannot help."""
        if error.reason == _TOKEN_INVALID:
            # Another server, or another journal, than the one that gave us these tasks.
            _log.warning("the server does not know the tasks held here, which are dropped")
            self._session.disown()
        elif isinstance(error, (InvalidRequest, NotPermitted)):
            raise error
        self._session.connection_lost()
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            _log.warning("poll failed, trying again until the server answers: %s", error)

    def _found(self) -> None:
        if self._failing_since is not None:
            away = time.monotonic() - self._failing_since
            _log.info("the server answers again after %.1f s", away, extra={"away_seconds": away})
            self._failing_since = None
