"""Every fact that a run's journal can hold, past tense.

Field names, types and enum numbers are those of `proto/treadle/v1/event.proto`: the journal's codec
is derived from that, so an event has one shape everywhere. A closing event repeats the times,
attempt and worker of what it closes, so that a span can be made from that one event. Events are
immutable by convention: `frozen=True` would double the cost of making one.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.values import (
    CancelCause,
    Duration,
    Failure,
    IncidentAnswer,
    Instant,
    MemoryOperation,
    Payload,
    RetryPolicy,
    RetryState,
    SkipReason,
)


@dataclass(slots=True, kw_only=True)
class Event:
    """What all events have. `seq` is dense within a run, from 1; `time` never decreases within a
    run.
    """

    seq: int = 0
    time: Instant = 0


# --- the run --------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class RunStarted(Event):
    """A run exists."""

    workflow: str
    version: int
    workflow_id: str
    rules: int
    input: Payload
    deadline: Instant | None = None
    traceparent: str = ""
    actor: str = ""
    request_id: str = ""


@dataclass(slots=True, kw_only=True)
class RunCompleted(Event):
    """The run ended as its definition wants."""

    output: Payload
    started_time: Instant
    workflow: str


@dataclass(slots=True, kw_only=True)
class RunFailed(Event):
    """The run ended with a failure that nothing handled."""

    failure: Failure
    node: str
    started_time: Instant
    workflow: str


@dataclass(slots=True, kw_only=True)
class RunCancelled(Event):
    """The run ended because somebody asked."""

    reason: str
    started_time: Instant
    workflow: str


@dataclass(slots=True, kw_only=True)
class RunTimedOut(Event):
    """The run ended because its time was up."""

    started_time: Instant
    workflow: str


@dataclass(slots=True, kw_only=True)
class RunTerminated(Event):
    """The run was ended at once, by force."""

    reason: str
    actor: str
    started_time: Instant
    workflow: str


@dataclass(slots=True, kw_only=True)
class CancelRequested(Event):
    """Nothing new starts from here on; open attempts are asked to stop."""

    reason: str
    actor: str
    cause: CancelCause


@dataclass(slots=True, kw_only=True)
class RunHeld(Event):
    """The run waits for a person, about `key`."""

    incident: str
    key: str


@dataclass(slots=True, kw_only=True)
class IncidentAnswered(Event):
    """A person decided."""

    key: str
    answer: IncidentAnswer
    actor: str
    reason: str


# --- activities -----------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ActivityScheduled(Event):
    """Work is to be done outside; `key` names it for the life of the run."""

    key: str
    type: str
    queue: str
    input: Payload
    retry: RetryPolicy
    start_to_close_timeout: Duration
    schedule_to_start_timeout: Duration | None = None
    schedule_to_close_timeout: Duration | None = None
    heartbeat_timeout: Duration | None = None
    priority: int = 3
    memory_keys: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class AttemptStarted(Event):
    """An attempt was leased. `until` ends the lease unless renewed; renewals are not journaled."""

    key: str
    lease: int
    attempt: int
    session_id: str
    identity: str
    build_id: str
    until: Instant
    ready_time: Instant
    type: str
    waiting_since_time: Instant | None = None


@dataclass(slots=True, kw_only=True)
class AttemptFailed(Event):
    """An attempt ended without success, and there will be another one at `next_time`."""

    key: str
    lease: int
    attempt: int
    failure: Failure
    next_time: Instant
    started_time: Instant
    identity: str
    type: str
    lost: bool = False


@dataclass(slots=True, kw_only=True)
class ActivityRequeued(Event):
    """A lease was given back before work on it began; not counted."""

    key: str
    lease: int
    reason: str


@dataclass(slots=True, kw_only=True)
class ActivityCompleted(Event):
    """The accepted result; there is one at most."""

    key: str
    lease: int
    attempt: int
    output: Payload
    started_time: Instant
    scheduled_time: Instant
    identity: str
    type: str
    memory_operations: tuple[MemoryOperation, ...] = ()


@dataclass(slots=True, kw_only=True)
class ActivityFailed(Event):
    """Failed for good. `lease` is 0 and `started_time` None if no attempt was open."""

    key: str
    lease: int
    attempt: int
    failure: Failure
    retry_state: RetryState
    scheduled_time: Instant
    type: str
    started_time: Instant | None = None
    identity: str = ""


@dataclass(slots=True, kw_only=True)
class ActivityCancelRequested(Event):
    """The worker that has it is asked to stop."""

    key: str


@dataclass(slots=True, kw_only=True)
class ActivityCancelled(Event):
    """Stopped, or withdrawn before anybody had it (`lease` 0)."""

    key: str
    lease: int
    attempt: int
    scheduled_time: Instant
    type: str
    started_time: Instant | None = None
    identity: str = ""


# --- graphs ---------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class DecidedEdge:
    """One edge by its place in the definition's list, and whether the run takes it."""

    edge: int
    to: str
    taken: bool


@dataclass(slots=True, kw_only=True)
class EdgesDecided(Event):
    """The guards of a closed node's edges were evaluated; all its edges are named."""

    node: str
    edges: tuple[DecidedEdge, ...]


@dataclass(slots=True, kw_only=True)
class NodeSkipped(Event):
    """The node did not run but counts as done, with this output."""

    node: str
    reason: SkipReason
    output: Payload


@dataclass(slots=True, kw_only=True)
class NodesUnreached(Event):
    """Every way to these nodes is dead."""

    nodes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class NodeFailed(Event):
    """The node failed by itself: an expression of its own failed, or it is a `fail` node."""

    node: str
    failure: Failure


EVENT_TYPES: tuple[type[Event], ...] = (
    RunStarted,
    RunCompleted,
    RunFailed,
    RunCancelled,
    RunTimedOut,
    RunTerminated,
    CancelRequested,
    RunHeld,
    IncidentAnswered,
    ActivityScheduled,
    AttemptStarted,
    AttemptFailed,
    ActivityRequeued,
    ActivityCompleted,
    ActivityFailed,
    ActivityCancelRequested,
    ActivityCancelled,
    EdgesDecided,
    NodeSkipped,
    NodesUnreached,
    NodeFailed,
)
