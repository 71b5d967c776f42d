"""Twins of `seeds/000`, "Building Workflows": failures, timeouts, undoing, operations."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any

import pytest

from examples.local_service import TREADLE, LocalService
from tests.twins.conftest import Bench, events
from treadle import ApplicationError, Context, activity
from treadle.errors import InvalidRequest, RunFailed
from treadle.graph import Compensate, Graph, Map, Retry

FAST = Retry(max_attempts=4, initial="10ms", factor=2.0, max="300ms", jitter=0.0)


class Transient(ApplicationError):
    """It may go away."""


class Declined(ApplicationError):
    """It will not."""


@activity
async def same(value: Any) -> Any:
    return value


async def test_s000_13_retries_of_transient_errors(bench: Bench) -> None:
    calls: list[str] = []

    @activity
    async def fetch_api(kind: str) -> str:
        calls.append(kind)
        if kind == "Declined":
            raise Declined("no")
        if len(calls) < 4:
            raise Transient("not yet")
        return "at last"

    graph = Graph("retry_workflow")
    policy = Retry(
        max_attempts=4, initial="10ms", factor=2.0, max="30s", jitter=0.0, retry_on=[Transient]
    )
    graph.node("fetch_api", fetch_api, retry=policy)
    async with bench.worker(fetch_api):
        handle = await bench.start(graph, "Transient")
        assert await handle.result(20) == "at last"
        delays = [one.next_time.ToMilliseconds() for one in await events(handle, "attempt_failed")]
        times = [
            event.time.ToMilliseconds()
            async for event in handle.history()
            if event.HasField("attempt_failed")
        ]
    assert [later - now for later, now in zip(delays, times, strict=True)] == [10, 20, 40]
    calls.clear()
    failure = await bench.failure(graph, "Declined", fetch_api)
    assert (failure.kind, calls) == ("Declined", ["Declined"])


@pytest.mark.parametrize("broken", [False, True])
async def test_s000_14_a_fallback_after_which_both_paths_meet(bench: Bench, broken: bool) -> None:
    @activity
    async def primary_api() -> str:
        if broken:
            raise Transient("away")
        return "primary"

    @activity
    async def fallback_api(retry: bool, because: str) -> str:
        return f"fallback because {because}"

    graph = Graph("fallback_workflow")
    graph.node("primary_api", primary_api, retry=Retry(max_attempts=2, initial="10ms"))
    graph.node("fallback_api", fallback_api)
    graph.node("process_data", same)
    graph.edge("primary_api", "process_data")
    graph.error_edge(
        "primary_api",
        "fallback_api",
        map=lambda error: {"retry": True, "because": error.kind},
    )
    graph.edge("fallback_api", "process_data")
    expected = "fallback because Transient" if broken else "primary"
    got = await bench.result(graph, None, primary_api, fallback_api, same)
    assert got == expected


def saga(*, declared: bool) -> Graph:
    """The same order of undoing: drawn as error edges, or declared per node."""
    graph = Graph(f"saga_{'declared' if declared else 'drawn'}")
    undo: dict[str, Any] = {}
    if declared:
        undo = {
            "reserve": Compensate(activity="release_inventory", input="output"),
            "charge": Compensate(activity="refund_payment", input="output"),
        }
    graph.node("reserve_inventory", compensate=undo.get("reserve"))
    graph.node("charge_payment", compensate=undo.get("charge"))
    graph.node("ship_order")
    graph.edge("reserve_inventory", "charge_payment", map=lambda params: params)
    graph.edge("charge_payment", "ship_order", map=lambda params: params)
    if not declared:
        graph.node("release_inventory", input="reserve_inventory")
        graph.node("refund_payment", input="charge_payment")
        graph.fail("undone", kind="OrderFailed")
        graph.error_edge("charge_payment", "release_inventory")
        graph.error_edge("ship_order", "refund_payment")
        graph.edge("refund_payment", "release_inventory")
        graph.edge("release_inventory", "undone")
    return graph


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize(
    ("breaks", "effects"),
    [
        ("ship", ["reserve", "charge", "refund C1", "release R1"]),
        ("charge", ["reserve", "release R1"]),
        ("reserve", []),
        ("nothing", ["reserve", "charge", "ship"]),
    ],
)
async def test_s000_15_a_saga(
    bench: Bench, breaks: str, effects: list[str], declared: bool
) -> None:
    done: list[str] = []

    def step(name: str, word: str, gives: str) -> Any:
        @activity(name=name)
        async def run(given: Any) -> str:
            if word == breaks:
                raise Declined(f"cannot {word}")
            done.append(word if gives else f"{word} {given}")
            return gives

        return run

    work = [
        step("reserve_inventory", "reserve", "R1"),
        step("charge_payment", "charge", "C1"),
        step("ship_order", "ship", "S1"),
        step("release_inventory", "release", ""),
        step("refund_payment", "refund", ""),
    ]
    async with bench.worker(*work):
        handle = await bench.start(saga(declared=declared), "order")
        if breaks == "nothing":
            assert await handle.result(20) is not None
        else:
            with pytest.raises(RunFailed, match=f"cannot {breaks}"):
                await handle.result(20)
    assert done == effects


async def test_s000_17_invalid_input_never_reaches_the_function(bench: Bench) -> None:
    called: list[str] = []

    @activity
    async def greet_user(name: str) -> str:
        called.append(name)
        return f"Hello, {name}!"

    declared = Graph("greeting_declared")
    declared.param("name", str, min_length=1)
    declared.node("greet_user", greet_user, input="params.name")
    await bench.client.deploy(declared)
    with pytest.raises(InvalidRequest, match="name"):
        await bench.client.start("greeting_declared", {"name": ""})
    typed = Graph("greeting_typed")
    typed.node("greet_user", greet_user, retry=FAST)
    failure = await bench.failure(typed, {"name": 7}, greet_user)
    assert failure.kind == "treadle.InvalidInput"
    assert called == []


async def test_s000_22_a_timeout(bench: Bench) -> None:
    @activity
    async def long_running(ctx: Context) -> None:
        await asyncio.sleep(30)

    graph = Graph("timeout_workflow")
    graph.node("long_running", long_running, start_to_close="100ms")
    failure = await bench.failure(graph, None, long_running)
    assert failure.kind == "treadle.Timeout"
    assert "took longer than 0.1 s" in failure.message


async def test_s000_22_a_run_does_not_last_for_ever(bench: Bench) -> None:
    @activity
    async def long_running() -> None:
        await asyncio.sleep(30)

    graph = Graph("run_timeout", run_timeout="300ms")
    graph.node("long_running", long_running)
    async with bench.worker(long_running):
        handle = await bench.start(graph)
        while (await handle.describe()).state == "RUNNING":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert (await handle.describe()).state == "TIMED_OUT"


async def test_s000_29_and_p02_p03_a_deploy_gives_advice(bench: Bench) -> None:
    graph = Graph("careless")
    graph.node("charge", "charge_card")
    for number in range(16):
        graph.node(f"node_{number}", same)
        graph.edge("charge", f"node_{number}")
    deployed = await bench.client.deploy(graph)
    assert {hint.rule for hint in deployed.hints} == {
        "no-error-path",
        "too-many-nodes",
        "unclear-name",
    }
    assert (await bench.client.deploy(graph)).hints == deployed.hints  # advice is never a limit


async def test_s000_29_without_an_error_path_the_run_fails_with_the_node(bench: Bench) -> None:
    @activity
    async def charge_payment() -> None:
        raise Declined("card expired")

    graph = Graph("no_error_path")
    graph.node("charge_payment", charge_payment)
    async with bench.worker(charge_payment):
        handle = await bench.start(graph)
        with pytest.raises(RunFailed, match="card expired"):
            await handle.result(20)
        [failed] = await events(handle, "run_failed")
        assert failed.node == "charge_payment"


async def test_s000_30_an_error_edge_with_the_reason(bench: Bench) -> None:
    @activity
    async def charge_payment() -> None:
        raise Declined("card expired")

    graph = Graph("error_path")
    graph.node("charge_payment", charge_payment)
    graph.node("refund", same)
    graph.error_edge("charge_payment", "refund", map=lambda error: {"reason": error.message})
    output = await bench.result(graph, None, charge_payment, same)
    assert output == {"refund": {"reason": "card expired"}}


async def test_s000_34_a_counter_that_loses_nothing(bench: Bench) -> None:
    together = asyncio.Barrier(2)

    @activity
    async def count(ctx: Context) -> None:
        await together.wait()
        ctx.memory.add("counter", 1)

    @activity
    async def read(ctx: Context) -> int:
        return ctx.memory.get("counter", int) or 0

    graph = Graph("counter")
    graph.node("one", count)
    graph.node("other", count)
    graph.node("read", read, memory=["counter"], input="null")
    graph.edge("one", "read")
    graph.edge("other", "read")
    assert await bench.result(graph, None, count, read) == 2


@pytest.mark.asyncio(loop_factories=["server"])  # the command line needs a port
async def test_s000_35_and_40_started_and_inspected_from_the_command_line(
    bench: Bench, service: LocalService
) -> None:
    graph = Graph("manual")
    graph.node("only", same)
    await bench.client.deploy(graph)

    def treadle(*line: str) -> str:
        return subprocess.run(
            [str(TREADLE), *line, "--address", service.address],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout

    async with bench.worker(same):
        shown = await asyncio.to_thread(treadle, "start", "manual", "--input", "7", "--wait")
        assert json.loads(shown) == 7
    [row] = json.loads(
        await asyncio.to_thread(treadle, "runs", "list", "--workflow", "manual", "-o", "json")
    )["runs"]
    assert (row["workflow"], row["state"]) == ("manual", "RUN_STATE_COMPLETED")
    described = await bench.client.get_run(row["runId"], include_nodes=True)
    assert (described.state, dict(described.nodes)) == ("COMPLETED", {"only": "COMPLETED"})
    assert described.run.end_time is not None


async def test_s000_40_what_happened_to_each_node(bench: Bench) -> None:
    tries = 0

    @activity
    async def flaky(n: int) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Transient("the first time")
        return n + 1

    graph = Graph("inspected")
    graph.node("flaky", flaky, retry=Retry(max_attempts=3, initial="50ms"))
    graph.node("each", same, map=Map(over="[1, 2, 3]"), input="item")
    graph.timer("pause", "20ms")
    graph.edge("flaky", "pause")
    graph.edge("flaky", "each")
    async with bench.worker(flaky, same):
        handle = await bench.start(graph, 7)
        await handle.result(20)
    found = [one async for one in bench.client.list_nodes(handle.run_id, page_size=2)]
    by_key = {one.key: one for one in found}
    assert sorted(by_key) == ["each", "each[0]", "each[1]", "each[2]", "flaky", "pause"]
    first = by_key["flaky"]
    assert (first.state, first.attempts, first.input, first.output) == ("COMPLETED", 2, 7, 8)
    assert first.failure is not None
    assert first.failure.kind == "Transient"
    assert first.scheduled_time is not None
    assert first.started_time is not None
    assert first.end_time is not None
    assert first.scheduled_time <= first.started_time < first.end_time
    assert [by_key[f"each[{n}]"].output for n in range(3)] == [1, 2, 3]
    assert (by_key["pause"].kind, by_key["pause"].state) == ("timer", "COMPLETED")


async def test_s000_41_a_failed_run_is_taken_up_where_it_failed(bench: Bench) -> None:
    calls: list[str] = []

    @activity
    async def first() -> int:
        calls.append("first")
        return 1

    @activity
    async def second(value: int) -> int:
        calls.append("second")
        if len(calls) < 3:
            raise Declined("not today")
        return value + 1

    graph = Graph("replayed")
    graph.node("first", first)
    graph.node("second", second)
    graph.edge("first", "second")
    async with bench.worker(first, second):
        handle = await bench.start(graph)
        with pytest.raises(RunFailed):
            await handle.result(20)
        again = await bench.client.retry(handle.run_id)
        assert await bench.client.get_handle(again.run_id).result(20) == 2
    assert calls == ["first", "second", "second"]
    assert (await handle.describe()).state == "FAILED"


async def test_s000_p04_a_polling_loop_with_a_delay(bench: Bench) -> None:
    tries: list[float] = []

    @activity
    async def poll() -> dict[str, bool]:
        tries.append(asyncio.get_running_loop().time())
        return {"again": len(tries) < 3}

    graph = Graph("polling")
    graph.node("poll", poll, input="null")
    graph.edge("poll", "poll", when=lambda output: output.again, delay="50ms")
    async with bench.worker(poll):
        handle = await bench.start(graph)
        assert await handle.result(20) == {"again": False}
        scheduled = await events(handle, "activity_scheduled")
        completed = [
            event.time.ToMilliseconds()
            async for event in handle.history()
            if event.HasField("activity_completed")
        ]
    later = [one.start_time.ToMilliseconds() for one in scheduled[1:]]
    assert [start - end for start, end in zip(later, completed, strict=False)] == [50, 50]
