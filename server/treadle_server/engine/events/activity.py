"""Activities and their attempts."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events.base import Event
from treadle_server.engine.values import (
    Duration,
    Failure,
    Instant,
    MemoryOperation,
    Payload,
    RetryPolicy,
    RetryState,
)


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
    start_time: Instant | None = None
    hold_on_failure: bool = False
    compensates: str = ""
    local: bool = False
    """A step: the worker that runs the code runs it."""
    cache_key: str = ""
    cache_ttl: Duration | None = None
    """So long its result is kept for others, under the key."""


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
    skipped: bool = False
    cached: bool = False
    """Nobody did it: a result that was kept counts."""


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


@dataclass(slots=True, kw_only=True)
class ActivityOverridden(Event):
    """A person gave the outcome: the activity counts as skipped with this output."""

    key: str
    output: Payload
    actor: str
    reason: str
    scheduled_time: Instant
    type: str
