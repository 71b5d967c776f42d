"""The two halves of a run by themselves: starts that nobody works on, work that waits already; and
the same work for more workers, or for one without the SDK.
"""

from __future__ import annotations

import asyncio
import sys
import time

from benchmarks import three_steps
from benchmarks.steps import chain, payload
from examples.local_service import REPOSITORY, LocalService
from treadle import Client, Start
from treadle.client import RunHandle
from treadle.errors import RequestError

ONE = "one_step"
LATER = "later"
"""A queue that has no worker at first."""
STARTS = 20_000
BATCH = 100
CALLERS = 20
WORKERS = (1, 2, 4)
TEN = "ten_steps"
PLAIN = "three_steps_of_a_plain_worker"


async def starts_only(client: Client) -> tuple[float, list[RunHandle]]:
    """Starts a second, in batches, that nobody works on; and the runs."""
    await client.deploy(chain(ONE, 1, queue=LATER))
    began = time.perf_counter()
    lanes = [_start(client, STARTS // BATCH // CALLERS) for _ in range(CALLERS)]
    handles = [handle for found in await asyncio.gather(*lanes) for handle in found]
    return len(handles) / (time.perf_counter() - began), handles


async def _start(client: Client, batches: int) -> list[RunHandle]:
    found: list[RunHandle] = []
    for _ in range(batches):
        starts = [Start(workflow=ONE, input=payload()) for _ in range(BATCH)]
        found += [_started(one) for one in await client.start_many(starts)]
    return found


def _started(outcome: RunHandle | RequestError) -> RunHandle:
    if isinstance(outcome, RequestError):
        raise outcome
    return outcome


async def worker_only(service: LocalService, client: Client, handles: list[RunHandle]) -> float:
    """Activities a second, for a worker that finds them all in the queue."""
    service.start_worker("benchmarks.steps", "--slots", "200", "--queue", LATER)
    # From the first result on: that a Python process begins is no work.
    await handles[0].result(60.0)
    began = time.perf_counter()
    await asyncio.gather(*(handle.result(120.0) for handle in handles[1:]))
    return (len(handles) - 1) / (time.perf_counter() - began)


async def with_workers(service: LocalService, client: Client, runs: int) -> dict[int, float]:
    """Three-step runs a second, by the number of worker processes."""
    await three_steps.prepare(client)
    found: dict[int, float] = {}
    for count in WORKERS:
        while len(service.workers) < count:
            service.start_worker("benchmarks.steps", "--slots", "200")
        await three_steps.closed_loop(client, 500, three_steps.WORKFLOW)
        found[count] = (await three_steps.saturate(service, client, runs)).runs_per_second
    return found


async def ten_steps(service: LocalService, client: Client, runs: int) -> three_steps.Saturation:
    """Runs of ten steps one after another."""
    await client.deploy(chain(TEN, 10))
    await three_steps.closed_loop(client, 200, TEN, steps=10)
    return await three_steps.saturate(service, client, runs, TEN, steps=10)


async def plain_worker(service: LocalService, client: Client, runs: int) -> three_steps.Saturation:
    """Three-step runs for a worker of forty lines."""
    queue = "plain"
    await client.deploy(chain(PLAIN, 3, queue=queue))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.plain_worker", service.address, queue, cwd=REPOSITORY
    )
    try:
        await three_steps.closed_loop(client, 500, PLAIN)
        return await three_steps.saturate(service, client, runs, PLAIN)
    finally:
        process.terminate()
        await process.wait()
