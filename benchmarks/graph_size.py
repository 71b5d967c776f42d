"""What a node costs in a graph of 100 nodes and in one of 100,000: it must be the same.

Measured in the server's CPU time, through the real server and worker. Each graph is lanes side by
side, as many nodes ready at once as there are lanes; the same number of nodes is run either way.
"""

from __future__ import annotations

import asyncio

from benchmarks.machine import cpu_seconds, resident_megabytes
from benchmarks.steps import lanes
from examples.local_service import LocalService
from treadle import Client, Start
from treadle.errors import RequestError

SMALL = "lanes_100"
LARGE = "lanes_100000"
NODES = 100_000
MARK = 1.2
SIZES = (10, 100, 1_000, 10_000)
MEMORY_MARK = 1.1
"""After a large run has ended, the server may have so many times the memory it had before."""


async def prepare(client: Client) -> None:
    """Deploys both; the large one is read and checked for some seconds."""
    await client.deploy(lanes(SMALL, 10, 10))
    await client.deploy(lanes(LARGE, 1_000, NODES // 1_000))


async def prepare_sizes(client: Client) -> None:
    """Deploys a graph of each size, ten nodes wide, and lets everything get warm."""
    for size in SIZES:
        await client.deploy(lanes(f"lanes_{size}", 10, size // 10))
    await (await client.start(f"lanes_{SIZES[0]}", 1)).result(60.0)


async def cost_at(service: LocalService, client: Client, size: int) -> float:
    """CPU microseconds of the server per node in runs of this size, over 20,000 nodes."""
    return await _cost(service, client, f"lanes_{size}", 20_000 // size, 20_000)


async def memory(service: LocalService, client: Client) -> tuple[float, float]:
    """MiB of the server before a run of the largest size and after its end; the third of three, so
    that what Python and the allocator take once is taken.
    """
    found = 0.0
    for _ in range(3):
        before, found = found, await _memory_after(service, client)
    return before, found


async def _memory_after(service: LocalService, client: Client) -> float:
    await (await client.start(f"lanes_{SIZES[-1]}", 1)).result(600.0)
    return resident_megabytes(service.server.pid)


async def ratio(service: LocalService, client: Client) -> tuple[float, float]:
    """CPU microseconds of the server per node: in small graphs, in the large one."""
    small = await _cost(service, client, SMALL, NODES // 100)
    large = await _cost(service, client, LARGE, 1)
    return small, large


async def _cost(
    service: LocalService, client: Client, workflow: str, runs: int, nodes: int = NODES
) -> float:
    before = cpu_seconds(service.server.pid)
    in_flight = asyncio.Semaphore(100)

    async def one() -> None:
        async with in_flight:
            [handle] = await client.start_many([Start(workflow=workflow, input=1)])
            if isinstance(handle, RequestError):
                raise handle
            await handle.result(600.0)

    await asyncio.gather(*(one() for _ in range(runs)))
    return (cpu_seconds(service.server.pid) - before) / nodes * 1e6
