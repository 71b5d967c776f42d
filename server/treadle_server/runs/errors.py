"""What `Runs` refuses beside the engine's refusals: things that are not there, there already, or
not to be had now.

`reason` is stable and part of the API. A refusal changes nothing.
"""

from __future__ import annotations

from treadle_server.engine.errors import Refusal


class NotFound(Refusal):
    """What is named is not there."""

    reason = "NOT_FOUND"


class RunNotFound(NotFound):
    """There is no such run, or no more."""

    reason = "RUN_NOT_FOUND"


class DefinitionNotFound(NotFound):
    """There is no such workflow, or no such version of it."""

    reason = "DEFINITION_NOT_FOUND"


class RecordUnreadable(Refusal):
    """A record of the run is damaged, or of a later version of Treadle; `run_id`, `position` in the
    journal and the first `seq` in the metadata. `treadle journal check` finds all that are; only a
    backup has them whole.
    """

    reason = "RECORD_UNREADABLE"


class DefinitionUnusable(Refusal):
    """The version was stored by an earlier version of Treadle, and this one cannot run it: its runs
    stand still, and lose nothing; `workflow` and `version` in the metadata.
    """

    reason = "DEFINITION_UNUSABLE"


CANNOT_BE_USED = (RecordUnreadable, DefinitionUnusable)
"""What a run is refused with that is there and cannot be brought into memory."""


class VersionNotActive(Refusal):
    """The version is deprecated or retired, so new runs may not take it."""

    reason = "VERSION_NOT_ACTIVE"


class VersionInUse(Refusal):
    """Runs of the version are open."""

    reason = "VERSION_IN_USE"


class AlreadyExists(Refusal):
    """The workflow id belongs to another run; `run_id` in the metadata."""

    reason = "WORKFLOW_ID_TAKEN"


class RunOpen(Refusal):
    """The run has not ended; only a run that has can be taken up again, or deleted."""

    reason = "RUN_OPEN"


class RunCompletedAlready(Refusal):
    """The run has completed: there is nothing to take up."""

    reason = "RUN_COMPLETED"


class RequestIdReused(Refusal):
    """This request id named another request before."""

    reason = "REQUEST_ID_REUSED"


class TokenInvalid(Refusal):
    """No token of ours: forged, altered or cut short."""

    reason = "TASK_TOKEN_INVALID"


class TokenOfOtherNamespace(Refusal):
    """The token belongs to a task of another namespace."""

    reason = "NAMESPACE_MISMATCH"


class SessionUnknown(Refusal):
    """The server does not know this session: say what you hold (`resume`) and poll again."""

    reason = "SESSION_UNKNOWN"


class Busy(Refusal):
    """More than the server can take at the moment; try again a little later."""

    reason = "SERVER_BUSY"


class Stopping(Refusal):
    """The server is stopping, or its journal has failed; try again, it may be back soon."""

    reason = "SERVER_STOPPING"
