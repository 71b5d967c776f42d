"""Events in words: what happened, in one line each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from treadle.v1 import event_pb2 as pb
from treadle_server.cli import moments
from treadle_server.cli.machine_events import MACHINE_DETAILS
from treadle_server.cli.screen import printable
from treadle_server.cli.states import Look
from treadle_server.cli.wording import Wording, enum_words, joined, span, undoing

_NODES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Described:
    """An event in words."""

    name: str
    """As in the API, such as `ActivityScheduled`."""
    subject: str
    """The activity or node it is about; empty for the run itself."""
    details: str
    style: str
    """In rich's words; empty for what needs no attention."""


def describe(event: pb.Event, wording: Wording) -> Described:
    """Words an event."""
    kind = event.WhichOneof("kind")
    if kind is None:
        return Described("(unknown)", "", "made by a newer server", "dim")
    message: Any = getattr(event, kind)
    details = _DETAILS[kind](message, wording) if kind in _DETAILS else ""
    if kind in _TIMED and message.HasField("started_time"):
        began = moments.seconds_of(message.started_time)
        details = joined(f"in {moments.length(moments.seconds_of(event.time) - began)}", details)
    subject = getattr(message, "key", "") or getattr(message, "node", "")
    style = _STYLES[kind].style if kind in _STYLES else ""
    return Described(message.DESCRIPTOR.name, printable(subject), printable(details), style)


_STYLES = {
    "run_completed": Look.COMPLETED,
    "run_failed": Look.FAILED,
    "run_cancelled": Look.CANCELLED,
    "run_timed_out": Look.TIMED_OUT,
    "run_terminated": Look.TERMINATED,
    "run_continued": Look.CONTINUED,
    "cancel_requested": Look.CANCELLING,
    "run_held": Look.HELD,
    "attempt_failed": Look.BACKING_OFF,
    "activity_completed": Look.COMPLETED,
    "activity_failed": Look.FAILED,
    "activity_cancelled": Look.CANCELLED,
    "activity_cancel_requested": Look.CANCELLING,
    "edges_decided": Look.PENDING,
    "node_skipped": Look.SKIPPED,
    "nodes_unreached": Look.UNREACHED,
    "node_failed": Look.FAILED,
    "run_paused": Look.HELD,
    "wait_timed_out": Look.FAILED,
    "child_cancel_requested": Look.CANCELLING,
    "compensation_started": Look.CANCELLING,
    "event_ignored": Look.SKIPPED,
}

_TIMED = frozenset(
    {
        "run_completed",
        "run_failed",
        "run_cancelled",
        "run_timed_out",
        "run_terminated",
        "run_continued",
        "attempt_failed",
        "activity_completed",
        "activity_failed",
        "activity_cancelled",
        "timer_fired",
        "timer_cancelled",
        "wait_satisfied",
        "wait_timed_out",
        "wait_cancelled",
        "child_ended",
        "map_ended",
    }
)
"""They end something that began at their `started_time`."""


def _attempt(number: int) -> str:
    return f"attempt {number}" if number else "before any attempt"


def _by(who: str) -> str:
    return f"by {who}" if who else ""


def _because(reason: str) -> str:
    return f"because: {reason}" if reason else ""


def _run_started(message: pb.RunStarted, wording: Wording) -> str:
    deadline = ""
    if message.HasField("deadline"):
        deadline = f"until {moments.long_time(message.deadline, utc=wording.utc)}"
    return joined(
        f"{message.workflow} v{message.version} as {message.workflow_id}",
        deadline,
        f"input {wording.value(message.input)}",
    )


def _run_completed(message: pb.RunCompleted, wording: Wording) -> str:
    return f"output {wording.value(message.output)}"


def _run_failed(message: pb.RunFailed, wording: Wording) -> str:
    return wording.failure(message.failure)


def _run_cancelled(message: pb.RunCancelled, wording: Wording) -> str:
    return _because(message.reason)


def _run_terminated(message: pb.RunTerminated, wording: Wording) -> str:
    return joined(_by(message.actor), _because(message.reason))


def _cancel_requested(message: pb.CancelRequested, wording: Wording) -> str:
    if message.cause == pb.CANCEL_CAUSE_RUN_TIMEOUT:
        return "the run's time is over"
    return joined(_by(message.actor), _because(message.reason))


def _run_held(message: pb.RunHeld, wording: Wording) -> str:
    return message.incident


def _incident_answered(message: pb.IncidentAnswered, wording: Wording) -> str:
    answer = enum_words(pb.IncidentAnswer, message.answer, "INCIDENT_ANSWER_")
    return joined(answer, _by(message.actor), _because(message.reason))


def _activity_scheduled(message: pb.ActivityScheduled, wording: Wording) -> str:
    return joined(
        f"{_kind(message)} {message.type}" if message.type != message.key else "",
        undoing(message.key, message.compensates),
        f"queue {message.queue}" if message.queue != "default" else "",
        f"input {wording.value(message.input)}",
        *(_limits(message) if wording.width is None else ()),
    )


def _kind(message: pb.ActivityScheduled) -> str:
    return "step" if message.local else "type"


def _limits(message: pb.ActivityScheduled) -> list[str]:
    names = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat")
    fields = [(name, f"{name}_timeout") for name in names]
    attempts = message.retry.max_attempts
    return [
        f"up to {attempts} attempts" if attempts else "attempts without limit",
        *(
            f"{name} {span(getattr(message, field))}"
            for name, field in fields
            if message.HasField(field)
        ),
    ]


def _attempt_started(message: pb.AttemptStarted, wording: Wording) -> str:
    waited = ""
    if message.HasField("ready_time") and wording.width is None:
        waited = f"ready since {moments.clock_time(message.ready_time, utc=wording.utc)}"
    return joined(
        _attempt(message.attempt),
        f"on {message.identity}" if message.identity else "",
        waited,
        f"lease {message.lease}" if wording.width is None else "",
    )


def _attempt_failed(message: pb.AttemptFailed, wording: Wording) -> str:
    again = ""
    if message.HasField("next_time"):
        again = f"next at {moments.clock_time(message.next_time, utc=wording.utc)}"
    lost = "lost" if message.lost else ""
    return joined(_attempt(message.attempt), lost, again, wording.failure(message.failure))


def _activity_requeued(message: pb.ActivityRequeued, wording: Wording) -> str:
    return joined("given back by the worker", _because(message.reason))


def _activity_completed(message: pb.ActivityCompleted, wording: Wording) -> str:
    changed = [operation.key for operation in message.memory_operations]
    return joined(
        _attempt(message.attempt) if message.attempt > 1 else "",
        f"output {wording.value(message.output)}",
        f"memory {', '.join(changed)}" if changed else "",
    )


def _activity_failed(message: pb.ActivityFailed, wording: Wording) -> str:
    why = enum_words(pb.RetryState, message.retry_state, "RETRY_STATE_")
    return joined(_attempt(message.attempt), f"{wording.failure(message.failure)} ({why})")


def _activity_cancelled(message: pb.ActivityCancelled, wording: Wording) -> str:
    return _attempt(message.attempt)


def _edges_decided(message: pb.EdgesDecided, wording: Wording) -> str:
    return joined(*(f"{'→' if edge.taken else 'not'} {edge.to}" for edge in message.edges))


def _node_skipped(message: pb.NodeSkipped, wording: Wording) -> str:
    reasons = {pb.SKIP_REASON_RUN_IF: "run_if is false", pb.SKIP_REASON_BY_HAND: "by hand"}
    why = reasons.get(message.reason, "")
    return joined(why, f"counts with {wording.value(message.output)}")


def _nodes_unreached(message: pb.NodesUnreached, wording: Wording) -> str:
    shown = len(message.nodes) if wording.width is None else _NODES_SHOWN
    hidden = len(message.nodes) - shown
    return joined(*message.nodes[:shown], f"and {hidden:,} more" if hidden > 0 else "")


def _node_failed(message: pb.NodeFailed, wording: Wording) -> str:
    return wording.failure(message.failure)


def _by_whom(message: Any, wording: Wording) -> str:
    return joined(_by(message.actor), _because(getattr(message, "reason", "")))


def _output(message: Any, wording: Wording) -> str:
    return f"output {wording.value(message.output)}"


def _activity_overridden(message: pb.ActivityOverridden, wording: Wording) -> str:
    return joined(_output(message, wording), _by_whom(message, wording))


def _timer_started(message: pb.TimerStarted, wording: Wording) -> str:
    return f"until {moments.long_time(message.due_time, utc=wording.utc)}"


def _event_received(message: pb.EventReceived, wording: Wording) -> str:
    return joined(message.name, wording.value(message.payload), _by(message.actor))


def _wait_started(message: pb.WaitStarted, wording: Wording) -> str:
    until = ""
    if message.HasField("until"):
        until = f"until {moments.long_time(message.until, utc=wording.utc)}"
    return joined(f"for {message.name}", until)


def _event_sent(message: pb.EventSent, wording: Wording) -> str:
    to = message.workflow_id or "all that wait for it"
    return f"{message.name} to {to}, {wording.value(message.payload)}"


def _child_requested(message: pb.ChildRequested, wording: Wording) -> str:
    return joined(
        f"{message.workflow} as {message.workflow_id}",
        "" if message.awaited else "not awaited",
        f"input {wording.value(message.input)}",
    )


def _child_ended(message: pb.ChildEnded, wording: Wording) -> str:
    end = enum_words(pb.ChildEnd, message.end, "CHILD_END_")
    failure = wording.failure(message.failure) if message.HasField("failure") else ""
    output = _output(message, wording) if message.HasField("output") else ""
    return joined(end, failure, output)


def _node_completed(message: pb.NodeCompleted, wording: Wording) -> str:
    return joined("taken over" if message.seeded else "", _output(message, wording))


def _loop_turned(message: pb.LoopTurned, wording: Wording) -> str:
    return f"{message.header}, iteration {message.iteration}"


def _map_started(message: pb.MapStarted, wording: Wording) -> str:
    return f"{len(message.items):,} items"


def _map_ended(message: pb.MapEnded, wording: Wording) -> str:
    failure = wording.failure(message.failure) if message.HasField("failure") else ""
    failed = f"{message.failed:,} failed" if message.failed else ""
    return joined(f"{message.completed:,} completed", failed, failure)


def _run_continued(message: pb.RunContinued, wording: Wording) -> str:
    return f"as {uuid.UUID(bytes=message.next_run_id)}, input {wording.value(message.input)}"


def _attribute_set(message: pb.AttributeSet, wording: Wording) -> str:
    return f"{message.name} {wording.value(message.value)}"


def _decision_completed(message: pb.DecisionCompleted, wording: Wording) -> str:
    asked = message.commands if wording.width is None else message.commands[:_NODES_SHOWN]
    more = len(message.commands) - len(asked)
    return joined(
        *asked,
        f"and {more:,} more" if more > 0 else "",
        f"seen up to {message.seen_seq}" if wording.width is None else "",
        f"build {message.build_id}" if wording.width is None and message.build_id else "",
    )


def _marker_recorded(message: pb.MarkerRecorded, wording: Wording) -> str:
    return message.id


def _update_received(message: pb.UpdateReceived, wording: Wording) -> str:
    return joined(message.name, f"input {wording.value(message.input)}", _by(message.actor))


def _update_answered(message: pb.UpdateAnswered, wording: Wording) -> str:
    if message.HasField("failure"):
        return wording.failure(message.failure)
    return _output(message, wording)


def _compensation_registered(message: pb.CompensationRegistered, wording: Wording) -> str:
    # Code's worker will call it, with the result that stands in the history already.
    given = f"input {wording.value(message.input)}" if message.queue else "with its result"
    return f"{message.type} undoes {message.of}, {given}"


def _compensation_ended(message: pb.CompensationEnded, wording: Wording) -> str:
    left = ", ".join(message.not_undone)
    return joined(f"{len(message.undone):,} undone", f"not undone: {left}" if left else "")


_DETAILS: dict[str, Callable[[Any, Wording], str]] = {
    "run_started": _run_started,
    "run_continued": _run_continued,
    "attribute_set": _attribute_set,
    "decision_completed": _decision_completed,
    "marker_recorded": _marker_recorded,
    "update_received": _update_received,
    "update_answered": _update_answered,
    "run_completed": _run_completed,
    "run_failed": _run_failed,
    "run_cancelled": _run_cancelled,
    "run_terminated": _run_terminated,
    "cancel_requested": _cancel_requested,
    "run_held": _run_held,
    "incident_answered": _incident_answered,
    "activity_scheduled": _activity_scheduled,
    "attempt_started": _attempt_started,
    "attempt_failed": _attempt_failed,
    "activity_requeued": _activity_requeued,
    "activity_completed": _activity_completed,
    "activity_failed": _activity_failed,
    "activity_cancelled": _activity_cancelled,
    "edges_decided": _edges_decided,
    "node_skipped": _node_skipped,
    "nodes_unreached": _nodes_unreached,
    "node_failed": _node_failed,
    "run_paused": _by_whom,
    "run_resumed": _by_whom,
    "activity_overridden": _activity_overridden,
    "timer_started": _timer_started,
    "event_received": _event_received,
    "wait_started": _wait_started,
    "event_sent": _event_sent,
    "child_requested": _child_requested,
    "child_ended": _child_ended,
    "node_completed": _node_completed,
    "loop_turned": _loop_turned,
    "map_started": _map_started,
    "map_ended": _map_ended,
    "compensation_registered": _compensation_registered,
    "compensation_ended": _compensation_ended,
    **MACHINE_DETAILS,
}
