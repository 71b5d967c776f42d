"""Heartbeats of activities: when they go out, and what the answers say.

`Context.heartbeat` may be called as often as an activity likes, from any thread. What goes out is
the newest details, at most once in 0.8 of the activity's heartbeat timeout (30 s if it has none),
all that are due in one call. The liveness of the session itself is the poller's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence

from treadle._client.retry import Backoff
from treadle._worker.connection import Connection
from treadle._worker.session import Attempt, Session
from treadle.errors import RequestError
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages

_log = logging.getLogger("treadle.worker")

_SHARE_OF_TIMEOUT = 0.8
_INTERVAL_SECONDS = 30.0
_LONGEST_INTERVAL_SECONDS = 60.0
_MAX_BATCH = 1_000
# Below the 4 MiB that a server takes in one message; details alone may have half of that.
_MAX_BATCH_BYTES = 3 * 1024 * 1024


class Heartbeats:
    """Sends what activities gave."""

    def __init__(
        self,
        session: Session,
        connection: Connection,
        namespace: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._session = session
        self._connection = connection
        self._namespace = namespace
        self._loop = loop
        self._thread = threading.get_ident()
        self._given = asyncio.Event()
        self._waiting: dict[bytes, Attempt] = {}
        self._backoff = Backoff()
        self._not_before = float("-inf")

    def give(self, token: bytes, details: payload_pb2.Payload | None) -> None:
        """Takes a heartbeat; from any thread."""
        attempt = self._session.attempts.get(token)
        if not isinstance(attempt, Attempt):
            return
        # In this order, and the reverse in `_send`: then no details are lost between threads.
        if details is not None:
            attempt.heartbeat_details = details
        if attempt.heartbeat_due:
            return
        attempt.heartbeat_due = True
        if threading.get_ident() == self._thread:
            self._enqueue(attempt)
        else:
            # The loop is closed if the worker has left without waiting for this function.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._enqueue, attempt)

    async def run(self) -> None:
        """Sends what is due, until cancelled."""
        while True:
            earliest = min(map(self._due_at, self._waiting.values()), default=None)
            try:
                async with asyncio.timeout_at(earliest):
                    await self._given.wait()
            except TimeoutError:
                pass
            self._given.clear()
            now = self._loop.time()
            due = [a for a in self._waiting.values() if self._due_at(a) <= now]
            if due:
                await self._send(_fitting(due))

    async def flush(self, attempt: Attempt) -> None:
        """Sends the last details of an attempt that failed: the next one is to have them."""
        if attempt.heartbeat_due:
            await self._send([attempt])

    def forget(self, attempt: Attempt) -> None:
        """The attempt has ended."""
        self._waiting.pop(attempt.token, None)

    def _enqueue(self, attempt: Attempt) -> None:
        if attempt.token in self._session.attempts:
            self._waiting[attempt.token] = attempt
            self._given.set()

    def _due_at(self, attempt: Attempt) -> float:
        interval = _INTERVAL_SECONDS
        if attempt.task.HasField("heartbeat_timeout"):
            timeout = attempt.task.heartbeat_timeout.ToTimedelta().total_seconds()
            interval = min(timeout * _SHARE_OF_TIMEOUT, _LONGEST_INTERVAL_SECONDS)
        return max(attempt.heartbeat_sent + interval, self._not_before)

    async def _send(self, attempts: Sequence[Attempt]) -> None:
        request = messages.HeartbeatRequest(
            namespace=self._namespace, session_id=self._session.session_id
        )
        now = self._loop.time()
        for attempt in attempts:
            attempt.heartbeat_due = False
            attempt.heartbeat_sent = now
            self._waiting.pop(attempt.token, None)
            request.heartbeats.add(task_token=attempt.token, details=attempt.heartbeat_details)
        try:
            response = await self._connection.heartbeat(request)
        except RequestError as error:
            self._try_again(attempts, error)
            return
        self._backoff.reset()
        for attempt, status in zip(attempts, response.statuses, strict=False):
            self._read(attempt, status)

    def _try_again(self, attempts: Sequence[Attempt], error: RequestError) -> None:
        delay = self._backoff.next_delay_seconds() or 0.0
        self._not_before = self._loop.time() + delay
        _log.warning(
            "%d heartbeats not delivered, trying again in %.1f s: %s", len(attempts), delay, error
        )
        for attempt in attempts:
            attempt.heartbeat_sent = float("-inf")
            attempt.heartbeat_due = True
            self._enqueue(attempt)

    def _read(self, attempt: Attempt, status: messages.TaskHeartbeatStatus) -> None:
        if status.status.code:
            # The lease is lost: whatever comes of this attempt, the server will refuse it.
            _log.warning(
                "%s is no longer this worker's, and is stopped: %s",
                attempt,
                status.status.message,
                extra=attempt.log_fields(),
            )
            self._session.control(messages.CONTROL_ACTION_ABANDON, attempt.token)
        elif status.cancel_requested:
            self._session.control(messages.CONTROL_ACTION_CANCEL, attempt.token)


def _fitting(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """As many as one call takes, from the front; the others stay due."""
    size = 0
    for number, attempt in enumerate(attempts):
        if attempt.heartbeat_details is not None:
            size += attempt.heartbeat_details.ByteSize()
        if number and (size > _MAX_BATCH_BYTES or number == _MAX_BATCH):
            return attempts[:number]
    return attempts
