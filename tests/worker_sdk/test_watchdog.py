"""An async activity that blocks the event loop is named, with its stack and what to do."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import activity


def reports(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "blocked the event loop" in record.message]


async def test_a_blocking_activity_is_reported_with_its_stack(
    server: FakeServer, start_worker: StartWorker, caplog: pytest.LogCaptureFixture
) -> None:
    def wait_for_the_report() -> None:
        # Blocks for as long as it takes the watchdog's thread to see it.
        while not reports(caplog):
            time.sleep(0.01)

    @activity
    async def stubborn() -> None:
        wait_for_the_report()

    start_worker([stubborn], settings={"blocked_seconds": 0.1})
    await server.output(await server.add("stubborn", run_id="run-7", key="node-3"))
    (record,) = reports(caplog)
    assert record.levelno == logging.ERROR
    assert "activity 'stubborn'" in record.message
    assert "wait_for_the_report()" in record.message
    assert "time.sleep(0.01)" in record.message
    assert "plain `def`" in record.message
    assert "_worker/runner.py" not in record.message  # the activity's own frames only
    assert record.__dict__["run_id"] == "run-7"
    assert record.__dict__["key"] == "node-3"


async def test_once_per_block_and_its_end_is_said_too(
    server: FakeServer, start_worker: StartWorker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "treadle.worker")

    def over() -> bool:
        return any("moves again" in record.message for record in caplog.records)

    def block() -> None:
        while not reports(caplog):
            time.sleep(0.01)
        time.sleep(0.2)  # several looks of the watchdog more

    @activity
    async def stubborn() -> None:
        block()
        while not over():  # noqa: ASYNC110 - the watchdog's thread knows no events
            await asyncio.sleep(0.01)

    start_worker([stubborn], settings={"blocked_seconds": 0.05})
    await server.output(await server.add("stubborn"))
    assert len(reports(caplog)) == 1


async def test_a_loop_that_is_only_busy_is_not_reported(
    server: FakeServer, start_worker: StartWorker, caplog: pytest.LogCaptureFixture
) -> None:
    @activity
    async def busy() -> None:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0)

    @activity
    def slow_in_a_thread() -> None:
        time.sleep(0.5)

    start_worker([busy, slow_in_a_thread], settings={"blocked_seconds": 0.25})
    for token in [await server.add("busy"), await server.add("slow_in_a_thread")]:
        await server.output(token)
    assert reports(caplog) == []
