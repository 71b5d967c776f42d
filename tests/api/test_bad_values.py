"""Values in requests: limits that hold however they are written, and what is no JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Value

from tests.api.conftest import ONE_STEP, Api
from treadle import workflow
from treadle.v1 import definition_service_pb2 as definitions
from treadle.v1 import payload_pb2
from treadle.v1 import run_service_pb2 as runs
from treadle.v1 import worker_service_pb2 as workers
from treadle_server.api.checks import MAX_PAYLOAD_BYTES

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NAN = Value(number_value=float("nan"))
INFINITE = Value(number_value=float("inf"))
LONG = Value(string_value="x" * MAX_PAYLOAD_BYTES)
LONG_PAYLOAD = payload_pb2.Payload(data=b"x" * (MAX_PAYLOAD_BYTES + 1))

Filled = Callable[[workers.TaskCompleted], Any]
OUTCOMES: dict[str, Filled] = {
    "output_json": lambda one: one.output_json.CopyFrom(LONG),
    "set": lambda one: one.memory_operations.add(key="k").set.CopyFrom(LONG_PAYLOAD),
    "value": lambda one: one.memory_operations.add(key="k").compare_and_set.value.CopyFrom(
        LONG_PAYLOAD
    ),
    "expected": lambda one: one.memory_operations.add(key="k").compare_and_set.expected.CopyFrom(
        LONG_PAYLOAD
    ),
}


@workflow
async def coded() -> None: ...


def start(api: Api, name: str = "one_step") -> str:
    started = api("RunService.StartRun", runs.StartRunRequest(workflow=name))
    return str(started.response.run_id)


def deploy(api: Api, document: dict[str, Any]) -> None:
    request = definitions.DeployDefinitionRequest(json=json.dumps(document))
    assert api("DefinitionService.DeployDefinition", request).code is grpc.StatusCode.OK


def poll(api: Api, activity: str, *, plain_json: bool = False) -> list[workers.Task]:
    request = workers.PollTasksRequest(
        wait=Duration(seconds=2), max_tasks=100, plain_json=plain_json
    )
    request.activity_types.add(name=activity)
    request.workflow_types.add(name="coded", version=1)
    answer = api("WorkerService.PollTasks", request)
    assert answer.code is grpc.StatusCode.OK, answer
    return list(answer.response.tasks)


def complete(api: Api, result: workers.TaskResult) -> payload_pb2.ItemStatus:
    request = workers.CompleteTasksRequest(results=[result])
    status: payload_pb2.ItemStatus
    [status] = api("WorkerService.CompleteTasks", request).response.statuses
    return status


@pytest.mark.parametrize("value", [LONG, NAN, INFINITE], ids=["long", "NaN", "infinite"])
def test_plain_json_that_is_none_or_does_not_fit(api: Api, value: Value) -> None:
    in_member = Value()
    in_member.struct_value.fields["n"].CopyFrom(value)
    request = runs.StartRunRequest(workflow="one_step", input_json=in_member)
    answer = api("RunService.StartRun", request)
    assert (answer.code, answer.field) == (INVALID, "input_json")
    event = runs.SendEventRequest(run_id=start(api), name="x", payload_json=value)
    answer = api("RunService.SendEvent", event)
    assert (answer.code, answer.field) == (INVALID, "payload_json")


@pytest.mark.parametrize("given", ["text", 7, 1.5, True, None, [1, "a"], {"n": [1]}])
def test_any_plain_json_is_taken(api: Api, given: Any) -> None:
    run_id = start(api)
    event = runs.SendEventRequest(run_id=run_id, name="x")
    json_format.ParseDict(given, event.payload_json)
    assert api("RunService.SendEvent", event).code is grpc.StatusCode.OK
    history = api("RunService.GetRunHistory", runs.GetRunHistoryRequest(run_id=run_id)).response
    [received] = [event for event in history.events if event.HasField("event_received")]
    assert json.loads(received.event_received.payload.data) == given


def test_a_plain_document_that_is_no_json(api: Api) -> None:
    request = definitions.DeployDefinitionRequest()
    request.plain.fields["name"].CopyFrom(NAN)
    answer = api("DefinitionService.DeployDefinition", request)
    assert (answer.code, answer.field) == (INVALID, "plain")


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_result_that_does_not_fit(api: Api, name: str) -> None:
    start(api)
    [task, *_] = poll(api, "work")
    result = workers.TaskResult(task_token=task.task_token)
    OUTCOMES[name](result.completed)
    status = complete(api, result)
    assert (status.code, status.metadata["field"].endswith(name)) == (INVALID.value[0], True)
    result.completed.Clear()
    assert not complete(api, result).code


def test_details_of_a_cause_that_do_not_fit(api: Api) -> None:
    start(api)
    [task, *_] = poll(api, "work")
    result = workers.TaskResult(task_token=task.task_token)
    result.failed.kind = "Broken"
    result.failed.cause.details.CopyFrom(LONG_PAYLOAD)
    status = complete(api, result)
    assert status.code == INVALID.value[0]
    assert status.metadata["field"] == "results[0].failed.cause.details"


def test_gzip_that_is_broken_inside(api: Api) -> None:
    good = gzip.compress(json.dumps(ONE_STEP).encode())
    broken = good[:12] + bytes(byte ^ 0xFF for byte in good[12:30]) + good[30:]
    request = definitions.DeployDefinitionRequest(gzip_json=broken)
    answer = api("DefinitionService.DeployDefinition", request)
    assert (answer.code, answer.field) == (INVALID, "gzip_json")


@pytest.mark.parametrize(
    "text",
    [f'{{"n": {"9" * 400}}}', "[" * 5_000 + "]" * 5_000, '{"a":' * 40 + "1" + "}" * 40],
    ids=["large number", "too deep for Python", "too deep for protobuf"],
)
def test_what_is_no_plain_json_is_handed_out_without_it(api: Api, text: str) -> None:
    nodes = {"first": {"activity": "first"}, "second": {"activity": "second"}}
    chain = {
        **ONE_STEP,
        "name": "opaque",
        "nodes": nodes,
        "edges": [{"from": "first", "to": "second"}],
    }
    deploy(api, chain)
    start(api, "opaque")
    [task] = poll(api, "first")
    result = workers.TaskResult(task_token=task.task_token)
    result.completed.output.data = text.encode()
    assert not complete(api, result).code
    [task] = poll(api, "second", plain_json=True)
    assert task.input.data == text.encode()
    assert not task.HasField("input_json")


@pytest.mark.parametrize("seconds", [-1, 253_402_300_800, 2**62])
def test_a_timer_beyond_all_years(api: Api, seconds: int) -> None:
    deploy(api, coded.document())
    run_id = start(api, "coded")
    [task] = poll(api, "nothing")
    result = workers.TaskResult(task_token=task.task_token)
    result.decided.seen_seq = 3
    timer = result.decided.commands.add(description="sleep").start_timer
    timer.due_time.seconds = seconds
    status = complete(api, result)
    assert status.code == INVALID.value[0]
    assert status.metadata["field"] == "results[0].decided.commands[0].start_timer.due_time"
    timer.due_time.seconds = 253_402_300_799
    assert not complete(api, result).code
    [pending] = api("RunService.GetRun", runs.GetRunRequest(run_id=run_id)).response.pending_timers
    assert pending.due_time.seconds == 253_402_300_799


@pytest.mark.parametrize("text", ["{", "[" * 5_000 + "]" * 5_000, '"\\ud800"', '{"n": NaN}'])
def test_a_group_s_input_that_is_no_json(api: Api, text: str) -> None:
    request = runs.StartGroupRequest()
    request.items.add(workflow="one_step").input.data = text.encode()
    answer = api("RunService.StartGroup", request)
    assert answer.code is INVALID
    assert answer.field.startswith("items")
