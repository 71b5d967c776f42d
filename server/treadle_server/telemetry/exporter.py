"""Exports traces from the journal: reads what was committed, makes spans, sends them.

What lives here: when to read, when to send, when to try again, and how far the export has come.
What does not: the journal, which is above this package (`app` hands in how to read it), what a
span is (`spans`), and how it is sent (`otlp`).

The journal is the queue. Nothing is kept in memory beyond one batch, so a collector that is slow
or away costs nothing but the reading later; and the cursor, how far the export has come, is saved
only after the collector has taken a batch. So after a crash at any point each span is sent at
least once: at most the last batch comes twice, made of the same events, hence with the same ids.
No request of a client ever waits for this: it works beside the event loop, on a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource

from treadle_server.engine.events import Event
from treadle_server.telemetry.counters import Metrics
from treadle_server.telemetry.environment import Settings
from treadle_server.telemetry.ids import is_sampled
from treadle_server.telemetry.otlp import (
    OtlpSender,
    RequestBuilder,
    SendFailed,
    SpanSender,
    SpansRefused,
)
from treadle_server.telemetry.spans import spans_of

RECORDS_PER_READ = 512
"""So many records make a batch, the unit that is sent twice after a crash. A record has two to
three events on average, and an event makes less than one span."""

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 10.0
"""The wait between tries doubles from the first to the last."""

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")

_log = structlog.get_logger(component="trace_exporter")


@dataclass(slots=True, frozen=True)
class ExportRecord:
    """One record of the journal: the events of one turn of one run."""

    position: int
    run_id: bytes
    events: Sequence[Event]


Read = Callable[[int, int], Awaitable[Sequence[ExportRecord]]]
"""(after_position, limit) -> records of all runs in commit order."""

SaveCursor = Callable[[int], Awaitable[None]]
"""Makes durable that all records up to this position were exported."""


class TraceExporter:
    """Follows the journal from `start_position` on. All methods belong to the event loop's thread.

    `start_position` is the saved cursor or, the first time, where the journal ends: what is older
    than the wish to see it is not exported. `keeps` decides by run id which traces are (sampling).
    """

    def __init__(
        self,
        read: Read,
        save_cursor: SaveCursor,
        start_position: int,
        *,
        sender: SpanSender,
        builder: RequestBuilder,
        keeps: Callable[[bytes], bool],
        linger_seconds: float,
        metrics: Metrics,
        first_retry_seconds: float = FIRST_RETRY_SECONDS,
    ) -> None:
        self._read = read
        self._save_cursor = save_cursor
        self._cursor = start_position
        self._newest = start_position
        self._sender = sender
        self._builder = builder
        self._keeps = keeps
        self._linger_seconds = linger_seconds
        self._metrics = metrics
        self._first_retry_seconds = first_retry_seconds
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._reachable = True
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trace-exporter")
        self._task: asyncio.Task[None] | None = None

    @property
    def cursor(self) -> int:
        """All records up to this position were exported."""
        return self._cursor

    @property
    def lag(self) -> int:
        """Records that were committed and not yet exported."""
        return max(0, self._newest - self._cursor)

    def start(self) -> None:
        """Begins to export, first what was committed after `start_position` and before now."""
        self._task = asyncio.create_task(self._run(), name="trace-exporter")
        self._task.add_done_callback(_report_end)

    def notify(self, position: int) -> None:
        """Says that the journal now ends at `position`. Called after each commit: costs nothing."""
        was_idle = self._newest <= self._cursor
        self._newest = max(self._newest, position)
        # While a batch fills up, the exporter sleeps; waking it for each commit would cost more
        # than the exporting.
        if was_idle or self._newest - self._cursor >= RECORDS_PER_READ:
            self._wake.set()

    async def close(self, flush_seconds: float) -> None:
        """Exports what is committed, for so long at most and while the collector takes it; ends.

        What is left is exported after the next start. `read` and `save_cursor` must work until
        this returns, and are not called after.
        """
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=flush_seconds)
            self._task.cancel()
            # Ends a send under way: its thread is free, and the task with it.
            self._sender.close()
            await asyncio.wait({self._task})
        else:
            self._sender.close()
        self._thread.shutdown()

    async def _run(self) -> None:
        # Saved before anything is sent: else a crash before the first batch, with the collector
        # away, would make the next start begin later.
        await self._save_cursor(self._cursor)
        while True:
            try:
                await self._drain()
            except _GivenUp:
                return
            if self._closing.is_set():
                return
            await self._gather()

    async def _gather(self) -> None:
        """Waits until there is something to read, and then for more, until it is worth a batch."""
        while self._newest <= self._cursor and not self._closing.is_set():
            await self._wake.wait()
            self._wake.clear()
        deadline = asyncio.get_running_loop().time() + self._linger_seconds
        while self._newest - self._cursor < RECORDS_PER_READ and not self._closing.is_set():
            try:
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()
            except TimeoutError:
                return
            self._wake.clear()

    async def _drain(self) -> None:
        """Exports to the journal's end."""
        while True:
            records = await self._read(self._cursor, RECORDS_PER_READ)
            if records:
                requests = await self._beside_the_loop(self._requests, records)
                for request in requests:
                    await self._send(request)
                position = records[-1].position
                await self._save_cursor(position)
                self._cursor = position
                self._newest = max(self._newest, position)
            if len(records) < RECORDS_PER_READ:
                return

    def _requests(self, records: Sequence[ExportRecord]) -> list[ExportTraceServiceRequest]:
        spans = []
        for record in records:
            if self._keeps(record.run_id):
                for event in record.events:
                    spans += spans_of(record.run_id, event)
                # Lets go of the interpreter: else it would be taken away only after 5 ms, and the
                # event loop, with everybody's requests, would wait as long.
                time.sleep(0)
        return list(self._builder.requests(spans))

    async def _send(self, request: ExportTraceServiceRequest) -> None:
        """Sends until the collector has it. When closing, one try must do; raises `_GivenUp`."""
        span_count = len(request.resource_spans[0].scope_spans[0].spans)
        wait_seconds = self._first_retry_seconds
        while True:
            try:
                await self._beside_the_loop(self._sender.send, request)
            except SpansRefused as refusal:
                self._metrics.spans_refused += refusal.rejected
                self._metrics.spans_sent += span_count - refusal.rejected
                _log.error("spans refused for good", spans=refusal.rejected, reason=str(refusal))
                return
            except SendFailed as failure:
                self._metrics.export_failures += 1
                self._report_unreachable(failure)
            else:
                self._metrics.spans_sent += span_count
                self._report_reachable()
                return
            if self._closing.is_set():
                raise _GivenUp
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._closing.wait()
            wait_seconds = min(2 * wait_seconds, LAST_RETRY_SECONDS)

    async def _beside_the_loop(
        self, call: Callable[[_Argument], _Result], argument: _Argument
    ) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, argument)

    def _report_unreachable(self, failure: SendFailed) -> None:
        """Once: a collector that is away for days is one line."""
        if self._reachable:
            _log.warning(
                "traces cannot be exported; the journal keeps them, trying on",
                reason=str(failure),
                lag_records=self.lag,
            )
        self._reachable = False

    def _report_reachable(self) -> None:
        if not self._reachable:
            _log.info("traces are exported again", lag_records=self.lag)
        self._reachable = True


def open_trace_exporter(
    read: Read,
    save_cursor: SaveCursor,
    start_position: int,
    *,
    settings: Settings,
    resource: Resource,
    version: str,
    metrics: Metrics,
) -> TraceExporter:
    """An exporter as the environment wants it. Raises `InvalidEnvironment`."""
    return TraceExporter(
        read,
        save_cursor,
        start_position,
        sender=OtlpSender(compress=settings.compress_traces),
        builder=RequestBuilder(resource, version=version, max_spans=settings.max_export_batch_size),
        keeps=lambda run_id: is_sampled(run_id, settings.sampling_ratio),
        linger_seconds=settings.schedule_delay_seconds,
        metrics=metrics,
    )


class _GivenUp(Exception):
    """The exporter closes, and the collector does not take what is left."""


def _report_end(task: asyncio.Task[None]) -> None:
    """The export's failure is not the server's: it is said, and the journal keeps what is left."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("trace export stopped until the next start", exc_info=error)
