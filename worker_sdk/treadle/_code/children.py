"""Other runs that the code starts."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from treadle import _failure_codec, payload
from treadle._code.run import Run
from treadle._code.values import read_as
from treadle.errors import ChildFailed, DefinitionError
from treadle.failure import Failure
from treadle.v1 import event_pb2
from treadle.v1.decision_pb2 import DecisionCommand, StartChildCommand

OnParentEnd = Literal["terminate", "cancel", "abandon"]

_POLICIES = {
    "terminate": event_pb2.PARENT_CLOSE_POLICY_TERMINATE,
    "cancel": event_pb2.PARENT_CLOSE_POLICY_CANCEL,
    "abandon": event_pb2.PARENT_CLOSE_POLICY_ABANDON,
}


class ChildHandle:
    """A run that this one has started."""

    def __init__(
        self, run: Run, index: int, workflow: str, annotation: Any, *, outlives: bool
    ) -> None:
        self._run = run
        self._index = index
        self._annotation = annotation
        self.workflow = workflow
        self.outlives = outlives
        self.over = False
        self.started = run.loop.create_future()
        self._ended = run.loop.create_future()
        # A child that failed and that nobody asked about is no fault of the code.
        self._ended.add_done_callback(_look)
        self.started.add_done_callback(_look)

    async def result(self) -> Any:
        """What the child gave. Raises `ChildFailed` if it did not complete."""
        output = await asyncio.shield(self._ended)
        return read_as(self._annotation, output, f"child {self.workflow!r}")

    def cancel(self) -> None:
        """Asks the child to end; its result says how that went."""
        if not self.over:
            self._run.stop(self._index)

    def settle(self, kind: str, body: Any) -> bool:
        """It has started, or ended."""
        if kind == "child_started":
            if not self.started.done():
                self.started.set_result(None)
            return False
        self.over = True
        if kind == "node_completed" or (
            kind == "child_ended" and body.end == event_pb2.CHILD_END_COMPLETED
        ):
            _settle(self.started, None)
            _settle(self._ended, body.output)
            return True
        error = self._failed(kind, body)
        if not self.started.done():
            self.started.set_exception(error)
        if not self._ended.done():
            self._ended.set_exception(error)
        return True

    def _failed(self, kind: str, body: Any) -> ChildFailed:
        end = "failed"
        if kind == "child_ended":
            name = event_pb2.ChildEnd.Name(body.end)
            end = name.removeprefix("CHILD_END_").replace("_", " ").lower()
        if body.HasField("failure"):
            failure = _failure_codec.from_message(body.failure)
        else:
            failure = Failure("treadle.ChildFailed", f"the child run was {end}")
        message = f"child {self.workflow!r} {end}: {failure}"
        return ChildFailed(message, name=self.workflow, failure=failure)


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _look(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


async def start_child(
    run: Run,
    workflow: str,
    given: Any,
    *,
    version: int,
    workflow_id: str,
    on_parent_end: OnParentEnd,
    annotation: Any,
) -> ChildHandle:
    """Starts a run; returns when it exists. Raises `ChildFailed` if it cannot be started,
    `DefinitionError` for an `on_parent_end` that is none.
    """
    if on_parent_end not in _POLICIES:
        known = ", ".join(map(repr, _POLICIES))
        raise DefinitionError(f"on_parent_end is one of {known}, not {on_parent_end!r}")
    command = StartChildCommand(
        workflow=workflow,
        version=version,
        workflow_id=workflow_id,
        input=payload.encode(given),
        on_parent_end=_POLICIES[on_parent_end],
    )
    index = run.issue(f"child {workflow}", DecisionCommand(start_child=command))
    outlives = on_parent_end == "abandon"
    handle = ChildHandle(run, index, workflow, annotation, outlives=outlives)
    run.open[index] = handle
    try:
        await handle.started
    except asyncio.CancelledError:
        if not handle.over and not run.dead:
            run.stop(index)
        raise
    return handle


async def run_child(handle: ChildHandle) -> Any:
    """Its result; asks the child to end if nobody waits for that any more."""
    try:
        return await handle.result()
    except asyncio.CancelledError:
        if not handle._run.dead:
            handle.cancel()
        raise
