"""The only way into the journal: one function per command, found by its type, gives the events that
it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle_server.engine import commands as c
from treadle_server.engine import events as e
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage


def perform(state: RunState, command: c.Command) -> list[e.Event]:
    """The events of one command; `seq` and `time` are stamped by the turn."""
    return _PERFORMERS[type(command)](state, command)


def _schedule_activity(_state: RunState, command: c.ScheduleActivity) -> list[e.Event]:
    options = command.options
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
        )
    ]


def _cancel_activity(state: RunState, command: c.CancelActivity) -> list[e.Event]:
    activity = state.activities.get(command.key)
    if activity is None or activity.stage is ActivityStage.CANCELLING:
        return []
    if activity.stage is ActivityStage.LEASED:
        return [e.ActivityCancelRequested(key=command.key)]
    return [
        e.ActivityCancelled(
            key=command.key,
            lease=0,
            attempt=activity.attempt,
            scheduled_time=activity.scheduled.time,
            type=activity.scheduled.type,
        )
    ]


def _decide_edges(_state: RunState, command: c.DecideEdges) -> list[e.Event]:
    edges = tuple(e.DecidedEdge(edge=edge, to=to, taken=taken) for edge, to, taken in command.edges)
    return [e.EdgesDecided(node=command.node, edges=edges)]


def _skip_node(_state: RunState, command: c.SkipNode) -> list[e.Event]:
    return [e.NodeSkipped(node=command.node, reason=command.reason, output=command.output)]


def _mark_unreached(_state: RunState, command: c.MarkUnreached) -> list[e.Event]:
    return [e.NodesUnreached(nodes=command.nodes)]


def _fail_node(_state: RunState, command: c.FailNode) -> list[e.Event]:
    return [e.NodeFailed(node=command.node, failure=command.failure)]


def _complete_run(state: RunState, command: c.CompleteRun) -> list[e.Event]:
    return [
        e.RunCompleted(
            output=command.output, started_time=state.started_time, workflow=state.workflow
        )
    ]


def _fail_run(state: RunState, command: c.FailRun) -> list[e.Event]:
    return [
        e.RunFailed(
            failure=command.failure,
            node=command.node,
            started_time=state.started_time,
            workflow=state.workflow,
        )
    ]


_PERFORMERS: dict[type[Any], Callable[[RunState, Any], list[e.Event]]] = {
    c.ScheduleActivity: _schedule_activity,
    c.CancelActivity: _cancel_activity,
    c.DecideEdges: _decide_edges,
    c.SkipNode: _skip_node,
    c.MarkUnreached: _mark_unreached,
    c.FailNode: _fail_node,
    c.CompleteRun: _complete_run,
    c.FailRun: _fail_run,
}
