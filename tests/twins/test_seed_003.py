"""Twins of `seeds/003`: steps with dependencies, retries, conditions, delays, operations."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from typing import Any

import pytest

from tests.twins.conftest import Bench, events
from treadle import ApplicationError, Context, activity, errors
from treadle.errors import Conflict, NotFound, RunFailed
from treadle.graph import Defaults, Graph, Retry


class Broken(ApplicationError):
    """A step's own failure."""


@activity
async def same(value: Any) -> Any:
    return value


@activity
async def broken() -> None:
    raise Broken("as always")


async def test_s003_02_a_step_that_changes_the_data_and_a_wait_with_a_limit(bench: Bench) -> None:
    @activity
    async def increment(ctx: Context) -> None:
        ctx.memory.add("counter", 1)

    @activity
    async def read(ctx: Context) -> int:
        return ctx.memory.get("counter", int) or 0

    graph = Graph("quick_start")
    graph.node("increment", increment)
    graph.node("read", read, memory=["counter"], input="null")
    graph.edge("increment", "read")
    handle = await bench.start(graph)
    with pytest.raises(TimeoutError):
        await handle.result(0.3)  # nobody works on it yet; the run goes on
    async with bench.worker(increment, read):
        assert await handle.result(20) == 1


@pytest.mark.parametrize("outcome", ["success", "failure"])
async def test_s003_05_hooks_are_nodes(bench: Bench, outcome: str) -> None:
    @activity
    async def step(wish: str) -> str:
        if wish == "failure":
            raise Broken("for good", non_retryable=True)
        return wish

    @activity
    async def hook() -> None:
        raise Broken("the hook, too", non_retryable=True)

    graph = Graph("hooked")
    graph.node("step", step)
    # A hook that fails is recorded, and changes nothing.
    graph.node("on_success", hook, on_failure="continue", input="null")
    graph.node("on_failure", hook, on_failure="continue", input="null")
    graph.node("finally_", same, join="any", input="'cleaned up'")
    graph.fail("failed", kind="StepFailed", message="failures.step.message")
    graph.edge("step", "on_success")
    graph.error_edge("step", "on_failure")
    graph.edge("on_success", "finally_")
    graph.edge("on_failure", "finally_")
    graph.edge("finally_", "failed", when="has(failures.step)")
    graph.output("finally_")
    async with bench.worker(step, hook, same):
        handle = await bench.start(graph, outcome)
        if outcome == "failure":
            with pytest.raises(RunFailed, match="StepFailed: for good"):
                await handle.result(20)
        else:
            assert await handle.result(20) == "cleaned up"
        nodes = dict((await handle.describe(include_nodes=True)).nodes)
    ran, other = f"on_{outcome}", "on_failure" if outcome == "success" else "on_success"
    assert (nodes[ran], nodes[other], nodes["finally_"]) == ("FAILED", "UNREACHED", "COMPLETED")


async def test_s003_07_success_failure_and_skip(bench: Bench) -> None:
    @activity
    async def step(ctx: Context, wish: str) -> str:
        if wish == "fail":
            raise Broken("its own verdict", non_retryable=True)
        if wish == "skip":
            ctx.skip()
        return wish

    graph = Graph("results")
    graph.node("step", step, retry=Retry(max_attempts=5, initial="10ms"))
    graph.node("after", same)
    graph.edge("step", "after")
    async with bench.worker(step, same):
        for wish, state in (("succeed", "COMPLETED"), ("skip", "SKIPPED")):
            handle = await bench.start(graph, wish)
            assert await handle.result(20) == wish
            described = await handle.describe(include_nodes=True)
            assert dict(described.nodes) == {"step": state, "after": "COMPLETED"}
        handle = await bench.start(graph, "fail")
        with pytest.raises(RunFailed, match="its own verdict"):
            await handle.result(20)
        assert len(await events(handle, "attempt_started")) == 1


async def test_s003_08_two_fetches_and_one_that_combines(bench: Bench) -> None:
    graph = Graph("combine")
    graph.compute("fetch_a", "1")
    graph.compute("fetch_b", "2")
    graph.compute("combine", "fetch_a + fetch_b", join="fetch_a and fetch_b")
    graph.edge("fetch_a", "combine")
    graph.edge("fetch_b", "combine")
    assert await bench.result(graph, None) == 3


@pytest.mark.parametrize(("failing", "runs"), [("none", True), ("b", True), ("b and c", False)])
async def test_s003_09_all_of_some_and_any_of_others(
    bench: Bench, failing: str, runs: bool
) -> None:
    document: dict[str, Any] = {
        "treadle": "v1",
        "kind": "graph",
        "name": f"all_and_any_{failing.replace(' ', '_')}",
        "nodes": {
            name: {"activity": "broken" if name in failing.split() else "same"} for name in "abc"
        }
        | {
            "joined": {
                "activity": "same",
                "depends_on": "a",
                "depends_on_any": ["b", "c"],
                "input": "'ran'",
            },
            "handled": {"compute": "'handled'", "join": "any"},
        },
        "edges": [{"from": name, "to": "handled", "on": "error"} for name in "bc"],
        "output": "{'joined': joined, 'handled': handled}",
    }
    await bench.client.deploy(document)
    async with bench.worker(same, broken):
        handle = await bench.client.start(document["name"], 1)
        output = await handle.result(20)
        scheduled = [one.key for one in await events(handle, "activity_scheduled")]
    assert output == {
        "joined": "ran" if runs else None,
        "handled": None if failing == "none" else "handled",
    }
    assert scheduled.count("joined") == int(runs)


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [("fixed", [20, 20, 20]), ("linear", [20, 30, 35]), ("exponential", [20, 35, 35])],
)
async def test_s003_10_to_12_retries(bench: Bench, backoff: Any, delays: list[int]) -> None:
    graph = Graph(
        f"retries_{backoff}",
        defaults=Defaults(
            retry=Retry(
                max_attempts=4,
                initial="20ms",
                backoff=backoff,
                increment="10ms" if backoff == "linear" else None,
                max="35ms",
                jitter=0.0,
            ),
            start_to_close="60s",
        ),
    )
    graph.node("broken", broken)
    graph.node("own", broken, retry=Retry(max_attempts=1))  # replaces the default whole
    graph.edge("broken", "own")
    async with bench.worker(broken):
        handle = await bench.start(graph)
        with pytest.raises(RunFailed, match="as always"):
            await handle.result(20)
        waits = [
            event.attempt_failed.next_time.ToMilliseconds() - event.time.ToMilliseconds()
            async for event in handle.history()
            if event.HasField("attempt_failed")
        ]
        assert waits == delays
        assert len(await events(handle, "attempt_started")) == 4


async def test_s003_13_going_on_after_a_failure(bench: Bench) -> None:
    graph = Graph("go_on")
    graph.node("broken", broken, on_failure="continue", default_output={"found": 0})
    graph.node("after", same)
    graph.edge("broken", "after")
    async with bench.worker(broken, same):
        handle = await bench.start(graph)
        assert await handle.result(20) == {"found": 0}
        described = await handle.describe(include_nodes=True)
        assert described.nodes["broken"] == "FAILED"


async def test_s003_13_trying_for_ever_until_a_person_decides(bench: Bench) -> None:
    graph = Graph("for_ever")
    graph.node(
        "broken", broken, on_failure="retry", retry=Retry(initial="10ms", max="20ms", jitter=0.0)
    )
    graph.node("after", same)
    graph.edge("broken", "after")
    async with bench.worker(broken, same):
        handle = await bench.start(graph)
        while len(await events(handle, "attempt_started")) < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await bench.client.skip(handle.run_id, key="broken", output="by hand", reason="enough")
        assert await handle.result(20) == "by hand"


async def test_s003_14_a_condition_that_skips(bench: Bench) -> None:
    graph = Graph("conditional")
    graph.node("maybe", same, run_if=lambda params: params.wanted, default_output="not wanted")
    graph.node("after", same)
    graph.edge("maybe", "after")
    assert await bench.result(graph, {"wanted": False}, same) == "not wanted"
    assert await bench.result(graph, {"wanted": True}, same) == {"wanted": True}


async def test_s003_15_a_delay_before_a_step(bench: Bench) -> None:
    graph = Graph("delayed")
    graph.node("first", same)
    graph.node("second", same, delay="150ms")
    graph.edge("first", "second")
    async with bench.worker(same):
        handle = await bench.start(graph, 7)
        assert await handle.result(20) == 7
        [_, started] = await events(handle, "attempt_started")
        [done, _] = [
            event.time.ToMilliseconds()
            async for event in handle.history()
            if event.HasField("activity_completed")
        ]
    assert started.ready_time.ToMilliseconds() - done == 150


async def test_s003_16_a_step_at_a_given_time(bench: Bench) -> None:
    graph = Graph("at_a_time")
    graph.node("step", same, at=lambda params: params.at)
    soon = bench.now() + timedelta(milliseconds=400)
    async with bench.worker(same):
        handle = await bench.start(graph, {"at": soon.isoformat()})
        await handle.result(20)
        [started] = await events(handle, "attempt_started")
        assert abs(started.ready_time.ToDatetime(UTC) - soon) < timedelta(milliseconds=2)
        past = await bench.start(graph, {"at": "2020-01-01T00:00:00Z"})
        await past.result(20)  # a time that has passed means now


async def test_s003_20_and_21_cancelled_and_asked_for_its_state(bench: Bench) -> None:
    began = asyncio.Event()

    @activity
    async def long() -> None:
        began.set()
        await asyncio.sleep(60)

    graph = Graph("cancelled")
    graph.node("long", long)
    async with bench.worker(long):
        handle = await bench.start(graph)
        await began.wait()
        described = await handle.describe()
        assert (described.state, described.pending_activities[0].state) == ("RUNNING", "RUNNING")
        await handle.cancel(reason="not needed")
        while (await handle.describe()).state == "RUNNING":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert (await handle.describe()).state == "CANCELLED"


async def test_s003_18_ended_runs_are_deleted_open_ones_are_not(bench: Bench) -> None:
    graph = Graph("deleted")
    graph.wait("asked", "go")
    handle = await bench.start(graph)
    with pytest.raises(Conflict, match="has not ended") as refused:
        await bench.client.delete(handle.run_id)
    assert refused.value.reason == "RUN_OPEN"
    await handle.send_event("go", None)
    await handle.result(20)
    await bench.client.delete(handle.run_id)
    for call in (handle.describe, lambda: bench.client.delete(handle.run_id)):
        with pytest.raises(NotFound):
            await call()
    await bench.client.delete(handle.run_id, allow_missing=True)
    assert [run async for run in bench.client.list_runs(workflow="deleted")] == []
    again = await bench.start(graph)
    await again.send_event("go", None)
    await again.result(20)  # what is left goes on


async def test_s003_p04_an_error_of_its_own_for_each_fault(bench: Bench) -> None:
    @activity
    async def slow() -> None:
        await asyncio.sleep(60)

    @activity
    async def reads(ctx: Context, how: str) -> object:
        return ctx.memory["missing"] if how == "missing" else ctx.memory.get("count", str)

    @activity
    async def writes(ctx: Context, how: str) -> str:
        ctx.memory.set("count", 1)
        return how

    with pytest.raises(errors.RunNotFound) as missing:
        await bench.client.get_run("0" * 32)
    with pytest.raises(errors.DefinitionNotFound) as undeployed:
        await bench.client.start("never_deployed")
    timed_out = Graph("slow")
    timed_out.node("slow", slow, start_to_close="200ms")
    memory = Graph("memory")
    memory.node("writes", writes)
    memory.node("reads", reads, memory=["count"])
    memory.edge("writes", "reads")
    async with bench.worker(slow, reads, writes):
        with pytest.raises(errors.ActivityTimedOut) as timeout:
            await (await bench.start(timed_out)).result(20)
        for how, kind in (("missing", "MemoryKeyMissing"), ("type", "MemoryTypeMismatch")):
            with pytest.raises(errors.RunFailed) as failed:
                await (await bench.start(memory, how)).result(20)
            assert failed.value.failure.kind == kind
    waiting = Graph("waiting")
    waiting.wait("asked", "go")
    handle = await bench.start(waiting)
    await handle.cancel()
    with pytest.raises(errors.RunCancelled):
        await handle.result(20)
    with pytest.raises(errors.Conflict) as ended:
        await handle.cancel()
    assert timeout.value.failure.timeout_kind == "start_to_close"
    reasons = [one.value.reason for one in (missing, undeployed, ended)]
    assert reasons == ["RUN_NOT_FOUND", "DEFINITION_NOT_FOUND", "RUN_ENDED"]


async def test_s003_24_an_unknown_definition(bench: Bench) -> None:
    with pytest.raises(NotFound, match="nothing_of_this_name"):
        await bench.client.start("nothing_of_this_name")
