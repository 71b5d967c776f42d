"""What graphs can do, through a real server and a worker of the SDK."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from examples.local_service import TREADLE, LocalService, local_service
from treadle import ApplicationError, Client, Worker, activity
from treadle.client import RunHandle
from treadle.errors import Conflict, RunFailed

calls: list[str] = []
broken = {"ship"}


@activity
async def book(item: str) -> dict[str, str]:
    calls.append(f"book {item}")
    return {"booking": f"{item}-1"}


@activity
async def unbook(booking: str) -> None:
    calls.append(f"unbook {booking}")


@activity
async def ship(booking: str) -> str:
    if "ship" in broken:
        raise ApplicationError("no lorry", kind="NoLorry", non_retryable=True)
    calls.append(f"ship {booking}")
    return "shipped"


@activity
async def double(number: int) -> int:
    return number * 2


@activity
async def count(given: dict[str, int]) -> dict[str, int]:
    return {"n": given["n"] + 1}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with local_service(tmp_path_factory.mktemp("graphs")) as running:
        yield running


@pytest.fixture
async def client(service: LocalService) -> AsyncIterator[Client]:
    calls.clear()
    broken.clear()
    worker = Worker([book, unbook, ship, double, count], address=service.address)
    running = asyncio.create_task(worker.run())
    async with Client(service.address) as client:
        yield client
    worker.stop()
    await running


async def started(client: Client, name: str, document: str, given: Any = None) -> RunHandle:
    """Deploys a graph, given as the part of its document that matters, and starts it."""
    graph = {"treadle": "v1", "kind": "graph", "name": name} | json.loads(document)
    await client.deploy(graph)
    return await client.start(name, given, workflow_id=f"{name}-run")


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """What the condition gives, as soon as that is true."""
    while not (found := await condition()):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.02)
    return found


async def test_a_map_and_a_reduction(client: Client) -> None:
    handle = await started(
        client,
        "doubled",
        """{"nodes": {
            "each": {"activity": "double", "map": {"over": "params.numbers", "parallel": 2},
                     "input": "item"},
            "sum": {"depends_on": "each", "compute": "size(each)"}}}""",
        {"numbers": [1, 2, 3]},
    )
    assert await handle.result(20) == 3
    [ended] = [event async for event in handle.history() if event.HasField("map_ended")]
    assert (ended.map_ended.completed, ended.map_ended.failed) == (3, 0)


async def test_a_loop_goes_round_until_its_guard_is_false(client: Client) -> None:
    handle = await started(
        client,
        "loop",
        """{"nodes": {"count": {}},
            "edges": [{"from": "count", "to": "count", "when": "output.n < 4"}]}""",
        {"n": 0},
    )
    assert await handle.result(20) == {"n": 4}
    keys = [
        event.activity_completed.key
        async for event in handle.history()
        if event.HasField("activity_completed")
    ]
    assert keys == ["count", "count#2", "count#3", "count#4"]


async def test_an_external_event_and_what_the_run_waits_for(client: Client) -> None:
    handle = await started(
        client,
        "approval",
        """{"nodes": {
            "ask": {"wait": {"event": "approved", "filter": "event.id == params.id",
                             "timeout": "1h"}},
            "done": {"depends_on": "ask", "compute": "ask.by"}}}""",
        {"id": 7},
    )
    described = await until(lambda: _waiting(handle))
    [wait] = described.message.pending_waits
    assert (wait.key, wait.event_name) == ("ask", "approved")
    await handle.send_event("approved", {"id": 8, "by": "nobody"})
    await handle.send_event("approved", {"id": 7, "by": "Ada"}, event_id="one")
    assert await handle.result(20) == "Ada"


async def _waiting(handle: RunHandle) -> Any:
    described = await handle.describe()
    return described if described.message.pending_waits else None


async def test_children_of_which_one_fails_and_what_it_says(client: Client) -> None:
    broken.add("ship")
    await client.deploy(
        {
            "treadle": "v1",
            "kind": "graph",
            "name": "shipment",
            "nodes": {"ship": {"input": "params.booking"}},
        }
    )
    handle = await started(
        client,
        "parent",
        """{"nodes": {
            "good": {"workflow": {"name": "doubled"}, "input": "{'numbers': [1]}"},
            "bad": {"workflow": "shipment", "input": "{'booking': 'b'}"},
            "fallback": {"compute": "failures.bad.kind"}},
            "edges": [{"from": "bad", "to": "fallback", "on": "error"}],
            "output": "{'good': good, 'bad': fallback}"}""",
    )
    assert await handle.result(20) == {"good": 1, "bad": "NoLorry"}
    child = await client.get_run(workflow_id=f"{handle.run_id.replace('-', '')}/bad")
    assert child.state == "FAILED"


async def test_one_run_tells_another_something(client: Client) -> None:
    receiver = await started(client, "receiver", '{"nodes": {"wait": {"wait": "news"}}}')
    sender = await started(
        client,
        "sender",
        """{"nodes": {"tell": {"send": {"event": "news", "to": "'receiver-run'"},
                               "input": "{'from': run.workflow_id}"}}}""",
    )
    assert await sender.result(20) == {"from": "sender-run"}
    assert await receiver.result(20) == {"from": "sender-run"}


async def test_what_was_done_is_undone_and_a_retry_goes_on(client: Client) -> None:
    broken.add("ship")
    document = """{"nodes": {
        "book": {"compensate": {"activity": "unbook", "input": "output.booking"}},
        "ship": {"depends_on": "book", "input": "book.booking"}}}"""
    handle = await started(client, "trip", document, "hut")
    with pytest.raises(RunFailed, match="no lorry"):
        await handle.result(20)
    assert calls == ["book hut", "unbook hut-1"]
    broken.clear()
    again = await client.retry(handle.run_id)
    assert await client.get_handle(again.run_id).result(20) == "shipped"
    # What was undone is done again.
    assert calls[2:] == ["book hut", "ship hut-1"]
    with pytest.raises(Conflict, match="has completed"):
        await client.retry(again.run_id)


async def test_a_retry_begins_with_what_was_done(client: Client) -> None:
    broken.add("ship")
    document = '{"nodes": {"book": {}, "ship": {"depends_on": "book", "input": "book.booking"}}}'
    handle = await started(client, "delivery", document, "tent")
    with pytest.raises(RunFailed):
        await handle.result(20)
    broken.clear()
    again = await client.retry(handle.run_id)
    assert again.workflow_id == "delivery-run"
    assert await client.get_handle(again.run_id).result(20) == "shipped"
    assert calls == ["book tent", "ship tent-1"]


async def test_a_held_run_goes_on_with_what_a_person_gives(
    client: Client, service: LocalService
) -> None:
    broken.add("ship")
    document = """{"nodes": {"ship": {"on_failure": "hold", "input": "'b'"},
                             "after": {"depends_on": "ship", "compute": "ship"}}}"""
    handle = await started(client, "held", document)
    await until(lambda: _incident(handle))
    command = ["runs", "answer", handle.run_id, "ship", "skip", "--output-value", '"by hand"']
    done = subprocess.run(  # noqa: ASYNC221
        [str(TREADLE), *command, "--address", service.address],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert "answered with skip" in done.stderr
    assert await handle.result(20) == "by hand"


async def _incident(handle: RunHandle) -> str:
    return (await handle.describe()).incident


async def test_a_paused_run_begins_nothing(client: Client) -> None:
    document = """{"nodes": {"nap": {"timer": "0.2s"},
                             "book": {"depends_on": "nap", "input": "'x'"}}}"""
    handle = await started(client, "paused", document)
    await client.pause(handle.run_id, reason="a look first")
    assert (await handle.describe()).message.paused
    await asyncio.sleep(0.5)
    assert calls == []
    await client.resume(handle.run_id)
    assert await handle.result(20) == {"booking": "x-1"}


async def test_one_stream_over_all_runs(client: Client, service: LocalService) -> None:
    document = '{"nodes": {"sum": {"compute": "1 + 1"}}}'
    first = await started(client, "streamed", document)
    await first.result(20)
    seen = client.watch_runs(workflow="streamed", after_position=0)
    async with asyncio.timeout(20):
        begun = await anext(seen)
        assert (begun.run_id, begun.workflow_id) == (first.run_id, "streamed-run")
        assert begun.event.HasField("run_started")
        assert (await anext(seen)).event.HasField("node_completed")
        ended = await anext(seen)
        assert ended.event.HasField("run_completed")
        # What comes later comes, too; and a stream that goes on begins after what was seen.
        second = await started(client, "streamed", document)
        later = await anext(seen)
        again = client.watch_runs(workflow="streamed", after_position=ended.position)
        assert (await anext(again)).run_id == later.run_id == second.run_id
        await again.aclose()  # type: ignore[attr-defined]
    await seen.aclose()  # type: ignore[attr-defined]
    process = subprocess.Popen(  # noqa: ASYNC220
        [str(TREADLE), "runs", "tail", "--after", "0", "-o", "jsonl", "--address", service.address],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = json.loads(await asyncio.to_thread(process.stdout.readline))
    process.kill()
    process.stdout.close()
    process.wait()
    assert line["events"][0]["runStarted"]["workflow"] == line["workflow"]


async def test_the_command_line_says_what_a_run_waits_for(
    client: Client, service: LocalService
) -> None:
    document = """{"nodes": {"ask": {"wait": {"event": "approved", "timeout": "1h"}},
                             "nap": {"timer": "1h"},
                             "sum": {"compute": "1 + 1"}}}"""
    handle = await started(client, "waiting", document)
    await until(lambda: _waiting(handle))

    def treadle(*line: str) -> str:
        done = subprocess.run(
            [str(TREADLE), "runs", *line, "--address", service.address],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout

    shown = await asyncio.to_thread(treadle, "get", handle.run_id)
    assert "the event approved (ask), until" in shown
    assert "the timer nap, for" in shown
    history = await asyncio.to_thread(treadle, "history", handle.run_id)
    assert "WaitStarted" in history
    assert "for approved, until" in history
    picture = await asyncio.to_thread(treadle, "picture", handle.run_id)
    assert 'n0{{"ask<br/>wait approved"}}' in picture
    assert "class n0,n1 RUNNING" in picture
    assert "class n2 COMPLETED" in picture
    await handle.cancel()
    watched = await asyncio.to_thread(treadle, "watch", handle.run_id)
    assert "TimerCancelled" in watched
