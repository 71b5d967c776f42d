"""A bench that runs a graph with the activities it names, in two places.

A twin does what an example of the seeds means, in Treadle: once through a real server with a real
worker, one server for all twins of a module, and once in the test kit, on virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from examples.local_service import LocalService, local_service
from treadle import Client, Worker
from treadle.activities import Activity
from treadle.client import RunHandle
from treadle.errors import RunFailed
from treadle.failure import Failure
from treadle.graph import Graph
from treadle.testing import Kit, VirtualTimeLoop

Working = Callable[..., AbstractAsyncContextManager[None]]


class Bench:
    """Deploys a graph, starts a worker for its activities, runs it."""

    def __init__(
        self,
        client: Client,
        worker: Working,
        now: Callable[[], datetime],
    ) -> None:
        self.client = client
        self.now = now
        """By the server's clock."""
        self.worker = worker
        """`worker(*activities)` works on these, in this process, until the block ends."""

    async def start(self, graph: Graph, given: object = None) -> RunHandle:
        """Deploys and starts."""
        await self.client.deploy(graph)
        return await self.client.start(graph.name, given)

    async def result(self, graph: Graph, given: object, *activities: Activity[..., Any]) -> Any:
        """The output of a run."""
        if not activities:  # the server does it all by itself
            return await (await self.start(graph, given)).result(20)
        async with self.worker(*activities):
            return await (await self.start(graph, given)).result(20)

    async def failure(
        self, graph: Graph, given: object, *activities: Activity[..., Any]
    ) -> Failure:
        """Why a run failed. Raises `AssertionError` if it did not."""
        async with self.worker(*activities):
            handle = await self.start(graph, given)
            with pytest.raises(RunFailed):
                await handle.result(20)
            failure = (await handle.describe()).failure
            assert failure is not None
            return failure


async def events(handle: RunHandle, kind: str) -> list[Any]:
    """The events of one kind, in order."""
    return [getattr(one, kind) async for one in handle.history() if one.HasField(kind)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with local_service(tmp_path_factory.mktemp("twins")) as running:
        yield running


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each twin runs on a loop of its own kind in each place."""
    return {"server": asyncio.SelectorEventLoop, "kit": VirtualTimeLoop}


@pytest.fixture
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if isinstance(asyncio.get_running_loop(), VirtualTimeLoop):
        async with Kit() as kit:
            yield Bench(kit.client, kit.worker, kit.now)
        return
    service: LocalService = request.getfixturevalue("service")
    async with Client(service.address) as client:
        yield Bench(client, _working_at(service.address), partial(datetime.now, UTC))


def _working_at(address: str) -> Working:
    @asynccontextmanager
    async def working(*activities: Activity[..., Any]) -> AsyncIterator[None]:
        worker = Worker(list(activities), address=address)
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await running

    return working
