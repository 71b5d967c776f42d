"""How a run ends: stop what runs, await it, undo what was done, then say how it ended.

One function that is asked again and again for the next events, so that a crash between two of them
changes nothing: what has been done is in the state.
"""

from __future__ import annotations

from treadle_server.engine import events as e
from treadle_server.engine.commands import Stop
from treadle_server.engine.ends import cancelled, timed_out
from treadle_server.engine.perform import perform
from treadle_server.engine.state import Ending, RunState
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import Instant


def next_of_ending(state: RunState, now: Instant) -> list[e.Event]:
    """What comes next in a run that is ending; nothing while it waits for something."""
    key = state.next_to_stop()
    if key is not None:
        return perform(state, Stop(key), now)
    ending = state.ending
    if ending is None or not (state.at_rest or state.undoes_next):
        return []
    if ending.compensates and (state.undo or state.compensating):
        return _next_of_compensation(state)
    return [_end(state, ending)]


def _next_of_compensation(state: RunState) -> list[e.Event]:
    """Newest first, one by one. One that was given up does not stop the rest."""
    if not state.compensating:
        return [e.CompensationStarted()]
    for undo in reversed(state.undo):
        if undo.started:
            continue
        registered = undo.registered
        return [
            e.ActivityScheduled(
                key=registered.key,
                type=registered.type,
                queue=registered.queue,
                input=registered.input,
                retry=registered.retry,
                start_to_close_timeout=registered.start_to_close_timeout,
                hold_on_failure=True,
                compensates=registered.of,
            )
        ]
    return [
        e.CompensationEnded(
            undone=tuple(one.registered.of for one in reversed(state.undo) if one.undone),
            not_undone=tuple(one.registered.of for one in reversed(state.undo) if not one.undone),
        )
    ]


def _end(state: RunState, ending: Ending) -> e.Event:
    match ending.stage:
        case RunStage.FAILED:
            assert ending.failure is not None, "a run fails with a failure"
            return e.RunFailed(
                failure=ending.failure,
                node=ending.node,
                started_time=state.started_time,
                workflow=state.workflow,
            )
        case RunStage.TIMED_OUT:
            return timed_out(state)
        case _:
            return cancelled(state, ending.reason)
