"""Timers, waits for external events, and children."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events.base import Event
from treadle_server.engine.values import (
    ChildEnd,
    Failure,
    Instant,
    ParentClosePolicy,
    Payload,
)

# --- timers ---------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class TimerStarted(Event):
    """Nothing is to happen before `due_time`; then the timer gives `output`."""

    key: str
    due_time: Instant
    output: Payload


@dataclass(slots=True, kw_only=True)
class TimerFired(Event):
    """Its time has come."""

    key: str
    started_time: Instant


@dataclass(slots=True, kw_only=True)
class TimerCancelled(Event):
    """Nobody waits for it any more."""

    key: str
    started_time: Instant


# --- external events ------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class EventReceived(Event):
    """An external event has come for this run; it is kept until a wait consumes it."""

    event_id: str
    name: str
    payload: Payload
    actor: str = ""


@dataclass(slots=True, kw_only=True)
class WaitStarted(Event):
    """The run waits for an external event of this name, until then at most."""

    key: str
    name: str
    until: Instant | None = None
    filter: str = ""
    """Of code: CEL over `event`; of a graph its definition has it."""


@dataclass(slots=True, kw_only=True)
class WaitSatisfied(Event):
    """This event was what the wait was for; it is consumed."""

    key: str
    event_id: str
    started_time: Instant


@dataclass(slots=True, kw_only=True)
class WaitTimedOut(Event):
    """No event came in time. That is an outcome, not a failure."""

    key: str
    started_time: Instant


@dataclass(slots=True, kw_only=True)
class WaitCancelled(Event):
    """Nobody waits any more."""

    key: str
    started_time: Instant


@dataclass(slots=True, kw_only=True)
class EventSent(Event):
    """An external event leaves this run for the open run of a workflow id, once; for all runs that
    wait for it if that is empty.
    """

    key: str
    event_id: str
    name: str
    payload: Payload
    workflow_id: str


# --- children -------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ChildRequested(Event):
    """Another run is to be started. `awaited` says whether its end is this key's outcome."""

    key: str
    run_id: bytes
    workflow: str
    version: int
    workflow_id: str
    input: Payload
    on_parent_end: ParentClosePolicy
    awaited: bool
    depth: int = 0


@dataclass(slots=True, kw_only=True)
class ChildStarted(Event):
    """The child exists."""

    key: str
    started_time: Instant


@dataclass(slots=True, kw_only=True)
class ChildEnded(Event):
    """The child has ended, or could not be started."""

    key: str
    end: ChildEnd
    started_time: Instant
    output: Payload | None = None
    failure: Failure | None = None


@dataclass(slots=True, kw_only=True)
class ChildCancelRequested(Event):
    """The child is asked to end."""

    key: str
