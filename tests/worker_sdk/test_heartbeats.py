"""Heartbeats: throttled, batched, with the newest details; and what the next attempt gets."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import ApplicationError, Context, activity, payload
from treadle.errors import PayloadError
from treadle.v1 import payload_pb2


def seconds(value: float) -> Duration:
    message = Duration()
    message.FromTimedelta(timedelta(seconds=value))
    return message


def details(server: FakeServer) -> list[object]:
    return [payload.decode(beat.details) for call in server.heartbeats for beat in call.heartbeats]


async def test_the_first_goes_out_at_once_and_the_newest_follows_after_the_interval(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def count(ctx: Context) -> None:
        for number in range(100):
            ctx.heartbeat(number)
            if number == 0:
                await server.until(lambda: server.heartbeats)
        await server.until(lambda: len(server.heartbeats) == 2)

    start_worker([count])
    await server.output(await server.add("count", heartbeat_timeout=seconds(0.2)))
    assert details(server) == [0, 99]


async def test_a_plain_activity_may_send_them_from_its_thread(
    server: FakeServer, start_worker: StartWorker
) -> None:
    sent = threading.Event()

    @activity
    def work(ctx: Context) -> None:
        ctx.heartbeat({"done": 3})
        assert sent.wait(10)

    start_worker([work])
    token = await server.add("work")
    await server.until(lambda: server.heartbeats)
    sent.set()
    await server.output(token)
    assert details(server) == [{"done": 3}]


async def test_the_last_details_of_an_attempt_that_fails_are_sent_before_its_result(
    server: FakeServer, start_worker: StartWorker
) -> None:
    order: list[str] = []

    async def note(request: object, context: object) -> None:
        order.append(f"report after {len(server.heartbeats)} heartbeats")

    server.before_report = note

    @activity
    async def fail(ctx: Context) -> None:
        ctx.heartbeat("first")
        await server.until(lambda: server.heartbeats)
        ctx.heartbeat("last")  # not due for 24 s
        raise ApplicationError("no")

    start_worker([fail])
    await server.failure(await server.add("fail", heartbeat_timeout=seconds(30)))
    assert details(server) == ["first", "last"]
    assert order == ["report after 2 heartbeats"]


async def test_the_next_attempt_gets_the_details_of_the_last(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def resume(ctx: Context) -> object:
        return [ctx.attempt, ctx.heartbeat_details]

    start_worker([resume])
    carried = payload.encode({"row": 17})
    token = await server.add("resume", attempt=2, heartbeat_details=carried)
    assert await server.output(token) == [2, {"row": 17}]
    assert await server.output(await server.add("resume")) == [1, None]


async def test_heartbeats_of_many_activities_share_a_call(
    server: FakeServer, start_worker: StartWorker
) -> None:
    together = asyncio.Barrier(10)

    @activity
    async def beat(ctx: Context) -> None:
        await together.wait()
        ctx.heartbeat()
        await server.until(lambda: server.heartbeats)

    start_worker([beat])
    for token in [await server.add("beat") for _ in range(10)]:
        await server.output(token)
    assert [len(call.heartbeats) for call in server.heartbeats] == [10]


async def test_calls_stay_below_what_a_server_takes(
    server: FakeServer, start_worker: StartWorker
) -> None:
    together = asyncio.Barrier(5)

    @activity
    async def beat(ctx: Context) -> None:
        await together.wait()
        ctx.heartbeat("x" * 1_000_000)
        await server.until(lambda: len(details(server)) == 5)

    start_worker([beat])
    for token in [await server.add("beat") for _ in range(5)]:
        await server.output(token)
    assert [len(call.heartbeats) for call in server.heartbeats] == [3, 2]


async def test_what_did_not_arrive_is_sent_again(
    server: FakeServer, start_worker: StartWorker
) -> None:
    failures = iter([grpc.StatusCode.UNAVAILABLE])

    async def fail_once(request: object, context: Any) -> None:
        if code := next(failures, None):
            await context.abort(code, "not now")

    @activity
    async def beat(ctx: Context) -> None:
        ctx.heartbeat("here")
        await server.until(lambda: server.heartbeats)

    server.before_heartbeat = fail_once
    start_worker([beat])
    await server.output(await server.add("beat"))
    assert details(server) == ["here"]


async def test_an_attempt_whose_heartbeat_is_refused_is_stopped_and_not_reported(
    server: FakeServer, start_worker: StartWorker
) -> None:
    stopped = asyncio.Event()

    @activity
    async def beat(ctx: Context) -> None:
        ctx.heartbeat()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    ended = payload_pb2.ItemStatus(code=9, message="the lease has ended")
    server.refuse_heartbeat[b"token-1"] = ended
    running = start_worker([beat])
    token = await server.add("beat")
    await stopped.wait()
    await running.drain()
    assert token not in server.results


async def test_details_that_cannot_be_written_are_refused_where_they_are_given(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def beat(ctx: Context) -> str:
        with pytest.raises(PayloadError):
            ctx.heartbeat(object())
        return "refused"

    start_worker([beat])
    assert await server.output(await server.add("beat")) == "refused"
