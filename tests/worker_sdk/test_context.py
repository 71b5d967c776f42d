"""What an activity knows about its attempt."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import Context, activity, current_context
from treadle.errors import PayloadError
from treadle.memory import RunMemory
from treadle.v1.worker_service_pb2 import Task

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


def test_the_fields_of_the_task() -> None:
    deadline = Timestamp()
    deadline.FromDatetime(datetime(2031, 5, 6, tzinfo=UTC))
    context = Context(
        Task(
            run_id="r-1",
            workflow_id="order-7",
            workflow="orders",
            key="charge",
            activity_type="charge_card",
            attempt=2,
            max_attempts=3,
            deadline=deadline,
            traceparent=TRACEPARENT,
        )
    )
    assert (context.run_id, context.workflow_id, context.workflow) == ("r-1", "order-7", "orders")
    assert (context.key, context.activity_type) == ("charge", "charge_card")
    assert (context.attempt, context.max_attempts) == (2, 3)
    assert context.deadline == datetime(2031, 5, 6, tzinfo=UTC)
    assert context.idempotency_key == "r-1/charge"
    assert context.traceparent == TRACEPARENT
    assert (context.trace.trace_id, context.trace.span_id) == (TRACE_ID, SPAN_ID)
    assert context.trace.sampled
    assert Context(Task()).deadline is None
    assert Context(Task(traceparent="nonsense")).trace.trace_id == ""


def test_there_is_no_current_context_outside_of_an_activity() -> None:
    with pytest.raises(LookupError, match="no activity is running here"):
        current_context()


@pytest.mark.parametrize("in_thread", [False, True])
async def test_the_context_and_the_trace_are_the_current_ones(
    server: FakeServer, start_worker: StartWorker, in_thread: bool
) -> None:
    tracer = TracerProvider().get_tracer("test")

    def look() -> list[object]:
        with tracer.start_as_current_span("inside") as span:
            seen = trace.format_trace_id(span.get_span_context().trace_id)
            parent = span.parent  # type: ignore[attr-defined]
        return [current_context().key, seen, trace.format_span_id(parent.span_id)]

    async def look_later() -> list[object]:
        await asyncio.sleep(0)
        return look()

    start_worker([activity(name="look")(look if in_thread else look_later)])
    tokens = [await server.add("look", key=key, traceparent=TRACEPARENT) for key in ("one", "two")]
    for token, key in zip(tokens, ("one", "two"), strict=True):
        assert await server.output(token) == [key, TRACE_ID, SPAN_ID]
    untraced = await server.add("look", key="three")
    output = await server.failure(untraced)  # a root span has no parent
    assert output.kind == "AttributeError"


def test_log_records_carry_the_ids_and_what_the_call_adds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    context = Context(
        Task(run_id="r-1", key="charge", activity_type="charge", traceparent=TRACEPARENT)
    )
    context.log.info("charged %s", "card", extra={"amount": 7})
    (record,) = caplog.records
    assert record.name == "treadle.activity.charge"
    assert record.message == "charged card"
    fields = record.__dict__
    assert (fields["run_id"], fields["key"], fields["trace_id"]) == ("r-1", "charge", TRACE_ID)
    assert fields["amount"] == 7


def test_memory_shows_an_attempt_its_own_changes() -> None:
    memory = RunMemory({})
    memory.add("count", 2)
    memory.add("count", 3)
    memory.set("name", "Ada")
    memory.set("other", 1)
    memory.delete("other")
    assert memory.get("count") == 5
    assert memory["name"] == "Ada"
    assert "other" not in memory
    assert memory.get("other", int, 9) == 9
    with pytest.raises(KeyError):
        _ = memory["other"]
    with pytest.raises(PayloadError, match=r"memory\.name: expected an integer"):
        memory.get("name", int)
    assert len(memory.operations) == 5
