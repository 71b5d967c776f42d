"""One run of an order, as events and as the server would describe it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from treadle.v1 import event_pb2 as events_pb
from treadle.v1 import payload_pb2
from treadle.v1 import run_service_pb2 as runs_pb

RUN_ID = "01932f0c-6f6e-7c11-8a52-0a6f3c9d1e77"
TRACE_ID = RUN_ID.replace("-", "")
WORKER = "shop-1/4711"
BEGIN = datetime(2026, 3, 14, 9, 26, 53, 589793, UTC)


def at(milliseconds: float) -> Timestamp:
    """A time so long after the run's start."""
    timestamp = Timestamp()
    timestamp.FromDatetime(BEGIN + timedelta(milliseconds=milliseconds))
    return timestamp


def payload(value: object) -> payload_pb2.Payload:
    return payload_pb2.Payload(data=json.dumps(value).encode())


def failure(kind: str, message: str) -> payload_pb2.Failure:
    return payload_pb2.Failure(kind=kind, message=message)


class EventLog:
    """Makes events with their seq and time."""

    def __init__(self) -> None:
        self.events: list[events_pb.Event] = []

    def add(self, milliseconds: float, **kind: object) -> None:
        event = events_pb.Event(seq=len(self.events) + 1, time=at(milliseconds))
        for name, message in kind.items():
            getattr(event, name).CopyFrom(message)
        self.events.append(event)

    def schedule(self, ms: float, key: str, max_attempts: int = 1) -> None:
        self.add(
            ms,
            activity_scheduled=events_pb.ActivityScheduled(
                key=key,
                type=key,
                queue="default",
                input=payload({"order": 17}),
                retry=payload_pb2.RetryPolicy(max_attempts=max_attempts),
                start_to_close_timeout=Duration(seconds=10),
            ),
        )

    def start(self, ms: float, key: str, attempt: int = 1) -> None:
        self.add(
            ms,
            attempt_started=events_pb.AttemptStarted(
                key=key, lease=len(self.events), attempt=attempt, identity=WORKER, type=key
            ),
        )

    def complete(self, ms: float, key: str, output: object, attempt: int = 1) -> None:
        self.add(
            ms,
            activity_completed=events_pb.ActivityCompleted(
                key=key, attempt=attempt, output=payload(output), started_time=at(ms - 12), type=key
            ),
        )


def declined_order() -> list[events_pb.Event]:
    """The payment fails twice, then for good; the reservation is released and the run fails."""
    log = EventLog()
    log.add(
        0,
        run_started=events_pb.RunStarted(
            workflow="order_processing",
            version=3,
            workflow_id="order-17",
            input=payload({"order": 17, "items": ["loom", "thread"]}),
        ),
    )
    log.schedule(0, "validate_order")
    log.start(1, "validate_order")
    log.complete(13, "validate_order", {"valid": True})
    log.schedule(13, "charge_payment", max_attempts=2)
    log.start(14, "charge_payment")
    log.add(
        40,
        attempt_failed=events_pb.AttemptFailed(
            key="charge_payment",
            attempt=1,
            failure=failure("PaymentProviderDown", "503 from the provider"),
            next_time=at(1040),
            started_time=at(14),
        ),
    )
    log.start(1041, "charge_payment", attempt=2)
    log.add(
        1070,
        activity_failed=events_pb.ActivityFailed(
            key="charge_payment",
            attempt=2,
            failure=failure("PaymentDeclined", "the card was declined"),
            retry_state=events_pb.RETRY_STATE_NON_RETRYABLE,
            started_time=at(1041),
        ),
    )
    log.add(
        1070,
        edges_decided=events_pb.EdgesDecided(
            node="charge_payment",
            edges=[events_pb.DecidedEdge(edge=2, to="release_stock", taken=True)],
        ),
    )
    log.add(1070, nodes_unreached=events_pb.NodesUnreached(nodes=["send_mail", "print_label"]))
    log.schedule(1070, "release_stock")
    log.start(1071, "release_stock")
    log.complete(1090, "release_stock", None)
    log.add(
        1090,
        run_failed=events_pb.RunFailed(
            failure=failure("OrderFailed", "order 17: the card was declined"),
            node="failed",
            started_time=at(0),
            workflow="order_processing",
        ),
    )
    return log.events


def run_message(
    state: runs_pb.RunState = runs_pb.RUN_STATE_RUNNING, *, last_seq: int = 9
) -> runs_pb.Run:
    return runs_pb.Run(
        namespace="default",
        run_id=RUN_ID,
        workflow_id="order-17",
        workflow="order_processing",
        version=3,
        state=state,
        start_time=at(0),
        end_time=None if state == runs_pb.RUN_STATE_RUNNING else at(1090),
        last_seq=last_seq,
        trace_id=TRACE_ID,
    )


def waiting_run() -> runs_pb.GetRunResponse:
    """An open run that waits in every way there is."""
    node, activity = runs_pb.NodeStatus, runs_pb.PendingActivity
    return runs_pb.GetRunResponse(
        run=run_message(),
        input=payload({"order": 17, "items": ["loom", "thread"]}),
        pending_activity_count=4,
        incident="charge_payment used up its attempts",
        nodes=[
            node(node="validate_order", state=runs_pb.NODE_STATE_COMPLETED),
            node(node="charge_payment", state=runs_pb.NODE_STATE_RUNNING),
            node(node="send_mail", state=runs_pb.NODE_STATE_RUNNING),
            node(node="print_label", state=runs_pb.NODE_STATE_RUNNING),
            node(node="update_crm", state=runs_pb.NODE_STATE_RUNNING),
            node(node="gift_wrap", state=runs_pb.NODE_STATE_SKIPPED),
            node(node="notify", state=runs_pb.NODE_STATE_PENDING),
        ],
        pending_activities=[
            activity(
                key="charge_payment",
                type="charge_payment",
                queue="default",
                state=runs_pb.ACTIVITY_STATE_HELD,
                attempt=3,
                max_attempts=3,
                scheduled_time=at(20),
            ),
            activity(
                key="send_mail",
                type="send_mail",
                queue="mail",
                state=runs_pb.ACTIVITY_STATE_READY,
                max_attempts=4,
                scheduled_time=at(30),
            ),
            activity(
                key="print_label",
                type="print_label",
                queue="default",
                state=runs_pb.ACTIVITY_STATE_BACKING_OFF,
                attempt=2,
                max_attempts=4,
                scheduled_time=at(30),
                next_attempt_time=at(3e12),
                last_failure=failure("PrinterOffline", "no answer from printer 3"),
            ),
            activity(
                key="update_crm",
                type="update_crm",
                queue="default",
                state=runs_pb.ACTIVITY_STATE_RUNNING,
                attempt=1,
                scheduled_time=at(30),
                started_time=at(35),
                identity=WORKER,
            ),
        ],
    )
