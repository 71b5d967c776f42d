"""A bench that runs a workflow with what it names, in two places.

A twin does what an example of the seeds means, in Treadle: once through a real server with a real
worker, one server for all twins of a module, and once in the test kit, on virtual time. Twins in
code (modules with `CODE = True`) run there a second time, with a kit that replays each run from its
beginning whenever there is something new.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from examples.local_service import LocalService, local_service
from treadle import Client, Worker, Workflow
from treadle.activities import Activity
from treadle.client import RunHandle
from treadle.errors import RunFailed, RunNotCompleted
from treadle.failure import Failure
from treadle.graph import Graph
from treadle.machine import Machine
from treadle.testing import Kit, RunRecord, VirtualTimeLoop

Working = Callable[..., AbstractAsyncContextManager[None]]
Work = Activity[..., Any] | Workflow[..., Any]
Definable = Graph | Machine | Workflow[..., Any]


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

    async def start(self, what: Definable, given: object = None, **options: Any) -> RunHandle:
        """Deploys and starts."""
        await self.client.deploy(what)
        options.setdefault("version", what.version if isinstance(what, Workflow) else 0)
        return await self.client.start(what.name, given, **options)

    async def result(self, what: Definable, given: object, *work: Work) -> Any:
        """The output of a run."""
        work = _with_code(what, work)
        if not work:  # the server does it all by itself
            return await (await self.start(what, given)).result(20)
        async with self.worker(*work):
            return await (await self.start(what, given)).result(20)

    async def record(self, what: Definable, given: object, *work: Work) -> RunRecord:
        """What a run did, however it ended."""
        async with self.worker(*_with_code(what, work)):
            return await self.finish(await self.start(what, given))

    async def finish(self, handle: RunHandle) -> RunRecord:
        """What a run did, once it has ended, however it did."""
        with suppress(RunNotCompleted):
            await handle.result(20)
        described = await handle.describe(include_nodes=True)
        return RunRecord(described, [event async for event in handle.history()])

    async def failure(self, what: Definable, given: object, *work: Work) -> Failure:
        """Why a run failed. Raises `AssertionError` if it did not."""
        async with self.worker(*_with_code(what, work)):
            handle = await self.start(what, given)
            with pytest.raises(RunFailed):
                await handle.result(20)
            failure = (await handle.describe()).failure
            assert failure is not None
            return failure


def _with_code(what: Definable, work: tuple[Work, ...]) -> tuple[Work, ...]:
    return (what, *work) if isinstance(what, Workflow) else work


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
    if getattr(getattr(item, "module", None), "CODE", False):
        return {
            "server": asyncio.SelectorEventLoop,
            "kit": VirtualTimeLoop,
            "forgetful": ForgetfulLoop,
        }
    return {"server": asyncio.SelectorEventLoop, "kit": VirtualTimeLoop}


class ForgetfulLoop(VirtualTimeLoop):
    """Asks for a forgetful kit."""


@pytest.fixture
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualTimeLoop):
        async with Kit(forgetful=isinstance(loop, ForgetfulLoop)) as kit:
            yield Bench(kit.client, kit.worker, kit.now)
        return
    service: LocalService = request.getfixturevalue("service")
    async with Client(service.address) as client:
        yield Bench(client, _working_at(service.address), partial(datetime.now, UTC))


def _working_at(address: str) -> Working:
    @asynccontextmanager
    async def working(*work: Work) -> AsyncIterator[None]:
        worker = Worker(list(work), address=address)
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await running

    return working
