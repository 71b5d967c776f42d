"""The last event of a run that was asked to end, or whose time was up.

What could not be undone makes it a failure: somebody has to look, and nobody does at CANCELLED.
"""

from __future__ import annotations

from typing import Final

import msgspec

from treadle_server.engine import events as e
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Failure, FailureKind, Payload

_NAMED: Final = 10
"""In the message; the details have all."""


def cancelled(state: RunState, reason: str) -> e.Event:
    """It was cancelled."""
    if state.not_undone:
        return _not_undone(state, f"was cancelled ({reason})" if reason else "was cancelled")
    return e.RunCancelled(reason=reason, started_time=state.started_time, workflow=state.workflow)


def timed_out(state: RunState) -> e.Event:
    """It reached its timeout."""
    if state.not_undone:
        return _not_undone(state, "reached its timeout")
    return e.RunTimedOut(started_time=state.started_time, workflow=state.workflow)


def _not_undone(state: RunState, why: str) -> e.Event:
    left = state.not_undone
    named = ", ".join(left[:_NAMED]) + (", ..." if len(left) > _NAMED else "")
    failure = Failure(
        kind=FailureKind.NOT_UNDONE,
        message=f"the run {why}, and not all was undone; left: {named}",
        non_retryable=True,
        details=Payload(msgspec.json.encode({"not_undone": left})),
    )
    return e.RunFailed(
        failure=failure, node="", started_time=state.started_time, workflow=state.workflow
    )
