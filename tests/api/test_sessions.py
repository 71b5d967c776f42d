"""What a worker's session is told when it comes back."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from tests.api.conftest import Api
from treadle.v1 import run_service_pb2 as runs
from treadle.v1 import worker_service_pb2 as workers

SHORT = Duration(nanos=50_000_000)


def poll(api: Api, *, held: list[bytes] | None = None, max_tasks: int = 1) -> Any:
    request = workers.PollTasksRequest(
        queue="default", session_id="one", max_tasks=max_tasks, wait=SHORT
    )
    if held is not None:
        request.resume.held_task_tokens.extend(held)
        request.resume.SetInParent()
        request.activity_types.add(name="work")
    return api("WorkerService.PollTasks", request).response


def test_what_to_stop_is_said_again_after_a_lost_connection(api: Api) -> None:
    run_id = api("RunService.StartRun", runs.StartRunRequest(workflow="one_step")).response.run_id
    [task] = poll(api, held=[]).tasks
    token = task.task_token
    # What was delivered and is not held never arrived.
    [again] = poll(api, held=[]).tasks
    assert again.task_token == token
    assert not poll(api, held=[token], max_tasks=0).control_messages
    cancelled = api("RunService.CancelRun", runs.CancelRunRequest(run_id=run_id))
    assert cancelled.code is grpc.StatusCode.OK
    for held in (None, [token], [token]):
        [message] = poll(api, held=held, max_tasks=0).control_messages
        assert (message.action, message.task_token) == (workers.CONTROL_ACTION_CANCEL, token)
    ended = api("RunService.TerminateRun", runs.TerminateRunRequest(run_id=run_id))
    assert ended.code is grpc.StatusCode.OK
    poll(api, max_tasks=0)
    [message] = poll(api, held=[token], max_tasks=0).control_messages
    assert (message.action, message.task_token) == (workers.CONTROL_ACTION_ABANDON, token)
    assert not poll(api, held=[], max_tasks=0).control_messages
