"""What the SDK's tests share: a server double, and a worker that runs while a test does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.worker_sdk.fake_server import FakeServer, fake_server
from treadle.worker import Worker


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with fake_server() as running:
        yield running


class RunningWorker:
    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.task = asyncio.create_task(worker.run())

    async def drain(self) -> None:
        self.worker.stop()
        await self.task


StartWorker = Callable[..., RunningWorker]


@pytest.fixture
async def start_worker(server: FakeServer) -> AsyncIterator[StartWorker]:
    """`start_worker([activities], slots=..., settings={...})`: ends with the test."""
    started: list[RunningWorker] = []

    def start(activities: list[Any], *, settings: Any = None, **options: Any) -> RunningWorker:
        worker = Worker(activities, address=server.address, **options)
        worker.settings = replace(worker.settings, leave_seconds=0.5, **(settings or {}))
        started.append(RunningWorker(worker))
        return started[-1]

    yield start
    for running in started:
        running.task.cancel()
    await asyncio.gather(*(running.task for running in started), return_exceptions=True)
