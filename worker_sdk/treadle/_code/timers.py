"""Timers: `asyncio.sleep`, timeouts, and whatever else asks the loop to call later."""

from __future__ import annotations

from typing import Any

from treadle._code.loop import WorkflowTimer
from treadle.v1.decision_pb2 import DecisionCommand


class Timer:
    """An open timer."""

    __slots__ = ("_handle",)

    def __init__(self, handle: WorkflowTimer) -> None:
        self._handle = handle

    @staticmethod
    def command(due_microseconds: int) -> DecisionCommand:
        """What asks for one."""
        command = DecisionCommand()
        command.start_timer.due_time.FromMicroseconds(due_microseconds)
        return command

    @property
    def when(self) -> float:
        """When it is due, by the loop's time."""
        return self._handle.when()

    def settle(self, _kind: str, _body: Any) -> bool:
        """It fires; one that was cancelled meanwhile does nothing."""
        if self._handle.index is not None:
            loop = self._handle._loop  # type: ignore[attr-defined]
            loop.fire(self._handle)
        return True
