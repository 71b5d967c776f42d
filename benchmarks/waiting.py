"""What only waits: polls that are parked, timers that all come due at once, runs that sleep while
the server dies.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration

from benchmarks.figures import Say
from benchmarks.machine import cpu_seconds, resident_megabytes
from benchmarks.steps import chain, payload
from examples.local_service import LocalService
from treadle import Client, Start
from treadle.errors import RequestError
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.worker_service_pb2_grpc import WorkerServiceStub

if TYPE_CHECKING:
    from treadle.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

POLLS = 10_000
POLLS_MARK_MEGABYTES = 300.0
CHANNELS = 50

TIMERS = 100_000
TIMER = "at_a_time"

SLEEPERS = 1_000_000
SLEEPER = "sleeps"
FIRST = "first_task"
FIRST_QUEUE = "first"
RESTART_MARK_SECONDS = 2.0


async def parked_polls(service: LocalService) -> tuple[float, float]:
    """MiB of the server with so many polls parked, and its share of a core meanwhile."""
    channels = [grpc.aio.insecure_channel(service.address) for _ in range(CHANNELS)]
    stubs = [WorkerServiceStub(channel) for channel in channels]
    calls = []
    for number in range(POLLS):
        poll = messages.PollTasksRequest(
            queue="nothing", max_tasks=1, session_id=f"s{number}", wait=Duration(seconds=60)
        )
        poll.activity_types.add(name="never")
        poll.resume.SetInParent()
        calls.append(asyncio.ensure_future(stubs[number % CHANNELS].PollTasks(poll)))
        if number % 500 == 499:
            await asyncio.sleep(0.2)
    await _quiet(service.server.pid)
    began, before = time.monotonic(), cpu_seconds(service.server.pid)
    await asyncio.sleep(10)
    share = (cpu_seconds(service.server.pid) - before) / (time.monotonic() - began)
    megabytes = resident_megabytes(service.server.pid)
    answered = [call for call in calls if call.done()]
    if answered:
        raise AssertionError(f"{len(answered)} polls did not stay parked")
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.gather(*(channel.close() for channel in channels))
    return megabytes, share


async def _quiet(pid: int) -> None:
    """Waits until a process has nothing to do, as far as one can see in half a minute."""
    for _ in range(15):
        before = cpu_seconds(pid)
        await asyncio.sleep(2)
        if cpu_seconds(pid) - before < 0.05:
            return


@dataclass(slots=True)
class Fired:
    """What became of timers that came due in the same second."""

    seconds: float
    """From then until the last of their runs had ended."""
    first_seconds: float
    """Until the first had."""


async def timers(client: Client, count: int = TIMERS) -> Fired:
    """Runs whose one timer comes due at the same moment, all of them."""
    await client.deploy(
        {
            "treadle": "v1",
            "kind": "graph",
            "name": TIMER,
            "nodes": {"wait": {"timer": {"at": "params.at"}}},
        }
    )
    due = datetime.now(UTC) + timedelta(seconds=30 + count / 2_000)
    at = due.isoformat()
    await _start_all(client, [Start(workflow=TIMER, input={"at": at}) for _ in range(count)])
    if datetime.now(UTC) > due:
        raise AssertionError("it took longer to start them than they had to wait")
    first = 0.0
    while True:
        now = (datetime.now(UTC) - due).total_seconds()
        left = await _open(client, TIMER)
        if not first and left < count and now > 0:
            first = now
        if left == 0:
            return Fired(now, first)
        await asyncio.sleep(0.05 if now > -1 else 0.5)


async def _open(client: Client, workflow: str) -> int:
    """1 if any run of the workflow is open."""
    async for _ in client.list_runs(workflow=workflow, state="running", page_size=1):
        return 1
    return 0


async def _start_all(client: Client, starts: list[Start]) -> None:
    left = iter([starts[at : at + 500] for at in range(0, len(starts), 500)])

    async def lane() -> None:
        for batch in left:
            for outcome in await client.start_many(batch):
                if isinstance(outcome, RequestError):
                    raise outcome

    await asyncio.gather(*(lane() for _ in range(4)))


@dataclass(slots=True)
class Restart:
    """A server that was killed and started again, with so many runs open."""

    first_task_seconds: float
    """From its start until a worker had its first task."""
    megabytes_asleep: float
    megabytes_after: float
    bytes_on_disk: int


async def restart(
    service: LocalService, client: Client, say: Say, count: int = SLEEPERS
) -> Restart:
    """Kills the server while `count` runs sleep and one task waits; a worker waits for it."""
    nodes: dict[str, Any] = {"wait": {"timer": {"at": "'2099-01-01T00:00:00Z'"}}}
    sleeper = {"treadle": "v1", "kind": "graph", "name": SLEEPER, "nodes": nodes}
    await client.deploy(sleeper)
    await client.deploy(chain(FIRST, 1, queue=FIRST_QUEUE))
    step = 50_000
    for done in range(0, count, step):
        say(f"{done:,} of {count:,} runs asleep")
        await _start_all(client, [Start(workflow=SLEEPER) for _ in range(step)])
    await client.start(FIRST, payload())
    asleep = resident_megabytes(service.server.pid)
    service.server.kill()
    began = time.perf_counter()
    service.server.start()
    async with grpc.aio.insecure_channel(service.address) as channel:
        await _first_task(WorkerServiceStub(channel))
    seconds = time.perf_counter() - began
    size = sum(file.stat().st_size for file in service.data_dir.rglob("*") if file.is_file())
    return Restart(seconds, asleep, resident_megabytes(service.server.pid), size)


async def _first_task(stub: WorkerServiceAsyncStub) -> None:
    poll = messages.PollTasksRequest(queue=FIRST_QUEUE, max_tasks=1, wait=Duration(seconds=20))
    poll.activity_types.add(name="bump")
    while True:
        try:
            polled = await stub.PollTasks(poll, wait_for_ready=False, timeout=30)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            await asyncio.sleep(0.01)
            continue
        if polled.tasks:
            return
