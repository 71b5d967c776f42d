"""The trace of a demo order, read back from a real Jaeger: complete, and the same after kill -9.

What must be in it is derived from the run's history, which the client reads, by the rules of
`docs/reference/telemetry.md`: nothing here asks the code that made the spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.local_service import LocalService, local_service
from examples.order_processing.demo import ACTIVITIES
from examples.order_processing.orders import Order, read_orders
from examples.order_processing.services import LEDGER_VARIABLE
from examples.order_processing.workflow import order_processing
from tests.jaeger import Jaeger, JaegerSpan, jaeger
from treadle.v1 import event_pb2

__all__ = ["jaeger"]

WORKFLOW = order_processing.name

ATTEMPT_ENDS = ("attempt_failed", "activity_completed", "activity_failed", "activity_cancelled")
ATTEMPT_FAILURES = ("attempt_failed", "activity_failed")


@dataclass(frozen=True, order=True)
class Wanted:
    """A span that must be there. Times in microseconds; one that took no time is 1 long."""

    start: int
    end: int
    name: str
    error: bool


def wanted_spans(history: Sequence[event_pb2.Event]) -> list[Wanted]:
    """What the trace of an ended run must hold."""
    spans = []

    def add(name: str, start: int, end: int, *, error: bool = False) -> None:
        spans.append(Wanted(start, max(start + 1, end), name, error))

    for event in history:
        kind = event.WhichOneof("kind") or ""
        time = event.time.ToMicroseconds()
        if kind == "run_started":
            spans.append(Wanted(time, time, f"run {event.run_started.workflow}", error=False))
        elif kind in ("run_completed", "run_failed"):
            ended = getattr(event, kind)
            start = ended.started_time.ToMicroseconds()
            add(ended.workflow, start, time, error=kind == "run_failed")
        elif kind == "attempt_started":
            attempt = event.attempt_started
            ready = attempt.ready_time.ToMicroseconds()
            add(f"wait {attempt.key}", ready, time)
            if attempt.HasField("waiting_since_time"):
                add(f"backoff {attempt.key}", attempt.waiting_since_time.ToMicroseconds(), ready)
        elif kind in ATTEMPT_ENDS:
            closing = getattr(event, kind)
            if closing.HasField("started_time"):
                start = closing.started_time.ToMicroseconds()
                add(closing.key, start, time, error=kind in ATTEMPT_FAILURES)
    return sorted(spans)


def found_spans(trace: Sequence[JaegerSpan]) -> list[Wanted]:
    return sorted(
        Wanted(span.start, span.end, span.name, error=bool(span.tags.get("error")))
        for span in trace
    )


def assert_is_trace_of(trace: Sequence[JaegerSpan], history: Sequence[event_pb2.Event]) -> None:
    """The run, each wait and each attempt, once each, below one root, and nothing to warn of."""
    assert found_spans(trace) == wanted_spans(history)
    assert_parents_are_right(trace)
    assert not [warning for span in trace for warning in span.warnings]


def assert_parents_are_right(trace: Sequence[JaegerSpan]) -> None:
    [root] = [span for span in trace if span.parent_id is None]
    assert root.name == f"run {WORKFLOW}"
    assert {span.parent_id for span in trace if span is not root} <= {root.span_id}
    assert len({span.span_id for span in trace}) == len(trace)


def order_with(**faults: int) -> Order:
    """The file's first order on which so many attempts fail, by activity."""
    return next(order for order in read_orders() if order.faults == faults)


@pytest.fixture
def service(jaeger: Jaeger, tmp_path: Path) -> Iterator[LocalService]:
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": jaeger.endpoint,
        LEDGER_VARIABLE: str(tmp_path / "ledger.db"),
    }
    with local_service(tmp_path, environment=environment) as service:
        service.start_worker(ACTIVITIES)
        with service.client() as client:
            client.deploy(order_processing)
        yield service


def complete_trace(
    jaeger: Jaeger, run_id: str, history: Sequence[event_pb2.Event]
) -> list[JaegerSpan]:
    wanted = wanted_spans(history)
    return jaeger.wait_for(run_id.replace("-", ""), lambda spans: len(spans) >= len(wanted))


def test_an_order_whose_payment_is_tried_again(service: LocalService, jaeger: Jaeger) -> None:
    order = order_with(charge_payment=2)
    with service.client() as client:
        run = client.start(WORKFLOW, order.to_json())
        history = list(run.watch())
    trace = complete_trace(jaeger, run.run_id, history)
    assert_is_trace_of(trace, history)
    names = [span.name for span in trace]
    assert names.count("charge_payment") == names.count("wait charge_payment") == 3
    assert names.count("backoff charge_payment") == 2
    assert names.count(WORKFLOW) == 1


def test_an_order_that_is_undone(service: LocalService, jaeger: Jaeger) -> None:
    order = order_with(create_shipping_label=99, refund_payment=2)
    with service.client() as client:
        run = client.start(WORKFLOW, order.to_json())
        history = list(run.watch())
    trace = complete_trace(jaeger, run.run_id, history)
    assert_is_trace_of(trace, history)
    [whole] = [span for span in trace if span.name == WORKFLOW]
    assert whole.tags["treadle.run.state"] == "FAILED"
    assert [span.name for span in trace].count("refund_payment") == 3


def test_the_server_is_killed_again_and_again(service: LocalService, jaeger: Jaeger) -> None:
    """Each time after an attempt, when its span is still on its way."""
    order = order_with(reserve_inventory=2, charge_payment=2, create_shipping_label=2)
    kills = 0
    history = []
    with service.client() as client:
        run = client.start(WORKFLOW, order.to_json())
        for event in run.watch():
            history.append(event)
            if event.WhichOneof("kind") in ATTEMPT_ENDS and kills < 4:
                service.server.kill()
                kills += 1
                # What has come through until now has its parent, too.
                if so_far := jaeger.trace(run.run_id.replace("-", "")):
                    assert_parents_are_right(so_far)
                service.start_server()
    assert kills == 4
    assert history[-1].WhichOneof("kind") == "run_completed"
    assert_is_trace_of(complete_trace(jaeger, run.run_id, history), history)
