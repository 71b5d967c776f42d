"""The fold of timers, external events, children and compensation; `evolve.py` has the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle_server.engine import events as e
from treadle_server.engine.entities import START, Child, ReceivedEvent, Timer, Undo, Wait
from treadle_server.engine.state import RunState
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import NULL, ParentClosePolicy

EVENT_IDS_KEPT = 10_000
"""So many ids of external events are remembered, to tell repeats."""


def _timer_started(state: RunState, event: e.TimerStarted) -> None:
    timer = Timer(event.key, event.time, event.due_time, event.output)
    state.timers[event.key] = timer
    state.push_alarm(timer)
    if event.key != START:
        state.progress.node_started(event.key)


def _timer_fired(state: RunState, event: e.TimerFired) -> None:
    timer = state.timers.pop(event.key)
    if event.key != START:
        state.progress.node_succeeded(event.key, timer.output)


def _timer_cancelled(state: RunState, event: e.TimerCancelled) -> None:
    del state.timers[event.key]
    if event.key != START:
        state.progress.node_stopped(event.key)


# --- external events ------------------------------------------------------------------------------


def _event_received(state: RunState, event: e.EventReceived) -> None:
    given_back = state.code.given_back(event.event_id) if state.progress.remote else None
    if given_back is None:
        received = ReceivedEvent(event.event_id, event.name, event.payload, event.time)
        state.received.append(received)
    else:
        _give_back(state, given_back)
    state.event_ids[event.event_id] = None
    if len(state.event_ids) > EVENT_IDS_KEPT:
        del state.event_ids[next(iter(state.event_ids))]
    for wait in state.waits.values():
        if wait.name == event.name:
            state.progress.event_may_match(wait.key)
    state.progress.event_came()


def _give_back(state: RunState, given_back: ReceivedEvent) -> None:
    """Puts it where it was: before what came later."""
    order = {event_id: n for n, event_id in enumerate(state.event_ids)}
    place = order.get(given_back.event_id, -1)
    later = (n for n, one in enumerate(state.received) if order.get(one.event_id, -1) > place)
    state.received.insert(next(later, len(state.received)), given_back)


def _wait_started(state: RunState, event: e.WaitStarted) -> None:
    wait = Wait(event.key, event.time, event.name, event.until, event.filter)
    state.waits[event.key] = wait
    state.push_alarm(wait)
    state.progress.node_started(event.key)
    if any(received.name == event.name for received in state.received):
        state.progress.event_may_match(event.key)


def _wait_satisfied(state: RunState, event: e.WaitSatisfied) -> None:
    del state.waits[event.key]
    place = next(n for n, one in enumerate(state.received) if one.event_id == event.event_id)
    received = state.received.pop(place)
    if state.progress.remote:
        state.code.wait_satisfied(event, received)
    state.progress.node_succeeded(event.key, received.payload)


def _wait_timed_out(state: RunState, event: e.WaitTimedOut) -> None:
    del state.waits[event.key]
    state.progress.wait_timed_out(event.key)


def _wait_cancelled(state: RunState, event: e.WaitCancelled) -> None:
    del state.waits[event.key]
    state.progress.node_stopped(event.key)


def _event_sent(state: RunState, event: e.EventSent) -> None:
    state.progress.node_done(event.key, event.payload, NodeState.COMPLETED)


# --- children -------------------------------------------------------------------------------------


def _child_requested(state: RunState, event: e.ChildRequested) -> None:
    state.children[event.key] = Child(event)
    state.progress.child_requested(event)


def _child_started(state: RunState, event: e.ChildStarted) -> None:
    child = state.children[event.key]
    child.started = True
    if not child.requested.awaited:
        del state.children[event.key]
        if child.requested.on_parent_end is not ParentClosePolicy.ABANDON:
            state.unawaited[event.key] = child.requested
        state.progress.node_succeeded(event.key, NULL)


def _child_ended(state: RunState, event: e.ChildEnded) -> None:
    child = state.children.pop(event.key)
    unwanted = child.cancelling and state.ending is None
    state.progress.child_ended(event, asked=child.cancelling, unwanted=unwanted)


def _child_cancel_requested(state: RunState, event: e.ChildCancelRequested) -> None:
    state.children[event.key].cancelling = True
    state.progress.child_asked(event.key)


# --- compensation ---------------------------------------------------------------------------------


def _compensation_registered(state: RunState, event: e.CompensationRegistered) -> None:
    state.undo.append(Undo(event))


def _compensation_started(state: RunState, _event: e.CompensationStarted) -> None:
    state.compensating = True


def _compensation_ended(state: RunState, event: e.CompensationEnded) -> None:
    state.compensating = False
    state.compensated = not event.not_undone
    state.not_undone = event.not_undone
    state.undo.clear()


# --- run groups -----------------------------------------------------------------------------------


def _group_started(state: RunState, event: e.GroupStarted) -> None:
    state.group.group_started(event)


def _group_closed(state: RunState, event: e.GroupClosed) -> None:
    state.group.group_closed(event)


ENTITY_HANDLERS: dict[type[e.Event], Callable[[RunState, Any], None]] = {
    e.TimerStarted: _timer_started,
    e.TimerFired: _timer_fired,
    e.TimerCancelled: _timer_cancelled,
    e.EventReceived: _event_received,
    e.WaitStarted: _wait_started,
    e.WaitSatisfied: _wait_satisfied,
    e.WaitTimedOut: _wait_timed_out,
    e.WaitCancelled: _wait_cancelled,
    e.EventSent: _event_sent,
    e.ChildRequested: _child_requested,
    e.ChildStarted: _child_started,
    e.ChildEnded: _child_ended,
    e.ChildCancelRequested: _child_cancel_requested,
    e.CompensationRegistered: _compensation_registered,
    e.CompensationStarted: _compensation_started,
    e.CompensationEnded: _compensation_ended,
    e.GroupStarted: _group_started,
    e.GroupClosed: _group_closed,
}
