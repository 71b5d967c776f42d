"""A run that is taken up again, and again, does what was done once and for all only once."""

from __future__ import annotations

import pytest

from treadle import activity, step, workflow
from treadle.errors import ApplicationError, RunFailed
from treadle.graph import Graph
from treadle.testing import Kit, virtual_time

calls: list[str] = []
away: set[str] = set()


@pytest.fixture(autouse=True)
def fresh() -> None:
    calls.clear()
    away.clear()


def called(name: str) -> None:
    calls.append(name)
    if name in away:
        raise ApplicationError(f"{name} is away")


async def charge(given: int) -> str:
    called("charge")
    return "charged"


async def ship(given: int) -> str:
    called("ship")
    return "shipped"


@workflow
async def order(given: int) -> list[str]:
    return [await step(charge, given), await step(ship, given)]


@activity
async def a() -> int:
    called("a")
    return 1


@activity
async def undo_a() -> None:
    called("undo_a")


@activity
async def b() -> int:
    called("b")
    return 2


@activity
async def c() -> int:
    called("c")
    return 3


def pay() -> Graph:
    graph = Graph("pay")
    graph.node("a", a, compensate=undo_a)
    graph.node("b", b, input="null")
    graph.node("c", c, input="null")
    graph.edge("a", "b")
    graph.edge("b", "c")
    return graph


@virtual_time
async def test_code_that_did_not_come_to_what_it_had_taken_over() -> None:
    away.add("ship")
    async with Kit() as kit:
        await kit.client.deploy(order)
        async with kit.worker(order):
            first = await kit.client.start(order, 1)
            with pytest.raises(RunFailed):
                await first.result(20)
        second = await kit.client.retry(first.run_id)  # no worker is there
        await kit.client.terminate(second.run_id)
        third = await kit.client.retry(second.run_id)
        away.clear()
        async with kit.worker(order):
            assert await kit.client.get_handle(third.run_id).result(20) == ["charged", "shipped"]
    assert calls == ["charge", "ship", "ship"]


@virtual_time
async def test_a_graph_that_did_not_come_to_what_it_had_taken_over() -> None:
    away.add("c")
    async with Kit() as kit:
        await kit.client.deploy(pay())
        async with kit.worker(a, undo_a, b, c):
            first = await kit.client.start("pay")
            with pytest.raises(RunFailed):
                await first.result(20)
            assert calls == ["a", "b", "c", "undo_a"]
            away.add("a")
            second = await kit.client.retry(first.run_id)
            with pytest.raises(RunFailed):
                await kit.client.get_handle(second.run_id).result(20)
            away.clear()
            third = await kit.client.retry(second.run_id)
            assert await kit.client.get_handle(third.run_id).result(20) == 3
    assert calls.count("b") == 1


@virtual_time
async def test_a_reset_in_place_that_is_asked_for_again_after_the_run_has_ended() -> None:
    away.add("a")
    held = Graph("held")
    held.node("a", a, on_failure="hold")
    async with Kit() as kit:
        await kit.client.deploy(held)
        async with kit.worker(a):
            run = await kit.client.start("held")
            await kit.settle()
            reset = kit.client.reset(run.run_id, key="a", request_id="r1")
            assert await reset == run.run_id
            await kit.settle()
            await kit.client.answer(run.run_id, key="a", answer="fail")
            await kit.settle()
            again = await kit.client.reset(run.run_id, key="a", request_id="r1")
            await kit.settle()
            assert (again, calls) == (run.run_id, ["a", "a"])


@virtual_time
async def test_a_reset_of_an_ended_run_that_is_asked_for_again() -> None:
    away.add("a")
    ended = Graph("ended")
    ended.node("a", a)
    async with Kit() as kit:
        await kit.client.deploy(ended)
        async with kit.worker(a):
            await kit.client.start("ended", workflow_id="w")
            await kit.settle()
        first = await kit.client.reset(workflow_id="w", key="a", request_id="r1")
        assert await kit.client.reset(workflow_id="w", key="a", request_id="r1") == first


@virtual_time
async def test_a_reset_does_again_what_follows_a_wait_that_timed_out() -> None:
    away.add("c")
    late = Graph("late")
    late.node("a", a)
    late.wait("sign", "signed", timeout="1h")
    late.node("b", b, input="null")
    late.node("c", c, input="null")
    late.edge("a", "sign")
    late.timeout_edge("sign", "b")
    late.edge("b", "c")
    async with Kit() as kit:
        await kit.client.deploy(late)
        async with kit.worker(a, b, c):
            run = await kit.client.start("late")
            with pytest.raises(RunFailed):
                await run.result(5_000)
            away.clear()
            again = await kit.client.reset(run.run_id, key="a")
            assert await kit.client.get_handle(again).result(5_000) == {"sign": None, "c": 3}
    assert calls == ["a", "b", "c", "a", "b", "c"]
