"""Runs of three steps: as many as go, and at a given pace; through a real server and worker."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field

from benchmarks.machine import cpu_seconds, resident_megabytes
from benchmarks.steps import chain, checked_stamps, payload
from examples.local_service import LocalService
from treadle import Client, Start
from treadle.client import RunHandle
from treadle.errors import RequestError

WORKFLOW = "three_steps"
IN_FLIGHT = 100
BATCH = 10


@dataclass(slots=True)
class Saturation:
    """One repetition."""

    runs_per_second: float
    server_cpu: float
    """Seconds per 1,000 runs."""
    worker_cpu: float
    load_cpu: float
    server_megabytes: float


@dataclass(slots=True)
class Paced:
    """Runs that began at a fixed pace: seconds."""

    run: list[float] = field(default_factory=list)
    """From the call that starts a run to its result in the client."""
    step: list[float] = field(default_factory=list)
    """From one activity or step to the next."""
    started: list[float] = field(default_factory=list)
    """Until the start was acknowledged."""


async def prepare(client: Client, queue: str = "default") -> None:
    """Deploys, and lets everything get warm."""
    await client.deploy(chain(WORKFLOW, 3, queue=queue))
    await closed_loop(client, 500, WORKFLOW)


async def saturate(
    service: LocalService,
    client: Client,
    runs: int,
    workflow: str = WORKFLOW,
    *,
    in_flight: int = IN_FLIGHT,
    steps: int = 3,
) -> Saturation:
    """`in_flight` runs at a time, started `BATCH` per call; every result is awaited and checked."""
    server = service.server.pid

    def spent() -> tuple[float, float, float]:
        of_workers = sum(cpu_seconds(worker.pid) for worker in service.workers)
        return cpu_seconds(server), of_workers, time.process_time()

    before = spent()
    began = time.perf_counter()
    await closed_loop(client, runs, workflow, in_flight, steps)
    seconds = time.perf_counter() - began
    after = spent()
    server_cpu, worker_cpu, load_cpu = (
        (now - then) / runs * 1_000 for now, then in zip(after, before, strict=True)
    )
    return Saturation(runs / seconds, server_cpu, worker_cpu, load_cpu, resident_megabytes(server))


async def closed_loop(
    client: Client, runs: int, workflow: str, in_flight: int = IN_FLIGHT, steps: int = 3
) -> None:
    """`in_flight` runs at a time, until so many have ended."""
    size = min(BATCH, in_flight)
    batches = iter([size] * (runs // size))

    async def lane() -> None:
        for size in batches:
            starts = [Start(workflow=workflow, input=payload()) for _ in range(size)]
            handles = await client.start_many(starts)
            await asyncio.gather(*(_checked(handle, steps) for handle in handles))

    await asyncio.gather(*(lane() for _ in range(in_flight // size)))


async def _checked(handle: RunHandle | RequestError, steps: int = 3) -> list[int]:
    if isinstance(handle, RequestError):
        raise handle
    return checked_stamps(await handle.result(60.0), steps)


async def at_pace(
    client: Client, per_second: float, seconds: float, workflow: str = WORKFLOW
) -> Paced:
    """Starts runs at a fixed pace, whatever becomes of those before."""
    paced = Paced()
    loop = asyncio.get_running_loop()
    began = loop.time()
    tasks = []
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, began + number / per_second - loop.time()))
        tasks.append(loop.create_task(_one(client, paced, workflow)))
    await asyncio.gather(*tasks)
    return paced


async def _one(client: Client, paced: Paced, workflow: str) -> None:
    began = time.perf_counter()
    handle = await client.start(workflow, input=payload())
    paced.started.append(time.perf_counter() - began)
    stamps = await _checked(handle)
    paced.run.append(time.perf_counter() - began)
    paced.step += [(later - earlier) / 1e6 for earlier, later in itertools.pairwise(stamps)]
