"""Waits for external events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from treadle._code.policy import delay_microseconds
from treadle._code.run import Run
from treadle._code.values import read_as
from treadle._graph.policies import Time
from treadle._graph.recording import record_of
from treadle.v1.decision_pb2 import DecisionCommand, StartWaitCommand

Filter = str | Callable[[Any], Any]
"""CEL over `event`, or a lambda that is recorded as such."""


class Wait:
    """An open wait."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.future = run.loop.create_future()
        self.over = False

    def settle(self, kind: str, body: Any) -> bool:
        """The event's payload, or None if none came in time."""
        self.over = True
        received = None
        if kind == "wait_satisfied":
            received = self._run.received.pop(body.event_id)
        elif kind == "node_completed":
            received = body.output
        if not self.future.done():
            self.future.set_result(received)
        return True


async def wait_for_event(
    run: Run,
    name: str,
    where: Filter | None,
    timeout: Time | None,
    annotation: Any,
    otherwise: Any,
) -> Any:
    """The event's payload; `otherwise` if none came in time."""
    command = StartWaitCommand(event_name=name, filter=filter_text(where))
    if timeout is not None:
        # What is left until a time that has passed: as asyncio's timeouts, it is over at once.
        command.timeout.FromMicroseconds(max(1, delay_microseconds(timeout)))
    index = run.issue(f"wait {name}", DecisionCommand(start_wait=command))
    wait = Wait(run)
    run.open[index] = wait
    try:
        received = await wait.future
    except asyncio.CancelledError:
        if not wait.over and not run.dead:
            run.stop(index)
        raise
    if received is None:
        return otherwise
    return read_as(annotation, received, f"event {name!r}")


def filter_text(where: Filter | None) -> str:
    """CEL over `event`. Raises `DefinitionError` for what cannot be recorded."""
    if where is None or isinstance(where, str):
        return where or ""
    return record_of("event", where).text
