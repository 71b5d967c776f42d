"""Many who wait for runs to end, through the asyncio client."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from examples.local_service import LocalService, local_service
from tests.api.conftest import ONE_STEP, Api
from treadle import (
    ApplicationError,
    BlockingClient,
    Client,
    Worker,
    activity,
    errors,
    workflow,
)
from treadle.v1 import run_service_pb2 as messages

SHORT = 10.0

DOUBLED = {
    "treadle": "v1",
    "kind": "graph",
    "name": "doubled",
    "params": {"n": {"type": "integer"}},
    "nodes": {"twice": {"activity": "double", "input": "params.n"}},
}


@activity
async def double(n: int) -> int:
    if n > 100:
        raise ApplicationError("too much", non_retryable=True)
    return 2 * n


@pytest.fixture
async def client(service: LocalService) -> AsyncIterator[Client]:
    async with Client(service.address) as client:
        yield client


async def test_patience_ends_for_each_by_itself(client: Client) -> None:
    handles = await asyncio.gather(*(client.start("one_step") for _ in range(12)))

    async def result(number: int) -> object:
        try:
            return await handles[number].result(0.2 if number % 2 else SHORT)
        except (TimeoutError, errors.RunTerminated) as error:
            return type(error).__name__

    waiting = [asyncio.ensure_future(result(number)) for number in range(12)]
    await asyncio.sleep(0.6)
    for handle in handles:
        await handle.terminate()
    found = await asyncio.gather(*waiting)
    assert found == ["RunTerminated", "TimeoutError"] * 6


async def test_who_waits_for_the_same_run_gets_the_same_end(client: Client) -> None:
    handle = await client.start("one_step")
    waiting = [asyncio.ensure_future(handle.result(SHORT)) for _ in range(20)]
    await asyncio.sleep(0.1)
    for one in waiting[10:15]:
        one.cancel()
    await handle.terminate()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert Counter(type(end).__name__ for end in ends) == {"RunTerminated": 15, "CancelledError": 5}


async def test_a_client_that_is_closed_lets_everybody_go(service: LocalService) -> None:
    client = Client(service.address)
    handles = await asyncio.gather(*(client.start("one_step") for _ in range(10)))
    waiting = [asyncio.ensure_future(handle.result()) for handle in handles]
    await asyncio.sleep(0.1)
    await client.close()
    done, _ = await asyncio.wait(waiting, timeout=SHORT)
    assert {one.cancelled() for one in done} == {True}
    assert len(done) == 10


async def test_waiting_outlives_a_server(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=30) as client:
            await client.deploy(ONE_STEP)
            handles = await asyncio.gather(*(client.start("one_step") for _ in range(20)))
            waiting = [asyncio.ensure_future(handle.result(60)) for handle in handles]
            await asyncio.sleep(0.2)
            service.server.kill()
            await asyncio.sleep(0.2)
            await asyncio.to_thread(service.start_server)
            for handle in handles:
                await handle.terminate()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(end).__name__ for end in ends} == {"RunTerminated"}


async def test_each_failure_of_the_connection_has_its_own_patience(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=2) as client:
            await client.deploy(ONE_STEP)
            for _ in range(2):
                handles = await asyncio.gather(*(client.start("one_step") for _ in range(10)))
                waiting = [asyncio.ensure_future(handle.result(0.5)) for handle in handles]
                await asyncio.sleep(0.1)
                service.server.kill()
                ends = await asyncio.gather(*waiting, return_exceptions=True)
                assert {type(end).__name__ for end in ends} == {"TimeoutError"}
                await asyncio.to_thread(service.start_server)
                await asyncio.sleep(2)


async def test_who_waits_hears_that_the_server_is_gone_for_good(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=0.5) as client:
            await client.deploy(ONE_STEP)
            handles = await asyncio.gather(*(client.start("one_step") for _ in range(10)))
            waiting = [asyncio.ensure_future(handle.result(60)) for handle in handles]
            await asyncio.sleep(0.2)
            service.server.kill()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(end).__name__ for end in ends} == {"ServerUnavailable"}


# --- started and awaited in one call --------------------------------------------------------------


def start(wait_seconds: float, **fields: Any) -> messages.StartRunRequest:
    request = messages.StartRunRequest(workflow="one_step", **fields)
    request.wait_timeout.FromMicroseconds(round(wait_seconds * 1e6))
    return request


async def begun(client: Client, workflow_id: str) -> None:
    """Waits until the run is there."""
    async with asyncio.timeout(SHORT):
        while True:
            try:
                await client.get_run(workflow_id=workflow_id)
                return
            except errors.NotFound:
                await asyncio.sleep(0.01)


async def test_a_start_that_waits_is_answered_with_the_end(api: Api, client: Client) -> None:
    waiting = asyncio.create_task(
        asyncio.to_thread(api, "RunService.StartRun", start(SHORT, workflow_id="awaited"))
    )
    await begun(client, "awaited")
    run = await client.terminate(workflow_id="awaited")
    response = (await waiting).response
    assert (response.run_id, response.started) == (run.run_id, True)
    assert (response.end.ended, response.end.run.run_id) == (True, run.run_id)
    assert response.end.run.state == messages.RUN_STATE_TERMINATED


async def test_a_start_whose_run_goes_on_longer_says_so(api: Api) -> None:
    response = api("RunService.StartRun", start(0.05)).response
    assert response.started
    assert response.HasField("end")
    assert not response.end.ended


async def test_who_repeats_a_start_may_wait_for_another_time(api: Api) -> None:
    first = api("RunService.StartRun", start(0.05, request_id="awaited twice")).response
    unwaited = messages.StartRunRequest(workflow="one_step", request_id="awaited twice")
    second = api("RunService.StartRun", unwaited).response
    third = api("RunService.StartRun", start(0.1, request_id="awaited twice")).response
    assert first.run_id == second.run_id == third.run_id
    assert [one.HasField("end") for one in (first, second, third)] == [True, False, True]


async def test_nothing_is_started_by_a_wait_that_cannot_be(api: Api) -> None:
    refused = api("RunService.StartRun", start(0.0, workflow_id="not awaited"))
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "wait_timeout")
    batch = messages.BatchStartRunsRequest(items=[start(1.0, workflow_id="not awaited")])
    [item] = api("RunService.BatchStartRuns", batch).response.items
    assert item.status.metadata["field"] == "items[0].wait_timeout"
    named = messages.GetRunRequest(workflow_id="not awaited")
    assert api("RunService.GetRun", named).code is grpc.StatusCode.NOT_FOUND


async def test_a_server_that_stops_answers_the_start_all_the_same(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        api = Api(service.address)
        async with Client(service.address) as client:
            await client.deploy(ONE_STEP)
            request = start(SHORT, workflow_id="awaited")
            waiting = asyncio.create_task(asyncio.to_thread(api, "RunService.StartRun", request))
            await begun(client, "awaited")
        await asyncio.to_thread(service.server.stop)
        response = (await waiting).response
        assert response.started
        assert not response.HasField("end")
        api.channel.close()


@workflow
async def coded() -> None: ...


async def test_a_server_that_stops_ends_the_wait_for_an_update(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        api = Api(service.address)
        async with Client(service.address) as client:
            await client.deploy(coded.document())
            run = await client.start("coded")
            request = messages.UpdateRunRequest(run_id=run.run_id, name="x", update_id="u7")
            waiting = asyncio.create_task(asyncio.to_thread(api, "RunService.UpdateRun", request))
            async for event in run.watch():
                if event.HasField("update_received"):
                    break
        await asyncio.to_thread(service.server.stop)
        refused = await waiting
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING")
        assert "'u7'" in refused.message
        api.channel.close()


async def test_run_gives_the_output(service: LocalService) -> None:
    worker = Worker([double], address=service.address)
    working = asyncio.ensure_future(worker.run())
    async with Client(service.address) as client:
        await client.deploy(DOUBLED)
        assert await client.run("doubled", {"n": 4}) == 8
        with pytest.raises(errors.RunFailed, match="too much"):
            await client.run("doubled", {"n": 1_000}, timeout=SHORT)
    with BlockingClient(service.address) as blocking:
        assert await asyncio.to_thread(blocking.run, "doubled", {"n": 5}, timeout=SHORT) == 10
    worker.stop()
    await working


async def test_run_ends_with_the_caller_s_patience(service: LocalService, client: Client) -> None:
    with pytest.raises(TimeoutError, match="goes on"):
        await client.run("one_step", timeout=0.1, workflow_id="goes on")
    assert (await client.get_run(workflow_id="goes on")).state == "RUNNING"
    with BlockingClient(service.address) as blocking:
        for number, timeout in enumerate((0.1, 0.0)):
            run = partial(blocking.run, timeout=timeout, workflow_id=f"goes on {number}")
            with pytest.raises(TimeoutError, match="goes on"):
                await asyncio.to_thread(run, "one_step")
            assert (await client.get_run(workflow_id=f"goes on {number}")).state == "RUNNING"


async def test_run_outlives_a_server(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address, retry_seconds=30) as client:
            await client.deploy(ONE_STEP)
            names = [f"awaited {number}" for number in range(20)]
            waiting = [
                asyncio.ensure_future(client.run("one_step", workflow_id=name)) for name in names
            ]
            for name in names:
                await begun(client, name)
            service.server.kill()
            await asyncio.sleep(0.2)
            await asyncio.to_thread(service.start_server)
            runs = [run async for run in client.list_runs()]
            assert len(runs) == 20
            for run in runs:
                await client.terminate(run.run_id)
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(end).__name__ for end in ends} == {"RunTerminated"}
