"""The SDK's worker and client against a real server: what they promise each other.

The server is a process, so that it can be killed; the worker runs here, so that a test can look
into its activities.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from examples.local_service import LocalService, local_service
from treadle import (
    ApplicationError,
    BlockingClient,
    Client,
    Context,
    Graph,
    Start,
    Worker,
    activity,
)
from treadle.activities import Activity
from treadle.client import RunHandle, RunState
from treadle.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    NotFound,
    RunCancelled,
    RunFailed,
    RunTerminated,
)
from treadle.graph import Retry

SECONDS = 30
"""Longer than anything here takes; what hangs fails."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with local_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
async def client(service: LocalService) -> AsyncIterator[Client]:
    async with Client(service.address) as connected:
        yield connected


@asynccontextmanager
async def working(
    service: LocalService, *activities: Activity[..., Any], **options: Any
) -> AsyncIterator[Worker]:
    """A worker in this process; drained at the end."""
    worker = Worker(activities, address=service.address, **options)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, SECONDS)


async def run_one(
    client: Client, run: Activity[..., Any], value: object = None, **options: Any
) -> RunHandle:
    """A run of a workflow with one node, deployed under the activity's name."""
    graph = Graph(run.name)
    graph.node(run.name, run, **options)
    await client.deploy(graph)
    return await client.start(run.name, value)


# --- inputs, outputs, failures --------------------------------------------------------------------


@dataclass
class Order:
    id: int
    skus: list[str]


@dataclass
class Reservation:
    order: Order
    shelf: str


@activity
async def reserve(order: Order) -> Reservation:
    return Reservation(order, f"shelf-{order.id}")


@activity
def pack(reservation: Reservation) -> str:
    return f"{len(reservation.order.skus)} from {reservation.shelf}"


async def test_typed_values_go_from_node_to_node(service: LocalService, client: Client) -> None:
    graph = Graph("packing")
    graph.node("reserve", reserve)
    graph.node("pack", pack)
    graph.edge("reserve", "pack")
    definition = await client.deploy(graph)
    assert definition.created
    assert not (await client.deploy(graph)).created
    async with working(service, reserve, pack):
        handle = await client.start("packing", {"id": 7, "skus": ["a", "b"]})
        assert await handle.result(SECONDS) == "2 from shelf-7"
    described = await handle.describe(include_nodes=True)
    assert described.state is RunState.COMPLETED
    assert described.nodes == {"reserve": "COMPLETED", "pack": "COMPLETED"}
    history = [event.WhichOneof("kind") async for event in handle.history()]
    assert history[0] == "run_started"
    assert history[-1] == "run_completed"
    assert [event.seq async for event in handle.watch()] == list(range(1, len(history) + 1))


async def test_an_input_that_does_not_fit_fails_the_run_before_the_function_is_called(
    service: LocalService, client: Client
) -> None:
    called = False

    @activity
    async def guarded(order: Order) -> None:
        nonlocal called
        called = True

    graph = Graph("guarded")
    # Without schemas in the document the server cannot know; the worker does.
    graph.node("guarded", "guarded", retry=Retry(max_attempts=5))
    await client.deploy(graph)
    async with working(service, guarded):
        handle = await client.start("guarded", {"id": "seven", "skus": []})
        with pytest.raises(RunFailed) as raised:
            await handle.result(SECONDS)
    failure = raised.value.failure
    assert failure.kind == "treadle.InvalidInput"
    assert "input.id: expected an integer, got the string 'seven'" in failure.message
    assert not called


async def test_failures_are_retried_as_the_policy_and_the_error_say(
    service: LocalService, client: Client
) -> None:
    attempts: list[tuple[int, object]] = []

    @activity
    async def flaky(ctx: Context) -> str:
        attempts.append((ctx.attempt, ctx.heartbeat_details))
        ctx.heartbeat({"row": ctx.attempt * 10})
        if ctx.attempt < 3:
            raise ApplicationError("not yet", "Transient", next_delay=0.01)
        assert ctx.max_attempts == 5
        return ctx.idempotency_key

    async with working(service, flaky):
        handle = await run_one(client, flaky, retry=Retry(max_attempts=5, initial="1h"))
        assert await handle.result(SECONDS) == f"{handle.run_id}/flaky"
    assert attempts == [(1, None), (2, {"row": 10}), (3, {"row": 20})]


async def test_a_failure_that_is_not_to_be_retried_ends_the_run_with_its_details(
    service: LocalService, client: Client
) -> None:
    @activity
    def decline() -> None:
        raise ApplicationError("no money", "Declined", {"missing": 5}, non_retryable=True)

    async with working(service, decline):
        handle = await run_one(client, decline, retry=Retry(max_attempts=5, initial="1h"))
        with pytest.raises(RunFailed, match="Declined: no money") as raised:
            await handle.result(SECONDS)
    assert raised.value.failure.details == {"missing": 5}


async def test_memory_goes_from_one_activity_to_the_next(
    service: LocalService, client: Client
) -> None:
    @activity
    async def write(ctx: Context) -> None:
        ctx.memory.set("name", "Ada")
        ctx.memory.add("visits", 2)

    @activity
    def read(ctx: Context) -> list[object]:
        return [ctx.memory.get("name", str), ctx.memory.get("visits"), ctx.memory.get("other")]

    graph = Graph("remembering")
    graph.node("write", write)
    graph.node("read", read, memory=["name", "visits"])
    graph.edge("write", "read")
    await client.deploy(graph)
    async with working(service, write, read):
        handle = await client.start("remembering")
        assert await handle.result(SECONDS) == ["Ada", 2, None]


# --- stopping -------------------------------------------------------------------------------------


async def test_cancelling_a_run_reaches_async_and_plain_activities(
    service: LocalService, client: Client
) -> None:
    begun, plain_begun = asyncio.Event(), threading.Event()
    seen: list[str] = []

    @activity
    async def wait() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("async")
            raise

    @activity
    def wait_plainly(ctx: Context) -> None:
        plain_begun.set()
        assert ctx.wait_cancelled(SECONDS)
        seen.append("plain")
        ctx.raise_if_cancelled()

    graph = Graph("waiting")
    graph.node("wait", wait)
    graph.node("wait_plainly", wait_plainly)
    await client.deploy(graph)
    async with working(service, wait, wait_plainly):
        handle = await client.start("waiting")
        await asyncio.wait_for(begun.wait(), SECONDS)
        assert await asyncio.to_thread(plain_begun.wait, SECONDS)
        await handle.cancel("changed my mind")
        with pytest.raises(RunCancelled):
            await handle.result(SECONDS)
    assert sorted(seen) == ["async", "plain"]
    with pytest.raises(Conflict):
        await handle.cancel()


async def test_an_activity_of_a_terminated_run_is_stopped(
    service: LocalService, client: Client
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    @activity
    async def linger() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    async with working(service, linger):
        handle = await run_one(client, linger)
        await asyncio.wait_for(begun.wait(), SECONDS)
        await handle.terminate()
        with pytest.raises(RunTerminated):
            await handle.result(SECONDS)
        await asyncio.wait_for(stopped.wait(), SECONDS)


async def test_tasks_that_a_leaving_worker_has_begun_are_given_to_others_at_once(
    service: LocalService, client: Client
) -> None:
    ran: list[str] = []
    begun = asyncio.Event()

    def made(name: str, seconds: float) -> Activity[..., Any]:
        @activity(name="relay")
        async def relay() -> str:
            ran.append(name)
            begun.set()
            await asyncio.sleep(seconds)
            return name

        return relay

    stuck = made("first", 3600)
    async with working(service, stuck, drain_seconds=0.01):
        handle = await run_one(client, stuck)
        await asyncio.wait_for(begun.wait(), SECONDS)
    async with working(service, made("second", 0)):
        assert await handle.result(SECONDS) == "second"
    assert ran == ["first", "second"]


# --- restarts -------------------------------------------------------------------------------------


async def test_a_killed_server_costs_neither_results_nor_second_runs_of_activities(
    tmp_path: Path,
) -> None:
    calls: list[int] = []
    half_done, go_on = asyncio.Event(), asyncio.Event()

    @activity
    async def step(number: int) -> int:
        calls.append(number)
        if len(calls) == 20:
            half_done.set()
        if number % 2:
            await go_on.wait()
        return number

    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=SECONDS) as client:
            graph = Graph("steps")
            graph.node("step", step)
            await client.deploy(graph)
            async with working(service, step):
                handles = await client.start_many(
                    Start(workflow="steps", input=number) for number in range(20)
                )
                await asyncio.wait_for(half_done.wait(), SECONDS)
                first = handles[0]
                assert isinstance(first, RunHandle)
                waiting = asyncio.create_task(first.result(SECONDS))
                await asyncio.to_thread(service.server.kill)
                go_on.set()  # ten results are made while nobody is there to take them
                await asyncio.to_thread(service.start_server)
                assert await waiting == 0
                for number, handle in enumerate(handles):
                    assert isinstance(handle, RunHandle)
                    assert await handle.result(SECONDS) == number
    assert sorted(calls) == list(range(20))


# --- the client -----------------------------------------------------------------------------------


async def test_what_is_wrong_is_said_by_type(client: Client) -> None:
    with pytest.raises(NotFound):
        await client.start("not_deployed_at_all")
    with pytest.raises(InvalidRequest) as invalid:
        await client.deploy({"treadle": "v1", "kind": "graph", "name": "x", "nodes": {"a": 3}})
    assert any("a" in violation.field for violation in invalid.value.violations)
    await client.deploy({"treadle": "v1", "kind": "graph", "name": "idle", "nodes": {"a": {}}})
    handle = await client.start("idle", workflow_id="one-at-a-time")
    with pytest.raises(AlreadyExists) as exists:
        await client.start("idle", workflow_id="one-at-a-time")
    assert exists.value.run_id == handle.run_id
    again = await client.start("idle", workflow_id="one-at-a-time", conflict_policy="use_existing")
    assert again.run_id == handle.run_id
    assert again.started is not None
    assert not again.started.started
    with pytest.raises(TimeoutError):
        await handle.result(0.05)
    await handle.terminate("done with it")


def test_the_blocking_client_and_a_worker_in_another_thread(service: LocalService) -> None:
    @activity
    def add(left: int, right: int) -> int:
        return left + right

    graph = Graph("adding")
    graph.node("add", add)
    worker = Worker([add], address=service.address)

    async def work(stop: asyncio.Event) -> None:
        running = asyncio.create_task(worker.run())
        await stop.wait()
        worker.stop()
        await running

    stop = asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(work(stop)), daemon=True)
    thread.start()
    try:
        with BlockingClient(service.address) as client:
            client.deploy(graph)
            outcomes = client.start_many(
                Start(workflow="adding", input={"left": number, "right": 1}) for number in range(30)
            )
            handles = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
            assert [handle.result(SECONDS) for handle in handles] == list(range(1, 31))
            listed = [run.run_id for run in client.list_runs(workflow="adding", page_size=7)]
            assert sorted(listed) == sorted(handle.run_id for handle in handles)
            assert {run.state for run in client.list_runs(workflow="adding")} == {
                RunState.COMPLETED
            }
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(SECONDS)
        loop.close()
