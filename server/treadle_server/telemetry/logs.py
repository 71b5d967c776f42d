"""How the server logs: one line per fact, to standard error, for people or for machines.

On a terminal the lines are for people, elsewhere they are JSON objects, one a line. Our own code
logs through structlog, with fields; what libraries log through the standard library comes out in
the same form. Log a fact with its run as `log.bind(**run_fields(run_id))`: whoever has the line can
look up the run and its trace.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor

from treadle_server.telemetry import ids
from treadle_server.telemetry.log_export import sink

LEVEL_VARIABLE = "TREADLE_LOG_LEVEL"
DEFAULT_LEVEL = "info"

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


class InvalidLogLevel(ValueError):
    """The environment asks for a level that does not exist; the message names those that do."""


def configure_logs(environ: Mapping[str, str], stream: TextIO) -> None:
    """Sets up logging for the whole process; calling it again replaces what was set up before.

    The lowest level that is written comes from TREADLE_LOG_LEVEL, by default `info`. Raises
    `InvalidLogLevel`, and has changed nothing then.
    """
    level = _level(environ.get(LEVEL_VARIABLE, "").strip().lower() or DEFAULT_LEVEL)
    before_rendering: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    rendering = _rendering_for_people() if stream.isatty() else _rendering_for_machines()
    structlog.configure(
        # Only our own lines are exported: what the exporter says about a collector that is away
        # would go to that collector, and so on.
        processors=[*before_rendering, sink, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        # Loggers are made at import; a cached one would keep what was configured then.
        cache_logger_on_first_use=False,
    )
    _adopt_standard_library(level, stream, before_rendering, rendering)


def run_fields(run_id: bytes) -> dict[str, str]:
    """The fields of a line about a run: its id as people write it, and its trace."""
    return {"run_id": str(UUID(bytes=run_id)), "trace_id": ids.trace_id(run_id).hex()}


def _level(name: str) -> int:
    if name not in _LEVELS:
        raise InvalidLogLevel(f"{LEVEL_VARIABLE}={name!r} is no level; use {', '.join(_LEVELS)}")
    return _LEVELS[name]


def _rendering_for_people() -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            # Quoted: what a client sent cannot move the cursor or fake a line of its own.
            repr_native_str=True,
            # Without the values of local variables, which may be anybody's secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _rendering_for_machines() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        _in_reading_order,
        structlog.processors.JSONRenderer(),
    ]


def _in_reading_order(_: object, __: str, line: EventDict) -> EventDict:
    """When, how bad, what; then the fields in the order in which they were given."""
    first = {key: line[key] for key in ("timestamp", "level", "message")}
    return {**first, **line}


def _adopt_standard_library(
    level: int, stream: TextIO, before: list[Processor], rendering: list[Processor]
) -> None:
    """What libraries log, grpc and the OpenTelemetry SDK above all, in the same form."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell at `info` what only their authors want to know.
    root.setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
