"""The worker's way with tasks: taking, running, reporting. Over real gRPC, with a server double."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import grpc
import pytest

import treadle
from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import Context, activity, payload
from treadle.errors import DefinitionError, InvalidRequest
from treadle.v1 import worker_service_pb2 as messages
from treadle.worker import Worker


@activity
async def double(number: int) -> int:
    return number * 2


@activity
def double_in_thread(number: int) -> int:
    assert threading.current_thread().name.startswith("treadle-activity")
    return number * 2


@pytest.mark.parametrize("chosen", [double, double_in_thread], ids=lambda a: a.name)
async def test_runs_a_task_and_reports_its_output(
    server: FakeServer, start_worker: StartWorker, chosen: Any
) -> None:
    start_worker([double, double_in_thread])
    assert await server.output(await server.add(chosen.name, 21)) == 42


async def test_the_first_poll_says_who_the_worker_is_and_later_ones_do_not_repeat_it(
    server: FakeServer, start_worker: StartWorker
) -> None:
    start_worker([double], queue="cpu", identity="me", build_id="b7", slots=8)
    await server.output(await server.add("double", 1))
    await server.until(lambda: len(server.polls) >= 2 and server.parked)
    first, later = server.polls[0], server.polls[-1]
    assert (first.queue, first.identity, first.build_id, first.max_tasks) == ("cpu", "me", "b7", 8)
    assert [described.name for described in first.activity_types] == ["double"]
    assert first.HasField("resume")
    assert not list(first.resume.held_task_tokens)
    assert first.session_id
    assert later.session_id == first.session_id
    assert not later.activity_types
    assert not later.HasField("resume")


async def test_one_poll_is_parked_all_the_time_also_when_every_slot_is_taken(
    server: FakeServer, start_worker: StartWorker
) -> None:
    go_on = asyncio.Event()

    @activity
    async def hold() -> None:
        await go_on.wait()

    start_worker([hold], slots=2)
    tokens = [await server.add("hold") for _ in range(3)]
    await server.until(lambda: server.parked and server.polls[-1].max_tasks == 0)
    assert server.most_handed_out == 2
    go_on.set()
    for token in tokens:
        await server.result(token)
    assert server.most_parked == 1
    assert server.most_handed_out == 2


async def test_a_worker_that_is_full_of_short_work_withdraws_no_polls(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def brief() -> None:
        await asyncio.sleep(0.02)

    start_worker([brief], slots=1)
    for _ in range(5):
        await server.result(await server.add("brief"))
    # A poll that was withdrawn is followed by one that says what is held.
    assert [poll.HasField("resume") for poll in server.polls].count(True) == 1


async def test_a_freed_slot_is_offered_at_once_though_the_parked_poll_asked_for_nothing(
    server: FakeServer, start_worker: StartWorker
) -> None:
    start_worker([double], slots=1)
    await server.output(await server.add("double", 1))
    # The report found the queue empty; only a new poll can get the next task.
    await server.until(lambda: server.parked and server.polls[-1].max_tasks == 1)
    assert await server.output(await server.add("double", 2)) == 4


async def test_no_more_tasks_come_than_there_are_slots(
    server: FakeServer, start_worker: StartWorker
) -> None:
    running = most = 0

    @activity
    async def count() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    start_worker([count], slots=7)
    tokens = [await server.add("count") for _ in range(200)]
    for token in tokens:
        await server.result(token)
    assert most <= 7
    assert server.most_handed_out <= 7


async def test_the_answer_to_a_report_brings_the_next_task(
    server: FakeServer, start_worker: StartWorker
) -> None:
    start_worker([double], slots=1)
    tokens = [await server.add("double", number) for number in range(50)]
    for token in tokens:
        await server.result(token)
    assert all(report.want_next == 1 for report in server.reports)
    # One poll for the first task, and one parked with nothing to ask for, are enough.
    assert len(server.polls) < 10


async def test_deliveries_are_acknowledged(server: FakeServer, start_worker: StartWorker) -> None:
    start_worker([double], slots=1)
    for number in range(5):
        await server.output(await server.add("double", number))
    await server.until(lambda: server.acknowledged == set(range(1, 6)))


async def test_a_task_that_is_delivered_twice_runs_once(
    server: FakeServer, start_worker: StartWorker
) -> None:
    calls = 0
    go_on = asyncio.Event()

    @activity
    async def count() -> int:
        nonlocal calls
        calls += 1
        await go_on.wait()
        return calls

    start_worker([count])
    task = messages.Task(task_token=b"t", activity_type="count", run_id="r", key="count")
    await server.put(task)
    await server.until(lambda: server.parked and len(server.polls) == 2)
    await server.put(task)
    await server.until(lambda: server.parked and len(server.polls) == 3)
    go_on.set()
    assert await server.output(b"t") == 1
    assert calls == 1


async def test_a_task_that_comes_again_after_its_result_gets_the_same_result_again(
    server: FakeServer, start_worker: StartWorker
) -> None:
    calls = 0

    @activity
    async def count() -> int:
        nonlocal calls
        calls += 1
        return calls

    start_worker([count, double], slots=1)
    task = messages.Task(task_token=b"t", activity_type="count", run_id="r", key="count")
    await server.put(task)
    assert await server.output(b"t") == 1
    # There is one slot: with a second result here, the answer to the first has been read.
    assert await server.output(await server.add("double", 2)) == 4
    await server.put(task)
    await server.until(lambda: len(server.reports) == 3)
    assert await server.output(b"t") == 1
    assert calls == 1


async def test_a_task_of_an_unknown_type_is_given_back(
    server: FakeServer, start_worker: StartWorker
) -> None:
    start_worker([double])
    result = await server.result(await server.add("triple", 1))
    assert result.returned.reason == "this worker has no activity 'triple'"


async def test_memory_operations_travel_with_the_result(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def remember(ctx: Context) -> list[object]:
        ctx.memory.set("name", "Ada")
        ctx.memory.add("count", 2)
        ctx.memory.delete("old")
        ctx.memory.compare_and_set("state", "open", "closed")
        return [ctx.memory.get("user_id", int), *sorted(ctx.memory)]

    start_worker([remember])
    stored = {
        key: payload.encode(value)
        for key, value in {"user_id": 7, "count": 1, "old": True, "state": "open"}.items()
    }
    token = await server.add("remember", memory=stored)
    assert await server.output(token) == [7, "count", "name", "state", "user_id"]
    operations = (await server.result(token)).completed.memory_operations
    assert [(op.key, op.WhichOneof("operation")) for op in operations] == [
        ("name", "set"),
        ("count", "add"),
        ("old", "delete"),
        ("state", "compare_and_set"),
    ]
    assert payload.decode(operations[3].compare_and_set.expected) == "open"


async def test_a_server_that_answers_polls_at_once_is_not_stormed(
    server: FakeServer, start_worker: StartWorker
) -> None:
    start_worker([double], settings={"poll_wait_seconds": 0.0})
    await server.until(lambda: len(server.polls) == 3)
    await asyncio.sleep(0.2)
    assert len(server.polls) <= 8


async def test_a_server_that_will_not_have_the_worker_ends_it(
    server: FakeServer, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: FakeServer, request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "queue: is too long")

    monkeypatch.setattr(FakeServer, "PollTasks", refuse)
    await server.stop()
    await server.start()
    running = start_worker([double], queue="q" * 2000)
    with pytest.raises(InvalidRequest, match="queue: is too long"):
        await running.task


def test_a_worker_that_is_put_together_wrongly_is_refused() -> None:
    @activity(name="double")
    async def other() -> None: ...

    with pytest.raises(DefinitionError, match="at least one activity"):
        Worker([])
    with pytest.raises(DefinitionError, match="two activities are named 'double'"):
        Worker([double, other])
    with pytest.raises(DefinitionError, match="decorate it with @activity"):
        Worker([lambda: None])  # type: ignore[list-item]
    with pytest.raises(DefinitionError, match="at least one slot"):
        Worker([double], slots=0)


def test_plain_activities_alone_make_no_more_slots_than_threads() -> None:
    assert Worker([double_in_thread], slots=10, threads=3).settings.slots == 3
    assert Worker([double_in_thread, double], slots=10, threads=3).settings.slots == 10


@pytest.mark.parametrize(("slots", "decisions"), [(8, 100), (300, 300)])
def test_a_worker_decides_for_as_many_runs_as_it_has_steps_for(slots: int, decisions: int) -> None:
    assert Worker([double], slots=slots).settings.decision_slots == decisions


def test_the_package_loads_its_public_names_when_they_are_used() -> None:
    for name in treadle.__all__:
        assert getattr(treadle, name).__module__.startswith("treadle")
    with pytest.raises(AttributeError, match="no attribute 'Workers'"):
        _ = treadle.Workers
