"""What is too much for one answer comes with the next ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from examples.local_service import local_service
from tests.api.conftest import Api, json_payload
from treadle import Client, Worker, activity, workflow
from treadle.v1 import definition_service_pb2 as definitions
from treadle.v1 import event_pb2
from treadle.v1 import run_service_pb2 as runs
from treadle.v1 import worker_service_pb2 as workers

LARGE = 2_000_000
MOST = 20 << 20
"""Bytes of an answer: what fits, and one task or record more."""

SIZED = {
    "treadle": "v1",
    "kind": "graph",
    "name": "sized",
    "params": {"text": {"type": "string"}},
    "nodes": {"only": {"activity": "size"}},
}


@activity
async def size(given: dict[str, str]) -> int:
    return len(given["text"])


@activity
async def large(_number: int) -> str:
    return "x" * LARGE


@workflow
async def collect(count: int) -> int:
    found = await asyncio.gather(*(workflow.activity(large, number) for number in range(count)))
    return sum(map(len, found))


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with local_service(tmp_path) as service:
        found = Api(service.address)
        options = [("grpc.max_receive_message_length", -1)]
        found.channel = grpc.insecure_channel(service.address, options=options)
        yield found
        found.channel.close()


def deploy(api: Api, document: dict[str, Any]) -> None:
    request = definitions.DeployDefinitionRequest(json=json.dumps(document))
    assert api("DefinitionService.DeployDefinition", request).code is grpc.StatusCode.OK


def start(api: Api, count: int) -> None:
    deploy(api, SIZED)
    given = json_payload(json.dumps({"text": "x" * LARGE}))
    for _ in range(count):
        request = runs.StartRunRequest(workflow="sized", input=given)
        assert api("RunService.StartRun", request).code is grpc.StatusCode.OK


def poll(api: Api, *, held: list[bytes] | None = None, session: str = "one") -> Any:
    request = workers.PollTasksRequest(session_id=session, max_tasks=50, wait=Duration(seconds=1))
    if held is not None or not session:
        request.activity_types.add(name="size")
    if held is not None:
        request.resume.SetInParent()
        request.resume.held_task_tokens.extend(held)
    answer = api("WorkerService.PollTasks", request)
    assert answer.code is grpc.StatusCode.OK, answer
    assert answer.response.ByteSize() < MOST
    return answer.response


@pytest.mark.parametrize("session", ["", "one"])
def test_tasks_come_in_several_answers(api: Api, session: str) -> None:
    start(api, 12)
    first = poll(api, held=[] if session else None, session=session)
    second = poll(api, session=session)
    assert len(first.tasks) + len(second.tasks) == 12
    assert len({task.task_token for task in (*first.tasks, *second.tasks)}) == 12


def test_tasks_that_are_delivered_again_come_in_several_answers(api: Api) -> None:
    start(api, 20)
    lost = [task.task_token for task in (*poll(api, held=[]).tasks, *poll(api).tasks)]
    lost += [task.task_token for task in poll(api).tasks]
    found: list[bytes] = []
    for number in range(3):
        answer = poll(api, held=None if number else [])
        found += [task.task_token for task in answer.tasks]
    assert len(lost) == 20
    assert sorted(found) == sorted(lost)


def test_code_is_told_what_happened_in_several_decisions(api: Api) -> None:
    deploy(api, collect.document())
    start = runs.StartRunRequest(workflow="collect", input=json_payload("12"))
    assert api("RunService.StartRun", start).code is grpc.StatusCode.OK
    task = decision(api)
    report = decided(task)
    for _ in range(12):
        command = report.results[0].decided.commands.add(description="activity size")
        command.schedule_activity.type = "size"
    complete(api, report)
    for one in poll(api, session="").tasks:
        result = workers.TaskResult(task_token=one.task_token)
        result.completed.output.data = json.dumps("x" * LARGE).encode()
        complete(api, workers.CompleteTasksRequest(results=[result]))
    seqs: list[int] = []
    for _ in range(2):
        task = decision(api)
        told = [event.seq for event in events(task) if event.HasField("activity_completed")]
        assert task.ByteSize() < MOST
        assert 0 < len(told) < 12
        seqs += told
        complete(api, decided(task))
    assert len(seqs) == 12
    assert seqs == sorted(set(seqs))


def decision(api: Api) -> Any:
    request = workers.PollTasksRequest(wait=Duration(seconds=5))
    request.workflow_types.add(name="collect", version=1)
    [task] = api("WorkerService.PollTasks", request).response.tasks
    return task


def events(task: Any) -> list[event_pb2.Event]:
    batches = map(event_pb2.EventBatch.FromString, task.decision.event_batches)
    return [event for batch in batches for event in batch.events]


def decided(task: Any) -> workers.CompleteTasksRequest:
    """A report of having seen everything, without commands."""
    request = workers.CompleteTasksRequest()
    report = request.results.add(task_token=task.task_token).decided
    report.seen_seq = events(task)[-1].seq
    report.first_index = 12 if task.decision.after_seq else 0
    return request


def complete(api: Api, request: workers.CompleteTasksRequest) -> None:
    [status] = api("WorkerService.CompleteTasks", request).response.statuses
    assert status.code == 0, status


async def test_code_goes_on_with_more_than_fits_into_an_answer(tmp_path: Path) -> None:
    with local_service(tmp_path) as service:
        async with Client(service.address) as client:
            await client.deploy(collect.document())
            run = await client.start("collect", 40)
            await work_until(client, run.run_id, service.address, collect, pending={"large": 40})
            await work_until(client, run.run_id, service.address, large, pending={"large": 0})
            worker = Worker([collect], address=service.address)
            working = asyncio.ensure_future(worker.run())
            assert await run.result(timeout=60) == 40 * LARGE
            worker.stop()
            await working


async def work_until(
    client: Client, run_id: str, address: str, work: Any, *, pending: dict[str, int]
) -> None:
    """Has a worker until so many activities are open, of which it does not do them itself."""
    worker = Worker([work], address=address, slots=4)
    working = asyncio.ensure_future(worker.run())
    async with asyncio.timeout(60):
        while pending != await open_activities(client, run_id, pending):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    worker.stop()
    await working


async def open_activities(client: Client, run_id: str, types: Iterable[str]) -> dict[str, int]:
    found = (await client.get_run(run_id)).pending_activities
    return {name: sum(one.type == name for one in found) for name in types}


def test_what_happened_to_nodes_is_listed_in_several_pages(api: Api) -> None:
    nodes = {f"n{number}": {"activity": "size"} for number in range(12)}
    deploy(api, {**SIZED, "name": "wide", "nodes": nodes})
    given = json_payload(json.dumps({"text": "x" * LARGE}))
    started = api("RunService.StartRun", runs.StartRunRequest(workflow="wide", input=given))
    keys: list[str] = []
    request = runs.ListRunNodesRequest(run_id=started.response.run_id)
    for _ in nodes:
        response = api("RunService.ListRunNodes", request).response
        assert response.ByteSize() < 4 << 20  # what gRPC's clients take
        keys += [one.key for one in response.executions]
        request.page_token = response.next_page_token
    assert not request.page_token
    assert sorted(keys) == sorted(nodes)
