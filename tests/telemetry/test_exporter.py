"""The exporter between a journal and a collector over real gRPC, with both of them in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NoReturn

import grpc
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from structlog.testing import capture_logs

from tests.journal import make
from tests.telemetry import story
from tests.telemetry.receiver import Context, Receiver, Response
from treadle_server.app import read_for_export
from treadle_server.engine.events import Event
from treadle_server.engine.values import Failure
from treadle_server.journal.codec import encode_batch
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import DAMAGED, Record, Unit
from treadle_server.telemetry import ids
from treadle_server.telemetry.counters import Metrics
from treadle_server.telemetry.exporter import (
    RECORDS_PER_READ,
    ExportRecord,
    TraceExporter,
)
from treadle_server.telemetry.otlp import (
    REQUEST_BYTES_LIMIT,
    OtlpSender,
    RequestBuilder,
    resource_of_process,
)


class Log:
    """A journal's log and its cursor; they outlive the exporter, as a file does."""

    def __init__(self) -> None:
        self.records: list[ExportRecord] = []
        self.cursor: int | None = None
        self.crash_at_save: int | None = None
        """The process is gone just before it saves this position or a later one."""

    def append(self, run_id: bytes, events: Sequence[Event]) -> int:
        position = len(self.records) + 1
        self.records.append(ExportRecord(position, run_id, events))
        return position

    async def read(self, after_position: int, limit: int) -> list[ExportRecord]:
        return self.records[after_position : after_position + limit]

    async def save(self, position: int) -> None:
        if self.crash_at_save is not None and position >= self.crash_at_save:
            await asyncio.Event().wait()
        self.cursor = position


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.listen()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    yield receiver
    await receiver.leave()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


Exporting = Callable[..., TraceExporter]


@pytest.fixture
async def exporting(log: Log, metrics: Metrics) -> AsyncIterator[Exporting]:
    """Starts exporters that follow the log; all are closed in the end."""
    exporters: list[TraceExporter] = []

    def start(
        keeps: Callable[[bytes], bool] = lambda _: True,
        max_spans: int = 512,
        linger_seconds: float = 0.0,
    ) -> TraceExporter:
        exporter = TraceExporter(
            log.read,
            log.save,
            log.cursor or 0,
            sender=OtlpSender(compress=False),
            builder=RequestBuilder(resource_of_process({}), version="1.2", max_spans=max_spans),
            keeps=keeps,
            linger_seconds=linger_seconds,
            metrics=metrics,
            first_retry_seconds=0.01,
        )
        exporter.start()
        exporters.append(exporter)
        return exporter

    yield start
    for exporter in exporters:
        await exporter.close(flush_seconds=0)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  what is waited for are plain numbers
        await asyncio.sleep(0.005)


async def saved(log: Log, position: int) -> None:
    await until(lambda: log.cursor == position)


def run_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def names(spans: Sequence[Span]) -> list[str]:
    return [span.name for span in spans]


async def test_what_is_committed_is_exported(
    log: Log, receiver: Receiver, exporting: Exporting, metrics: Metrics
) -> None:
    exporter = exporting()
    first, *rest = story.order()
    exporter.notify(log.append(story.RUN_ID, [first]))
    await receiver.wait_for(lambda: names(receiver.spans) == ["run order"])
    for event in rest:
        exporter.notify(log.append(story.RUN_ID, [event]))
    await saved(log, len(log.records))
    assert names(receiver.spans)[-1] == "order"
    assert len(receiver.spans) == 9
    assert metrics.spans_sent == 9
    assert exporter.lag == 0


async def test_who_speaks_is_said_by_the_standard_variables(
    log: Log, receiver: Receiver, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    exporting().notify(log.append(story.RUN_ID, story.order()))
    await receiver.wait_for(lambda: bool(receiver.requests))
    [resource_spans] = receiver.requests[0].resource_spans
    told = {pair.key: pair.value.string_value for pair in resource_spans.resource.attributes}
    assert told == {"service.name": "treadle", "deployment.environment.name": "test"}
    [scope_spans] = resource_spans.scope_spans
    assert (scope_spans.scope.name, scope_spans.scope.version) == ("treadle_server", "1.2")
    assert receiver.metadata[0]["x-tenant"] == "blue"


async def test_a_service_name_of_the_users_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "orders")
    resource = resource_of_process({"service.instance.id": "i1"})
    assert dict(resource.attributes) == {"service.name": "orders", "service.instance.id": "i1"}


async def test_a_collector_that_is_away_gets_everything_when_it_comes(
    log: Log, receiver: Receiver, exporting: Exporting, metrics: Metrics
) -> None:
    await receiver.leave()
    with capture_logs() as lines:
        exporter = exporting()
        for number in range(100):
            exporter.notify(log.append(run_id(number), story.order()))
        await until(lambda: metrics.export_failures >= 3)
        assert log.cursor == 0
        assert exporter.lag == 100
        await receiver.listen()
        await saved(log, 100)
    assert len(receiver.spans) == 900
    assert len({span.span_id for span in receiver.spans}) == 900
    # An outage is two lines however long it lasts.
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert "UNAVAILABLE" in lines[0]["reason"]


async def test_nobody_waits_for_a_slow_collector(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    answered = asyncio.Event()

    async def slow(_: Context) -> Response:
        await answered.wait()
        return Response()

    receiver.answer = slow
    exporter = exporting()
    exporter.notify(log.append(story.RUN_ID, story.order()))
    await receiver.wait_for(lambda: len(receiver.requests) == 1)
    for number in range(10):
        exporter.notify(log.append(run_id(number), story.order()))
    assert log.cursor == 0
    answered.set()
    await saved(log, 11)


async def test_after_a_crash_between_sending_and_saving_the_same_spans_come_again(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    log.append(run_id(1), story.order())
    first = exporting()
    await saved(log, 1)
    log.crash_at_save = 2
    first.notify(log.append(run_id(2), story.order()))
    await receiver.wait_for(lambda: len(receiver.spans) == 18)
    await first.close(flush_seconds=0)
    assert log.cursor == 1

    log.crash_at_save = None
    exporting()
    await saved(log, 2)
    before, again = receiver.spans[9:18], receiver.spans[18:]
    assert {span.trace_id for span in before} == {run_id(2)}
    assert again == before


async def test_the_cursor_is_saved_before_anything_is_sent(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    """Else a server that is killed before its first batch would begin later the next time."""
    await receiver.leave()
    exporter = exporting()
    exporter.notify(log.append(story.RUN_ID, story.order()))
    await saved(log, 0)


async def test_a_backlog_is_sent_in_requests_of_bounded_size(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    runs = RECORDS_PER_READ + 10
    for number in range(runs):
        log.append(run_id(number), story.order())
    exporting(max_spans=100)
    await saved(log, runs)
    assert len(receiver.spans) == 9 * runs
    assert max(len(r.resource_spans[0].scope_spans[0].spans) for r in receiver.requests) == 100


async def test_large_spans_are_not_put_together(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    event = story.tried("charge", lease=1, attempt=1, begun=1, time=2)
    event.failure = Failure(kind="Big", message="ü" * 10_000, stack_trace="ß" * 100_000)
    log.append(story.RUN_ID, [event] * 60)
    exporting()
    await saved(log, 1)
    assert len(receiver.spans) == 60
    sizes = [request.ByteSize() for request in receiver.requests]
    assert len(sizes) > 1
    assert max(sizes) < REQUEST_BYTES_LIMIT * 1.01


async def test_runs_that_are_not_sampled_are_left_out_whole(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    for number in range(1, 5):
        log.append(run_id(number), story.order())
    exporting(keeps=lambda run: run[-1] % 2 == 0)
    await saved(log, 4)
    assert {ids.trace_id(run_id(2)), run_id(4)} == {span.trace_id for span in receiver.spans}
    assert len(receiver.spans) == 18


async def test_spans_that_the_collector_can_never_use_do_not_stop_the_others(
    log: Log, receiver: Receiver, exporting: Exporting, metrics: Metrics
) -> None:
    async def refuse(context: Context) -> NoReturn:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such span, please")

    receiver.answer = refuse
    exporter = exporting()
    with capture_logs() as lines:
        exporter.notify(log.append(run_id(1), story.order()))
        await saved(log, 1)
    assert metrics.spans_refused == 9
    assert "no such span" in lines[0]["reason"]
    receiver.answer = None
    exporter.notify(log.append(run_id(2), story.order()))
    await saved(log, 2)
    assert metrics.spans_sent == 9


async def test_a_partial_success_is_counted_and_not_sent_again(
    log: Log, receiver: Receiver, exporting: Exporting, metrics: Metrics
) -> None:
    async def partly(_: Context) -> Response:
        response = Response()
        response.partial_success.rejected_spans = 2
        response.partial_success.error_message = "too old"
        return response

    receiver.answer = partly
    exporting().notify(log.append(story.RUN_ID, story.order()))
    await saved(log, 1)
    assert (metrics.spans_sent, metrics.spans_refused) == (7, 2)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED], ids=str
)
async def test_what_a_person_can_put_right_is_waited_for(
    log: Log, receiver: Receiver, exporting: Exporting, code: grpc.StatusCode
) -> None:
    async def refuse(context: Context) -> NoReturn:
        await context.abort(code, "not like this")

    receiver.answer = refuse
    exporting().notify(log.append(story.RUN_ID, story.order()))
    await receiver.wait_for(lambda: len(receiver.requests) >= 2)
    assert log.cursor == 0
    receiver.answer = None
    await saved(log, 1)


async def test_closing_sends_what_still_lingers(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    exporter = exporting(linger_seconds=3600)
    exporter.notify(log.append(story.RUN_ID, story.order()))
    await exporter.close(flush_seconds=60)
    assert len(receiver.spans) == 9
    assert log.cursor == 1


async def test_a_full_batch_does_not_linger(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    exporter = exporting(linger_seconds=3600)
    await saved(log, 0)
    for number in range(RECORDS_PER_READ):
        exporter.notify(log.append(run_id(number), story.order()))
    await saved(log, RECORDS_PER_READ)


async def test_closing_does_not_wait_for_a_collector_that_is_away(
    log: Log, receiver: Receiver, exporting: Exporting, metrics: Metrics
) -> None:
    await receiver.leave()
    exporter = exporting()
    exporter.notify(log.append(story.RUN_ID, story.order()))
    await until(lambda: metrics.export_failures > 0)
    async with asyncio.timeout(30):
        await exporter.close(flush_seconds=3600)
    assert log.cursor == 0


async def test_closing_ends_a_request_that_hangs(
    log: Log, receiver: Receiver, exporting: Exporting
) -> None:
    async def hang(_: Context) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.answer = hang
    exporter = exporting()
    exporter.notify(log.append(story.RUN_ID, story.order()))
    await receiver.wait_for(lambda: bool(receiver.requests))
    async with asyncio.timeout(5):  # the request's own deadline is 10 s
        await exporter.close(flush_seconds=0.01)
    assert log.cursor == 0


async def test_a_damaged_record_is_passed(
    log: Log, receiver: Receiver, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal()
    journal.open()
    begun = encode_batch(story.number([story.started()]))
    for number, body in enumerate([begun, DAMAGED, begun], 1):
        journal.commit(
            [Unit(records=[Record(make.run_id(number), 1, 1, 0, body)], run=make.row(number))]
        )

    async def read(after_position: int, limit: int) -> list[ExportRecord]:
        return read_for_export(journal, after_position, limit)

    monkeypatch.setattr(log, "read", read)
    with capture_logs() as lines:
        exporting().notify(3)
        await saved(log, 3)
    assert [line["position"] for line in lines] == [2]
    exported = {span.trace_id for span in receiver.spans}
    assert exported == {ids.trace_id(make.run_id(number)) for number in (1, 3)}


async def test_an_exporter_that_breaks_says_so_and_closes(
    log: Log, receiver: Receiver, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(after_position: int, limit: int) -> list[ExportRecord]:
        raise OSError("disk on fire")

    monkeypatch.setattr(log, "read", broken)
    with capture_logs() as lines:
        exporter = exporting()
        await exporter.close(flush_seconds=60)
    assert [line["event"] for line in lines] == ["trace export stopped until the next start"]
