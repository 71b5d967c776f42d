"""Steps and activities: work whose outcome is journaled.

A step is a function that this worker calls; an activity is done by whatever worker has its type.
Both are activities to the engine, with the same retries and fences, and the same words here.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

from treadle import _failure_codec, payload
from treadle._code.loop import Awaiting
from treadle._code.policy import delay_microseconds, retry_message
from treadle._code.run import Run, current
from treadle._code.values import copied, read_as
from treadle._graph.policies import Retry, Time
from treadle._types import hints
from treadle._types.hints import MISSING
from treadle.activities import Activity
from treadle.errors import ActivityFailed, DefinitionError, PayloadError, StepFailed, WorkFailed
from treadle.v1 import payload_pb2
from treadle.v1.decision_pb2 import DecisionCommand, ScheduleActivityCommand

_NOTHING: Any = object()


class Call(Awaiting):
    """One piece of work, asked for when it is awaited. Each method gives the call itself."""

    what = "activity"
    failed: type[WorkFailed] = ActivityFailed

    def __init__(self, name: str) -> None:
        self.name = name
        self.command = ScheduleActivityCommand(type=name)
        self.result_annotation: Any = MISSING
        self.undo: Any = None
        self.undo_retry: Retry | None = None
        self.undo_queue = ""
        self._otherwise: Any = _NOTHING
        self.undoes: int | None = None

    # --- how --------------------------------------------------------------------------------------

    def named(self, name: str) -> Self:
        """Shows under this name. Names may be made from data."""
        self.name = self.command.type = name
        return self

    def retry(
        self,
        max_attempts: int | Retry | None = None,
        initial: Time | None = None,
        **options: Any,
    ) -> Self:
        """Tried again when it fails: so many attempts in all, the first included. The other options
        are those of `Retry`.
        """
        policy = (
            max_attempts
            if isinstance(max_attempts, Retry)
            else Retry(max_attempts=max_attempts, initial=initial, **options)
        )
        self.command.retry.CopyFrom(retry_message(policy))
        return self

    def timeout(
        self,
        start_to_close: Time | None = None,
        *,
        schedule_to_start: Time | None = None,
        schedule_to_close: Time | None = None,
    ) -> Self:
        """How long one attempt may take, 10 minutes unless it is said; how long it may wait for a
        worker; how long all of it may take. The latter two are without end unless they are said.
        """
        for name, value in (
            ("start_to_close_timeout", start_to_close),
            ("schedule_to_start_timeout", schedule_to_start),
            ("schedule_to_close_timeout", schedule_to_close),
        ):
            if value is not None:
                getattr(self.command, name).FromMicroseconds(delay_microseconds(value))
        return self

    def heartbeat(self, timeout: Time) -> Self:
        """An attempt that says nothing for so long has failed."""
        self.command.heartbeat_timeout.FromMicroseconds(delay_microseconds(timeout))
        return self

    def priority(self, priority: int) -> Self:
        """1 to 5, smaller is sooner; 3 if nobody says."""
        self.command.priority = priority
        return self

    def optional(self, otherwise: Any = None) -> Self:
        """Its failure is a value: this one. The run goes on."""
        self._otherwise = otherwise
        return self

    def hold(self) -> Self:
        """When no attempt is left, a person is asked: retry, skip with a result, or fail."""
        self.command.hold_on_failure = True
        return self

    def compensate(self, undo: Any, *, retry: Retry | None = None, queue: str = "") -> Self:
        """What undoes it if the run fails or is cancelled, called with its result. Newest first.

        Args:
            undo: a function, called as a step, or an activity, or the name of one.
            retry: three attempts if None; then a person is asked.
            queue: of an activity: where its tasks wait, whatever the queue of what it undoes;
                `default` if empty.

        Raises `DefinitionError` for another `undo`, and for a function with a queue.
        """
        if not isinstance(undo, (str, Activity)) and not _is_function(undo):
            raise DefinitionError(
                f"{undo!r} cannot undo {self}: give a function, an activity or the name of one"
            )
        if queue and not isinstance(undo, (str, Activity)):
            raise DefinitionError(
                f"{undo!r} is called by the worker that runs the code, and waits in no queue; "
                "an activity does"
            )
        self.undo, self.undo_retry, self.undo_queue = undo, retry, queue
        return self

    # --- doing it ---------------------------------------------------------------------------------

    @property
    def description(self) -> str:
        """What replays compare."""
        return f"{self.what} {self.name}"

    def _schedule(self, run: Run) -> int:
        if self.undoes is not None:
            self.command.is_compensation, self.command.compensates = True, self.undoes
            self.command.hold_on_failure = True
        self.command.input.CopyFrom(self._input())
        return run.issue(self.description, DecisionCommand(schedule_activity=self.command))

    @abstractmethod
    def _input(self) -> payload_pb2.Payload:
        """What the activity is given."""

    async def _run(self) -> Any:
        run = current()
        index = self._schedule(run)
        work = Work(run, index, self)
        run.open[index] = work
        self._begin(run, index)
        try:
            output = await work.future
        except asyncio.CancelledError:
            if not work.over and not run.dead:
                run.stop(index)
            raise
        except WorkFailed:
            if self._otherwise is _NOTHING:
                raise
            return self._otherwise
        return self._result(output)

    def _begin(self, run: Run, index: int) -> None:
        """The command is issued."""

    def _result(self, output: payload_pb2.Payload) -> Any:
        return read_as(self.result_annotation, output, f"the result of {self}")

    def __repr__(self) -> str:
        return f"{self.what} {self.name!r}"


class Work:
    """Open work."""

    is_work = True

    def __init__(self, run: Run, index: int, call: Call) -> None:
        self._run = run
        self._index = index
        self.call = call
        self.future = run.loop.create_future()
        self.over = False
        self.stopping = False
        self.when_over: asyncio.Future[None] | None = None
        """Somebody waits for the outcome, whatever it is."""

    @property
    def compensable(self) -> bool:
        """Whether its success would have to be undone."""
        return self.call.undo is not None

    def settle(self, kind: str, body: Any) -> bool:
        """The outcome. One that nobody wants any more is undone if need be."""
        self.over = True
        call = self.call
        if call.undo is not None and kind in ("activity_completed", "node_completed"):
            self._run.compensations.register(self._index, call, body.output)
        if self.when_over is not None:
            self.when_over.set_result(None)
        if self.future.done():
            return True
        if kind in ("activity_completed", "activity_overridden", "node_completed"):
            self.future.set_result(body.output)
        elif kind == "activity_cancelled":
            self.future.cancel()
        else:
            failure = _failure_codec.from_message(body.failure)
            error = call.failed(f"{call} failed: {failure}", name=call.name, failure=failure)
            self.future.set_exception(error)
        return True


class ActivityCall(Call):
    """An activity: any worker that has its type."""

    def __init__(self, activity: Activity[..., Any] | str, given: Any) -> None:
        if not isinstance(activity, (str, Activity)):
            raise DefinitionError(
                f"{activity!r} is no activity: decorate the function with @activity, or give the "
                "name of one; a function is called by step, a workflow run by workflow.run_child"
            )
        super().__init__(activity if isinstance(activity, str) else activity.name)
        if not isinstance(activity, str):
            self.result_annotation = activity.output
        self._given = given

    def named(self, name: str) -> Self:
        """Raises `DefinitionError` for another name than its own: workers ask for it by that."""
        if name != self.name:
            raise DefinitionError(
                f"{self} cannot be called {name!r}: its name is its type, for which workers ask. "
                f"Steps can have other names; to ask for {name!r}, give workflow.activity that name"
            )
        return self

    def queue(self, queue: str) -> Self:
        """Where its tasks wait; `default` unless it is said."""
        self.command.queue = queue
        return self

    def returns(self, annotation: Any) -> Self:
        """What the result is read as, where the activity is known by name only."""
        self.result_annotation = annotation
        return self

    def _input(self) -> payload_pb2.Payload:
        return payload.encode(self._given)


class StepCall(Call):
    """A step: a function that this worker calls."""

    what = "step"
    failed = StepFailed

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        inner = function.function if isinstance(function, Activity) else function
        if not _is_function(inner):
            raise DefinitionError(
                f"{function!r} cannot be a step: give a function; a workflow is run by "
                "workflow.run_child"
            )
        name = getattr(function, "name", None) or _name_of(inner)
        super().__init__("step" if name == "<lambda>" else name)
        self.command.local = True
        self.function = inner
        self.args, self.kwargs = args, kwargs
        self.result_annotation = hints.return_annotation(inner)
        self.index = -1
        self._cache_by: object = None

    def cached(self, ttl: Time, *, by: object = None) -> Self:
        """Whoever asked for the same in the namespace, not longer ago than `ttl`, counts: its
        result is taken. Failures are not kept.

        Args:
            ttl: from the completion on.
            by: what makes it the same, beside the step's name; what it is called with if None.
        """
        self._cache_by = by
        self.command.cache_ttl.FromMicroseconds(delay_microseconds(ttl))
        return self

    async def _run(self) -> Any:
        if self.index < 0:
            return await super()._run()
        # Asked for again, maybe while the first is under way: each has a number of its own.
        again = copy.copy(self)
        again.index = -1
        return await again._run()

    def _begin(self, run: Run, index: int) -> None:
        run.run_step(self, index)

    def _schedule(self, run: Run) -> int:
        if self.command.HasField("cache_ttl"):
            same: list[object] = [None, self.args, self.kwargs]
            if self._cache_by is not None:
                same = [self._cache_by, [], {}]
            text = json.dumps(same, sort_keys=True, default=payload.plain)
            digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
            self.command.cache_key = f"{self.name[:100]}/{digest}"
        return super()._schedule(run)

    def _input(self) -> payload_pb2.Payload:
        """For people: what the function was called with, as far as it can be written."""
        try:
            if len(self.args) == 1 and not self.kwargs:
                return payload.encode(self.args[0])
            names = hints.parameter_names(self.function)
            return payload.encode({**dict(zip(names, self.args, strict=False)), **self.kwargs})
        except (PayloadError, ValueError, TypeError):
            return payload_pb2.Payload(data=b"null")

    def call_arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of one attempt: copies, so that what the function does to them is not seen
        by the code, which a replay would not see either.
        """
        try:
            return copied(self.args), copied(self.kwargs)
        except Exception:  # noqa: BLE001 - what cannot be copied is shared
            return self.args, self.kwargs


def _is_function(what: object) -> bool:
    """Whether it can be called outside of workflow code, as the code of a workflow cannot."""
    return callable(what) and not getattr(what, "is_workflow", False)


def _name_of(function: Callable[..., Any]) -> str:
    """What a step shows as. A replay, in another process, must find the same: so without what
    `repr` says of where an object lies.
    """
    while isinstance(function, functools.partial):
        function = function.func
    name = str(getattr(function, "__name__", "")) or repr(function)
    return type(function).__name__ if " at 0x" in name else name
