"""What a decider can ask for, imperative, never journaled. `perform.py` turns each into events."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.values import (
    Duration,
    Failure,
    Payload,
    RetryPolicy,
    SkipReason,
)


@dataclass(slots=True, kw_only=True)
class ActivityOptions:
    """What a definition says of an activity apart from its input; shared by all its runs."""

    type: str
    queue: str
    retry: RetryPolicy
    start_to_close_timeout: Duration
    schedule_to_start_timeout: Duration | None = None
    schedule_to_close_timeout: Duration | None = None
    heartbeat_timeout: Duration | None = None
    priority: int = 3
    memory_keys: tuple[str, ...] = ()


@dataclass(slots=True)
class ScheduleActivity:
    """Have this done outside."""

    key: str
    options: ActivityOptions
    input: Payload


@dataclass(slots=True)
class CancelActivity:
    """Stop this activity: withdrawn at once if no worker has it, else its worker is asked."""

    key: str


@dataclass(slots=True)
class DecideEdges:
    """The guards of a closed node were evaluated: (edge, target's name, taken) of each of its
    edges.
    """

    node: str
    edges: tuple[tuple[int, str, bool], ...]


@dataclass(slots=True)
class SkipNode:
    """Count the node as done without running it."""

    node: str
    reason: SkipReason
    output: Payload


@dataclass(slots=True)
class MarkUnreached:
    """Every way to these nodes is dead."""

    nodes: tuple[str, ...]


@dataclass(slots=True)
class FailNode:
    """The node fails by itself."""

    node: str
    failure: Failure


@dataclass(slots=True)
class CompleteRun:
    """The run has arrived."""

    output: Payload


@dataclass(slots=True)
class FailRun:
    """The run cannot arrive."""

    failure: Failure
    node: str = ""


Command = (
    ScheduleActivity
    | CancelActivity
    | DecideEdges
    | SkipNode
    | MarkUnreached
    | FailNode
    | CompleteRun
    | FailRun
)
