"""Logs: JSON lines for machines, readable lines for people, nothing below the chosen level."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from tests.telemetry.receiver import Receiver
from tests.telemetry.story import RUN_ID
from treadle_server.telemetry import ids
from treadle_server.telemetry.log_export import open_logger_provider, sink
from treadle_server.telemetry.logs import InvalidLogLevel, configure_logs, run_fields
from treadle_server.telemetry.otlp import resource_of_process


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What a test set up for the whole process is taken back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_for_machines() -> None:
    stream = io.StringIO()
    configure_logs({}, stream)
    structlog.get_logger(component="writer").info("journal opened", position=7)
    [line] = lines(stream)
    assert list(line)[:3] == ["timestamp", "level", "message"]
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "journal opened",
        "level": "info",
        "component": "writer",
        "position": 7,
    }


def test_a_line_about_a_run_finds_the_run_and_its_trace() -> None:
    stream = io.StringIO()
    configure_logs({}, stream)
    structlog.get_logger().bind(**run_fields(RUN_ID)).info("held")
    [line] = lines(stream)
    assert line["run_id"] == "0193c1a0-5b2c-7d3e-8f4a-1b2c3d4e5f60"
    assert line["trace_id"] == "0193c1a05b2c7d3e8f4a1b2c3d4e5f60"


def test_a_line_for_people() -> None:
    stream = Terminal()
    configure_logs({}, stream)
    structlog.get_logger().warning("slow", name="evil\x1b[2J\nfake line")
    text = stream.getvalue()
    assert "slow" in text
    assert text.count("\n") == 1
    assert "\x1b[2J" not in text


def test_the_level_is_chosen_by_a_variable() -> None:
    stream = io.StringIO()
    configure_logs({"TREADLE_LOG_LEVEL": "Warning"}, stream)
    structlog.get_logger().info("not this")
    structlog.get_logger().error("this")
    assert [line["message"] for line in lines(stream)] == ["this"]


def test_an_unknown_level_is_refused_and_changes_nothing() -> None:
    stream = io.StringIO()
    configure_logs({}, stream)
    with pytest.raises(InvalidLogLevel, match=r"TREADLE_LOG_LEVEL='loud'.*debug, info, warning"):
        configure_logs({"TREADLE_LOG_LEVEL": "loud"}, io.StringIO())
    structlog.get_logger().info("still here")
    assert len(lines(stream)) == 1


def test_libraries_come_out_in_the_same_form() -> None:
    stream = io.StringIO()
    configure_logs({}, stream)
    logging.getLogger("grpc").warning("lost %s", "connection")
    logging.getLogger("grpc").info("what only its authors want to know")
    [line] = lines(stream)
    assert (line["message"], line["level"], line["logger"]) == (
        "lost connection",
        "warning",
        "grpc",
    )


def test_an_exception_comes_with_its_stack_and_no_local_values() -> None:
    for stream in (io.StringIO(), Terminal()):
        configure_logs({}, stream)
        try:
            password = "hunter2"
            raise KeyError(len(password))
        except KeyError:
            structlog.get_logger().exception("broken")
        assert "KeyError" in stream.getvalue()
        assert "hunter2" not in stream.getvalue()


async def test_lines_go_out_over_otlp_beside_what_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver = Receiver()
    await receiver.listen()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    stream = io.StringIO()
    configure_logs({}, stream)
    provider = open_logger_provider(resource_of_process({}))
    sink.attach(provider)
    try:
        run_id = bytes(range(16))
        structlog.get_logger().bind(**run_fields(run_id)).warning("a run waits", seconds=2.5)
        structlog.get_logger().debug("below the level")
    finally:
        sink.detach()
    structlog.get_logger().info("after the export has ended")
    await asyncio.to_thread(provider.shutdown)
    await receiver.leave()
    [request] = receiver.logs
    [resource] = request.resource_logs
    [record] = resource.scope_logs[0].log_records
    assert record.body.string_value == "a run waits"
    assert (record.severity_text, record.trace_id) == ("WARNING", ids.trace_id(run_id))
    fields = {one.key: one.value for one in record.attributes}
    assert fields["seconds"].double_value == 2.5
    assert fields["run_id"].string_value == str(UUID(bytes=run_id))
    assert [line["message"] for line in lines(stream)] == [
        "a run waits",
        "after the export has ended",
    ]
