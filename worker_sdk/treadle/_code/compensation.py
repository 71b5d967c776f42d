"""What is to be undone, and undoing it: newest first, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from treadle import payload
from treadle._code.policy import retry_message
from treadle._code.run import Run
from treadle._code.steps import ActivityCall, Call, StepCall
from treadle._graph.policies import Retry
from treadle._types.hints import MISSING
from treadle.activities import Activity
from treadle.errors import WorkFailed
from treadle.v1 import payload_pb2
from treadle.v1.decision_pb2 import (
    DecisionCommand,
    EndCompensationCommand,
    RegisterCompensationCommand,
    StartCompensationCommand,
)

_RETRY = Retry(max_attempts=3)


@dataclass(slots=True)
class Registered:
    """The outcome of a command that can be undone."""

    index: int
    call: Call
    output: payload_pb2.Payload
    name: str


class Compensations:
    """The run's list, in order of completion."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._registered: list[Registered] = []

    def __bool__(self) -> bool:
        return bool(self._registered)

    def register(self, index: int, call: Call, output: payload_pb2.Payload) -> None:
        """This outcome can be undone."""
        name = undo_name(call.undo)
        command = RegisterCompensationCommand(index=index, type=name)
        self._run.issue(f"compensation {name}", DecisionCommand(register_compensation=command))
        self._registered.append(Registered(index, call, output, name))

    async def undo_all(self) -> None:
        """Undoes everything. One that is given up does not stop the rest."""
        run = self._run
        start = DecisionCommand(start_compensation=StartCompensationCommand())
        run.issue("start compensation", start)
        undone: list[int] = []
        not_undone: list[int] = []
        while self._registered:
            registered = self._registered.pop()
            try:
                await self._call(registered)
                undone.append(registered.index)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are undone
                not_undone.append(registered.index)
                if not isinstance(error, WorkFailed):
                    message = f"{registered.name} cannot be called"
                    run.loop.note_unhandled({"message": message, "exception": error})
        end = EndCompensationCommand(undone=undone, not_undone=not_undone)
        run.issue("end compensation", DecisionCommand(end_compensation=end))

    def _call(self, registered: Registered) -> Call:
        undo: Any = registered.call.undo
        call: Call
        if isinstance(undo, (str, Activity)):
            call = ActivityCall(undo, payload.decode(registered.output))
            call.queue(registered.call.undo_queue)
        else:
            call = StepCall(undo, (registered.call._result(registered.output),), {})
        call.named(registered.name)
        call.result_annotation = MISSING  # nobody reads what it gives
        call.command.retry.CopyFrom(retry_message(registered.call.undo_retry or _RETRY))
        call.undoes = registered.index
        return call


def undo_name(undo: Any) -> str:
    """What shows where it is undone."""
    if isinstance(undo, str):
        return undo
    name = str(getattr(undo, "name", None) or getattr(undo, "__name__", "undo"))
    return "undo" if name == "<lambda>" else name
