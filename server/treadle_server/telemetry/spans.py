"""Spans made of journaled events, one at a time: here is decided what a run's trace looks like.

What lives here: the pure translation of one event to OTLP spans. What does not: ids (`ids`),
sending (`exporter`).

A closing event repeats the times of what it closes, so a span needs no state, no second event and
no open span in memory; after a crash the same events make the same spans. The shape
(`docs/decisions/0004-trace-shape.md`):

    run order_processing            anchor: the root, a mere moment, sent at the start
    ├─ wait charge                  ready until leased
    ├─ charge                       the attempt, lease to outcome; the worker's spans go below it
    ├─ backoff charge               failed until ready again
    ├─ wait charge
    ├─ charge
    ├─ timer cool_down              also `event`, `child` and `map`: what the run itself waited for
    └─ order_processing             the run, its whole length, sent at its end

Every parent is the anchor, and the anchor's event is the first of the run's journal: no span is
ever sent before its parent. Attributes are listed in `docs/reference/telemetry.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import UUID

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from treadle_server.engine.events import (
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    AttemptFailed,
    AttemptStarted,
    ChildEnded,
    DecisionCompleted,
    Event,
    MapEnded,
    RunCancelled,
    RunCompleted,
    RunContinued,
    RunFailed,
    RunStarted,
    RunTerminated,
    RunTimedOut,
    StateVisit,
    TimerCancelled,
    TimerFired,
    TransitionTaken,
    WaitCancelled,
    WaitSatisfied,
    WaitTimedOut,
)
from treadle_server.engine.values import Failure, Instant
from treadle_server.telemetry import ids
from treadle_server.telemetry.ids import Role

AttributeValue: TypeAlias = str | bool | int | float

_RunEnd: TypeAlias = (
    RunCompleted | RunContinued | RunFailed | RunCancelled | RunTimedOut | RunTerminated
)
_ActivityEnd: TypeAlias = (
    ActivityCompleted | AttemptFailed | ActivityFailed | ActivityCancelled | DecisionCompleted
)
_WaitEnd: TypeAlias = (
    TimerFired
    | TimerCancelled
    | WaitSatisfied
    | WaitTimedOut
    | WaitCancelled
    | ChildEnded
    | MapEnded
)

MESSAGE_LIMIT = 4 * 1024
"""Characters of a failure's message that a span carries; the history has all of it."""

STACK_TRACE_LIMIT = 16 * 1024
"""Characters of a failure's stack trace that a span carries: its end, which says what happened."""

_NANOSECONDS_PER_MICROSECOND = 1000


def spans_of(run_id: bytes, event: Event) -> list[Span]:
    """The spans that are complete with this event: none for most kinds, two at most."""
    make = _MAKERS.get(type(event))
    return make(run_id, event) if make is not None else []


def attribute(key: str, value: AttributeValue) -> KeyValue:
    """One attribute as OTLP has it."""
    # bool before int: it is one.
    if isinstance(value, bool):
        return KeyValue(key=key, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=key, value=AnyValue(double_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=value))


# --- the run --------------------------------------------------------------------------------------


def _run_started(run_id: bytes, event: RunStarted) -> list[Span]:
    """The anchor. It cannot be the run's whole length, for it must be there while the run runs.

    It is a nanosecond long, the rest a microsecond at least. Jaeger takes a span of no length for
    a mistake, and a child not longer than its parent, yet outside of it, for a clock that is wrong.
    """
    anchor = _span(
        run_id,
        ids.anchor_span_id(run_id),
        f"run {event.workflow}",
        event.time,
        event.time,
        {
            "treadle.workflow": event.workflow,
            "treadle.workflow_version": event.version,
            "treadle.workflow_id": event.workflow_id,
        },
    )
    anchor.parent_span_id = b""
    anchor.end_time_unix_nano = anchor.start_time_unix_nano + 1
    caller = ids.parse_traceparent(event.traceparent) if event.traceparent else None
    if caller is not None:
        # A link and no parent: the run outlives its caller's trace, and a request sent again has
        # another one.
        anchor.links.add(trace_id=caller.trace_id, span_id=caller.span_id, flags=caller.flags)
    return [anchor]


def _run_ended(run_id: bytes, event: _RunEnd) -> list[Span]:
    run = _span(
        run_id,
        ids.span_id(run_id, event.seq, Role.RUN),
        event.workflow,
        event.started_time,
        event.time,
        {"treadle.workflow": event.workflow, "treadle.run.state": RUN_STATES[type(event)]},
    )
    match event:
        case RunFailed():
            run.attributes.append(attribute("treadle.node", event.node))
            _record_failure(run, event.failure, event.time)
        case RunCancelled():
            _set_error(run, "cancelled", event.reason)
        case RunTimedOut():
            _set_error(run, "timed_out", "the run's time was up")
        case RunTerminated():
            _set_error(run, "terminated", event.reason)
    return [run]


# --- activities -----------------------------------------------------------------------------------


def _attempt_started(run_id: bytes, event: AttemptStarted) -> list[Span]:
    """The waits that an attempt ends; those of no length too, for statistics need the zeros."""
    attributes: dict[str, AttributeValue] = {
        "treadle.activity.key": event.key,
        "treadle.activity.type": event.type,
        "treadle.activity.attempt": event.attempt,
        "treadle.worker.identity": event.identity,
    }
    if event.build_id:
        attributes["treadle.worker.build_id"] = event.build_id
    queue_wait = _span(
        run_id,
        ids.span_id(run_id, event.seq, Role.QUEUE_WAIT),
        f"wait {_named(event)}",
        event.ready_time,
        event.time,
        attributes,
    )
    if event.waiting_since_time is None:
        return [queue_wait]
    backoff_wait = _span(
        run_id,
        ids.span_id(run_id, event.seq, Role.BACKOFF_WAIT),
        f"backoff {_named(event)}",
        event.waiting_since_time,
        event.ready_time,
        attributes,
    )
    return [backoff_wait, queue_wait]


def _activity_ended(run_id: bytes, event: _ActivityEnd) -> list[Span]:
    """The attempt that ended or, where none was open, the wait of which nothing came."""
    if isinstance(event, DecisionCompleted) and event.keeps:
        return []  # one span for all reports of a decision, with the last one
    attributes: dict[str, AttributeValue] = {
        "treadle.activity.key": event.key,
        "treadle.activity.type": event.type,
        "treadle.activity.attempt": event.attempt,
        "treadle.activity.outcome": OUTCOMES[type(event)],
    }
    if event.started_time is not None:
        attributes["treadle.worker.identity"] = event.identity
        ended = _span(
            run_id,
            ids.attempt_span_id(run_id, event.key, event.lease),
            _named(event),
            event.started_time,
            event.time,
            attributes,
        )
        # CONSUMER: the other side of a queue. Its parent is the run, not the sender, and it starts
        # when it is taken.
        ended.kind = Span.SPAN_KIND_CONSUMER
    else:
        # After earlier attempts, nothing in the event says since when it waited: a moment, rather
        # than a guess.
        waited = event.attempt == 0
        ended = _span(
            run_id,
            ids.span_id(run_id, event.seq, Role.QUEUE_WAIT),
            f"wait {_named(event)}",
            event.scheduled_time if waited else event.time,
            event.time,
            attributes,
        )
    if isinstance(event, AttemptFailed):
        ended.attributes.append(attribute("treadle.activity.lease_lost", event.lost))
        _record_failure(ended, event.failure, event.time)
    elif isinstance(event, ActivityFailed):
        retry_state = event.retry_state.name.lower()
        ended.attributes.append(attribute("treadle.activity.retry_state", retry_state))
        _record_failure(ended, event.failure, event.time)
    return [ended]


def _named(event: AttemptStarted | _ActivityEnd) -> str:
    """The key; of code, whose keys are numbers, with the activity: `c8 refund`."""
    key = event.key
    is_number = key[:1] == "c" and key[1:].isdecimal()
    return f"{key} {event.type}" if is_number else key


# --- timers, external events, children, maps ------------------------------------------------------


def _waited(run_id: bytes, event: _WaitEnd) -> list[Span]:
    """What a run waited for by itself, from when it began to when it was over."""
    what, outcome = WAITS[type(event)]
    key = event.node if isinstance(event, MapEnded) else event.key
    attributes: dict[str, AttributeValue] = {"treadle.node": key, "treadle.wait.outcome": outcome}
    ended = _span(
        run_id,
        ids.span_id(run_id, event.seq, Role.QUEUE_WAIT),
        f"{what} {key}",
        event.started_time,
        event.time,
        attributes,
    )
    if isinstance(event, ChildEnded | MapEnded) and event.failure is not None:
        _record_failure(ended, event.failure, event.time)
    return [ended]


# --- state machines -------------------------------------------------------------------------------


def _moved(run_id: bytes, event: TransitionTaken) -> list[Span]:
    """The transition, which is a moment, and the states that it left."""
    attributes: dict[str, AttributeValue] = {
        "treadle.transition.number": event.number,
        "treadle.transition.cause": event.cause.name.lower(),
    }
    if event.name:
        attributes["treadle.transition.event"] = event.name
    name = "; ".join(event.transitions) or "begins"
    taken = _span(
        run_id,
        ids.span_id(run_id, event.seq, Role.QUEUE_WAIT),
        f"transition {name}"[:MESSAGE_LIMIT],
        event.time,
        event.time,
        attributes,
    )
    return [taken, *(_left(run_id, visit, event.time) for visit in event.exited)]


def _left(run_id: bytes, visit: StateVisit, time: Instant) -> Span:
    return _span(
        run_id,
        ids.state_span_id(run_id, visit.state, visit.visit),
        f"state {visit.state}",
        visit.entered_time,
        time,
        {"treadle.state": visit.state},
    )


# --- parts ----------------------------------------------------------------------------------------


def _span(
    run_id: bytes,
    span_id: bytes,
    name: str,
    start: Instant,
    end: Instant,
    attributes: dict[str, AttributeValue],
) -> Span:
    """A child of the anchor; what took no time is a microsecond long, see `_run_started`."""
    return Span(
        trace_id=ids.trace_id(run_id),
        span_id=span_id,
        parent_span_id=_parent_span_id(run_id),
        name=name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start * _NANOSECONDS_PER_MICROSECOND,
        end_time_unix_nano=max(start + 1, end) * _NANOSECONDS_PER_MICROSECOND,
        attributes=[
            _run_id_attribute(run_id),
            *(_frequent_attribute(key, value) for key, value in attributes.items()),
        ],
    )


# A span is made of few different values, all of which a run's other spans have too; to make them
# anew would be half of what a span costs. Messages are copied into a span, never shared.


@lru_cache(maxsize=4096, typed=True)
def _frequent_attribute(key: str, value: AttributeValue) -> KeyValue:
    return attribute(key, value)


@lru_cache(maxsize=1024)
def _run_id_attribute(run_id: bytes) -> KeyValue:
    return attribute("treadle.run_id", str(UUID(bytes=run_id)))


@lru_cache(maxsize=1024)
def _parent_span_id(run_id: bytes) -> bytes:
    return ids.anchor_span_id(run_id)


def _record_failure(span: Span, failure: Failure, time: Instant) -> None:
    """Marks the span as failed, and adds the exception as the semantic conventions want it."""
    _set_error(span, failure.kind, failure.message)
    exception = span.events.add(
        name="exception", time_unix_nano=time * _NANOSECONDS_PER_MICROSECOND
    )
    exception.attributes.append(attribute("exception.type", failure.kind))
    exception.attributes.append(attribute("exception.message", failure.message[:MESSAGE_LIMIT]))
    if failure.stack_trace:
        stack_trace = failure.stack_trace[-STACK_TRACE_LIMIT:]
        exception.attributes.append(attribute("exception.stacktrace", stack_trace))


def _set_error(span: Span, kind: str, message: str) -> None:
    span.attributes.append(attribute("error.type", kind))
    span.status.code = Status.STATUS_CODE_ERROR
    span.status.message = f"{kind}: {message}"[:MESSAGE_LIMIT] if message else kind


RUN_STATES: Mapping[type[Event], str] = {
    RunCompleted: "COMPLETED",
    RunFailed: "FAILED",
    RunCancelled: "CANCELLED",
    RunTimedOut: "TIMED_OUT",
    RunTerminated: "TERMINATED",
    RunContinued: "CONTINUED",
}
"""`treadle.run.state` by the event that ended the run."""

OUTCOMES: Mapping[type[Event], str] = {
    ActivityCompleted: "completed",
    AttemptFailed: "retried",
    ActivityFailed: "failed",
    ActivityCancelled: "cancelled",
    DecisionCompleted: "decided",
}
"""`treadle.activity.outcome` by the event that ended the attempt."""

WAITS: Mapping[type[Event], tuple[str, str]] = {
    TimerFired: ("timer", "fired"),
    TimerCancelled: ("timer", "cancelled"),
    WaitSatisfied: ("event", "received"),
    WaitTimedOut: ("event", "timed_out"),
    WaitCancelled: ("event", "cancelled"),
    ChildEnded: ("child", "ended"),
    MapEnded: ("map", "ended"),
}
"""What a span is called, and `treadle.wait.outcome`, by the event that ended the wait."""

_MAKERS: dict[type[Event], Callable[[bytes, Any], list[Span]]] = {
    RunStarted: _run_started,
    **dict.fromkeys(RUN_STATES, _run_ended),
    AttemptStarted: _attempt_started,
    **dict.fromkeys(OUTCOMES, _activity_ended),
    **dict.fromkeys(WAITS, _waited),
    TransitionTaken: _moved,
}
