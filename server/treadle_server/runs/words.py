"""How a run stands, in a word for people: one table for all kinds, the command line and the docs.

The seeds' life cycles have more words than a run has states; they are derived here and stored
nowhere.
"""

from __future__ import annotations

from treadle_server.engine.code import DECISION, EVENTS_WARN, CodeProgress
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import RunStage

_ENDED = {
    RunStage.COMPLETED: "completed",
    RunStage.CANCELLED: "cancelled",
    RunStage.TIMED_OUT: "timed out",
    RunStage.TERMINATED: "terminated",
    RunStage.CONTINUED: "continued",
}

WORDS = (
    ("created", "no task of it was taken yet"),
    ("running", "something of it is being worked on, or waits for a worker"),
    ("waiting", "nothing can be worked on: it waits for time, an event or another run"),
    ("paused", "somebody paused it"),
    ("held", "a person is asked"),
    ("cancelling", "it was asked to end, or has to, and is on its way"),
    ("compensating", "it undoes what it did"),
    ("completed", "it arrived"),
    ("compensated", "it failed, and everything it did was undone"),
    ("failed (needs a person)", "it failed, and something could not be undone"),
    ("failed", "it failed"),
    ("cancelled", "somebody ended it"),
    ("timed out", "its time was up"),
    ("terminated", "somebody ended it by force"),
    ("continued", "another run of its workflow id goes on in its place"),
)
"""Each word and what it says."""


def status(state: RunState) -> str:
    """The word for a run."""
    if state.stage is RunStage.FAILED:
        if state.not_undone:
            return "failed (needs a person)"
        return "compensated" if state.compensated else "failed"
    if state.stage in _ENDED:
        return _ENDED[state.stage]
    return _open(state)


def _open(state: RunState) -> str:
    if state.held is not None:
        return "held"
    if state.paused:
        return "paused"
    if state.compensating:
        return "compensating"
    if state.is_ending:
        return "cancelling"
    if not state.last_lease and state.seq <= _FIRST_EVENTS:
        return "created"
    busy = [key for key in state.activities if key != DECISION]
    if busy or DECISION in state.activities:
        return "running"
    return "waiting"


_FIRST_EVENTS = 3
"""A run whose first task waits has no more events than these."""


def warnings(state: RunState) -> list[str]:
    """What somebody should look at before it becomes an incident."""
    progress = state.progress
    if not isinstance(progress, CodeProgress) or state.ended or state.seq < EVENTS_WARN:
        return []
    return [
        f"the history has {state.seq:,} events; at {progress.events_limit:,} the run is held. Code "
        "that goes on for long should continue as new"
    ]
