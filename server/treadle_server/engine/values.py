"""What events are made of: payloads, failures, policies, and how time is counted.

Nothing here decides anything. Times are plain integers so that a fold over a million events makes
no objects for them: an `Instant` is microseconds since the Unix epoch, a `Duration` is
microseconds.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

Instant = int
"""Microseconds since the Unix epoch, by the server's clock."""

Duration = int
"""Microseconds."""

MICROSECONDS_PER_SECOND = 1_000_000

NO_METADATA: Mapping[str, bytes] = MappingProxyType({})


@dataclass(slots=True)
class Payload:
    """A value as bytes, and how to read them. Immutable by convention.

    The engine passes payloads on and never looks inside; `definitions` reads those that an
    expression names. `metadata["encoding"]` says how to read `data`; absent means `json/plain`.
    """

    data: bytes
    metadata: Mapping[str, bytes] = field(default_factory=lambda: NO_METADATA)


NULL = Payload(b"null")


class TimeoutKind(enum.IntEnum):
    """Which clock of an activity ran out; the numbers are those of `treadle.v1.TimeoutKind`."""

    UNSPECIFIED = 0
    SCHEDULE_TO_START = 1
    START_TO_CLOSE = 2
    SCHEDULE_TO_CLOSE = 3
    HEARTBEAT = 4


@dataclass(slots=True, kw_only=True)
class Failure:
    """Why something did not succeed. `kind` is what error edges and retry policies match on."""

    kind: str
    message: str = ""
    details: Payload | None = None
    cause: Failure | None = None
    non_retryable: bool = False
    next_delay: Duration | None = None
    timeout_kind: TimeoutKind = TimeoutKind.UNSPECIFIED
    stack_trace: str = ""


class Backoff(enum.IntEnum):
    """How the wait between attempts grows; numbers of `treadle.v1.Backoff`."""

    UNSPECIFIED = 0
    FIXED = 1
    LINEAR = 2
    EXPONENTIAL = 3


@dataclass(slots=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is tried again.

    `max_attempts` counts the first attempt too; 0 is without limit. The defaults of the growth (1
    s, factor 2, at most 100 times the initial interval, ±10 %) are those of
    `docs/reference/defaults.md`.
    """

    max_attempts: int = 1
    initial_interval: Duration = MICROSECONDS_PER_SECOND
    backoff: Backoff = Backoff.EXPONENTIAL
    coefficient: float = 2.0
    increment: Duration = 0
    max_interval: Duration = 100 * MICROSECONDS_PER_SECOND
    jitter: float = 0.1
    retry_on: tuple[str, ...] = ()
    non_retryable_kinds: tuple[str, ...] = ()


NO_RETRY = RetryPolicy()


class RetryState(enum.IntEnum):
    """Why there is no further attempt; numbers of `treadle.v1.RetryState`."""

    UNSPECIFIED = 0
    NO_POLICY = 1
    MAX_ATTEMPTS = 2
    NON_RETRYABLE = 3
    TIMEOUT = 4
    CANCEL_REQUESTED = 5
    ANSWERED = 6


class CancelCause(enum.IntEnum):
    """What made a run end early; numbers of `treadle.v1.CancelCause`."""

    UNSPECIFIED = 0
    REQUEST = 1
    RUN_TIMEOUT = 2


class IncidentAnswer(enum.IntEnum):
    """How a person answers an incident; numbers of `treadle.v1.IncidentAnswer`."""

    UNSPECIFIED = 0
    RETRY = 1
    FAIL = 2
    SKIP = 3


class SkipReason(enum.IntEnum):
    """Why a node was skipped; numbers of `treadle.v1.SkipReason`."""

    UNSPECIFIED = 0
    RUN_IF = 1
    BY_HAND = 2


class ParentClosePolicy(enum.IntEnum):
    """What becomes of a child when its parent ends; numbers of `treadle.v1.ParentClosePolicy`."""

    UNSPECIFIED = 0
    TERMINATE = 1
    CANCEL = 2
    ABANDON = 3


class ChildEnd(enum.IntEnum):
    """How a child run ended; numbers of `treadle.v1.ChildEnd`."""

    UNSPECIFIED = 0
    COMPLETED = 1
    FAILED = 2
    CANCELLED = 3
    TIMED_OUT = 4
    TERMINATED = 5


@dataclass(slots=True, kw_only=True)
class CompareAndSet:
    """Writes `value` if the key holds `expected`; `expected` None means that the key is absent."""

    value: Payload
    expected: Payload | None = None


@dataclass(slots=True, kw_only=True)
class MemoryOperation:
    """One change of a run's memory; exactly one of the four changes is given."""

    key: str
    set: Payload | None = None
    delete: bool = False
    add: float | None = None
    compare_and_set: CompareAndSet | None = None


@dataclass(slots=True, kw_only=True)
class SeedOutcome:
    """What a node of an earlier run gave, taken over so that it does not run again."""

    node: str
    output: Payload
    skipped: bool = False
    command: str = ""
    """Of code: what was asked for."""
    open: bool = False
    """Of code: it has no outcome."""


@dataclass(slots=True, kw_only=True)
class Held:
    """What a run is held for: the oldest of its incidents."""

    key: str
    """The activity that it is about."""
    incident: str
    """What happened, and which answers are possible."""
    since_time: Instant
    incident_count: int
    """How many are open, this one included."""


class FailureKind:
    """The kinds of failure that Treadle itself makes."""

    TIMEOUT: Final = "treadle.Timeout"
    LEASE_LOST: Final = "treadle.LeaseLost"
    CANCELLED: Final = "treadle.Cancelled"
    EXPRESSION_FAILED: Final = "treadle.ExpressionFailed"
    INVALID_INPUT: Final = "treadle.InvalidInput"
    INVALID_OUTPUT: Final = "treadle.InvalidOutput"
    MEMORY_CONFLICT: Final = "treadle.MemoryConflict"
    NODE_INPUT_CONFLICT: Final = "treadle.NodeInputConflict"
    LOOP_BOUND_REACHED: Final = "treadle.LoopBoundReached"
    WAIT_TIMED_OUT: Final = "treadle.WaitTimedOut"
    MAP_FAILED: Final = "treadle.MapFailed"
    CHILD_FAILED: Final = "treadle.ChildFailed"
    RUN_ENDED: Final = "treadle.RunEnded"
    NOT_UNDONE: Final = "treadle.NotUndone"
    RESULT_UNHANDLED: Final = "treadle.ResultUnhandled"
    REPLAY_MISMATCH: Final = "treadle.ReplayMismatch"
    """Made by workers, as is what follows."""
    CODE_BLOCKED: Final = "treadle.CodeBlocked"
