"""Logs: JSON lines for machines, readable lines for people, nothing below the chosen level."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.telemetry.story import RUN_ID
from treadle_server.telemetry.logs import InvalidLogLevel, configure_logs, run_fields


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
