"""What happens to a run as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.engine.events.base import Event
from treadle_server.engine.values import (
    CancelCause,
    Failure,
    IncidentAnswer,
    Instant,
    Payload,
    SeedOutcome,
)


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
    parent_run_id: bytes = b""
    parent_key: str = ""
    retry_of: bytes = b""
    seed: tuple[SeedOutcome, ...] = ()
    depth: int = 0
    """How many runs stand above this one."""


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
class CarriedEvent:
    """An external event that a run hands on to the one that takes its place."""

    event_id: str
    name: str
    payload: Payload


@dataclass(slots=True, kw_only=True)
class RunContinued(Event):
    """The run ended, and another one of the same workflow id goes on in its place."""

    next_run_id: bytes
    input: Payload
    next_version: int
    started_time: Instant
    workflow: str
    workflow_id: str
    depth: int
    events: tuple[CarriedEvent, ...] = ()
    parent_run_id: bytes = b""
    parent_key: str = ""


@dataclass(slots=True, kw_only=True)
class CancelRequested(Event):
    """Nothing new starts from here on; open attempts are asked to stop."""

    reason: str
    actor: str
    cause: CancelCause
    skip_compensation: bool = False


@dataclass(slots=True, kw_only=True)
class RunPaused(Event):
    """Nothing new is decided or handed out until the run is resumed; facts are still journaled."""

    reason: str
    actor: str


@dataclass(slots=True, kw_only=True)
class RunResumed(Event):
    """The run goes on."""

    actor: str


@dataclass(slots=True, kw_only=True)
class RunHeld(Event):
    """The run waits for a person, about `key`."""

    incident: str
    key: str
    failure: Failure | None = None


@dataclass(slots=True, kw_only=True)
class IncidentAnswered(Event):
    """A person decided."""

    key: str
    answer: IncidentAnswer
    actor: str
    reason: str
    output: Payload | None = None


@dataclass(slots=True, kw_only=True)
class StateRecorded(Event):
    """The run's state as it is now, so that the run can be known without what came before. See
    `engine.recorded`.
    """

    state: Payload
    keeps_from: int
    """What came before this seq may be forgotten; 0: nothing."""
