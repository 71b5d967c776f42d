"""Maps over long lists: what an item costs, what others feel of it, and what memory is left."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from benchmarks import three_steps
from benchmarks.figures import percentile
from benchmarks.machine import cpu_seconds, resident_megabytes
from examples.local_service import LocalService
from treadle import Client

WORKFLOW = "fan_out"
FEW, MANY, CROWD = 100, 10_000, 100_000
COST_MARK = 1.2
"""An item of many may cost so much of what one of few does."""
LATENCY_MARK = 2.0
"""Beside the crowd, the p99 from step to step may be so many times the usual."""
PACE = 50
SECONDS = 10.0
QUEUE = "others"
"""The other runs have a worker of their own: in one that the map fills, they wait for its slots."""


@dataclass(slots=True)
class Beside:
    """What three-step runs felt, in seconds, alone and beside a map over the crowd."""

    alone: three_steps.Paced
    beside: three_steps.Paced
    crowd_ended_meanwhile: bool


async def prepare(client: Client) -> None:
    """Deploys, and lets everything get warm."""
    document: dict[str, Any] = {
        "treadle": "v1",
        "kind": "graph",
        "name": WORKFLOW,
        "nodes": {"each": {"activity": "tick", "map": {"over": "params.items"}, "input": "item"}},
        "output": "null",
    }
    await client.deploy(document)
    await _run(client, FEW)


async def cost(service: LocalService, client: Client, items: int, runs: int) -> float:
    """CPU microseconds of the server per item."""
    before = cpu_seconds(service.server.pid)
    for _ in range(runs):
        await _run(client, items)
    return (cpu_seconds(service.server.pid) - before) / (items * runs) * 1e6


async def memory(service: LocalService, client: Client) -> tuple[float, float]:
    """MiB of the server before a map over many and after its end; the third of three, so that what
    Python and the allocator take once is taken.
    """
    for _ in range(2):
        await _run(client, MANY)
    before = resident_megabytes(service.server.pid)
    await _run(client, MANY)
    return before, resident_megabytes(service.server.pid)


async def beside(client: Client) -> Beside:
    """Three-step runs at a fixed pace, alone and beside a map over the crowd."""
    await three_steps.prepare(client, queue=QUEUE)
    alone = await three_steps.at_pace(client, PACE, SECONDS)
    crowd = asyncio.ensure_future(_run(client, CROWD))
    await asyncio.sleep(1.0)
    found = await three_steps.at_pace(client, PACE, SECONDS)
    ended = crowd.done()
    await crowd
    return Beside(alone, found, ended)


def slowdown(found: Beside) -> float:
    """How many times the usual p99 from step to step."""
    return percentile(found.beside.step, 99) / percentile(found.alone.step, 99)


async def _run(client: Client, items: int) -> None:
    handle = await client.start(WORKFLOW, {"items": list(range(items))})
    await handle.result(600.0)
