"""A real Jaeger for a test: started on free ports, asked over HTTP, ended with the test.

Use it as the fixture `jaeger`; `make tools` builds the program.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

START_TRIES = 3
START_SECONDS = 60
ANSWER_SECONDS = 60

# Everything that listens is named here: what Jaeger's own configuration opens besides would clash
# with a Jaeger of somebody else. `enable_tracing`: else it sends its own spans to port 4317.
_CONFIGURATION = """\
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
extensions:
  jaeger_storage:
    backends: {{memory: {{memory: {{max_traces: 10000}}}}}}
  jaeger_query:
    storage: {{traces: memory}}
    enable_tracing: false
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""


@dataclass(slots=True, frozen=True)
class JaegerSpan:
    """One span as Jaeger's query API gives it; times in microseconds."""

    span_id: str
    parent_id: str | None
    name: str
    start: int
    duration: int
    tags: dict[str, Any]
    service: str
    logs: list[dict[str, Any]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    """(trace id, span id) of what it follows from."""
    warnings: list[str] = field(default_factory=list)
    """What Jaeger found odd about it; its pages show that beside the span."""

    @property
    def end(self) -> int:
        return self.start + self.duration


@dataclass(slots=True)
class Jaeger:
    """A running Jaeger."""

    otlp_port: int
    query_port: int

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.otlp_port}"

    def services(self) -> list[str]:
        return self._get("/api/services") or []

    def trace(self, trace_id: str) -> list[JaegerSpan]:
        """The trace's spans by start time; none if Jaeger does not know it."""
        try:
            traces = self._get(f"/api/traces/{trace_id}")
        except HTTPError as error:
            # A real answer, with a socket that wants to be closed.
            error.close()
            if error.code == 404:
                return []
            raise
        spans = [_span(span, trace["processes"]) for trace in traces for span in trace["spans"]]
        return sorted(spans, key=lambda span: (span.start, span.duration))

    def wait_for(
        self, trace_id: str, complete: Callable[[list[JaegerSpan]], bool]
    ) -> list[JaegerSpan]:
        """The trace as soon as it is complete; what there is after a minute, for the assertions."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not complete(spans := self.trace(trace_id)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return spans

    def _get(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.query_port}{path}", timeout=10) as answer:
            return json.load(answer)["data"]


@pytest.fixture(scope="session")
def jaeger(
    tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jaeger]:
    """One Jaeger for all tests of the session: they tell their traces apart by run id."""
    program = tool("jaeger")
    running, process = _start(program, tmp_path_factory.mktemp("jaeger"))
    try:
        yield running
    finally:
        process.kill()
        process.wait()


def _start(program: Path, folder: Path) -> tuple[Jaeger, subprocess.Popen[bytes]]:
    """Starts it on free ports; on others if somebody was faster to take them."""
    configuration, output = folder / "jaeger.yaml", folder / "output"
    for _ in range(START_TRIES):
        otlp, query, query_grpc = _free_ports(3)
        configuration.write_text(
            _CONFIGURATION.format(otlp=otlp, query=query, query_grpc=query_grpc)
        )
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [program, "--config", f"file:{configuration}"], stdout=stream, stderr=stream
            )
        jaeger = Jaeger(otlp, query)
        if _is_ready(jaeger, process):
            return jaeger, process
        process.kill()
        process.wait()
    raise AssertionError(f"Jaeger did not start:\n{output.read_text()}")


def _is_ready(jaeger: Jaeger, process: subprocess.Popen[bytes]) -> bool:
    """Whether it answers, as soon as it does; False if it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            jaeger.services()
            with socket.create_connection(("127.0.0.1", jaeger.otlp_port), timeout=1):
                # Somebody else's program on our ports would answer, too.
                return process.poll() is None
        except OSError:
            time.sleep(0.05)
    return False


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _span(span: dict[str, Any], processes: dict[str, Any]) -> JaegerSpan:
    references = span["references"]
    parents = [r["spanID"] for r in references if r["refType"] == "CHILD_OF"]
    tags = _tags(span["tags"])
    return JaegerSpan(
        span_id=span["spanID"],
        parent_id=parents[0] if parents else None,
        name=span["operationName"],
        start=span["startTime"],
        duration=span["duration"],
        tags=tags,
        service=processes[span["processID"]]["serviceName"],
        logs=[_tags(log["fields"]) for log in span["logs"]],
        warnings=[*(span["warnings"] or []), *tags.pop("@jaeger@warnings", [])],
        links=[(r["traceID"], r["spanID"]) for r in references if r["refType"] != "CHILD_OF"],
    )


def _tags(tags: list[dict[str, Any]]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tags}
