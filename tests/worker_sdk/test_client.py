"""The async client over real gRPC: calls, streams that survive a restart, errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from treadle import Client, Start, errors, payload
from treadle.client import RunHandle
from treadle.v1 import event_pb2, payload_pb2, run_service_pb2
from treadle.v1.run_service_pb2_grpc import RunServiceServicer, add_RunServiceServicer_to_server


class Runs(RunServiceServicer):
    """One run with ten events; the stream of them breaks as often as a test says."""

    def __init__(self) -> None:
        self.port = 0
        self.watched_after: list[int] = []
        self.break_after: list[int] = []
        self.waits = 0
        self.waited_for: list[str] = []
        self.continued = False
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server()
        add_RunServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.stop(None)

    async def StartRun(self, request: Any, context: Any) -> run_service_pb2.StartRunResponse:
        if request.workflow == "unknown":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no workflow 'unknown'")
        response = run_service_pb2.StartRunResponse(run_id="r-1", started=True)
        if request.workflow == "awaited":
            assert 9 < request.wait_timeout.ToTimedelta().total_seconds() <= 10
            response.end.ended = True
            response.end.run.state = run_service_pb2.RUN_STATE_COMPLETED
            response.end.output.CopyFrom(payload.encode("done at once"))
        if request.workflow == "continued":
            self.continued = response.end.ended = True
            response.end.next_run_id = "r-2"
        return response

    async def BatchStartRuns(
        self, request: Any, context: Any
    ) -> run_service_pb2.BatchStartRunsResponse:
        response = run_service_pb2.BatchStartRunsResponse()
        for item in request.items:
            refused = payload_pb2.ItemStatus(code=5, message="no such workflow")
            response.items.add(
                status=refused if item.workflow == "unknown" else None,
                run=run_service_pb2.StartRunResponse(run_id=f"r-{item.workflow}"),
            )
        return response

    async def GetRun(self, request: Any, context: Any) -> run_service_pb2.GetRunResponse:
        return run_service_pb2.GetRunResponse(run=run_service_pb2.Run(run_id="r-1"))

    async def WaitRun(self, request: Any, context: Any) -> run_service_pb2.WaitRunResponse:
        self.waits += 1
        self.waited_for.append(request.run_id)
        if self.continued and request.run_id == "r-1":
            return run_service_pb2.WaitRunResponse(ended=True, next_run_id="r-2")
        run = run_service_pb2.Run(run_id="r-1", state=run_service_pb2.RUN_STATE_COMPLETED)
        return run_service_pb2.WaitRunResponse(
            ended=self.waits > 2, run=run, output=payload.encode("done")
        )

    async def WatchRun(
        self, request: Any, context: Any
    ) -> AsyncIterator[run_service_pb2.WatchRunResponse]:
        self.watched_after.append(request.after_seq)
        break_after = self.break_after.pop(0) if self.break_after else None
        for seq in range(request.after_seq + 1, 11):
            # The one before comes again, as it may after a failover.
            events = [event_pb2.Event(seq=seq - 1), event_pb2.Event(seq=seq)]
            yield run_service_pb2.WatchRunResponse(events=events)
            if seq == break_after:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")


@pytest.fixture
async def runs() -> AsyncIterator[Runs]:
    server = Runs()  # type: ignore[abstract]
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(runs: Runs) -> AsyncIterator[Client]:
    async with Client(f"127.0.0.1:{runs.port}", retry_seconds=5) as connected:
        yield connected


async def test_start_and_result(client: Client, runs: Runs) -> None:
    handle = await client.start("orders", {"id": 7})
    assert await handle.result(timeout=10) == "done"
    assert runs.waits == 3
    with pytest.raises(errors.NotFound, match="no workflow 'unknown'"):
        await client.start("unknown")


async def test_run_of_a_server_that_knows_only_to_start(client: Client, runs: Runs) -> None:
    assert await client.run("orders", {"id": 7}, timeout=10) == "done"
    assert runs.waits == 3
    with pytest.raises(errors.NotFound, match="no workflow 'unknown'"):
        await client.run("unknown")


async def test_run_asks_once(client: Client, runs: Runs) -> None:
    assert await client.run("awaited", timeout=10) == "done at once"
    assert runs.waits == 0


async def test_run_goes_on_with_the_run_that_takes_its_place(client: Client, runs: Runs) -> None:
    assert await client.run("continued") == "done"
    assert runs.waited_for == ["r-1", "r-2", "r-2"]


async def test_start_many(client: Client) -> None:
    outcomes = await client.start_many(Start(workflow=name) for name in ("a", "unknown", "b"))
    assert [type(outcome) for outcome in outcomes] == [RunHandle, errors.NotFound, RunHandle]


async def test_a_watch_goes_on_after_lost_connections_without_gaps_or_repeats(
    client: Client, runs: Runs
) -> None:
    runs.break_after = [3, 4, 8]
    assert [event.seq async for event in client.watch("r-1")] == list(range(1, 11))
    assert runs.watched_after == [0, 3, 4, 8]


async def test_a_watch_can_begin_in_the_middle_and_be_named_by_workflow(
    client: Client, runs: Runs
) -> None:
    events = [event.seq async for event in client.watch(workflow_id="order-7", after_seq=7)]
    assert events == [8, 9, 10]


async def test_a_call_waits_for_a_server_that_restarts(client: Client, runs: Runs) -> None:
    await client.start("orders")
    await runs.stop()
    started = asyncio.create_task(client.start("orders"))
    await asyncio.sleep(0.15)
    assert not started.done()
    await runs.start()
    assert (await started).run_id == "r-1"


async def test_a_server_that_stays_away_is_said_to_be(runs: Runs) -> None:
    await runs.stop()
    address = f"127.0.0.1:{runs.port}"
    async with Client(address, retry_seconds=0.3) as client:
        with pytest.raises(errors.ServerUnavailable, match=f"no server answers at {address}"):
            await client.start("orders")
        with pytest.raises(errors.ServerUnavailable):
            await anext(client.watch("r-1"))
    await runs.start()
