"""Ready-made OTLP spans on their way to a collector.

What lives here: the requests and the transport, with the one place that touches the inside of the
SDK's exporter. What does not: what is sent (`spans`), and when (`exporter`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk import resources

from treadle_server.telemetry.environment import InvalidEnvironment
from treadle_server.telemetry.spans import attribute

SERVICE_NAME: Final = "treadle"
"""`service.name` unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES give another."""

REQUEST_BYTES_LIMIT = 1024 * 1024
"""A quarter of what a gRPC server accepts by default."""

# gRPC waits up to two minutes before it looks for a lost peer again; a collector that is restarted
# should get its spans sooner.
_CHANNEL_OPTIONS = (("grpc.max_reconnect_backoff_ms", 5_000),)

# The collector has read the request and will never take it: sending it again is in vain.
_REFUSALS = frozenset({grpc.StatusCode.INVALID_ARGUMENT})


class SendFailed(Exception):
    """The collector did not take the spans; says why. Send them again later."""


class SpansRefused(Exception):
    """The collector took `rejected` of the spans for unusable, for good; says why."""

    def __init__(self, message: str, rejected: int) -> None:
        super().__init__(message)
        self.rejected = rejected


class SpanSender(Protocol):
    """Takes requests to a collector. `send` blocks; it is called on one thread at a time."""

    def send(self, request: ExportTraceServiceRequest) -> None:
        """Returns when the collector has the spans. Raises `SendFailed`, `SpansRefused`."""
        ...

    def close(self) -> None:
        """Ends a `send` under way, from another thread. The sender is not used again."""
        ...


class OtlpSender(OTLPSpanExporter):
    """The SDK's exporter, for all that `OTEL_EXPORTER_OTLP_*` can say, given finished messages.

    Of the SDK's class it uses the channel's stub, the headers and the timeout. What it leaves is
    the loop that sends again: that one hides from its caller why a request failed, and its
    answer's partial success; `TraceExporter` has its own, behind which the journal waits.
    """

    def __init__(self, *, compress: bool) -> None:
        try:
            super().__init__(
                # Given, not left to the SDK: it does not know the standard's `none`.
                compression=compression(compress=compress),
                channel_options=_CHANNEL_OPTIONS,  # type: ignore[arg-type]
            )
        except Exception as error:  # the SDK's own have no common base
            raise InvalidEnvironment(f"OTLP exporter: {error}") from error

    def send(self, request: ExportTraceServiceRequest) -> None:
        """See `SpanSender`."""
        stub: TraceServiceStub = self._client  # type: ignore[assignment]
        try:
            response = stub.Export(request, metadata=self._headers, timeout=self._timeout)
        except grpc.RpcError as error:
            message = f"{error.code().name}: {error.details()}"
            if error.code() in _REFUSALS:
                raise SpansRefused(message, _count(request)) from error
            raise SendFailed(message) from error
        if response.partial_success.rejected_spans:
            raise SpansRefused(
                response.partial_success.error_message, response.partial_success.rejected_spans
            )

    def close(self) -> None:
        """See `SpanSender`."""
        self.shutdown()


def compression(*, compress: bool) -> grpc.Compression:
    """As the SDK's exporters want it."""
    return grpc.Compression.Gzip if compress else grpc.Compression.NoCompression


def resource_of_process(attributes: Mapping[str, str]) -> resources.Resource:
    """Who speaks: the environment's word, else `attributes`, else the defaults."""
    given = resources.OTELResourceDetector().detect()
    defaults = resources.Resource({resources.SERVICE_NAME: SERVICE_NAME, **attributes})
    return defaults.merge(given)


class RequestBuilder:
    """Packs spans into requests of bounded size, all from one resource."""

    def __init__(self, resource: resources.Resource, *, version: str, max_spans: int) -> None:
        self._max_spans = max_spans
        self._empty = ExportTraceServiceRequest()
        resource_spans = self._empty.resource_spans.add(
            resource=resource_pb2.Resource(
                attributes=[
                    attribute(key, value if isinstance(value, bool | int | float) else str(value))
                    for key, value in resource.attributes.items()
                ]
            )
        )
        resource_spans.scope_spans.add(
            scope=common_pb2.InstrumentationScope(name="treadle_server", version=version)
        )

    def requests(self, spans: Iterable[Span]) -> Iterator[ExportTraceServiceRequest]:
        """As few requests as the limits allow, in order; none for no spans."""
        batch: list[Span] = []
        size = 0
        for span in spans:
            span_size = span.ByteSize()
            if batch and (len(batch) == self._max_spans or size + span_size > REQUEST_BYTES_LIMIT):
                yield self._request(batch)
                batch, size = [], 0
            batch.append(span)
            size += span_size
        if batch:
            yield self._request(batch)

    def _request(self, spans: Sequence[Span]) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        request.CopyFrom(self._empty)
        request.resource_spans[0].scope_spans[0].spans.extend(spans)
        return request


def _count(request: ExportTraceServiceRequest) -> int:
    return sum(
        len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans
    )
