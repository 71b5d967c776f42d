"""A server for all twins of a module, and a bench that runs a graph with the activities it names.

A twin does what an example of the seeds means, in Treadle, through a real server and a worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from examples.local_service import LocalService, local_service
from treadle import Client, Worker
from treadle.activities import Activity
from treadle.client import RunHandle
from treadle.errors import RunFailed
from treadle.failure import Failure
from treadle.graph import Graph


class Bench:
    """Deploys a graph, starts a worker for its activities, runs it."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self._address = address

    @asynccontextmanager
    async def worker(self, *activities: Activity[..., Any]) -> AsyncIterator[None]:
        """Works on these, in this process, until the block ends."""
        worker = Worker(list(activities), address=self._address)
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await running

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


@pytest.fixture
async def bench(service: LocalService) -> AsyncIterator[Bench]:
    async with Client(service.address) as client:
        yield Bench(client, service.address)
