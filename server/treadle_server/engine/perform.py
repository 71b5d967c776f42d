"""The only way into the journal: one function per command, found by its type, gives the events that
it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle_server.engine import commands as c
from treadle_server.engine import events as e
from treadle_server.engine.ends import cancelled, timed_out
from treadle_server.engine.ids import child_run_id, sent_event_id
from treadle_server.engine.maps import MapProgress
from treadle_server.engine.perform_machine import MACHINE_PERFORMERS
from treadle_server.engine.state import RunState
from treadle_server.engine.topology import NodeState
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import (
    NO_RETRY,
    NULL,
    CancelCause,
    Duration,
    Failure,
    FailureKind,
    Instant,
)

MAX_DEPTH = 32
"""So deep may runs start each other. Far more than anybody draws; two workflows that start each
other would fill the disk.
"""


NEXT = "next"
"""What makes the id of the run that takes this one's place; no command has this key."""


def perform(state: RunState, command: c.Command, now: Instant) -> list[e.Event]:
    """The events of one command; `seq` and `time` are stamped by the turn."""
    return _PERFORMERS[type(command)](state, command, now)


def _due(now: Instant, delay: Duration, not_before: Instant | None) -> Instant:
    return max(now + delay, not_before or 0)


def _schedule_activity(
    _state: RunState, command: c.ScheduleActivity, now: Instant
) -> list[e.Event]:
    options = command.options
    start_time = _due(now, command.delay, command.not_before)
    return [
        e.ActivityScheduled(
            key=command.key,
            type=options.type,
            queue=options.queue,
            input=command.input,
            retry=options.retry,
            start_to_close_timeout=options.start_to_close_timeout,
            schedule_to_start_timeout=options.schedule_to_start_timeout,
            schedule_to_close_timeout=options.schedule_to_close_timeout,
            heartbeat_timeout=options.heartbeat_timeout,
            priority=options.priority,
            memory_keys=options.memory_keys,
            start_time=start_time if start_time > now else None,
            hold_on_failure=options.hold_on_failure,
            local=options.local,
            cache_key=options.cache_key,
            cache_ttl=options.cache_ttl,
            compensates=command.compensates,
        )
    ]


def _stop(state: RunState, command: c.Stop, _now: Instant) -> list[e.Event]:
    key = command.key
    if key in state.timers:
        return [e.TimerCancelled(key=key, started_time=state.timers[key].started_time)]
    if key in state.waits:
        return [e.WaitCancelled(key=key, started_time=state.waits[key].started_time)]
    if state.progress.remote and key in state.code.consumed:
        # The code had given the wait up when its event came: that is for another wait.
        _, given = state.code.consumed[key]
        return [e.EventReceived(event_id=given.event_id, name=given.name, payload=given.payload)]
    child = state.children.get(key)
    if child is not None:
        return [] if child.cancelling else [e.ChildCancelRequested(key=key)]
    activity = state.activities.get(key)
    if activity is None or activity.stage is ActivityStage.CANCELLING:
        return []
    if activity.stage is ActivityStage.LEASED:
        return [e.ActivityCancelRequested(key=key)]
    return [
        e.ActivityCancelled(
            key=key,
            lease=0,
            attempt=activity.attempt,
            scheduled_time=activity.scheduled.time,
            type=activity.scheduled.type,
        )
    ]


def _start_timer(state: RunState, command: c.StartTimer, now: Instant) -> list[e.Event]:
    due_time = _due(now, command.delay, command.not_before)
    if state.progress.remote and command.not_before is not None:
        # Even if that is past: timers of a report that comes late fire in the order of their times.
        due_time = command.not_before
    return [e.TimerStarted(key=command.key, due_time=due_time, output=command.output)]


def _start_wait(_state: RunState, command: c.StartWait, now: Instant) -> list[e.Event]:
    until = None if command.timeout is None else now + command.timeout
    return [e.WaitStarted(key=command.key, name=command.name, until=until, filter=command.filter)]


def _satisfy_wait(state: RunState, command: c.SatisfyWait, _now: Instant) -> list[e.Event]:
    wait = state.waits[command.key]
    return [
        e.WaitSatisfied(key=command.key, event_id=command.event_id, started_time=wait.started_time)
    ]


def _send_event(state: RunState, command: c.SendEvent, _now: Instant) -> list[e.Event]:
    return [
        e.EventSent(
            key=command.key,
            event_id=sent_event_id(state.run_id, command.key),
            name=command.name,
            payload=command.payload,
            workflow_id=command.workflow_id,
        )
    ]


def _start_child(state: RunState, command: c.StartChild, now: Instant) -> list[e.Event]:
    if state.depth >= MAX_DEPTH:
        failure = Failure(
            kind=FailureKind.CHILD_FAILED,
            message=f"{MAX_DEPTH} runs stand above this one, which is as deep as it goes; do "
            "workflows start each other?",
            non_retryable=True,
        )
        return [e.NodeFailed(node=command.key, failure=failure)]
    run_id = child_run_id(state.run_id, command.key, now)
    return [
        e.ChildRequested(
            key=command.key,
            run_id=run_id,
            workflow=command.workflow,
            version=command.version,
            workflow_id=command.workflow_id or f"{state.run_id.hex()}/{command.key}",
            input=command.input,
            on_parent_end=command.on_parent_end,
            awaited=command.awaited,
            depth=state.depth + 1,
        )
    ]


def _decide_edges(_state: RunState, command: c.DecideEdges, _now: Instant) -> list[e.Event]:
    edges = tuple(e.DecidedEdge(edge=edge, to=to, taken=taken) for edge, to, taken in command.edges)
    return [e.EdgesDecided(node=command.node, edges=edges)]


def _skip_node(_state: RunState, command: c.SkipNode, _now: Instant) -> list[e.Event]:
    return [e.NodeSkipped(node=command.node, reason=command.reason, output=command.output)]


def _mark_unreached(_state: RunState, command: c.MarkUnreached, _now: Instant) -> list[e.Event]:
    return [e.NodesUnreached(nodes=command.nodes)]


def _fail_node(_state: RunState, command: c.FailNode, _now: Instant) -> list[e.Event]:
    return [e.NodeFailed(node=command.node, failure=command.failure)]


def _complete_node(_state: RunState, command: c.CompleteNode, _now: Instant) -> list[e.Event]:
    return [e.NodeCompleted(node=command.node, output=command.output, seeded=command.seeded)]


def _turn_loop(_state: RunState, command: c.TurnLoop, _now: Instant) -> list[e.Event]:
    return [e.LoopTurned(header=command.header, iteration=command.iteration)]


def _start_map(_state: RunState, command: c.StartMap, _now: Instant) -> list[e.Event]:
    return [e.MapStarted(node=command.node, items=command.items)]


def _end_map(_state: RunState, command: c.EndMap, _now: Instant) -> list[e.Event]:
    return [
        e.MapEnded(
            node=command.node,
            completed=command.completed,
            failed=command.failed,
            started_time=command.started_time,
            failure=command.failure,
        )
    ]


def _drop(state: RunState, command: c.Drop, now: Instant) -> list[e.Event]:
    progress = state.graph
    events: list[e.Event] = []
    unreached: list[str] = []
    for key in command.nodes:
        node = progress.topology.node_of(key)
        stage = progress.state(node)
        running = progress.maps.get(node)
        if stage is NodeState.PENDING:
            unreached.append(key)
        elif stage is NodeState.RUNNING and running is not None:
            events += _drop_map(state, key, running, now)
        elif stage is NodeState.RUNNING:
            events += _stop(state, c.Stop(key), now)
    if unreached:
        events.append(e.NodesUnreached(nodes=tuple(unreached)))
    return events


def _drop_map(state: RunState, key: str, running: MapProgress, now: Instant) -> list[e.Event]:
    failure = Failure(kind=FailureKind.CANCELLED, message="not needed any more")
    ended = c.EndMap(key, running.completed, running.failed, running.started_time, failure)
    items = [c.Stop(f"{key}[{item}]") for item in sorted(running.open)]
    stopped = [event for item in items for event in _stop(state, item, now)]
    return [*stopped, *_end_map(state, ended, now)]


def _register_compensation(
    _state: RunState, command: c.RegisterCompensation, _now: Instant
) -> list[e.Event]:
    options = command.options
    return [
        e.CompensationRegistered(
            key=f"{command.of}!undo",
            of=command.of,
            type=options.type,
            queue=options.queue,
            input=command.input,
            retry=options.retry,
            start_to_close_timeout=options.start_to_close_timeout,
        )
    ]


def _note_compensation(
    _state: RunState, command: c.NoteCompensation, _now: Instant
) -> list[e.Event]:
    return [
        e.CompensationRegistered(
            key=f"{command.of}!undo",
            of=command.of,
            type=command.type,
            queue="",
            input=NULL,
            retry=NO_RETRY,
            start_to_close_timeout=0,
        )
    ]


def _start_compensation(
    state: RunState, _command: c.StartCompensation, _now: Instant
) -> list[e.Event]:
    return [] if state.compensating else [e.CompensationStarted()]


def _end_compensation(_state: RunState, command: c.EndCompensation, _now: Instant) -> list[e.Event]:
    return [e.CompensationEnded(undone=command.undone, not_undone=command.not_undone)]


def _set_attribute(_state: RunState, command: c.SetAttribute, _now: Instant) -> list[e.Event]:
    return [e.AttributeSet(key=command.key, name=command.name, value=command.value)]


def _record_marker(_state: RunState, command: c.RecordMarker, _now: Instant) -> list[e.Event]:
    return [e.MarkerRecorded(key=command.key, id=command.id)]


def _answer_update(_state: RunState, command: c.AnswerUpdate, _now: Instant) -> list[e.Event]:
    return [
        e.UpdateAnswered(
            update_id=command.update_id, output=command.output, failure=command.failure
        )
    ]


def _hold_run(_state: RunState, command: c.HoldRun, _now: Instant) -> list[e.Event]:
    return [e.RunHeld(incident=command.incident, key=command.key)]


def _cancel_run(state: RunState, _command: c.CancelRun, _now: Instant) -> list[e.Event]:
    cancel = state.cancel
    if cancel is not None and cancel.cause is CancelCause.RUN_TIMEOUT:
        return [timed_out(state)]
    reason = "the code ended the run by itself" if cancel is None else cancel.reason
    return [cancelled(state, reason)]


def _continue_as_new(state: RunState, command: c.ContinueAsNew, now: Instant) -> list[e.Event]:
    parent_run_id, parent_key = state.parent or (b"", "")
    return [
        e.RunContinued(
            next_run_id=child_run_id(state.run_id, NEXT, now),
            input=command.input,
            next_version=command.version,
            started_time=state.started_time,
            workflow=state.workflow,
            workflow_id=state.workflow_id,
            depth=state.depth,
            events=tuple(
                e.CarriedEvent(event_id=one.event_id, name=one.name, payload=one.payload)
                for one in state.received
            ),
            parent_run_id=parent_run_id,
            parent_key=parent_key,
        )
    ]


def _complete_run(state: RunState, command: c.CompleteRun, _now: Instant) -> list[e.Event]:
    return [
        e.RunCompleted(
            output=command.output, started_time=state.started_time, workflow=state.workflow
        )
    ]


def _fail_run(state: RunState, command: c.FailRun, _now: Instant) -> list[e.Event]:
    return [
        e.RunFailed(
            failure=command.failure,
            node=command.node,
            started_time=state.started_time,
            workflow=state.workflow,
        )
    ]


_PERFORMERS: dict[type[Any], Callable[[RunState, Any, Instant], list[e.Event]]] = {
    c.ScheduleActivity: _schedule_activity,
    c.Stop: _stop,
    c.StartTimer: _start_timer,
    c.StartWait: _start_wait,
    c.SatisfyWait: _satisfy_wait,
    c.SendEvent: _send_event,
    c.StartChild: _start_child,
    c.CompleteNode: _complete_node,
    c.DecideEdges: _decide_edges,
    c.SkipNode: _skip_node,
    c.MarkUnreached: _mark_unreached,
    c.Drop: _drop,
    c.FailNode: _fail_node,
    c.NoteCompensation: _note_compensation,
    c.StartCompensation: _start_compensation,
    c.EndCompensation: _end_compensation,
    c.SetAttribute: _set_attribute,
    c.RecordMarker: _record_marker,
    c.AnswerUpdate: _answer_update,
    c.HoldRun: _hold_run,
    c.CancelRun: _cancel_run,
    c.ContinueAsNew: _continue_as_new,
    c.TurnLoop: _turn_loop,
    c.StartMap: _start_map,
    c.EndMap: _end_map,
    c.RegisterCompensation: _register_compensation,
    c.CompleteRun: _complete_run,
    c.FailRun: _fail_run,
    **MACHINE_PERFORMERS,
}
