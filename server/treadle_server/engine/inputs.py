"""What can come to a run from outside. Each gets one answer: a value, or a `Refusal` that changed
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from treadle_server.engine.commands import Command
from treadle_server.engine.events import CarriedEvent
from treadle_server.engine.values import (
    CancelCause,
    ChildEnd,
    Duration,
    Failure,
    IncidentAnswer,
    Instant,
    MemoryOperation,
    Payload,
    SeedOutcome,
)


@dataclass(slots=True, kw_only=True)
class StartRun:
    """Begins the run; its input was checked and completed with defaults."""

    workflow: str
    version: int
    workflow_id: str
    rules: int
    input: Payload
    run_timeout: Duration | None = None
    begin_time: Instant | None = None
    """Nothing happens before."""
    traceparent: str = ""
    actor: str = ""
    request_id: str = ""
    parent_run_id: bytes = b""
    parent_key: str = ""
    depth: int = 0
    retry_of: bytes = b""
    seed: tuple[SeedOutcome, ...] = ()
    events: tuple[CarriedEvent, ...] = ()
    """External events that the run whose place it takes had not consumed."""


@dataclass(slots=True, kw_only=True)
class GrantLease:
    """A worker takes an activity that waits in a queue.

    With a session the lease lasts `lease_duration` and is renewed by the session's life; without
    one (`lease_duration` None) it lasts as long as the attempt may, that is to start_to_close; the
    heartbeat timeout is looked at apart from it.
    """

    key: str
    session_id: str
    identity: str
    build_id: str
    lease_duration: Duration | None


@dataclass(slots=True, kw_only=True)
class Granted:
    """The answer to `GrantLease`."""

    lease: int
    attempt: int


@dataclass(slots=True, kw_only=True)
class CompleteAttempt:
    """The worker did it."""

    key: str
    lease: int
    output: Payload
    memory_operations: tuple[MemoryOperation, ...] = ()
    skipped: bool = False


@dataclass(slots=True, kw_only=True)
class CodeCommand:
    """What code asks for, and how replays are told that it asks for the same; None: only that."""

    description: str
    command: Command | None


@dataclass(slots=True, kw_only=True)
class StepOutcome:
    """How a step stands that the decision's worker runs: exactly one of output, failure, cancelled
    and goes_on.
    """

    index: int
    took: Duration = 0
    output: Payload | None = None
    failure: Failure | None = None
    cancelled: bool = False
    goes_on: bool = False


@dataclass(slots=True, kw_only=True)
class ReportDecision:
    """Code has seen the events up to `seen_seq` and asks for these commands."""

    lease: int
    seen_seq: int
    first_index: int
    commands: tuple[CodeCommand, ...] = ()
    steps: tuple[StepOutcome, ...] = ()
    keep: bool = False
    ending: tuple[CodeCommand, ...] = ()
    """What the code wants if its steps complete and nothing else has happened: the run's end."""
    build_id: str = ""
    kept_results: Mapping[str, Payload] = field(default_factory=dict)
    """By cache key: results that others had, and that still count."""


@dataclass(slots=True, kw_only=True)
class ReceiveUpdate:
    """Somebody asks code to do something and waits for the answer."""

    update_id: str
    name: str
    input: Payload
    actor: str = ""


@dataclass(slots=True, kw_only=True)
class FailAttempt:
    """The worker could not do it."""

    key: str
    lease: int
    failure: Failure


@dataclass(slots=True, kw_only=True)
class CancelAttempt:
    """The worker stopped."""

    key: str
    lease: int


@dataclass(slots=True, kw_only=True)
class ReturnLease:
    """The worker, or the way to it, gives the task back before work began."""

    key: str
    lease: int
    reason: str


@dataclass(slots=True, kw_only=True)
class LoseLease:
    """The worker is known to be gone."""

    key: str
    lease: int
    reason: str


@dataclass(slots=True)
class Renewal:
    """What is known of a worker's life: its lease holds until then, and its last heartbeat came
    then (0: nothing).
    """

    until: Instant = 0
    heartbeat_time: Instant = 0
    silent: bool = False
    """Nothing was heard of it since the server began, or since its connection broke, so that it may
    have died before that.
    """


NO_RENEWAL = Renewal()


def no_renewals(_session_id: str, _lease: int) -> Renewal:
    """Nothing was heard of any worker."""
    return NO_RENEWAL


@dataclass(slots=True, kw_only=True)
class Wake:
    """Time has passed. `renewals(session_id, lease)` says what was heard of a worker; that lives in
    memory only.
    """

    renewals: Callable[[str, int], Renewal] = no_renewals


@dataclass(slots=True, kw_only=True)
class RequestCancel:
    """End, in an orderly way."""

    reason: str
    actor: str
    cause: CancelCause = CancelCause.REQUEST
    skip_compensation: bool = False


@dataclass(slots=True, kw_only=True)
class Terminate:
    """End, now."""

    reason: str
    actor: str


@dataclass(slots=True, kw_only=True)
class AnswerHeld:
    """A person decided about an incident."""

    key: str
    answer: IncidentAnswer
    actor: str
    reason: str
    output: Payload | None = None


@dataclass(slots=True, kw_only=True)
class SkipActivity:
    """A person gives the outcome of an open activity."""

    key: str
    output: Payload
    actor: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Pause:
    """Decide nothing and hand nothing out until resumed; twice is fine."""

    reason: str
    actor: str


@dataclass(slots=True, kw_only=True)
class Resume:
    """Go on; twice is fine."""

    actor: str


@dataclass(slots=True, kw_only=True)
class ReceiveEvent:
    """An external event has come. One with an id that came before changes nothing."""

    event_id: str
    name: str
    payload: Payload
    actor: str = ""


@dataclass(slots=True, kw_only=True)
class NoteChild:
    """What became of a child that this run asked for: it exists (`end` None), or has ended."""

    key: str
    end: ChildEnd | None = None
    output: Payload | None = None
    failure: Failure | None = None


@dataclass(slots=True, kw_only=True)
class Continue:
    """There was more to decide than one turn may; go on."""


Input = (
    StartRun
    | GrantLease
    | CompleteAttempt
    | FailAttempt
    | ReportDecision
    | ReceiveUpdate
    | CancelAttempt
    | ReturnLease
    | LoseLease
    | Wake
    | RequestCancel
    | Terminate
    | AnswerHeld
    | SkipActivity
    | Pause
    | Resume
    | ReceiveEvent
    | NoteChild
    | Continue
)
