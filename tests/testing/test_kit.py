"""The test kit: what tests of workflows can rely on."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from treadle import ApplicationError, Context, Worker, activity, step, workflow
from treadle.errors import InvalidRequest, RunFailed
from treadle.graph import Graph, Retry
from treadle.testing import Kit, Mock, NothingWillHappen, Stuck, run_workflow, virtual_time


class Declined(ApplicationError):
    """The card was declined."""


@activity
async def reserve(order: dict[str, Any]) -> dict[str, Any]:
    return {"reserved": order["id"]}


@activity
async def charge(reservation: dict[str, Any]) -> str:
    raise AssertionError("the real one must not be called in a test")


@activity
def ship(receipt: str) -> str:
    return f"shipped for {receipt}"


def order(**options: Any) -> Graph:
    graph = Graph("order")
    graph.node("reserve", reserve)
    graph.node("charge", "charge", **options)
    graph.node("ship", ship)
    graph.edge("reserve", "charge")
    graph.edge("charge", "ship")
    return graph


@virtual_time
async def test_activities_and_mocks_run_in_the_tests_process() -> None:
    async with Kit([reserve, charge, ship], mocks={"charge": "receipt 1"}) as kit:
        run = await kit.run(order(), {"id": 17})
        assert (run.state, run.output) == ("COMPLETED", "shipped for receipt 1")
        assert run.order == ["reserve", "charge", "ship"]
        assert kit.mock("charge").inputs == [{"reserved": 17}]
        assert [call.activity for call in kit.calls] == ["reserve", "charge", "ship"]
        assert run.nodes == dict.fromkeys(("reserve", "charge", "ship"), "COMPLETED")


def take_out(order: dict[str, Any]) -> None:
    order.clear()


@workflow
async def takes_out(order: dict[str, Any]) -> None:
    await step(take_out, order)


@virtual_time
async def test_calls_say_what_a_step_was_given_whatever_it_did_to_that() -> None:
    async with Kit([takes_out]) as kit:
        await kit.run(takes_out, {"id": 17})
        assert [call.input for call in kit.calls] == [{"id": 17}]


def test_an_ordinary_test_needs_one_call() -> None:
    run = run_workflow(order(), {"id": 1}, [reserve, ship], mocks={"charge": lambda value: "paid"})
    assert run.output == "shipped for paid"


@virtual_time
async def test_a_year_takes_no_time() -> None:
    graph = Graph("patient")
    graph.timer("sleep", "365d")
    began = time.monotonic()
    async with Kit(start_time=datetime(2030, 1, 1, tzinfo=UTC)) as kit:
        run = await kit.run(graph)
        assert run.duration == timedelta(days=365)
        assert kit.now() == datetime(2031, 1, 1, tzinfo=UTC)
    assert time.monotonic() - began < 60  # a year, by the clock on the wall


@virtual_time
async def test_retries_happen_at_their_times() -> None:
    policy = Retry(max_attempts=4, initial="1s", factor=2, jitter=0)
    answers = Mock(answers=[Declined("no"), Declined("no"), "receipt"])
    async with Kit([reserve, ship], mocks={"charge": answers}) as kit:
        run = await kit.run(order(retry=policy), {"id": 1})
    attempts = run.attempts_at("charge")
    assert [(one.number, one.outcome) for one in attempts] == [
        (1, "failed"),
        (2, "failed"),
        (3, "completed"),
    ]
    waits = [
        round((after.started - before.started).total_seconds())
        for before, after in itertools.pairwise(attempts)
    ]
    assert waits == [1, 2]


@virtual_time
async def test_an_attempt_fails_on_demand() -> None:
    async with Kit([reserve, ship], mocks={"charge": "receipt"}) as kit:
        kit.fail("charge", Declined("no money"), attempt=1)
        run = await kit.run(order(), {"id": 1})
        assert run.state == "FAILED"
        assert run.failure is not None
        assert (run.failure.kind, run.failure.message) == ("Declined", "no money")
        again = await kit.run(order(retry=Retry(max_attempts=2)), {"id": 1})
        assert (again.state, again.count("charge")) == ("COMPLETED", 2)


@virtual_time
async def test_a_worker_dies_and_another_goes_on() -> None:
    async with Kit([reserve, ship], mocks={"charge": "receipt"}) as kit:
        kit.kill_worker("charge")
        kit.kill_worker("ship")
        run = await kit.run(order(), {"id": 1})
        assert run.state == "COMPLETED"
        # A lost attempt is not one of those that the policy counts.
        for node in ("charge", "ship"):
            assert [(one.number, one.outcome) for one in run.attempts_at(node)] == [
                (1, "lost"),
                (1, "completed"),
            ]


@virtual_time
async def test_the_server_dies_and_nothing_is_lost() -> None:
    graph = order()
    graph.timer("later", "1h")
    graph.edge("ship", "later")
    async with Kit([reserve, ship], mocks={"charge": "receipt"}) as kit:
        handle = await kit.start(graph, {"id": 1})
        await kit.crash_server()
        await kit.advance(timedelta(minutes=30))
        await kit.crash_server()
        run = await kit.finish(handle)
        assert run.state == "COMPLETED"
        assert len(run.of_kind("activity_completed")) == 3
        assert run.duration is not None
        assert timedelta(hours=1) <= run.duration < timedelta(hours=1, minutes=1)


@virtual_time
async def test_what_is_not_mocked_is_an_error_and_no_hang() -> None:
    async with Kit([reserve, ship]) as kit:
        with pytest.raises(Stuck, match=r"activity 'charge' \(node charge\), which no worker here"):
            await kit.run(order(), {"id": 1})


@virtual_time
async def test_an_event_that_nobody_sends_is_named() -> None:
    graph = Graph("approval")
    graph.wait("asked", "approved")
    async with Kit() as kit:
        handle = await kit.start(graph)
        with pytest.raises(Stuck, match="event 'approved'"):
            await handle.result()
        await handle.send_event("approved", {"by": "me"})  # the kit goes on as if nothing had been
        assert (await kit.finish(handle)).state == "COMPLETED"


def test_waiting_for_nothing_at_all_is_an_error() -> None:
    @virtual_time
    async def stuck() -> None:
        async with Kit():
            await asyncio.Event().wait()

    with pytest.raises(NothingWillHappen):
        stuck()


def test_a_thread_that_works_when_the_test_is_over_is_waited_for() -> None:
    @virtual_time
    async def leaves() -> None:
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.1)
        await asyncio.sleep(0)

    leaves()


@virtual_time
async def test_attempts_that_overlap_are_told_from_those_that_do_not() -> None:
    @activity
    async def slow() -> None:
        await asyncio.sleep(2)

    graph = Graph("side_by_side")
    for name in ("a", "b", "c"):
        graph.node(name, slow)
    graph.node("after", slow)
    graph.edge("a", "after")
    async with Kit([slow]) as kit:
        run = await kit.run(graph)
    assert run.overlapped("a", "b", "c")
    assert not run.overlapped("a", "after")
    assert run.duration is not None
    assert round(run.duration.total_seconds()) == 4


@virtual_time
async def test_heartbeats_and_timeouts_run_on_virtual_time() -> None:
    @activity
    async def silent(ctx: Context) -> str:
        ctx.heartbeat({"row": 7})
        if ctx.attempt == 1:
            await asyncio.sleep(3_600)
        return str(ctx.heartbeat_details)

    graph = Graph("silent")
    graph.node(
        "silent",
        silent,
        heartbeat="10s",
        start_to_close="2h",
        retry=Retry(max_attempts=2, initial="1s", jitter=0),
    )
    async with Kit([silent]) as kit:
        run = await kit.run(graph)
    assert run.output == "{'row': 7}"
    first = run.attempts_at("silent")[0]
    assert first.duration is not None
    assert timedelta(seconds=10) <= first.duration < timedelta(seconds=25)


@virtual_time
async def test_clients_and_workers_of_ones_own_reach_the_kit() -> None:
    async with Kit() as kit:
        worker = Worker([reserve], address=kit.address)
        running = asyncio.create_task(worker.run())
        graph = Graph("own")
        graph.node("reserve", reserve)
        assert (await kit.run(graph, {"id": 3})).output == {"reserved": 3}
        worker.stop()
        await running


@virtual_time
async def test_refusals_are_those_of_a_real_server() -> None:
    async with Kit() as kit:
        with pytest.raises(InvalidRequest) as refused:
            await kit.client.deploy({"treadle": "v1", "kind": "graph", "name": "x", "nodes": {}})
        assert refused.value.violations[0].field.startswith("nodes")


@virtual_time
async def test_a_watch_streams_events_as_they_happen() -> None:
    graph = Graph("watched")
    graph.timer("sleep", "1h")
    async with Kit() as kit:
        handle = await kit.start(graph)
        kinds = [event.WhichOneof("kind") async for event in handle.watch()]
        assert (kinds[0], kinds[-1]) == ("run_started", "run_completed")


async def test_a_kit_on_an_ordinary_loop_says_what_to_do() -> None:
    with pytest.raises(TypeError, match="virtual_time"):
        async with Kit():
            pass


@virtual_time
async def test_the_same_test_does_the_same_things() -> None:
    async def one() -> list[bytes]:
        async with Kit([reserve, ship], mocks={"charge": Mock(raises=Declined("no"))}) as kit:
            handle = await kit.start(order(), {"id": 1})
            with pytest.raises(RunFailed):
                await handle.result()
            events = [event async for event in handle.history()]
            for event in events:
                event.ClearField("time")
            return [event.WhichOneof("kind").encode() for event in events]

    assert await one() == await one()


def test_a_mock_needs_an_answer() -> None:
    with pytest.raises(ValueError, match="at least one answer"):
        Mock(answers=[])
