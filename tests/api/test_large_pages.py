"""Answers that hold many large values are cut to a size that clients take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from examples.local_service import LocalService, local_service
from tests.api.conftest import Api
from treadle import BlockingClient, Client, Start, Worker, activity
from treadle.client import RunHandle
from treadle.errors import ApplicationError
from treadle.graph import Graph, Retry
from treadle.v1 import run_service_pb2 as runs

LARGE = "x" * 700_000
ROOM = 3 << 20
"""A page of 1 MiB, and the record that is beyond it: a run has its value three times."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with local_service(tmp_path_factory.mktemp("large")) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: LocalService) -> Iterator[BlockingClient]:
    echo = Graph("echo")
    echo.compute("a", "params")
    grow = Graph("grow")
    grow.compute("a", "[params, params, params, params]")
    with service.client() as client:
        client.deploy(echo)
        client.deploy(grow)
        yield client


@activity
async def fails(_given: object) -> None:
    raise ApplicationError("no", details=LARGE)


async def test_open_activities_that_have_failed(tmp_path: Path) -> None:
    graph = Graph("failing")
    for number in range(6):
        graph.node(f"n{number}", fails, retry=Retry(initial=timedelta(hours=1)))
    with local_service(tmp_path) as service:
        async with Client(service.address) as client:
            await client.deploy(graph)
            run = await client.start("failing")
            worker = Worker([fails], address=service.address)
            working = asyncio.ensure_future(worker.run())
            async with asyncio.timeout(60):
                while await times_failed(run) < 6:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            message = (await run.describe()).message
            worker.stop()
            await working
    assert message.pending_activity_count == 6
    assert 1 <= len(message.pending_activities) < 6
    assert message.ByteSize() <= ROOM


async def times_failed(run: RunHandle) -> int:
    return sum([event.HasField("attempt_failed") async for event in run.history()])


def test_members_of_a_group(service: LocalService, client: BlockingClient) -> None:
    group = client.start_group([Start(workflow="grow", input=LARGE[:100_000])] * 12)
    assert len(group.wait(20).outputs()) == 12
    api = Api(service.address)
    request = runs.GetGroupRequest(run_id=group.run_id, page_size=1_000, include_members=True)
    seen = 0
    while True:
        page: Any = api("RunService.GetGroup", request).response
        assert page.ByteSize() <= ROOM
        seen += len(page.members)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert seen == 12


def test_events_of_all_runs(service: LocalService, client: BlockingClient) -> None:
    for _ in range(5):
        client.run("echo", LARGE)
    with grpc.insecure_channel(service.address) as channel:
        watch: Any = channel.unary_stream("/treadle.v1.RunService/WatchRuns")
        stream = watch(runs.WatchRunsRequest().SerializeToString(), timeout=20)
        started: set[str] = set()
        give_up_at = time.monotonic() + 20
        while len(started) < 5 and time.monotonic() < give_up_at:
            data = next(stream)
            assert len(data) <= ROOM
            answer = runs.WatchRunsResponse.FromString(data)
            started.update(run.run_id for run in answer.runs)
        stream.cancel()
    assert len(started) >= 5
