"""Every error this package raises, by whose fault it is.

    TreadleError
    ├── RequestRefused              the caller's: repeating the same call changes nothing
    │   ├── InvalidRequest          something in the request is wrong; `violations` says where
    │   │   └── PayloadError        a value cannot be written as, or read from, a payload
    │   │       └── MemoryTypeMismatch  what the run's memory holds is of another type
    │   ├── NotFound                what the request names does not exist
    │   │   ├── RunNotFound
    │   │   └── DefinitionNotFound
    │   ├── AlreadyExists           a run with this workflow id is in the way; `run_id` names it
    │   ├── Conflict                not in this state, for example cancelling an ended run
    │   └── NotPermitted            no credentials, or not allowed
    ├── RequestNotServed            the server's or the network's
    │   ├── ServerUnavailable       not reachable: a plain repeat is safe
    │   │   └── ServerStopping
    │   ├── ServerBusy              a limit was reached; `retry_after_seconds` if the server said
    │   ├── RequestTimedOut         no answer in time; whether it took effect is unknown
    │   ├── DataLost                a disk has damaged what is asked for; `run_id` names the run
    │   └── ServerFault             a fault in the server; its log has the details
    ├── RunNotCompleted             what `RunHandle.result` raises for a run that did not complete
    │   ├── RunFailed               `failure` says why
    │   │   └── ActivityTimedOut
    │   ├── RunCancelled
    │   ├── RunTimedOut
    │   └── RunTerminated
    ├── DefinitionError             an activity, a worker or a graph was written wrongly
    ├── MemoryKeyMissing            the run's memory has no such key
    ├── ActivityCancelled           what `Context.raise_if_cancelled` raises
    ├── WorkFailed                  what workflow code gets of work that failed; `failure` says why
    │   ├── StepFailed
    │   ├── ActivityFailed
    │   └── ChildFailed
    ├── ReplayMismatch              code does not fit a history
    ├── NotDeterministic            workflow code did what a replay would do otherwise
    ├── WorkflowOnly                a word of workflow code was used elsewhere
    ├── UpdateFailed                the code refused an update, or failed at it; `failure` says why
    └── ApplicationError            what an activity raises to say how it failed

What is not here: how a gRPC status becomes one of these (`_client/statuses.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from treadle.failure import Failure


class TreadleError(Exception):
    """The base of every error of this package."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing that is wrong with a request: where (`field`, a path) and what (`description`)."""

    field: str
    description: str


class RequestError(TreadleError):
    """A call to the server that did not succeed.

    `reason` is a stable name in UPPER_SNAKE_CASE, empty if the server gave none; `metadata` holds
    what the reason is about.
    """

    def __init__(
        self, message: str, *, reason: str = "", metadata: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata)


class RequestRefused(RequestError):
    """The server understood the request and refuses it: repeating it unchanged will not help."""


class InvalidRequest(RequestRefused):
    """Something in the request is wrong. `violations` lists what and where."""

    def __init__(
        self,
        message: str,
        *,
        violations: Sequence[FieldViolation] = (),
        reason: str = "",
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.violations = tuple(violations)

    def __str__(self) -> str:
        # Clients print this; what the message already says is not said twice.
        known = [v for v in self.violations if v.description not in self.message]
        return "\n".join([self.message, *(f"  {v.field}: {v.description}" for v in known)])


class PayloadError(InvalidRequest):
    """A value cannot be written as a payload, or a payload cannot be read."""


class NotFound(RequestRefused):
    """What the request names does not exist."""


class RunNotFound(NotFound):
    """There is no such run, or no more."""


class DefinitionNotFound(NotFound):
    """There is no such workflow, or no such version of it."""


class MemoryTypeMismatch(PayloadError):
    """What the run's memory holds is not of the type that the activity asked for."""


class AlreadyExists(RequestRefused):
    """Something of that name exists already; `run_id` is the run in the way, if the server said."""

    @property
    def run_id(self) -> str:
        """The run in the way; empty if the server did not say."""
        return self.metadata.get("run_id", "")


class Conflict(RequestRefused):
    """The request does not fit the present state, for example cancelling a run that has ended."""


class TransitionInvalid(Conflict):
    """The state machine has no transition for this event in its present states."""


class GuardFailed(Conflict):
    """The state machine has transitions for this event, and the guard of none of them holds."""


class NotPermitted(RequestRefused):
    """The caller is not known, or is not allowed to do this."""


class RequestNotServed(RequestError):
    """The server or the way to it failed; the request itself may be fine."""


class ServerUnavailable(RequestNotServed):
    """The server cannot be reached, or is stopping. Repeating the request is safe."""


class ServerStopping(ServerUnavailable):
    """The server is shutting down; another one, or the same in a moment, may take the request."""


class ServerBusy(RequestNotServed):
    """A limit of the server was reached. `retry_after_seconds` is its advice, None without one."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        reason: str = "",
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_after_seconds = retry_after_seconds


class RequestTimedOut(RequestNotServed):
    """No answer in time; the same request id makes a repeat safe, whether it took effect or not."""


class DataLost(RequestNotServed):
    """What the server's journal holds of a run is damaged; other runs are not touched by that. The
    message says where, and what to do.
    """

    @property
    def run_id(self) -> str:
        """The run; empty if the server did not say."""
        return self.metadata.get("run_id", "")


class ServerFault(RequestNotServed):
    """The server failed in a way it did not foresee, or does not know this request at all."""


class RunNotCompleted(TreadleError):
    """The run ended, but not with a result. `run_id` names it."""

    def __init__(self, message: str, *, run_id: str, workflow_id: str = "") -> None:
        super().__init__(message)
        self.run_id = run_id
        self.workflow_id = workflow_id


class RunFailed(RunNotCompleted):
    """The run failed; `failure` says why."""

    def __init__(
        self, message: str, *, run_id: str, failure: Failure, workflow_id: str = ""
    ) -> None:
        super().__init__(message, run_id=run_id, workflow_id=workflow_id)
        self.failure = failure


class ActivityTimedOut(RunFailed):
    """The run failed because an activity ran into one of its timeouts; `failure.timeout_kind` says
    which.
    """


class RunCancelled(RunNotCompleted):
    """The run was cancelled."""


class RunTimedOut(RunNotCompleted):
    """The run reached its `run_timeout`."""


class RunTerminated(RunNotCompleted):
    """The run was terminated."""


class DefinitionError(TreadleError):
    """An activity, a worker or a graph is written wrongly; raised before anything runs."""


class MemoryKeyMissing(TreadleError, KeyError):
    """The run's memory has no such key, or the activity has not declared that it reads it."""

    __str__ = Exception.__str__


class ActivityCancelled(TreadleError):
    """The attempt was asked to stop; raised by `Context.raise_if_cancelled` for plain functions."""


class WorkFailed(TreadleError):
    """Work that workflow code asked for has failed for good. `kind` is what to look at."""

    def __init__(self, message: str, *, name: str, failure: Failure) -> None:
        super().__init__(message)
        self.name = name
        self.failure = failure

    @property
    def kind(self) -> str:
        """The stable name of what went wrong."""
        return self.failure.kind


class StepFailed(WorkFailed):
    """A step failed, and no attempt is left."""


class ActivityFailed(WorkFailed):
    """An activity failed, and no attempt is left."""


class ChildFailed(WorkFailed):
    """A child run did not complete, or could not be started."""


class NotDeterministic(TreadleError):
    """Workflow code did something that a replay would do otherwise: looked at a clock, made
    something random, read or wrote something outside. The message says what to do instead.
    """


class WorkflowOnly(TreadleError):
    """A word of workflow code, such as `workflow.now()` or `step`, was used elsewhere."""


class ReplayMismatch(TreadleError):
    """Code does not ask for what a history has. `details` says where the two differ."""

    def __init__(self, message: str, *, details: Mapping[str, object]) -> None:
        super().__init__(message)
        self.details = dict(details)


class UpdateFailed(TreadleError):
    """An update was refused by the workflow's code, or failed in it; `failure` says why."""

    def __init__(self, message: str, *, failure: Failure) -> None:
        super().__init__(message)
        self.failure = failure


class ApplicationError(TreadleError):
    """Raised by an activity to say how it failed.

    Args:
        message: for people.
        kind: the stable name that error edges and retry policies match on; the class's own name if
            None, so that a subclass is a kind.
        details: any value that can be written as JSON, for error edges to read.
        non_retryable: no further attempt, whatever the retry policy says.
        next_delay: wait this long before the next attempt (seconds or a timedelta) instead of what
            the policy says.
    """

    def __init__(
        self,
        message: str = "",
        kind: str | None = None,
        details: object = None,
        *,
        non_retryable: bool = False,
        next_delay: timedelta | float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = type(self).__name__ if kind is None else kind
        self.details = details
        self.non_retryable = non_retryable
        self.next_delay = (
            timedelta(seconds=next_delay) if isinstance(next_delay, (int, float)) else next_delay
        )
