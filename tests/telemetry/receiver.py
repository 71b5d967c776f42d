"""An OTLP collector in the test's own process, which can be away, slow, or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Request = trace_service_pb2.ExportTraceServiceRequest
Response = trace_service_pb2.ExportTraceServiceResponse
Context = grpc.aio.ServicerContext[Request, Response]

Answer = Callable[[Context], Awaitable[Response]]


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps each request with its metadata; `answer` says what becomes of the next ones."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.metrics: list[metrics_service_pb2.ExportMetricsServiceRequest] = []
        self.logs: list[logs_service_pb2.ExportLogsServiceRequest] = []
        self.answer: Answer | None = None
        self.port = 0
        self._arrived = asyncio.Condition()
        self._server: grpc.aio.Server | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def spans(self) -> list[Span]:
        return [span for request in self.requests for span in spans_in(request)]

    async def listen(self) -> None:
        """Listens on a free port; after `leave`, on the same one again."""
        # Else two collectors could share the port, and answer by turns.
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(  # type: ignore[no-untyped-call]
            self, server
        )
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(  # type: ignore[no-untyped-call]
            _Metrics(self), server
        )
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(  # type: ignore[no-untyped-call]
            _Logs(self), server
        )
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        await server.start()
        self._server = server

    async def leave(self) -> None:
        """Is gone, as after a crash: what is under way gets no answer."""
        if self._server is not None:
            await self._server.stop(grace=None)
            self._server = None

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Returns as soon as a request has made the condition true."""
        async with self._arrived:
            await self._arrived.wait_for(condition)

    async def Export(self, request: Request, context: Context) -> Response:
        async with self._arrived:
            self.requests.append(request)
            self.metadata.append(dict(context.invocation_metadata() or ()))
            self._arrived.notify_all()
        return await self.answer(context) if self.answer is not None else Response()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def Export(
        self, request: metrics_service_pb2.ExportMetricsServiceRequest, context: object
    ) -> metrics_service_pb2.ExportMetricsServiceResponse:
        self._receiver.metrics.append(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def Export(
        self, request: logs_service_pb2.ExportLogsServiceRequest, context: object
    ) -> logs_service_pb2.ExportLogsServiceResponse:
        self._receiver.logs.append(request)
        return logs_service_pb2.ExportLogsServiceResponse()


def spans_in(request: Request) -> list[Span]:
    return [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
