"""`@workflow`: a process as plain Python that may wait for a year and survives any crash.

    @workflow(version=2)
    async def onboarding(person: Person) -> Account:
        account = await step(create_account, person).compensate(delete_account)
        await asyncio.sleep(3 * 86_400)
        try:
            async with asyncio.timeout(7 * 86_400):
                await workflow.wait_for_event("confirmed")
        except TimeoutError:
            await workflow.activity(remind, account)
        return account

The code is run again from the run's history whenever a worker needs it, and must then do the same:
what the history has is not done again, its outcome is handed back. So whatever looks at the world
goes into a step or an activity; `asyncio` itself (tasks, groups, timeouts, queues, locks, sleeps of
any length) works as ever.

What is not here: replaying (`_code`), the worker's side of it (`_worker`).
"""

from __future__ import annotations

import functools
import inspect
import logging
import random as random_module
import uuid
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, NoReturn, ParamSpec, Protocol, TypeVar, overload

from treadle import payload
from treadle._code import children, guard, waits
from treadle._code.children import ChildHandle, OnParentEnd
from treadle._code.ending import ContinueAsNew
from treadle._code.policy import delay_microseconds
from treadle._code.run import Run, RunInfo, current
from treadle._code.steps import ActivityCall, StepCall
from treadle._graph.policies import Retry, Time
from treadle._types.hints import MISSING
from treadle.activities import Activity
from treadle.errors import DefinitionError, WorkflowOnly
from treadle.v1 import payload_pb2
from treadle.v1.decision_pb2 import (
    DecisionCommand,
    RecordMarkerCommand,
    SendEventCommand,
    SetAttributeCommand,
)

__all__ = ["ChildHandle", "Retry", "RunInfo", "Workflow", "step", "workflow"]

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Function = TypeVar("_Function", bound=Callable[..., Any])

State = Literal["active", "deprecated", "retired"]

PROGRESS = "progress"
"""The name under which `workflow.progress` publishes."""


class Workflow(Generic[_Parameters, _Result]):
    """One version of a workflow: its name, its number, its code. Made by `@workflow`.

    Calling it calls the function, which works inside other workflow code.
    """

    def __init__(
        self,
        function: Callable[_Parameters, Coroutine[Any, Any, _Result]],
        *,
        name: str | None = None,
        version: int = 1,
        description: str | None = None,
        queue: str = "default",
        run_timeout: Time | None = None,
        state: State = "active",
        continues: Iterable[int] = (),
    ) -> None:
        if not inspect.iscoroutinefunction(function):
            raise DefinitionError(f"workflow {function!r} must be an `async def` function")
        guard.check_code(function)
        self.function = function
        self._signature: Activity[..., Any] = Activity(function, name=name, description=description)
        self.name = self._signature.name
        self.description = self._signature.description
        if type(version) is not int or version < 1:
            raise DefinitionError(f"workflow {self.name!r}: a version is a number from 1")
        self.version = version
        self.queue = queue
        self.run_timeout = run_timeout
        self.state = state
        self.continues = tuple(continues)
        functools.update_wrapper(self, function)

    def __call__(
        self, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Coroutine[Any, Any, _Result]:
        """Calls the function itself: a part of the workflow whose code calls it."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Workflow {self.name} version {self.version}>"

    @property
    def output(self) -> Any:
        """What the function says that it gives; `inspect.Parameter.empty` if it does not say."""
        return self._signature.output

    def arguments(self, message: payload_pb2.Payload) -> dict[str, Any]:
        """The keyword arguments of a run with this input. Raises `Mismatch`, `PayloadError`."""
        return self._signature.arguments(message, None)  # type: ignore[arg-type]

    def document(self) -> dict[str, object]:
        """What is deployed: the signature. The code stays with the workers."""
        document: dict[str, object] = {
            "treadle": "v1",
            "kind": "code",
            "name": self.name,
            "version": self.version,
        }
        if self.description:
            document["description"] = self.description
        if self.queue != "default":
            document["queue"] = self.queue
        if self.state != "active":
            document["state"] = self.state
        if self.run_timeout is not None:
            document["run_timeout"] = delay_microseconds(self.run_timeout) / 1e6
        for part, schema in (
            ("input", self._signature.input_schema()),
            ("output", self._signature.output_schema()),
        ):
            if schema is not None:
                document[part] = schema
        return document


def step(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> StepCall:
    """A function called by the worker that runs this code, once as far as the run is concerned: its
    result is journaled, and a replay gets that. To be awaited; `asyncio.create_task` and `gather`
    take it as well.

        receipt = await step(charge, order).retry(4, "10s").compensate(refund)

    Plain functions run in a thread. What it is called with should be values, as it is handed
    copies. Raises `StepFailed` when no attempt is left.
    """
    return StepCall(function, args, kwargs)


class _Decorator(Protocol):
    def __call__(
        self, function: Callable[_Parameters, Coroutine[Any, Any, _Result]], /
    ) -> Workflow[_Parameters, _Result]: ...


class _Words:
    """The decorator, and what the code of a workflow can say."""

    @overload
    def __call__(
        self, function: Callable[_Parameters, Coroutine[Any, Any, _Result]], /
    ) -> Workflow[_Parameters, _Result]: ...

    @overload
    def __call__(
        self,
        *,
        name: str | None = None,
        version: int = 1,
        description: str | None = None,
        queue: str = "default",
        run_timeout: Time | None = None,
        state: State = "active",
        continues: Iterable[int] = (),
    ) -> _Decorator: ...

    def __call__(  # type: ignore[misc]
        self,
        function: Any = None,
        /,
        **options: Any,
    ) -> Any:
        """Makes an `async def` a workflow; `@workflow` or `@workflow(name=..., version=...)`.

        Args:
            function: `async def`.
            name: the workflow; the function's name if None.
            version: which edition this is. Open runs stay with theirs, so give changed code a new
                number and keep the old one while it has runs.
            description: for people; the docstring if None.
            queue: where its decisions wait for workers.
            run_timeout: a run that takes longer is cancelled, and ends timed out.
            state: `deprecated`: no new runs. `retired`: no runs at all.
            continues: open runs of these versions go on with this code, if it fits them, where the
                worker has no code of theirs. Else they wait for it.

        Raises `DefinitionError` if the function cannot be one.
        """
        if function is not None:
            return Workflow(function, **options)
        return functools.partial(Workflow, **options)

    # --- work -------------------------------------------------------------------------------------

    step = staticmethod(step)

    @staticmethod
    def activity(activity: Activity[..., Any] | str, given: Any = None, /) -> ActivityCall:
        """Work for whatever worker has this activity, in any language. To be awaited.

        Raises `ActivityFailed` when no attempt is left.
        """
        return ActivityCall(activity, given)

    @staticmethod
    async def start_child(
        child: Workflow[..., Any] | str,
        given: Any = None,
        *,
        version: int = 0,
        workflow_id: str = "",
        on_parent_end: OnParentEnd = "terminate",
        returns: Any = MISSING,
    ) -> ChildHandle:
        """Starts another workflow of any kind; returns when its run exists. Its result is
        `await handle.result()`.

        Args:
            child: the workflow, or its name.
            given: its input.
            version: 0: that of `child`, or the current one.
            workflow_id: derived from this run if empty.
            on_parent_end: what becomes of it when this run ends first.
            returns: what its result is read as, if `child` is a name.

        Raises `ChildFailed` if it cannot be started.
        """
        name, annotation = child, returns
        if isinstance(child, Workflow):
            name, annotation = child.name, child.output
            if not version:
                version = child.version
        assert isinstance(name, str), "a workflow or a name"
        return await children.start_child(
            current(),
            name,
            given,
            version=version,
            workflow_id=workflow_id,
            on_parent_end=on_parent_end,
            annotation=annotation,
        )

    @classmethod
    async def run_child(
        cls, child: Workflow[..., Any] | str, given: Any = None, /, **options: Any
    ) -> Any:
        """Starts another workflow and waits for its result; cancelled, it cancels the child. Takes
        what `start_child` does; raises `ChildFailed`.
        """
        return await children.run_child(await cls.start_child(child, given, **options))

    # --- events -----------------------------------------------------------------------------------

    @staticmethod
    async def wait_for_event(
        name: str,
        *,
        where: waits.Filter | None = None,
        timeout: Time | None = None,
        returns: Any = None,
    ) -> Any:
        """Waits for an external event; its payload, or None if none came in time. Events that came
        before, since the run's start, count. One that was sent without a payload gives None as
        well: `asyncio.timeout` around this raises `TimeoutError` if none came, and only then.

        Args:
            name: the event's name.
            where: which one: CEL over `event`, or a lambda of the event that is recorded as such;
                local variables in it are constants.
            timeout: how long at most.
            returns: what the payload is read as.
        """
        return await waits.wait_for_event(current(), name, where, timeout, returns)

    @staticmethod
    def send_event(name: str, value: Any = None, *, to: str | None = None) -> None:
        """Sends an external event, once: to the open run of the workflow id `to`, or to all runs
        that wait for it.
        """
        command = SendEventCommand(
            event_name=name, payload=payload.encode(value), workflow_id=to or ""
        )
        current().issue(f"send {name}", DecisionCommand(send_event=command))

    @overload
    @staticmethod
    def on_update(function: _Function, /) -> _Function: ...

    @overload
    @staticmethod
    def on_update(
        name: str | None = None, *, validator: Callable[..., Any] | None = None
    ) -> Callable[[_Function], _Function]: ...

    @staticmethod
    def on_update(name: Any = None, *, validator: Callable[..., Any] | None = None) -> Any:
        """Answers updates from here on: `@workflow.on_update` above a function inside the
        workflow's. Plain or async; what it returns is the answer, what it raises the refusal.

        Args:
            name: the update's name; the function's if None.
            validator: called first with the same arguments, plain or async as well; what it raises
                refuses the update.
        """
        if callable(name):
            return _Words.on_update()(name)

        def decorate(function: _Function) -> _Function:
            current().updates.handle(name or function.__name__, function, validator)
            return function

        return decorate

    # --- what the run says ------------------------------------------------------------------------

    @staticmethod
    def publish(name: str, value: Any) -> None:
        """Lets everybody who asks for the run see this, without a worker. The newest counts."""
        command = SetAttributeCommand(name=name, value=payload.encode(value))
        current().issue(f"publish {name}", DecisionCommand(set_attribute=command))

    @classmethod
    def progress(cls, done: int, total: int, text: str = "") -> None:
        """Step `done` of `total`."""
        cls.publish(PROGRESS, {"done": done, "total": total, "text": text})

    # --- time, chance, place ----------------------------------------------------------------------

    @staticmethod
    def now() -> datetime:
        """The time of the newest event that the code has seen, UTC: the same at each replay."""
        return datetime.fromtimestamp(0, UTC) + timedelta(
            microseconds=current().loop.now_microseconds
        )

    @staticmethod
    def random() -> random_module.Random:
        """A source of chance that gives the same at each replay."""
        return current().random

    @staticmethod
    def uuid4() -> uuid.UUID:
        """A UUID that is the same at each replay."""
        return uuid.UUID(int=current().random.getrandbits(128), version=4)

    @staticmethod
    def info() -> RunInfo:
        """Which run this is."""
        return current().info

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that is silent while the code does again what it has done before; its records
        carry the ids of the run.
        """
        return _WorkflowLog(current())

    @staticmethod
    def cancel_requested() -> bool:
        """Whether the run was asked to end."""
        return bool(current().ending.cancel_requested)

    @staticmethod
    def inside() -> bool:
        """Whether this is workflow code."""
        try:
            current()
        except WorkflowOnly:
            return False
        return True

    # --- change -----------------------------------------------------------------------------------

    @staticmethod
    def patched(change: str) -> bool:
        """Whether this run takes the new way of a change: runs that came by here before it was made
        keep the old one.

            if workflow.patched("two-phase"):
                ...the new way
            else:
                ...the old one
        """
        return _patched(current(), change)

    @staticmethod
    def continue_as_new(given: Any = None, *, version: int = 0) -> NoReturn:
        """Ends this run and goes on as a new one of the same workflow id, with this input, an empty
        history, and the external events that nothing has consumed. Does not return.

        Args:
            given: the new run's input.
            version: the new run's; 0: the current one.
        """
        current()
        raise ContinueAsNew(given, version)


class _WorkflowLog(logging.LoggerAdapter[logging.Logger]):
    def __init__(self, run: Run) -> None:
        info = run.info
        super().__init__(
            logging.getLogger(f"treadle.workflow.{info.workflow}"),
            {"run_id": info.run_id, "workflow": info.workflow, "workflow_id": info.workflow_id},
        )
        self._run = run

    def isEnabledFor(self, level: int) -> bool:
        return not self._run.replaying and super().isEnabledFor(level)


def _patched(run: Run, change: str) -> bool:
    known = run.patches.get(change)
    if known is None:
        description = f"marker {change}"
        recorded = run.recorded.peek(run.next_index)
        # A run that came by here with the old code has no marker, and keeps the old way.
        known = recorded == description or (recorded is None and not run.replaying)
        if known:
            marker = RecordMarkerCommand(id=change)
            run.issue(description, DecisionCommand(record_marker=marker))
        run.patches[change] = known
    return known


workflow = _Words()
"""The decorator, and what workflow code can say."""
