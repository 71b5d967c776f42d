"""Twins of seed 001's concurrent workflows: many runs at once, waiting for all or some of them."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any

import pytest

from tests.twins.conftest import Bench
from treadle import Graph, Machine, Start, activity, step, workflow
from treadle.client import GroupResult, RunState
from treadle.errors import ApplicationError, InvalidRequest, RunCancelled

HANG = "hang"


class Refused(ApplicationError):
    """This one does not work."""


class Instance(Enum):
    WORKING = "working"
    DONE = "done"


@activity
async def work(what: Any) -> str:
    """Fails for "fail"; for "hang" it takes until it is cancelled."""
    if what == "fail":
        raise Refused("no", non_retryable=True)
    if what == HANG:
        await asyncio.Event().wait()
    return "done"


def instance() -> Machine:
    """One of many: one task, and the input is the output."""
    machine = Machine("instance", Instance, memory={"what": "params"})
    machine.task(Instance.WORKING, work)
    machine.final(Instance.DONE, output="params")
    return machine


def inputs(*given: object) -> list[Start]:
    return [Start(workflow="instance", input=one) for one in given]


async def group(bench: Bench, *given: object, **options: Any) -> GroupResult:
    """What became of so many."""
    await bench.client.deploy(instance())
    async with bench.worker(work):
        return await (await bench.client.start_group(inputs(*given), **options)).wait(20)


def states(result: GroupResult) -> list[str]:
    return [str(member.state) for member in result.members]


async def test_s001_10_many_instances_each_with_its_status(bench: Bench) -> None:
    """Counts while they run, as a stream."""
    await bench.client.deploy(instance())
    started = await bench.client.start_group(inputs(1, "fail", HANG))
    counts: list[tuple[int, int, int]] = []
    async with bench.worker(work):
        async for status in started.watch():
            assert status.total == 3
            counts.append((status.completed, status.failed, status.running))
            if (status.completed, status.failed, status.running) == (1, 1, 1):
                hanging = [one async for one in started.members()][2]
                assert hanging.state is RunState.RUNNING
                await bench.client.cancel(hanging.run_id)
    assert counts[-1] == (1, 1, 0)
    assert (await started.status()).cancelled == 1
    assert (await started.status()).reason == "all"


async def test_s001_10_for_every_kind_of_workflow(bench: Bench) -> None:
    """A graph, a state machine and code in one group."""

    @workflow(name="coded-instance")
    async def coded(what: str) -> Any:
        return await step(work, what)

    graph = Graph("drawn-instance")
    graph.node("work", work, input="params")
    await bench.client.deploy(graph)
    await bench.client.deploy(instance())
    await bench.client.deploy(coded)
    async with bench.worker(work, coded):
        items = [
            Start(workflow="drawn-instance", input="a"),
            Start(workflow="instance", input="b"),
            Start(workflow=coded, input="c"),
        ]
        result = await (await bench.client.start_group(items)).wait(20)
    assert states(result) == ["COMPLETED"] * 3
    assert result.outputs()[1:] == ["b", "done"]


async def test_s001_11_until_all_have_ended(bench: Bench) -> None:
    """Failures do not end the wait."""
    result = await group(bench, 1, "fail", 3)
    assert (result.reason, states(result)) == ("all", ["COMPLETED", "FAILED", "COMPLETED"])
    failure = result.members[1].failure
    assert failure is not None
    assert (failure.kind, result.outputs()) == ("Refused", [1, 3])


async def test_s001_12_a_quota_then_the_rest_is_cancelled(bench: Bench) -> None:
    result = await group(bench, 1, HANG, "fail", 4, HANG, quota=2)
    assert result.reason == "quota"
    assert states(result) == ["COMPLETED", "CANCELLED", "FAILED", "COMPLETED", "CANCELLED"]


async def test_s001_12_what_failed_counts_if_that_is_wanted(bench: Bench) -> None:
    result = await group(bench, "fail", HANG, "fail", quota=2, count_ended=True)
    assert (result.reason, states(result)) == ("quota", ["FAILED", "CANCELLED", "FAILED"])


async def test_s001_12_a_quota_that_cannot_be_reached_any_more(bench: Bench) -> None:
    result = await group(bench, "fail", HANG, "fail", quota=2)
    assert (result.reason, states(result)) == ("unreachable", ["FAILED", "CANCELLED", "FAILED"])


async def test_s001_12_a_quota_of_more_than_there_are_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidRequest, match="quota: is 3, and there are 2 runs"):
        await group(bench, 1, 2, quota=3)


async def test_s001_13_a_duration_then_the_rest_is_cancelled(bench: Bench) -> None:
    result = await group(bench, 1, HANG, duration=1)
    assert (result.reason, states(result)) == ("duration", ["COMPLETED", "CANCELLED"])


async def test_s001_13_a_duration_then_the_rest_is_left(bench: Bench) -> None:
    await bench.client.deploy(instance())
    async with bench.worker(work):
        started = await bench.client.start_group(inputs(1, HANG), duration=1, leave_rest=True)
        result = await started.wait(20)
        assert (result.reason, states(result)) == ("duration", ["COMPLETED", "RUNNING"])
        left = bench.client.get_handle(result.members[1].run_id)
        assert (await left.describe()).state is RunState.RUNNING
        await left.cancel()
        with pytest.raises(RunCancelled):
            await left.result(20)


@pytest.mark.parametrize(("given", "reason"), [((1, 2, HANG), "quota"), ((1, HANG), "duration")])
async def test_s001_14_a_quota_or_a_duration(bench: Bench, given: Any, reason: str) -> None:
    """Whichever comes first, and the answer says which it was."""
    result = await group(bench, *given, quota=2, duration=1)
    assert result.reason == reason
    assert result.status.completed == len(given) - 1


async def test_s001_15_a_result_for_each_in_the_order_of_the_starts(bench: Bench) -> None:
    await bench.client.deploy(instance())
    async with bench.worker(work):
        items = [
            Start(workflow="instance", input=number, workflow_id=f"instance-{number}")
            for number in range(30)
        ]
        started = await bench.client.start_group(items, workflow_id="thirty", request_id="once")
        again = await bench.client.start_group(items, workflow_id="thirty", request_id="once")
        assert again.run_id == started.run_id
        result = await started.wait(20)
    assert [member.workflow_id for member in result.members] == [
        f"instance-{number}" for number in range(30)
    ]
    assert result.outputs() == list(range(30))
    assert [member.index for member in result.members] == list(range(30))
    cancelled = await bench.client.start_group(inputs(HANG, HANG))
    await cancelled.cancel(reason="enough")
    with pytest.raises(RunCancelled):
        await cancelled.wait(20)


async def test_s001_15_what_cannot_be_started_is_refused(bench: Bench) -> None:
    await bench.client.deploy(instance())
    with pytest.raises(InvalidRequest, match=r"items\[1\].workflow"):
        await bench.client.start_group([*inputs(1), Start(workflow="nobody-knows")])
    with pytest.raises(InvalidRequest, match="items: must be 1 to"):
        await bench.client.start_group([])
    with pytest.raises(InvalidRequest, match=r"items\[0\]: .* no run_timeout of their own"):
        await bench.client.start_group([Start(workflow="instance", run_timeout=3)])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "must be an object"),
        ({"items": [{"workflow": "instance"}], "quota": "many"}, "quota: must be a number"),
        ({"items": [{"workflow": 3}]}, r"items\[0\].workflow: must be a string"),
        ({"items": [{"workflow": "instance", "x": 1}]}, "x"),
        ({"items": [{"workflow": "instance"}], "duration": -1}, "duration"),
    ],
)
async def test_a_group_started_as_any_run_is_checked_as_well(
    bench: Bench, given: object, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        await bench.client.start("treadle.group", given, version=1)
