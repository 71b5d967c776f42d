"""What the kinds of commands see of the replayer, and which run's code it is that runs here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from treadle.errors import WorkflowOnly
from treadle.v1 import payload_pb2
from treadle.v1.decision_pb2 import DecisionCommand


class Open(Protocol):
    """Something that the code has asked for and that has no outcome yet."""

    def settle(self, kind: str, body: Any) -> bool:
        """Takes an event about it; whether that closes it."""
        ...


@dataclass(slots=True, frozen=True)
class RunInfo:
    """Which run this is."""

    run_id: str
    workflow_id: str
    workflow: str
    version: int


class Run(Protocol):
    """A run's replayer."""

    info: RunInfo
    loop: Any
    """The `WorkflowLoop`."""
    open: dict[int, Open]
    received: dict[str, payload_pb2.Payload]
    compensations: Any
    updates: Any
    ending: Any
    patches: dict[str, bool]
    recorded: Any
    dead: bool
    next_index: int

    @property
    def random(self) -> Random:
        """A source of chance that follows from the run's id."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to run."""
        ...

    @property
    def replaying(self) -> bool:
        """Whether the code does what it has done before."""
        ...

    def issue(self, description: str, command: DecisionCommand) -> int:
        """The code asks for something; its number."""
        ...

    def stop(self, index: int) -> None:
        """What has this number is not wanted any more."""
        ...

    def run_step(self, call: Any, index: int) -> None:
        """A step is to be run by this worker."""
        ...


def current() -> Run:
    """The run whose code this is. Raises `WorkflowOnly` outside of workflow code."""
    run: Run | None = getattr(asyncio._get_running_loop(), "treadle_run", None)
    if run is None:
        raise WorkflowOnly("this works inside the code of a workflow only")
    return run
