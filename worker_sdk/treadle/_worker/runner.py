"""One attempt, from its task to its result: checks the input, calls the activity, reads the
outcome.

An async activity is one asyncio task; a plain one is one job in a thread. Each runs in
`contextvars` of its own, where the attempt's context and trace are the current ones.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from treadle import context as contexts
from treadle._types.mismatch import Mismatch
from treadle._worker import outcomes, tracing
from treadle._worker.heartbeats import Heartbeats
from treadle._worker.session import Attempt, Session
from treadle._worker.threads import Threads
from treadle.activities import Activity
from treadle.context import Context
from treadle.errors import ActivityCancelled, ApplicationError, PayloadError
from treadle.v1 import worker_service_pb2 as messages

_log = logging.getLogger("treadle.worker")

_STOPPING = "the worker is stopping"


class Runner:
    """Runs attempts. Owns those that wait for a thread."""

    def __init__(
        self,
        session: Session,
        heartbeats: Heartbeats,
        threads: Threads,
        activities: Mapping[str, Activity[..., Any]],
        resources: Mapping[str, Any],
    ) -> None:
        self._session = session
        self._heartbeats = heartbeats
        self._threads = threads
        self._activities = activities
        self._resources = resources
        self._waiting: deque[Attempt] = deque()
        self._flushes: set[asyncio.Task[None]] = set()
        self._leaving = False

    def begin(self, task: messages.Task) -> None:
        """Takes a task; what becomes of it is told to the session."""
        activity = self._activities.get(task.activity_type)
        if activity is None:
            reason = f"this worker has no activity {task.activity_type!r}"
            self._session.add_result(outcomes.returned(task.task_token, reason))
            return
        if not self._session.slots.open:
            self._session.add_result(outcomes.returned(task.task_token, _STOPPING))
            return
        context = Context(task, resources=self._resources, on_heartbeat=self._heartbeats.give)
        attempt = Attempt(task, activity, context)
        self._session.hold(attempt)
        if activity.is_async:
            attempt.running = asyncio.get_running_loop().create_task(
                self.run_async(attempt, activity), context=_contextvars(context)
            )
        elif self._threads.free:
            self._run_plain(attempt, activity)
        else:
            self._waiting.append(attempt)

    def return_waiting(self) -> None:
        """Gives back what has not begun: somebody else may have it."""
        while self._waiting:
            attempt = self._waiting.popleft()
            result = outcomes.returned(attempt.token, _STOPPING)
            self._session.release(attempt, result)

    def leave(self) -> None:
        """Stops what can be stopped; what ends by it is not reported, its lease goes to others."""
        self._leaving = True
        self.return_waiting()
        for attempt in list(self._session.attempts.values()):
            attempt.ask_to_stop()

    async def run_async(self, attempt: Attempt, activity: Activity[..., Any]) -> None:
        """One async attempt. The watchdog finds this frame, and in it `attempt`, by its code."""
        attempt.begun = True
        result = self._refusal(attempt)
        if result is None:
            try:
                arguments = activity.arguments(attempt.task.input, attempt.context)
            except Exception as error:  # noqa: BLE001 - a model's own code may raise anything
                result = self._unfit(attempt, error)
            else:
                try:
                    output = await activity.function(**arguments)
                except (KeyboardInterrupt, GeneratorExit):
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome
                    result = self._raised(attempt, error)
                else:
                    result = outcomes.completed(attempt.token, output, attempt.context)
        self._finish(attempt, result)

    def _run_plain(self, attempt: Attempt, activity: Activity[..., Any]) -> None:
        context = _contextvars(attempt.context)
        attempt.begun = True
        self._threads.run(functools.partial(context.run, self._call_plain, attempt, activity))

    def _call_plain(self, attempt: Attempt, activity: Activity[..., Any]) -> Callable[[], None]:
        """Runs in a thread; returns what the event loop is to do then."""
        result: messages.TaskResult | None
        try:
            arguments = activity.arguments(attempt.task.input, attempt.context)
        except Exception as error:  # noqa: BLE001 - a model's own code may raise anything
            result = self._unfit(attempt, error)
        else:
            try:
                output = activity.function(**arguments)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome
                result = self._raised(attempt, error)
            else:
                result = outcomes.completed(attempt.token, output, attempt.context)
        return functools.partial(self._plain_ended, attempt, result)

    def _plain_ended(self, attempt: Attempt, result: messages.TaskResult | None) -> None:
        self._finish(attempt, result)
        while self._waiting and self._threads.free:
            following = self._waiting.popleft()
            refusal = self._refusal(following)
            if refusal is None:
                self._run_plain(following, following.activity)
            else:
                self._finish(following, refusal)

    def _finish(self, attempt: Attempt, result: messages.TaskResult | None) -> None:
        if attempt.abandoned:
            result = None
        if attempt.heartbeat_due and result is not None and result.HasField("failed"):
            # The next attempt is to know how far this one came, so that goes first.
            flush = asyncio.get_running_loop().create_task(self._flush_and_release(attempt, result))
            self._flushes.add(flush)
            flush.add_done_callback(self._flushes.discard)
            return
        self._heartbeats.forget(attempt)
        self._session.release(attempt, result)

    async def _flush_and_release(self, attempt: Attempt, result: messages.TaskResult) -> None:
        await self._heartbeats.flush(attempt)
        self._heartbeats.forget(attempt)
        self._session.release(attempt, result)

    def _refusal(self, attempt: Attempt) -> messages.TaskResult | None:
        """The result of an attempt that is not even begun, because it is too late for that."""
        if attempt.cancel_asked:
            return outcomes.cancelled(attempt.token)
        if self._leaving:
            return outcomes.returned(attempt.token, _STOPPING)
        return None

    def _unfit(self, attempt: Attempt, error: Exception) -> messages.TaskResult | None:
        """The result of an attempt whose input could not be turned into arguments."""
        if not isinstance(error, (Mismatch, PayloadError)):
            return self._raised(attempt, error)
        _log.warning("input refused: %s: %s", attempt, error, extra=attempt.log_fields())
        failure = outcomes.invalid_input(attempt.context.activity_type, error)
        return outcomes.failed(attempt.token, failure)

    def _raised(self, attempt: Attempt, error: BaseException) -> messages.TaskResult | None:
        """The result of an activity that raised; None if nobody is to know. From any thread."""
        if isinstance(error, (asyncio.CancelledError, ActivityCancelled)):
            if attempt.cancel_asked:
                return outcomes.cancelled(attempt.token)
            if self._leaving:
                return None
        failure = outcomes.from_exception(error)
        expected = isinstance(error, ApplicationError)
        _log.log(
            logging.INFO if expected else logging.WARNING,
            "failed: %s: %s: %s",
            attempt,
            failure.kind,
            failure.message,
            extra=attempt.log_fields(),
            exc_info=None if expected else error,
        )
        return outcomes.failed(attempt.token, failure)


def _contextvars(context: Context) -> contextvars.Context:
    of_attempt = contextvars.copy_context()
    of_attempt.run(_enter, context)
    return of_attempt


def _enter(context: Context) -> None:
    contexts.enter(context)
    tracing.enter(context)
