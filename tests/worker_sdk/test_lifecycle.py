"""Starting, draining, leaving; lost connections and restarted servers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from tests.worker_sdk.conftest import StartWorker
from tests.worker_sdk.fake_server import FakeServer
from treadle import Context, activity
from treadle.v1 import worker_service_pb2 as messages
from treadle.worker import Worker


async def test_a_drain_waits_for_what_runs_reports_it_and_says_goodbye(
    server: FakeServer, start_worker: StartWorker
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @activity
    async def hold() -> str:
        begun.set()
        await go_on.wait()
        return "done"

    running = start_worker([hold], slots=5)
    token = await server.add("hold")
    await begun.wait()
    running.worker.stop()
    # The poll stays parked, so that the lease lives, but asks for nothing.
    await server.until(lambda: server.parked and server.polls[-1].max_tasks == 0)
    late = await server.add("hold")
    assert not running.task.done()
    go_on.set()
    await running.task
    assert await server.output(token) == "done"
    assert server.reports[-1].want_next == 0
    assert server.ended == [server.polls[0].session_id]
    assert late not in server.results


async def test_what_has_not_begun_is_given_back(
    server: FakeServer, start_worker: StartWorker
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    @activity
    def hold() -> None:
        begun.set()
        assert go_on.wait(10)

    @activity
    async def other() -> None: ...

    # Two slots, one thread: the second task waits for it.
    running = start_worker([hold, other], slots=2, threads=1)
    first, second = await server.add("hold"), await server.add("hold")
    await asyncio.to_thread(begun.wait)
    await server.until(lambda: server.most_handed_out == 2 and server.parked)
    running.worker.stop()
    assert (await server.result(second)).returned.reason == "the worker is stopping"
    assert first not in server.results
    go_on.set()
    await running.task
    assert (await server.result(first)).HasField("completed")


async def test_a_drain_that_takes_too_long_leaves_the_rest_to_others(
    server: FakeServer, start_worker: StartWorker
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    @activity
    async def hold() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    running = start_worker([hold], drain_seconds=0.05)
    token = await server.add("hold")
    await begun.wait()
    await running.drain()
    assert stopped.is_set()
    assert token not in server.results
    assert len(server.ended) == 1


async def test_asked_twice_it_leaves_at_once(server: FakeServer, start_worker: StartWorker) -> None:
    begun = asyncio.Event()

    @activity
    async def hold() -> None:
        begun.set()
        await asyncio.sleep(3600)

    running = start_worker([hold], drain_seconds=3600)
    token = await server.add("hold")
    await begun.wait()
    running.worker.stop()
    running.worker.stop()
    await running.task
    assert token not in server.results
    assert len(server.ended) == 1


async def test_resources_are_opened_before_the_first_poll_and_closed_after_the_last_result(
    server: FakeServer, start_worker: StartWorker
) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def database() -> AsyncIterator[str]:
        log.append(f"open after {len(server.polls)} polls")
        yield "pool"
        log.append(f"close after {len(server.results)} results")

    @contextmanager
    def file() -> Iterator[int]:
        yield 7

    @activity
    async def use(ctx: Context) -> list[object]:
        return [ctx.resources["database"], ctx.resources["file"]]

    running = start_worker([use], resources={"database": database, "file": file})
    for _ in range(2):
        assert await server.output(await server.add("use")) == ["pool", 7]
    await running.drain()
    assert log == ["open after 0 polls", "close after 2 results"]


async def test_a_resource_that_cannot_be_opened_ends_the_worker_before_it_takes_a_task(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @asynccontextmanager
    async def database() -> AsyncIterator[None]:
        await asyncio.open_connection("127.0.0.1", 1)  # nobody listens there
        yield

    @activity
    async def use() -> None: ...

    running = start_worker([use], resources={"database": database})
    with pytest.raises(ConnectionRefusedError):
        await running.task
    assert server.polls == []


async def test_after_a_restart_the_server_is_told_what_is_held_and_results_arrive(
    server: FakeServer, start_worker: StartWorker
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @activity
    async def hold() -> str:
        begun.set()
        await go_on.wait()
        return "survived"

    start_worker([hold])
    token = await server.add("hold")
    await begun.wait()
    await server.until(lambda: server.parked)
    before = len(server.polls)
    await server.stop()
    await server.start()
    await server.until(lambda: server.parked and len(server.polls) > before)
    resumed = server.polls[before]
    assert list(resumed.resume.held_task_tokens) == [token]
    assert [described.name for described in resumed.activity_types] == ["hold"]
    assert resumed.session_id == server.polls[0].session_id
    go_on.set()
    assert await server.output(token) == "survived"


async def test_a_result_made_while_the_server_is_away_is_kept_and_named_as_held(
    server: FakeServer, start_worker: StartWorker
) -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @activity
    async def hold() -> str:
        begun.set()
        await go_on.wait()
        ended.set()
        return "kept"

    start_worker([hold])
    token = await server.add("hold")
    await begun.wait()
    await server.until(lambda: server.parked)
    before = len(server.polls)
    await server.stop()
    go_on.set()
    await ended.wait()
    await server.start()
    assert await server.output(token) == "kept"
    await server.until(lambda: len(server.polls) > before)
    assert server.polls[before].HasField("resume")


async def test_a_delivery_that_was_lost_on_the_way_is_asked_for_again(
    server: FakeServer, start_worker: StartWorker
) -> None:
    @activity
    async def nothing() -> None: ...

    start_worker([nothing])
    await server.until(lambda: server.parked)
    await server.stop()
    # Handed out as far as the server knows, but its answer was cut off.
    lost = messages.Task(task_token=b"lost", activity_type="nothing", run_id="r", key="k")
    server._handed_out[b"lost"] = lost
    await server.start()
    assert await server.output(b"lost") is None


async def test_a_server_that_never_heard_of_the_tasks_gets_a_worker_without_them(
    server: FakeServer, start_worker: StartWorker
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    @activity
    async def hold() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    @activity
    async def other() -> str:
        return "goes on"

    start_worker([hold, other], slots=2)
    token = await server.add("hold")
    await begun.wait()
    await server.until(lambda: server.parked)
    await server.stop()

    async def refuse_old_tokens(request: messages.PollTasksRequest, context: Any) -> None:
        if token in request.resume.held_task_tokens:
            info = error_details_pb2.ErrorInfo(reason="TASK_TOKEN_INVALID")
            packed = any_pb2.Any()
            packed.Pack(info)
            status = status_pb2.Status(code=3, message="not ours", details=[packed])
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()),)
            )
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not ours")

    server.before_poll = refuse_old_tokens
    server._handed_out.clear()  # another journal
    await server.start()
    await stopped.wait()
    assert await server.output(await server.add("other")) == "goes on"
    assert token not in server.results


MODULE = """
import asyncio, contextlib, treadle

@contextlib.asynccontextmanager
async def opened():
    print("opened", flush=True)
    yield "shared"
    print("closed", flush=True)

resources = {"shared": opened}

@treadle.activity
async def slow(ctx: treadle.Context) -> str:
    print("begun", flush=True)
    await asyncio.sleep(0.3)
    return ctx.resources["shared"]

@treadle.activity
def stuck() -> None:
    print("begun", flush=True)
    import time
    time.sleep(3600)
"""

PROGRAM = """
import sys
from treadle.worker import Worker
Worker.from_module("activities_of_a_test", address=sys.argv[1], drain_seconds=3600).run_blocking()
"""


async def start_process(server: FakeServer, folder: Path) -> asyncio.subprocess.Process:
    (folder / "activities_of_a_test.py").write_text(MODULE)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        server.address,
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_drains_on_a_signal(
    server: FakeServer, tmp_path: Path, number: signal.Signals
) -> None:
    process = await start_process(server, tmp_path)
    assert process.stdout is not None
    token = await server.add("slow")
    assert await process.stdout.readline() == b"opened\n"
    assert await process.stdout.readline() == b"begun\n"
    process.send_signal(number)
    assert await process.stdout.readline() == b"closed\n"
    assert await process.wait() == 0
    assert await server.output(token) == "shared"
    assert len(server.ended) == 1


async def test_a_process_leaves_at_the_second_signal_though_a_function_never_returns(
    server: FakeServer, tmp_path: Path
) -> None:
    process = await start_process(server, tmp_path)
    assert process.stdout is not None
    await server.add("stuck")
    for line in (b"opened\n", b"begun\n"):
        assert await process.stdout.readline() == line
    process.terminate()
    await server.until(lambda: server.polls[-1].max_tasks == 0)
    process.terminate()
    assert await process.wait() == 0
    assert len(server.ended) == 1


def test_a_module_without_activities_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_activities_here.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Exception, match="module 'no_activities_here' has no activities"):
        Worker.from_module("no_activities_here")
    with pytest.raises(ImportError):
        Worker.from_module("not_there_at_all")
