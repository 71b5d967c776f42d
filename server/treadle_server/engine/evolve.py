"""The fold: `evolve(state, event)` puts one fact into the state, in place.

One function per event, found by its type. Nothing is decided here; what structure alone implies is
derived in `graph.py`. The fold must accept every event that the engine emits and must not look at
anything but state and event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle_server.engine import events as e
from treadle_server.engine import recorded
from treadle_server.engine.code import CodeProgress, command_index, command_key
from treadle_server.engine.entities import START, Activity, Undo
from treadle_server.engine.fold_entities import ENTITY_HANDLERS
from treadle_server.engine.fold_machine import MACHINE_HANDLERS
from treadle_server.engine.machine import MachineProgress
from treadle_server.engine.memory import apply_operations, members, merge
from treadle_server.engine.state import Ending, RunState
from treadle_server.engine.topology import NodeState
from treadle_server.engine.transitions import (
    ActivityStage,
    RunStage,
    next_activity_stage,
    next_run_stage,
)
from treadle_server.engine.values import NULL, CancelCause, Instant, ParentClosePolicy, RetryState


class SequenceBroken(Exception):
    """An event whose seq does not follow the state's: a bug of ours, or a journal that was tampered
    with.
    """


def evolve(state: RunState, event: e.Event) -> None:
    """Folds one event. Raises `SequenceBroken`, `ImpossibleTransition`."""
    cut = state.seq == 0 and isinstance(event, e.StateRecorded)
    if event.seq != state.seq + 1 and not cut:
        raise SequenceBroken(f"event {event.seq} after event {state.seq}")
    state.seq = event.seq
    state.time = event.time
    _HANDLERS[type(event)](state, event)
    if state.progress.news:
        state.code.note_news(event.seq)
    if state.progress.unhandled is not None and state.ending is None:
        # A failure that nothing handles ends the run; which one that is follows from structure.
        node, failure = state.progress.unhandled
        # What code did can only be undone by code, and nobody has it.
        compensates = not state.progress.remote
        _begin_ending(state, Ending(RunStage.FAILED, failure, node, compensates=compensates))


def due_time(activity: Activity, now: Instant) -> Instant | None:
    """When time next changes anything for an activity, as seen at `now`."""
    scheduled = activity.scheduled
    candidates: list[Instant] = []
    if activity.give_up_time is not None:
        candidates.append(activity.give_up_time)
    match activity.stage:
        case ActivityStage.QUEUED:
            if activity.ready_time > now:
                candidates.append(activity.ready_time)
            if scheduled.schedule_to_start_timeout is not None:
                candidates.append(activity.ready_time + scheduled.schedule_to_start_timeout)
        case ActivityStage.LEASED | ActivityStage.CANCELLING:
            candidates.append(activity.counted_from + scheduled.start_to_close_timeout)
            if activity.session_id:  # without one, the lease is as long as the attempt
                candidates.append(activity.until)
            if scheduled.heartbeat_timeout is not None:
                candidates.append(activity.heartbeat_time + scheduled.heartbeat_timeout)
        case _:
            pass
    return min(candidates) if candidates else None


# --- the run --------------------------------------------------------------------------------------


def _run_started(state: RunState, event: e.RunStarted) -> None:
    state.stage = next_run_stage(state.stage, event)
    state.workflow = event.workflow
    state.version = event.version
    state.workflow_id = event.workflow_id
    state.started_time = event.time
    state.deadline = event.deadline
    state.input = event.input
    state.seed = {outcome.node: outcome for outcome in event.seed}
    state.depth = event.depth
    if event.parent_run_id:
        state.parent = (event.parent_run_id, event.parent_key)
    state.progress.start()


def _run_closed(state: RunState, event: e.Event) -> None:
    state.stage = next_run_stage(state.stage, event)
    if isinstance(event, e.RunCompleted):
        state.output = event.output
    elif isinstance(event, e.RunFailed):
        state.ending = Ending(RunStage.FAILED, event.failure, event.node)
    elif isinstance(event, e.RunContinued):
        state.next_run_id = event.next_run_id
    state.timers.pop(START, None)
    # What is still leased is fenced off: an ended run has no activities.
    state.progress.nodes_abandoned(
        key
        for things in (state.activities, state.timers, state.waits, state.children)
        for key in things
        if key not in state.activities or not state.activities[key].scheduled.compensates
    )
    state.activities.clear()
    state.timers.clear()
    state.waits.clear()
    state.children.clear()
    state.unawaited.clear()
    state.received.clear()
    state.due.clear()
    state.to_stop.clear()
    state.incidents.clear()


def _cancel_requested(state: RunState, event: e.CancelRequested) -> None:
    state.stage = next_run_stage(state.stage, event)
    if isinstance(state.progress, CodeProgress):
        state.cancel = event
        state.progress.news = True
        return
    stage = RunStage.TIMED_OUT if event.cause is CancelCause.RUN_TIMEOUT else RunStage.CANCELLED
    compensates = not event.skip_compensation
    _begin_ending(state, Ending(stage, reason=event.reason, compensates=compensates))


def _begin_ending(state: RunState, ending: Ending) -> None:
    state.ending = ending
    left = [
        key
        for key, child in state.children.items()
        if child.requested.on_parent_end is ParentClosePolicy.ABANDON
    ]
    for key in left:  # they go on without us
        del state.children[key]
        state.progress.node_stopped(key)
    _stop_all(state)


def _stop_all(state: RunState) -> None:
    for things in (state.activities, state.timers, state.waits, state.children):
        state.to_stop.extend(things)


def _state_recorded(state: RunState, event: e.StateRecorded) -> None:
    if state.stage is RunStage.ABSENT:
        # What came before it is gone: it is where this fold begins.
        recorded.restore(state, event.state)
        for activity in state.activities.values():
            state.push_due(activity, due_time(activity, event.time))
        for things in (state.timers, state.waits):
            for alarm in things.values():
                state.push_alarm(alarm)
        if state.ending is not None:
            _stop_all(state)
    state.recorded_seq = event.seq


def _run_paused(state: RunState, event: e.RunPaused) -> None:
    state.stage = next_run_stage(state.stage, event)
    state.paused = True


def _run_resumed(state: RunState, event: e.RunResumed) -> None:
    state.stage = next_run_stage(state.stage, event)
    state.paused = False
    state.look_again()


def _run_held(state: RunState, event: e.RunHeld) -> None:
    state.incidents[event.key] = event.incident
    activity = state.activities[event.key]
    activity.stage = next_activity_stage(activity.stage, event)
    activity.held_time = event.time
    if event.failure is not None:
        activity.last_failure = event.failure
    state.push_due(activity, due_time(activity, event.time))
    _note_step(state, activity)


def _incident_answered(state: RunState, event: e.IncidentAnswered) -> None:
    del state.incidents[event.key]
    activity = state.activities[event.key]
    activity.stage = next_activity_stage(activity.stage, event)
    activity.attempt = 0
    activity.held_time = 0
    activity.lost_in_a_row = 0
    activity.waiting_since_time = None
    activity.ready_time = event.time
    state.push_due(activity, due_time(activity, event.time))
    _note_step(state, activity)
    if activity.is_decision:
        state.code.let_grow(event.seq)


# --- activities -----------------------------------------------------------------------------------


def _activity_scheduled(state: RunState, event: e.ActivityScheduled) -> None:
    ready_time = event.time if event.start_time is None else event.start_time
    activity = Activity(event, ready_time, next_activity_stage(ActivityStage.ABSENT, event))
    if ready_time > event.time:
        activity.waiting_since_time = event.time
    state.activities[event.key] = activity
    due = due_time(activity, event.time)
    if due is not None:
        state.push_due(activity, due)
    _note_step(state, activity)
    if event.compensates:
        _undo_of(state, event).started = True
    else:
        state.progress.node_started(event.key)


def _note_step(state: RunState, activity: Activity) -> None:
    """A step that waits is begun by the run's next decision, if not by the one under way."""
    if not activity.scheduled.local:
        return
    if activity.stage is ActivityStage.QUEUED and activity.ready_time <= state.time:
        state.code.step_ready(activity.scheduled.key)
    else:
        state.code.step_taken(activity.scheduled.key)


def _undo_of(state: RunState, scheduled: e.ActivityScheduled) -> Undo:
    return next(undo for undo in state.undo if undo.registered.of == scheduled.compensates)


def _attempt_started(state: RunState, event: e.AttemptStarted) -> None:
    activity = state.activities[event.key]
    activity.stage = next_activity_stage(activity.stage, event)
    activity.lease = state.last_lease = event.lease
    activity.attempt = event.attempt
    activity.started_time = activity.heartbeat_time = event.time
    activity.until = event.until
    activity.session_id = event.session_id
    activity.identity = event.identity
    state.push_due(activity, due_time(activity, event.time))
    _note_step(state, activity)


def _attempt_failed(state: RunState, event: e.AttemptFailed) -> None:
    activity = state.activities[event.key]
    activity.stage = next_activity_stage(activity.stage, event)
    activity.last_failure = event.failure
    activity.waiting_since_time = event.time if event.next_time > event.time else None
    activity.ready_time = event.next_time
    if event.lost:
        activity.attempt -= 1
        activity.lost_in_a_row += 1
    else:
        activity.lost_in_a_row = 0
    state.push_due(activity, due_time(activity, event.time))
    _note_step(state, activity)


def _activity_requeued(state: RunState, event: e.ActivityRequeued) -> None:
    activity = state.activities[event.key]
    activity.stage = next_activity_stage(activity.stage, event)
    activity.attempt -= 1
    activity.waiting_since_time = None
    activity.ready_time = event.time
    state.push_due(activity, due_time(activity, event.time))
    _note_step(state, activity)


def _close(state: RunState, key: str, event: e.Event) -> Activity:
    activity = state.activities[key]
    next_activity_stage(activity.stage, event)
    del state.activities[key]
    state.incidents.pop(key, None)
    if activity.scheduled.local:
        state.code.step_taken(key)
    return activity


def _activity_completed(state: RunState, event: e.ActivityCompleted) -> None:
    activity = _close(state, event.key, event)
    if event.memory_operations:
        merge(state.memory, apply_operations(state.memory, event.memory_operations))
    if activity.scheduled.compensates:
        _undone(state, activity)
        return
    if isinstance(state.progress, MachineProgress) and state.progress.is_step(event.key):
        merge(state.memory, members(event.output))
    stage = NodeState.SKIPPED if event.skipped else NodeState.COMPLETED
    state.progress.node_succeeded(event.key, event.output, stage)


def _activity_failed(state: RunState, event: e.ActivityFailed) -> None:
    activity = _close(state, event.key, event)
    if activity.scheduled.compensates and not state.progress.remote:
        return
    if event.retry_state is RetryState.CANCEL_REQUESTED and state.ending is None:
        # Nobody needed it any more: how it ended changes nothing.
        state.progress.node_stopped(event.key)
        if state.progress.remote:
            state.code.attempt_stopped(event.key)
        return
    state.progress.node_failed_running(event.key, event.failure)


def _activity_cancel_requested(state: RunState, event: e.ActivityCancelRequested) -> None:
    activity = state.activities[event.key]
    activity.stage = next_activity_stage(activity.stage, event)
    if not activity.scheduled.compensates:
        state.progress.asked_to_stop(event.key)


def _activity_cancelled(state: RunState, event: e.ActivityCancelled) -> None:
    activity = _close(state, event.key, event)
    if not activity.scheduled.compensates:
        state.progress.node_stopped(event.key)
    if state.progress.remote:
        state.code.attempt_stopped(event.key)


def _undone(state: RunState, activity: Activity) -> None:
    _undo_of(state, activity.scheduled).undone = True
    if state.progress.remote:
        state.progress.node_succeeded(activity.scheduled.key, NULL)


def _activity_overridden(state: RunState, event: e.ActivityOverridden) -> None:
    activity = _close(state, event.key, event)
    if activity.scheduled.compensates:
        _undone(state, activity)
        return
    state.progress.node_succeeded(event.key, event.output, NodeState.SKIPPED)


# --- code -----------------------------------------------------------------------------------------


def _decision_completed(state: RunState, event: e.DecisionCompleted) -> None:
    if event.keeps:
        # The worker is alive and goes on: its time begins anew.
        activity = state.activities[event.key]
        activity.started_time = activity.heartbeat_time = event.time
        activity.attempt = 1
        state.push_due(activity, due_time(activity, event.time))
    else:
        _close(state, event.key, event)
    state.code.decided(event)
    _compare_seeds(state, event)


def _compare_seeds(state: RunState, event: e.DecisionCompleted) -> None:
    """From the first difference on, nothing is taken over from the earlier run."""
    if not state.seed:
        return
    for number, command in enumerate(event.commands, event.first_index):
        seed = state.seed.get(command_key(number))
        if seed is not None and seed.command != command:
            for key in list(state.seed):
                if command_index(key) >= number:
                    del state.seed[key]
            return


def _marker_recorded(_state: RunState, _event: e.MarkerRecorded) -> None:
    """Only replays look at it."""


def _attribute_set(state: RunState, event: e.AttributeSet) -> None:
    state.code.attributes[event.name] = event.value


def _update_received(state: RunState, event: e.UpdateReceived) -> None:
    state.code.update_received(event)


def _update_answered(state: RunState, event: e.UpdateAnswered) -> None:
    state.code.update_answered(event)


# --- graphs ---------------------------------------------------------------------------------------


def _edges_decided(state: RunState, event: e.EdgesDecided) -> None:
    state.graph.edges_decided(event)


def _node_skipped(state: RunState, event: e.NodeSkipped) -> None:
    state.progress.node_done(event.node, event.output, NodeState.SKIPPED)
    if state.progress.remote:
        state.code.taken_over()


def _nodes_unreached(state: RunState, event: e.NodesUnreached) -> None:
    state.graph.nodes_unreached(event)


def _node_failed(state: RunState, event: e.NodeFailed) -> None:
    state.progress.node_failed(event)


def _node_completed(state: RunState, event: e.NodeCompleted) -> None:
    state.progress.node_done(event.node, event.output, NodeState.COMPLETED)
    if state.progress.remote:
        state.code.taken_over()


def _loop_turned(state: RunState, event: e.LoopTurned) -> None:
    state.graph.loop_turned(event)


def _map_started(state: RunState, event: e.MapStarted) -> None:
    state.graph.map_started(event)


def _map_ended(state: RunState, event: e.MapEnded) -> None:
    state.graph.map_ended(event)


_HANDLERS: dict[type[e.Event], Callable[[RunState, Any], None]] = {
    **MACHINE_HANDLERS,
    e.RunStarted: _run_started,
    e.RunCompleted: _run_closed,
    e.RunFailed: _run_closed,
    e.RunCancelled: _run_closed,
    e.RunTimedOut: _run_closed,
    e.RunTerminated: _run_closed,
    e.RunContinued: _run_closed,
    e.CancelRequested: _cancel_requested,
    e.RunHeld: _run_held,
    e.IncidentAnswered: _incident_answered,
    e.ActivityScheduled: _activity_scheduled,
    e.AttemptStarted: _attempt_started,
    e.AttemptFailed: _attempt_failed,
    e.ActivityRequeued: _activity_requeued,
    e.ActivityCompleted: _activity_completed,
    e.ActivityFailed: _activity_failed,
    e.ActivityCancelRequested: _activity_cancel_requested,
    e.ActivityCancelled: _activity_cancelled,
    e.DecisionCompleted: _decision_completed,
    e.MarkerRecorded: _marker_recorded,
    e.AttributeSet: _attribute_set,
    e.UpdateReceived: _update_received,
    e.UpdateAnswered: _update_answered,
    e.EdgesDecided: _edges_decided,
    e.NodeSkipped: _node_skipped,
    e.NodesUnreached: _nodes_unreached,
    e.NodeFailed: _node_failed,
    e.NodeCompleted: _node_completed,
    e.LoopTurned: _loop_turned,
    e.MapStarted: _map_started,
    e.MapEnded: _map_ended,
    e.StateRecorded: _state_recorded,
    e.RunPaused: _run_paused,
    e.RunResumed: _run_resumed,
    e.ActivityOverridden: _activity_overridden,
    **ENTITY_HANDLERS,
}
