"""Many who wait for runs to end, through the asyncio client."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.local_service import LocalService, local_service
from tests.api.conftest import ONE_STEP
from treadle import Client, errors

SHORT = 10.0


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
