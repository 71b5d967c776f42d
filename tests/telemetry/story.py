"""Hand-made events of one run, as the journal would hold them: an order with a charge tried twice.

Times are seconds after the run's start, so that a test can say when a span should begin and end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from treadle_server.engine import events as e
from treadle_server.engine.values import (
    NO_RETRY,
    NULL,
    CancelCause,
    ChildEnd,
    Failure,
    Instant,
    RetryState,
)

RUN_ID = UUID("0193c1a0-5b2c-7d3e-8f4a-1b2c3d4e5f60").bytes
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DECLINED = Failure(kind="Declined", message="card refused", stack_trace="Traceback: ...")

_START = 1_700_000_000_000_000


def at(seconds: float) -> Instant:
    """The instant so many seconds after the run's start."""
    return _START + round(seconds * 1_000_000)


def number(events: Sequence[e.Event]) -> list[e.Event]:
    """Gives events their seq, from 1."""
    for seq, event in enumerate(events, 1):
        event.seq = seq
    return list(events)


def started(time: float = 0, traceparent: str = "") -> e.RunStarted:
    return e.RunStarted(
        time=at(time),
        workflow="order",
        version=3,
        workflow_id="order-17",
        rules=1,
        input=NULL,
        traceparent=traceparent,
    )


def scheduled(key: str, time: float) -> e.ActivityScheduled:
    return e.ActivityScheduled(
        time=at(time),
        key=key,
        type=key,
        queue="default",
        input=NULL,
        retry=NO_RETRY,
        start_to_close_timeout=10_000_000,
    )


def leased(
    key: str, lease: int, attempt: int, *, ready: float, time: float, since: float | None = None
) -> e.AttemptStarted:
    return e.AttemptStarted(
        time=at(time),
        key=key,
        lease=lease,
        attempt=attempt,
        session_id="s1",
        identity="worker-1",
        build_id="b7",
        until=at(time + 10),
        ready_time=at(ready),
        type=key,
        waiting_since_time=None if since is None else at(since),
    )


def tried(key: str, lease: int, attempt: int, *, begun: float, time: float) -> e.AttemptFailed:
    return e.AttemptFailed(
        time=at(time),
        key=key,
        lease=lease,
        attempt=attempt,
        failure=DECLINED,
        next_time=at(time + 1),
        started_time=at(begun),
        identity="worker-1",
        type=key,
    )


def completed(
    key: str, lease: int, attempt: int, *, begun: float, time: float
) -> e.ActivityCompleted:
    return e.ActivityCompleted(
        time=at(time),
        key=key,
        lease=lease,
        attempt=attempt,
        output=NULL,
        started_time=at(begun),
        scheduled_time=at(0),
        identity="worker-1",
        type=key,
    )


def failed(
    key: str, lease: int, attempt: int, *, begun: float | None, time: float
) -> e.ActivityFailed:
    return e.ActivityFailed(
        time=at(time),
        key=key,
        lease=lease,
        attempt=attempt,
        failure=DECLINED,
        retry_state=RetryState.MAX_ATTEMPTS,
        scheduled_time=at(0),
        type=key,
        started_time=None if begun is None else at(begun),
        identity="" if begun is None else "worker-1",
    )


def cancelled(
    key: str, lease: int, attempt: int, *, begun: float | None, time: float
) -> e.ActivityCancelled:
    return e.ActivityCancelled(
        time=at(time),
        key=key,
        lease=lease,
        attempt=attempt,
        scheduled_time=at(0),
        type=key,
        started_time=None if begun is None else at(begun),
        identity="" if begun is None else "worker-1",
    )


def order(*, paid: bool = True) -> list[e.Event]:
    """Validated at once, charged at the second try; or not paid, and failed."""
    charge = (
        completed("charge", lease=3, attempt=2, begun=3.5, time=4)
        if paid
        else failed("charge", lease=3, attempt=2, begun=3.5, time=4)
    )
    ended = (
        e.RunCompleted(time=at(4), output=NULL, started_time=at(0), workflow="order")
        if paid
        else e.RunFailed(
            time=at(4), failure=DECLINED, node="charge", started_time=at(0), workflow="order"
        )
    )
    return number(
        [
            started(traceparent=CALLER),
            scheduled("validate", 0),
            leased("validate", lease=1, attempt=1, ready=0, time=0.25),
            completed("validate", lease=1, attempt=1, begun=0.25, time=1),
            e.EdgesDecided(time=at(1), node="validate", edges=()),
            scheduled("charge", 1),
            leased("charge", lease=2, attempt=1, ready=1, time=1),
            tried("charge", lease=2, attempt=1, begun=1, time=2),
            leased("charge", lease=3, attempt=2, ready=3, time=3.5, since=2),
            charge,
            ended,
        ]
    )


def endings() -> list[e.Event]:
    """One of each event that ends a run otherwise than completed."""
    return [
        e.RunFailed(
            time=at(9), failure=DECLINED, node="charge", started_time=at(0), workflow="order"
        ),
        e.RunCancelled(time=at(9), reason="not needed", started_time=at(0), workflow="order"),
        e.RunTimedOut(time=at(9), started_time=at(0), workflow="order"),
        e.RunTerminated(time=at(9), reason="stuck", actor="", started_time=at(0), workflow="order"),
    ]


def moments() -> list[e.Event]:
    """Events that end nothing that lasts."""
    return [
        e.CancelRequested(time=at(1), reason="", actor="", cause=CancelCause.REQUEST),
        e.RunHeld(time=at(1), incident="i", key="charge"),
        e.ActivityCancelRequested(time=at(1), key="charge"),
        e.ActivityRequeued(time=at(1), key="charge", lease=2, reason="drain"),
        e.NodesUnreached(time=at(1), nodes=("label",)),
        scheduled("charge", 1),
    ]


def waits() -> list[e.Event]:
    """Ends of what a run waited for by itself, from second 1 to 3."""
    failure = Failure(kind="Broken", message="no")
    begun: dict[str, Any] = {"time": at(3), "started_time": at(1)}
    return [
        e.TimerFired(key="cool_down", **begun),
        e.TimerCancelled(key="cool_down", **begun),
        e.WaitSatisfied(key="approval", event_id="one", **begun),
        e.WaitTimedOut(key="approval", **begun),
        e.WaitCancelled(key="approval", **begun),
        e.ChildEnded(key="child", end=ChildEnd.FAILED, failure=failure, **begun),
        e.MapEnded(node="each", completed=1, failed=2, failure=failure, **begun),
    ]


def moved() -> e.TransitionTaken:
    """A machine leaves a state after two seconds in it."""
    return e.TransitionTaken(
        time=at(3),
        number=2,
        cause=e.TransitionCause.EVENT,
        name="submit",
        event_id="one",
        key="",
        transitions=("draft on submit -> pending",),
        exited=(e.StateVisit(state="draft", visit=1, entered_time=at(1)),),
        entered=("pending",),
        settled=True,
        active=("pending",),
        history=(),
    )


def attributes(span: Span | Span.Event) -> dict[str, str | int | bool]:
    """The attributes of a span, or of an event on it, as Python values."""
    return {pair.key: _value(pair) for pair in span.attributes}


def _value(pair: KeyValue) -> str | int | bool:
    match pair.value.WhichOneof("value"):
        case "bool_value":
            return pair.value.bool_value
        case "int_value":
            return pair.value.int_value
    return pair.value.string_value


def decided() -> list[e.Event]:
    """A decision that its worker kept for one more report."""

    def report(time: float, *, keeps: bool) -> e.DecisionCompleted:
        return e.DecisionCompleted(
            time=at(time),
            key="decision",
            lease=4,
            attempt=1,
            seen_seq=1,
            first_index=0,
            commands=("step charge",),
            build_id="b7",
            started_time=at(1),
            scheduled_time=at(1),
            identity="worker-1",
            type="workflow order 1",
            keeps=keeps,
        )

    return number([report(2, keeps=True), report(3, keeps=False)])


def continued() -> e.RunContinued:
    """Another run goes on in its place."""
    return e.RunContinued(
        seq=9,
        time=at(9),
        next_run_id=RUN_ID[::-1],
        input=NULL,
        next_version=0,
        started_time=at(0),
        workflow="order",
        workflow_id="order-17",
        depth=0,
    )
