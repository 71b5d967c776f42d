"""The life of a run's main coroutine: how it begins, what a cancellation does, and how it ends.

What the code leaves running when it returns is cancelled and awaited, as `asyncio.run` does. Then,
if it failed or was cancelled, what can be undone is undone; then the run ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from treadle import payload
from treadle._code.mismatch import Mismatch, Suspended
from treadle._code.run import Run
from treadle._failure_codec import to_message
from treadle._failures import from_exception, invalid_output
from treadle.errors import PayloadError, WorkFailed
from treadle.v1 import event_pb2, payload_pb2
from treadle.v1.decision_pb2 import (
    CancelRunCommand,
    CompleteRunCommand,
    ContinueAsNewCommand,
    DecisionCommand,
    FailRunCommand,
)


class ContinueAsNew(BaseException):
    """Raised by `workflow.continue_as_new`; a `BaseException`, so that `except Exception` lets it
    pass.
    """

    def __init__(self, given: Any, version: int) -> None:
        super().__init__("the run goes on as a new one")
        self.given = given
        self.version = version


class Ending:
    """See the module's docstring."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._main: asyncio.Task[Any] | None = None
        self._cancel: event_pb2.CancelRequested | None = None
        self.winding_down = False
        """The main coroutine has ended: whatever else is asked for belongs to the ending."""
        self.reported = False
        """The command that ends the run was issued."""

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Begins the run's code."""
        self._main = self._run.loop.create_task(coroutine, name="workflow")
        self._main.add_done_callback(self._main_ended)

    def cancel(self, request: event_pb2.CancelRequested) -> None:
        """The run is asked to end; its code may catch that."""
        self._cancel = request
        if self._main is not None and not self.winding_down:
            self._main.cancel(
                "the run was cancelled" + (f": {request.reason}" if request.reason else "")
            )

    @property
    def cancel_requested(self) -> bool:
        """Whether the run was asked to end."""
        return self._cancel is not None

    def _main_ended(self, main: asyncio.Task[Any]) -> None:
        self.winding_down = True
        if not self._run.stopped:
            self._run.loop.create_task(self._wind_down(main), name="end of the workflow")

    async def _wind_down(self, main: asyncio.Task[Any]) -> None:
        run = self._run
        this = asyncio.current_task()
        others = [task for task in run.loop.tasks if task is not this and not task.done()]
        for task in others:
            task.cancel("the workflow's code has ended")
        if others:
            await asyncio.gather(*others, return_exceptions=True)
        command, undoes = self._outcome(main)
        if undoes:
            try:
                await self._settled()
                if run.compensations:
                    await run.compensations.undo_all()
            except Exception as error:  # noqa: BLE001 - nobody awaits this: the run must end
                command = DecisionCommand(fail_run=FailRunCommand(failure=failure_of(error)))
        self._leave_nothing_open()
        kind = command.WhichOneof("command")
        assert kind is not None, "it ends somehow"
        run.issue(kind.replace("_", " "), command)
        self.reported = True

    async def _settled(self) -> None:
        """What could still succeed, and would have to be undone then, is awaited."""
        waiting = [
            work
            for work in self._run.open.values()
            if getattr(work, "compensable", False) and not getattr(work, "over", True)
        ]
        for work in waiting:
            late = self._run.loop.create_future()
            work.when_over = late  # type: ignore[attr-defined]
            await late

    def _outcome(self, main: asyncio.Task[Any]) -> tuple[DecisionCommand, bool]:
        """The command that ends the run, and whether what was done is undone first."""
        undoes = self._cancel is None or not self._cancel.skip_compensation
        if main.cancelled():
            if self._cancel is not None:
                return DecisionCommand(cancel_run=CancelRunCommand()), undoes
            failure = payload_pb2.Failure(
                kind="treadle.Cancelled", message="the workflow's code cancelled itself"
            )
            return DecisionCommand(fail_run=FailRunCommand(failure=failure)), undoes
        error = _without_groups(main.exception())
        if isinstance(error, ContinueAsNew):
            try:
                given = payload.encode(error.given)
            except PayloadError as unwritable:
                failed = FailRunCommand(failure=failure_of(unwritable))
                return DecisionCommand(fail_run=failed), undoes
            again = ContinueAsNewCommand(input=given, version=error.version)
            return DecisionCommand(continue_as_new=again), False
        if error is not None:
            failed = FailRunCommand(failure=failure_of(error))
            return DecisionCommand(fail_run=failed), undoes
        try:
            output = payload.encode(main.result())
        except PayloadError as unwritable:
            failure = invalid_output(f"workflow {self._run.info.workflow!r}", str(unwritable))
            return DecisionCommand(fail_run=FailRunCommand(failure=failure)), undoes
        return DecisionCommand(complete_run=CompleteRunCommand(output=output)), False

    def _leave_nothing_open(self) -> None:
        """Attempts that still run are stopped; waits and timers end with the run."""
        for index, one in list(self._run.open.items()):
            if getattr(one, "outlives", False) or getattr(one, "stopping", False):
                continue
            if getattr(one, "is_work", False) and not getattr(one, "over", True):
                self._run.stop(index)


def _without_groups(error: BaseException | None) -> BaseException | None:
    """The code's wish to go on as a new run, also from within an `asyncio.TaskGroup`, which puts
    whatever is raised there into a group; everything else as it is.
    """
    inner = error
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner if isinstance(inner, ContinueAsNew) else error


def failure_of(error: BaseException) -> payload_pb2.Failure:
    """What a run or an update fails with. The failure of a step is the run's, too. No stack traces:
    where files lie differs from machine to machine, and a replay must give the same.
    """
    if isinstance(error, (Mismatch, Suspended)):
        raise error
    if isinstance(error, WorkFailed):
        return to_message(error.failure)
    failure = from_exception(error)
    failure.ClearField("stack_trace")
    return failure
