"""What the engine refuses. A refusal changes nothing; the message says what to do about it.

`reason` is stable and part of the API (`google.rpc.ErrorInfo.reason`); `api` alone knows which gRPC
code it becomes.
"""

from __future__ import annotations


class Refusal(Exception):
    """Base of all refusals of the engine."""

    reason = "REFUSED"

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata


class RunEnded(Refusal):
    """The run has ended; an ended run never changes."""

    reason = "RUN_ENDED"


class RunEnding(Refusal):
    """The run is ending; nothing new starts in it."""

    reason = "RUN_ENDING"


class LeaseEnded(Refusal):
    """The attempt that the token names is over, or was never granted: no result is accepted."""

    reason = "LEASE_ENDED"


class NotReady(Refusal):
    """The activity is not waiting for a worker."""

    reason = "NOT_READY"


class NotHeld(Refusal):
    """There is no incident about this key."""

    reason = "NOT_HELD"


class NotOpen(Refusal):
    """There is no open activity of this key, so it cannot be skipped."""

    reason = "NOT_OPEN"


class RunIsPaused(Refusal):
    """The run is paused; nothing is handed out."""

    reason = "RUN_PAUSED"


class ReportInvalid(Refusal):
    """What code reports does not fit its run."""

    reason = "REPORT_INVALID"


class NoUpdates(Refusal):
    """Only workflows that are code take updates."""

    reason = "NO_UPDATES"


class TooManyUpdates(Refusal):
    """So many updates wait for their answers that the run takes no more."""

    reason = "TOO_MANY_UPDATES"


class TooManyEvents(Refusal):
    """The run keeps as many unconsumed external events as it may."""

    reason = "TOO_MANY_EVENTS"


class TransitionInvalid(Refusal):
    """The state machine has no transition for this event in its present states."""

    reason = "TRANSITION_INVALID"


class GuardFailed(Refusal):
    """The state machine has transitions for this event, and the guard of none of them holds."""

    reason = "GUARD_FAILED"
