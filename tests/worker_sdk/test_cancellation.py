"""Being asked to stop: what async and plain activities see, and what is reported."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import ApplicationError, Context, activity
from treadle.v1.worker_service_pb2 import CONTROL_ACTION_ABANDON, CONTROL_ACTION_CANCEL


async def test_an_async_activity_gets_a_cancelled_error_and_is_reported_as_cancelled(
    server: FakeServer, start_worker: StartWorker
) -> None:
    seen: list[bool] = []
    begun = asyncio.Event()

    @activity
    async def wait(ctx: Context) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append(ctx.cancelled)
            raise

    start_worker([wait])
    token = await server.add("wait")
    await begun.wait()
    await server.send(CONTROL_ACTION_CANCEL, token)
    assert (await server.result(token)).WhichOneof("outcome") == "cancelled"
    assert seen == [True]


async def test_a_plain_activity_sees_a_flag(server: FakeServer, start_worker: StartWorker) -> None:
    begun = threading.Event()

    @activity
    def wait(ctx: Context) -> None:
        begun.set()
        assert ctx.wait_cancelled(60)
        ctx.raise_if_cancelled()

    start_worker([wait])
    token = await server.add("wait")
    await asyncio.to_thread(begun.wait)
    await server.send(CONTROL_ACTION_CANCEL, token)
    assert (await server.result(token)).WhichOneof("outcome") == "cancelled"


@pytest.mark.parametrize("ending", ["completed", "failed"])
async def test_an_activity_that_ends_otherwise_though_it_was_asked_to_stop_is_reported_so(
    server: FakeServer, start_worker: StartWorker, ending: str
) -> None:
    begun = asyncio.Event()

    @activity
    async def wait() -> str:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if ending == "failed":
                raise ApplicationError("half done", "HalfDone") from None
        return "too late to stop"

    start_worker([wait])
    token = await server.add("wait")
    await begun.wait()
    await server.send(CONTROL_ACTION_CANCEL, token)
    assert (await server.result(token)).WhichOneof("outcome") == ending


async def test_a_cancelled_error_that_nobody_asked_for_is_a_failure(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def give_up() -> None:
        raise asyncio.CancelledError

    start_worker([give_up])
    assert (await server.failure(await server.add("give_up"))).kind == "CancelledError"


async def test_an_abandoned_activity_is_stopped_and_not_reported(
    server: FakeServer, start_worker: StartWorker
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    @activity
    async def wait() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    running = start_worker([wait], slots=1)
    token = await server.add("wait")
    await begun.wait()
    await server.send(CONTROL_ACTION_ABANDON, token)
    await stopped.wait()
    # Its slot is free again.
    await server.until(lambda: server.parked and server.polls[-1].max_tasks == 1)
    await running.drain()
    assert token not in server.results


async def test_the_answer_to_a_heartbeat_may_ask_to_stop(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def beat(ctx: Context) -> None:
        ctx.heartbeat()
        await asyncio.sleep(3600)

    start_worker([beat])
    server.cancel_at_heartbeat.add(b"token-1")
    token = await server.add("beat")
    assert (await server.result(token)).WhichOneof("outcome") == "cancelled"


async def test_a_message_about_a_task_that_has_ended_changes_nothing(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def nothing() -> None: ...

    start_worker([nothing])
    token = await server.add("nothing")
    await server.result(token)
    await server.send(CONTROL_ACTION_CANCEL, token)
    assert await server.output(await server.add("nothing")) is None
