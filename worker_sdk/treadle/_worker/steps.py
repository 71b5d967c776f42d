"""Runs the functions of steps: on the worker's loop if they are async, in a thread if not."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import math
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from treadle import context as contexts
from treadle import payload
from treadle._client.requests import duration
from treadle._code.replayer import key_of
from treadle._code.run import RunInfo
from treadle._code.steps import StepCall
from treadle._types import hints
from treadle._worker import outcomes
from treadle._worker.session import Attempt
from treadle._worker.threads import Threads
from treadle.activities import Activity
from treadle.context import Context
from treadle.errors import ActivityCancelled, PayloadError
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.decision_pb2 import StepReport, StepTask

_log = logging.getLogger("treadle.worker")


class Watcher(Protocol):
    """Whoever waits for a step."""

    def begun(self) -> None:
        """It has a slot now."""
        ...

    def over(self, step: RunningStep) -> None:
        """It has its outcome."""
        ...


class RunningStep:
    """One attempt at a step, run here as soon as there is a slot."""

    def __init__(
        self, call: StepCall, attempt: Attempt, watcher: Watcher, clock: Callable[[], float]
    ) -> None:
        self.call = call
        self.function = call.function
        self.index = call.index
        self.attempt = attempt
        self.began = math.inf
        """When, by the loop's clock; never yet while it waits for a slot."""
        self.report: StepReport | None = None
        """How it ended; None while it runs."""
        self.wanted = True
        self.leased = False
        """It goes on under a lease of its own."""
        self._begun, self._over = watcher.begun, watcher.over
        self._clock = clock

    @property
    def has_begun(self) -> bool:
        """Whether it has, or had, a slot."""
        return self.began < math.inf

    def begin(self) -> None:
        """It has been waiting until now."""
        self.began = self._clock()
        self._begun()

    def end(self, report: StepReport) -> None:
        """Its outcome is there."""
        report.index = self.index
        report.took.CopyFrom(duration(max(0.0, self._clock() - self.began)))
        self.report = report
        self._over(self)

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self.wanted = False
        if self.has_begun:
            self.attempt.ask_to_stop()
        elif self.report is None:
            self.end(StepReport(cancelled=True))


class Steps:
    """As many at a time as there are slots; the others wait."""

    def __init__(
        self,
        slots: int,
        threads: Threads,
        resources: Mapping[str, Any],
        on_heartbeat: Callable[[bytes, payload_pb2.Payload | None], None],
        stand_in: Callable[[StepCall], Callable[..., Any]] | None = None,
    ) -> None:
        self._stand_in = stand_in
        self._free = slots
        self._threads = threads
        self._resources = resources
        self._on_heartbeat = on_heartbeat
        self._waiting: deque[RunningStep] = deque()

    def begin(
        self, call: StepCall, info: RunInfo, watcher: Watcher, given: StepTask | None = None
    ) -> RunningStep:
        """Runs a step, now or as soon as there is room."""
        command = call.command
        max_attempts = command.retry.max_attempts if command.HasField("retry") else 0
        task = messages.Task(
            run_id=info.run_id,
            workflow_id=info.workflow_id,
            workflow=info.workflow,
            version=info.version,
            key=key_of(call.index),
            activity_type=call.name,
            attempt=given.attempt if given is not None else 1,
            max_attempts=max_attempts or 1,
        )
        if given is not None and given.HasField("heartbeat_details"):
            task.heartbeat_details.CopyFrom(given.heartbeat_details)
        if command.HasField("heartbeat_timeout"):
            task.heartbeat_timeout.CopyFrom(command.heartbeat_timeout)
        context = Context(task, resources=self._resources, on_heartbeat=self._on_heartbeat)
        attempt = Attempt(task, _NO_ACTIVITY, context)
        running = RunningStep(call, attempt, watcher, asyncio.get_running_loop().time)
        if self._stand_in is not None:
            running.function = self._stand_in(call)
        self._waiting.append(running)
        self._go_on()
        return running

    def _go_on(self) -> None:
        while self._waiting and self._free > 0:
            running = self._waiting[0]
            if not running.wanted:
                self._waiting.popleft()
                continue
            is_async = asyncio.iscoroutinefunction(running.function)
            if not is_async and not self._threads.free:
                return
            self._waiting.popleft()
            self._free -= 1
            running.begin()
            of_step = contextvars.copy_context()
            of_step.run(contexts.enter, running.attempt.context)
            if is_async:
                running.attempt.running = asyncio.get_running_loop().create_task(
                    self._run_async(running), context=of_step
                )
            else:
                self._threads.run(functools.partial(of_step.run, self._call_plain, running))

    async def _run_async(self, running: RunningStep) -> None:
        running.attempt.begun = True
        if running.attempt.cancel_asked:
            self._ended(running, StepReport(cancelled=True))
            return
        try:
            args, kwargs = self._arguments(running)
            coroutine = running.function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome
            self._ended(running, raised(error, running))
            return
        await self._finish(running, coroutine)

    async def _finish(self, running: RunningStep, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            report = written(await coroutine, running.call)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome
            report = raised(error, running)
        self._ended(running, report)

    def _call_plain(self, running: RunningStep) -> Callable[[], None]:
        """Runs in a thread; returns what the event loop is to do then."""
        running.attempt.begun = True
        try:
            args, kwargs = self._arguments(running)
            value = running.function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome
            return functools.partial(self._ended, running, raised(error, running))
        if asyncio.iscoroutine(value):
            # Of `lambda: fetch(order)`, say, of which nobody can see before that it is async.
            of_step = contextvars.copy_context()
            return functools.partial(self._await_rest, running, value, of_step)
        return functools.partial(self._ended, running, written(value, running.call))

    def _await_rest(
        self,
        running: RunningStep,
        coroutine: Coroutine[Any, Any, Any],
        of_step: contextvars.Context,
    ) -> None:
        if running.attempt.cancel_asked:
            coroutine.close()
            self._ended(running, StepReport(cancelled=True))
            return
        running.attempt.running = asyncio.get_running_loop().create_task(
            self._finish(running, coroutine), context=of_step
        )

    @staticmethod
    def _arguments(running: RunningStep) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = running.call.call_arguments()
        name = _context_parameter(running.function)
        if name is not None and name not in kwargs:
            kwargs[name] = running.attempt.context
        return args, kwargs

    def _ended(self, running: RunningStep, report: StepReport) -> None:
        self._free += 1
        running.end(report)
        self._go_on()


def written(value: Any, call: StepCall) -> StepReport:
    """A step returned."""
    try:
        encoded = payload.encode(value)
    except PayloadError as error:
        return StepReport(failure=outcomes.invalid_output(f"step {call.name!r}", str(error)))
    report = StepReport()
    report.output.CopyFrom(encoded)
    return report


def raised(error: BaseException, running: RunningStep) -> StepReport:
    """A step raised."""
    if isinstance(error, (asyncio.CancelledError, ActivityCancelled)):
        return StepReport(cancelled=True)
    failure = outcomes.fitting(outcomes.from_exception(error))
    _log.info(
        "step failed: %s: %s: %s",
        running.attempt,
        failure.kind,
        failure.message,
        extra=running.attempt.log_fields(),
    )
    return StepReport(failure=failure)


def result_of(report: StepReport, token: bytes) -> messages.TaskResult:
    """The outcome of a step under a lease of its own, as any activity's."""
    match report.WhichOneof("outcome"):
        case "output":
            completed = messages.TaskCompleted(output=report.output)
            return messages.TaskResult(task_token=token, completed=completed)
        case "failure":
            return outcomes.failed(token, report.failure)
        case _:
            return outcomes.cancelled(token)


@functools.lru_cache(maxsize=10_000)
def _context_parameter(function: Callable[..., Any]) -> str | None:
    """The parameter that wants the attempt's context."""
    try:
        annotations = hints.resolve_hints(function)
    except Exception:  # noqa: BLE001 - builtins and partials have none
        return None
    return next((name for name, one in annotations.items() if hints.unwrap(one) is Context), None)


def _nothing() -> None:
    """Stands where an attempt of an activity has its activity."""


_NO_ACTIVITY: Activity[..., Any] = Activity(_nothing, name="step")
