"""A worker without the SDK: the generated client, a poll and a report, in a loop.

`python -m benchmarks.plain_worker ADDRESS QUEUE`. It has no session, so a task that it loses comes
back when its lease is over.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import grpc.aio

from benchmarks.steps import bump
from treadle.v1 import payload_pb2
from treadle.v1 import worker_service_pb2 as messages
from treadle.v1.worker_service_pb2_grpc import WorkerServiceStub

if TYPE_CHECKING:
    from treadle.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

LANES = 4
MAX_TASKS = 50


async def lane(stub: WorkerServiceAsyncStub, queue: str) -> None:
    poll = messages.PollTasksRequest(queue=queue, max_tasks=MAX_TASKS)
    poll.activity_types.add(name="bump")
    while True:
        polled = await stub.PollTasks(poll)
        results = [await work(task) for task in polled.tasks]
        if results:
            await stub.CompleteTasks(messages.CompleteTasksRequest(results=results))


async def work(task: messages.Task) -> messages.TaskResult:
    output = await bump.function(**json.loads(task.input.data))
    value = payload_pb2.Payload(data=json.dumps(output).encode())
    return messages.TaskResult(task_token=task.task_token, completed={"output": value})


async def main(address: str, queue: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = WorkerServiceStub(channel)
        await asyncio.gather(*(lane(stub, queue) for _ in range(LANES)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
