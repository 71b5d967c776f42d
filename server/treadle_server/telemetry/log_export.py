"""The server's log over OTLP, beside what goes to standard error.

Each line becomes a log record with the same fields; one about a run carries the run's trace id, so
that a backend shows it beside the run's spans.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from structlog.typing import EventDict

_SEVERITIES: Final[Mapping[str, SeverityNumber]] = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
_APART = frozenset({"event", "level", "timestamp", "exc_info", "trace_id"})


class LogSink:
    """A structlog processor that passes each line on unchanged, and to a provider if it has one."""

    def __init__(self) -> None:
        self._logger: Any = None

    def attach(self, provider: LoggerProvider) -> None:
        """From now on, lines go there, too."""
        self._logger = provider.get_logger("treadle")

    def detach(self) -> None:
        """No more."""
        self._logger = None

    def __call__(self, _logger: object, method: str, line: EventDict) -> EventDict:
        """See the class."""
        if self._logger is not None:
            self._logger.emit(_record(str(line.get("level", method)), line))
        return line


sink = LogSink()
"""The process's: logging is set up before anybody knows where it is to be exported."""


def open_logger_provider(resource: Resource, *, compress: bool = False) -> LoggerProvider:
    """Exports over OTLP in batches, until its `shutdown`, which sends the rest and blocks."""
    # Here, not above: what nobody asked for is not loaded.
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    from treadle_server.telemetry.otlp import compression

    provider = LoggerProvider(resource=resource)
    exporter = OTLPLogExporter(compression=compression(compress=compress))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return provider


def _record(level: str, line: EventDict) -> LogRecord:
    trace_id = line.get("trace_id")
    return LogRecord(
        trace_id=int(trace_id, 16) if isinstance(trace_id, str) else None,
        severity_text=level.upper(),
        severity_number=_SEVERITIES.get(level, SeverityNumber.UNSPECIFIED),
        body=str(line.get("event", "")),
        attributes=_attributes(line),
    )


def _attributes(line: EventDict) -> dict[str, str | int | float]:
    fields = {
        name: value if isinstance(value, str | bool | int | float) else str(value)
        for name, value in line.items()
        if name not in _APART
    }
    error = line.get("exc_info")
    if isinstance(error, BaseException):
        fields["exception.type"] = type(error).__name__
        fields["exception.message"] = str(error)
        fields["exception.stacktrace"] = "".join(traceback.format_exception(error))
    return fields
