"""What the standard `OTEL_*` variables ask for.

What lives here: the variables that the OpenTelemetry SDK leaves to whoever sets it up. What does
not: those that its exporters read by themselves (`OTEL_EXPORTER_OTLP_*`: endpoint, headers,
certificates, timeout). As the specification wants it, an empty value counts as unset, and a value
that cannot be used is reported and otherwise ignored: a variable that is meant for some other
program in the same environment does not keep the server from starting. The exception is what the
SDK's exporters would break on: that is refused before anything starts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_OTLP_PROTOCOL = "grpc"

DEFAULT_SCHEDULE_DELAY_MILLISECONDS = 1000
"""How long spans wait for more to come. The SDK's default is 5 s: it has every span in memory, and
sends from the process that it slows down; here a trace can be looked at while its run goes on."""

DEFAULT_MAX_EXPORT_BATCH_SIZE = 512
"""Spans in one request; the default of the specification."""


class InvalidEnvironment(ValueError):
    """A variable has a value with which nothing can be exported; the message names both."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Settings:
    """What to export, and how; `problems` are for the log, one sentence each."""

    traces: bool
    metrics: bool
    logs: bool
    sampling_ratio: float
    schedule_delay_seconds: float
    max_export_batch_size: int
    compress_traces: bool
    compress_metrics: bool
    compress_logs: bool
    problems: tuple[str, ...]


def read_environment(environ: Mapping[str, str]) -> Settings:
    """The settings of this process; nothing is exported unless a variable asks for it.

    Raises `InvalidEnvironment`.
    """
    reader = _Reader(environ)
    enabled = reader.text("OTEL_SDK_DISABLED").lower() != "true"
    ratio = reader.sampling_ratio()
    delay = reader.positive("OTEL_BSP_SCHEDULE_DELAY", DEFAULT_SCHEDULE_DELAY_MILLISECONDS)
    return Settings(
        traces=enabled and reader.exports("TRACES") and ratio > 0,
        metrics=enabled and reader.exports("METRICS"),
        logs=enabled and reader.exports("LOGS"),
        sampling_ratio=ratio,
        schedule_delay_seconds=delay / 1000,
        max_export_batch_size=reader.positive(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", DEFAULT_MAX_EXPORT_BATCH_SIZE
        ),
        compress_traces=reader.compresses("TRACES"),
        compress_metrics=reader.compresses("METRICS"),
        compress_logs=reader.compresses("LOGS"),
        problems=tuple(dict.fromkeys(reader.problems)),
    )


class _Reader:
    """Reads variables and gathers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def positive(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if text.isdecimal() and int(text) > 0:
            return int(text)
        self.problems.append(f"{name}={text!r} is not a positive whole number; using {default}")
        return default

    def exports(self, signal: str) -> bool:
        """Whether a signal goes out: if its exporter is `otlp`, or unset while an endpoint is set.

        The specification's default is `otlp` to localhost:4317. A server that nobody asked to
        export would then try for ever to reach a collector that is not there.
        """
        name = f"OTEL_{signal}_EXPORTER"
        chosen = self.text(name).lower()
        if chosen == "none":
            return False
        if chosen not in ("", "otlp"):
            self.problems.append(f"{name}={chosen!r} is not known here; it can be 'otlp' or 'none'")
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        wanted = chosen == "otlp" or (chosen == "" and any(map(self.text, endpoints)))
        if wanted:
            self._check_protocol(signal)
            self._check_timeout(signal)
        return wanted

    def _check_protocol(self, signal: str) -> None:
        for name in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
            protocol = self.text(name)
            if protocol and protocol != _OTLP_PROTOCOL:
                self.problems.append(
                    f"{name}={protocol!r} is not available; sending OTLP over gRPC, so the endpoint"
                    " must be a gRPC one (port 4317 by custom)"
                )
            if protocol:
                return

    def _check_timeout(self, signal: str) -> None:
        for name in (f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
            # Not `text`: to the SDK, what is set to nothing is set.
            if name in self._environ and not _is_positive(self._environ[name]):
                raise InvalidEnvironment(
                    f"{name}={self._environ[name]!r} is not a number of seconds above 0"
                )

    def compresses(self, signal: str) -> bool:
        """Whether the signal's requests are sent as gzip."""
        for name in (f"OTEL_EXPORTER_OTLP_{signal}_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"):
            compression = self.text(name).lower()
            if compression not in ("", "none", "gzip"):
                self.problems.append(
                    f"{name}={compression!r} is not known here; it can be 'none' or 'gzip'"
                )
            if compression:
                return compression == "gzip"
        return False

    def sampling_ratio(self) -> float:
        """The part of all traces to keep, from 0 to 1.

        `parentbased_*` is what its root sampler is: a run's trace has no parent, its caller's is
        linked.
        """
        sampler = self.text("OTEL_TRACES_SAMPLER").lower()
        match sampler.removeprefix("parentbased_"):
            case "" | "always_on":
                return 1.0
            case "always_off":
                return 0.0
            case "traceidratio":
                return self._ratio()
        self.problems.append(
            f"OTEL_TRACES_SAMPLER={sampler!r} is not known here; every trace is kept. It can be"
            " 'always_on', 'always_off' or 'traceidratio', each also after 'parentbased_'"
        )
        return 1.0

    def _ratio(self) -> float:
        text = self.text("OTEL_TRACES_SAMPLER_ARG")
        if not text:
            return 1.0
        ratio = _number(text)
        if 0.0 <= ratio <= 1.0:
            return ratio
        self.problems.append(
            f"OTEL_TRACES_SAMPLER_ARG={text!r} is not a number from 0 to 1; every trace is kept"
        )
        return 1.0


def _number(text: str) -> float:
    """The number that the text says; what says none is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _is_positive(text: str) -> bool:
    return 0.0 < _number(text) < math.inf
