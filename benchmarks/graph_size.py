"""What a node costs in a graph of 100 nodes and in one of 100,000: it must be the same.

Measured in the server's CPU time, through the real server and worker. Each graph is lanes side by
side, as many nodes ready at once as there are lanes; the same number of nodes is run either way.
"""

from __future__ import annotations

import asyncio

from benchmarks.machine import cpu_seconds
from benchmarks.steps import lanes
from examples.local_service import LocalService
from treadle import Client, Start
from treadle.errors import RequestError

SMALL = "lanes_100"
LARGE = "lanes_100000"
NODES = 100_000
MARK = 1.2


async def prepare(client: Client) -> None:
    """Deploys both; the large one is read and checked for some seconds."""
    await client.deploy(lanes(SMALL, 10, 10))
    await client.deploy(lanes(LARGE, 1_000, NODES // 1_000))


async def ratio(service: LocalService, client: Client) -> tuple[float, float]:
    """CPU microseconds of the server per node: in small graphs, in the large one."""
    small = await _cost(service, client, SMALL, NODES // 100)
    large = await _cost(service, client, LARGE, 1)
    return small, large


async def _cost(service: LocalService, client: Client, workflow: str, runs: int) -> float:
    before = cpu_seconds(service.server.pid)
    in_flight = asyncio.Semaphore(100)

    async def one() -> None:
        async with in_flight:
            [handle] = await client.start_many([Start(workflow=workflow, input=1)])
            if isinstance(handle, RequestError):
                raise handle
            await handle.result(600.0)

    await asyncio.gather(*(one() for _ in range(runs)))
    return (cpu_seconds(service.server.pid) - before) / NODES * 1e6
