"""Bad input gets a clear, typed error and changes nothing: against a real server."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.api.conftest import SERVICES, Api, json_payload
from treadle.v1 import definition_service_pb2 as definitions
from treadle.v1 import event_pb2, payload_pb2
from treadle.v1 import run_service_pb2 as runs
from treadle.v1 import worker_service_pb2 as workers
from treadle_server.api.errors import CODES
from treadle_server.engine.errors import Refusal

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
OK = grpc.StatusCode.OK

RETRY = event_pb2.INCIDENT_ANSWER_RETRY
UNKNOWN_KINDS: Any = [99]

METHODS = [f"{name}.{method.name}" for name, one in SERVICES.items() for method in one.methods]
UNKNOWN_RUN = str(uuid.UUID(int=7))


def start(**fields: Any) -> runs.StartRunRequest:
    return runs.StartRunRequest(**{"workflow": "one_step", **fields})


def run_count(api: Api) -> int:
    return len(api("RunService.ListRuns", runs.ListRunsRequest(page_size=1000)).response.runs)


def all_subclasses(kind: type[Refusal]) -> set[type[Refusal]]:
    found = set(kind.__subclasses__())
    return found.union(*(all_subclasses(one) for one in found)) if found else found


def test_every_refusal_has_a_code() -> None:
    import treadle_server.definitions.errors
    import treadle_server.runs.errors  # noqa: F401

    kinds = {one for one in all_subclasses(Refusal) if one.__module__.startswith("treadle")}
    assert len(kinds) > 10
    assert {one.reason for one in kinds} <= CODES.keys()


# --- what is no request at all --------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", [b"\xff" * 40, b"\x0a\x7f\x01", b"\x0a\x02\xc3\x28"])
def test_bytes_that_are_no_message(api: Api, method: str, data: bytes) -> None:
    service, name = method.split(".")
    input_type = SERVICES[service].methods_by_name[name].input_type
    answer = api(method, data)
    if data[:2] == b"\x0a\x02" and not input_type.fields:
        assert answer.code is grpc.StatusCode.OK  # a field that it does not know
        return
    assert (answer.code, answer.reason, answer.field) == (INVALID, "REQUEST_INVALID", "request")
    assert input_type.name in answer.message


def test_a_deeply_nested_value(api: Api) -> None:
    def field(number: int, data: bytes) -> bytes:
        size = bytes([len(data) & 0x7F | 0x80, len(data) >> 7])
        return bytes([number << 3 | 2]) + size + data

    value = b"\x20\x01"
    for _ in range(60):
        value = field(5, field(1, field(1, b"a") + field(2, value)))
    data = start().SerializeToString() + field(7, value)
    assert api("RunService.StartRun", data).code is INVALID


def test_a_message_that_is_too_large(api: Api) -> None:
    data = start(input=payload_pb2.Payload(data=b"1" * (17 << 20)))
    assert api("RunService.StartRun", data).code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_method(api: Api) -> None:
    assert api("RunService.Fly").code is grpc.StatusCode.UNIMPLEMENTED


def test_metadata_that_is_too_large(api: Api) -> None:
    big = [("x-large", "x" * 100_000)]
    answer = api("RunService.ListRuns", b"", metadata=big)
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED


# --- fields ---------------------------------------------------------------------------------------

BAD_STARTS: dict[str, tuple[runs.StartRunRequest, str]] = {
    "workflow missing": (runs.StartRunRequest(), "workflow"),
    "namespace": (start(namespace="a b"), "namespace"),
    "control character": (start(workflow_id="a\nb"), "workflow_id"),
    "NUL": (start(workflow_id="a\0b"), "workflow_id"),
    "override of direction": (start(workflow_id="a\u202eb"), "workflow_id"),
    "space at the end": (start(workflow_id="a "), "workflow_id"),
    "too long": (start(workflow_id="é" * 501), "workflow_id"),
    "request id too long": (start(request_id="r" * 201), "request_id"),
    "negative version": (start(version=-1), "version"),
    "unknown policy": (start(conflict_policy=99), "conflict_policy"),
    "unknown reuse policy": (start(reuse_policy=99), "reuse_policy"),
    "no time": (start(run_timeout=Duration()), "run_timeout"),
    "negative time": (start(run_timeout=Duration(seconds=-5)), "run_timeout"),
    "nanos": (start(run_timeout=Duration(seconds=5, nanos=-7)), "run_timeout"),
    "a thousand years": (start(run_timeout=Duration(seconds=10**11)), "run_timeout"),
    "payload too large": (
        start(input=payload_pb2.Payload(data=b"1" * ((2 << 20) + 1))),
        "input",
    ),
    "payload metadata": (
        start(input=payload_pb2.Payload(data=b"1", metadata={"k": b"x" * 5000})),
        "input.metadata",
    ),
}


@pytest.mark.parametrize("name", BAD_STARTS)
def test_a_start_with_a_fault(api: Api, name: str) -> None:
    request, field = BAD_STARTS[name]
    before = run_count(api)
    answer = api("RunService.StartRun", request)
    assert (answer.code, answer.reason, answer.field) == (INVALID, "REQUEST_INVALID", field)
    assert answer.message.startswith(f"{field}: ")
    assert run_count(api) == before


@pytest.mark.parametrize(
    "text", ["{", "NaN", '{"n": 1, "n": 2}', '"\\ud800"', '{"n": "one"}', '{"m": 1}', "[" * 300]
)
def test_an_input_that_is_no_json_or_does_not_fit(api: Api, text: str) -> None:
    before = run_count(api)
    answer = api("RunService.StartRun", start(input=json_payload(text)))
    assert (answer.code, answer.reason) == (INVALID, "INPUT_INVALID")
    assert run_count(api) == before


BAD_REQUESTS: dict[str, tuple[str, Any, str]] = {
    "no run": ("RunService.GetRun", runs.GetRunRequest(), "run_id"),
    "no run id": ("RunService.GetRun", runs.GetRunRequest(run_id="seven"), "run_id"),
    "negative page": ("RunService.ListRuns", runs.ListRunsRequest(page_size=-1), "page_size"),
    "page token": ("RunService.ListRuns", runs.ListRunsRequest(page_token="abc"), "page_token"),
    "state": ("RunService.ListRuns", runs.ListRunsRequest.FromString(b"\x28\x4d"), "state"),
    "held and ended": (
        "RunService.ListRuns",
        runs.ListRunsRequest(held=True, state=runs.RUN_STATE_FAILED),
        "held",
    ),
    "after seq": (
        "RunService.GetRunHistory",
        runs.GetRunHistoryRequest(workflow_id="x", after_seq=-1),
        "after_seq",
    ),
    "no answer": (
        "RunService.AnswerIncident",
        runs.AnswerIncidentRequest(workflow_id="x", key="a"),
        "answer",
    ),
    "long reason": (
        "RunService.CancelRun",
        runs.CancelRunRequest(workflow_id="x", reason="x" * 9000),
        "reason",
    ),
    "too many tasks": (
        "WorkerService.PollTasks",
        workers.PollTasksRequest(max_tasks=10**9, queue="q"),
        "max_tasks",
    ),
    "negative wait": (
        "WorkerService.PollTasks",
        workers.PollTasksRequest(queue="q", wait=Duration(seconds=-1)),
        "wait",
    ),
    "unknown kind of task": (
        "WorkerService.PollTasks",
        workers.PollTasksRequest(queue="q", kinds=UNKNOWN_KINDS),
        "kinds",
    ),
    "long session id": (
        "WorkerService.PollTasks",
        workers.PollTasksRequest(queue="q", session_id="s" * 101),
        "session_id",
    ),
    "session id of a heartbeat": (
        "WorkerService.Heartbeat",
        workers.HeartbeatRequest(session_id="s" * 101),
        "session_id",
    ),
    "want_next": (
        "WorkerService.CompleteTasks",
        workers.CompleteTasksRequest(want_next=-1),
        "want_next",
    ),
    "batch of starts": (
        "RunService.BatchStartRuns",
        runs.BatchStartRunsRequest(items=[start()] * 1001),
        "items",
    ),
    "no document": (
        "DefinitionService.DeployDefinition",
        definitions.DeployDefinitionRequest(),
        "document",
    ),
    "gzip": (
        "DefinitionService.DeployDefinition",
        definitions.DeployDefinitionRequest(gzip_json=b"not gzip"),
        "gzip_json",
    ),
    "gzip bomb": (
        "DefinitionService.DeployDefinition",
        definitions.DeployDefinitionRequest(gzip_json=gzip.compress(b" " * (65 << 20))),
        "gzip_json",
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_request_with_a_fault(api: Api, name: str) -> None:
    method, request, field = BAD_REQUESTS[name]
    answer = api(method, request)
    assert (answer.code, answer.reason, answer.field) == (INVALID, "REQUEST_INVALID", field)


def test_a_page_token_of_another_query(api: Api) -> None:
    for _ in range(2):
        assert api("RunService.StartRun", start()).code is OK
    first = api("RunService.ListRuns", runs.ListRunsRequest(page_size=1)).response
    assert first.next_page_token
    same = runs.ListRunsRequest(page_size=1, page_token=first.next_page_token)
    assert len(api("RunService.ListRuns", same).response.runs) == 1
    other = runs.ListRunsRequest(page_size=1, page_token=first.next_page_token, workflow="one_step")
    assert api("RunService.ListRuns", other).field == "page_token"


# --- what is not there, or not any more -----------------------------------------------------------


def test_an_unknown_definition_and_an_unknown_run(api: Api) -> None:
    assert api("RunService.StartRun", start(workflow="nothing")).code is NOT_FOUND
    assert api("RunService.StartRun", start(version=99)).code is NOT_FOUND
    assert api("RunService.StartRun", start(namespace="elsewhere")).code is NOT_FOUND
    for method, request in {
        "GetRun": runs.GetRunRequest(run_id=UNKNOWN_RUN),
        "GetRunHistory": runs.GetRunHistoryRequest(run_id=UNKNOWN_RUN),
        "WatchRun": runs.WatchRunRequest(run_id=UNKNOWN_RUN),
        "WaitRun": runs.WaitRunRequest(run_id=UNKNOWN_RUN),
        "CancelRun": runs.CancelRunRequest(run_id=UNKNOWN_RUN),
        "TerminateRun": runs.TerminateRunRequest(run_id=UNKNOWN_RUN),
        "AnswerIncident": runs.AnswerIncidentRequest(run_id=UNKNOWN_RUN, key="a", answer=RETRY),
    }.items():
        answer = api(f"RunService.{method}", request)
        assert (answer.code, answer.reason) == (NOT_FOUND, "RUN_NOT_FOUND"), method


def test_workflow_ids_and_request_ids_that_come_twice(api: Api) -> None:
    first = api("RunService.StartRun", start(workflow_id="twice", request_id="r1"))
    again = api("RunService.StartRun", start(workflow_id="twice", request_id="r1"))
    assert again.response.run_id == first.response.run_id
    assert (first.response.started, again.response.started) == (True, False)
    other = api("RunService.StartRun", start(workflow_id="twice", request_id="r2"))
    assert (other.code, other.reason) == (grpc.StatusCode.ALREADY_EXISTS, "WORKFLOW_ID_TAKEN")
    assert (other.metadata or {})["run_id"] == first.response.run_id
    reused = api("RunService.StartRun", start(request_id="r1", workflow_id="other"))
    assert (reused.code, reused.reason) == (PRECONDITION, "REQUEST_ID_REUSED")


def test_steering_a_run_that_has_ended(api: Api) -> None:
    run_id = api("RunService.StartRun", start()).response.run_id
    ended = api("RunService.TerminateRun", runs.TerminateRunRequest(run_id=run_id))
    assert ended.response.run.state == runs.RUN_STATE_TERMINATED
    for method, request in {
        "CancelRun": runs.CancelRunRequest(run_id=run_id),
        "TerminateRun": runs.TerminateRunRequest(run_id=run_id),
        "AnswerIncident": runs.AnswerIncidentRequest(run_id=run_id, key="only", answer=RETRY),
    }.items():
        answer = api(f"RunService.{method}", request)
        assert (answer.code, answer.reason) == (PRECONDITION, "RUN_ENDED"), method


def test_tokens_that_are_not_right(api: Api) -> None:
    api("RunService.StartRun", start())
    poll = workers.PollTasksRequest(
        queue="default", max_tasks=1, activity_types=[workers.ActivityType(name="work")]
    )
    task = api("WorkerService.PollTasks", poll).response.tasks[0]
    done = payload_pb2.Payload(data=b"1")

    def report(token: bytes, **fields: Any) -> payload_pb2.ItemStatus:
        result = workers.TaskResult(task_token=token, completed={"output": done})
        request = workers.CompleteTasksRequest(results=[result], **fields)
        status: payload_pb2.ItemStatus = api(
            "WorkerService.CompleteTasks", request
        ).response.statuses[0]
        return status

    altered = bytes([task.task_token[0] ^ 1]) + task.task_token[1:]
    for token in (altered, task.task_token[:-1], task.task_token[:20], b"x"):
        assert report(token).reason == "TASK_TOKEN_INVALID"
    elsewhere = report(task.task_token, namespace="elsewhere")
    assert elsewhere.code == grpc.StatusCode.PERMISSION_DENIED.value[0]
    assert report(task.task_token).code == 0
    assert report(task.task_token).code == 0  # the same once more: the same answer
    other = workers.TaskResult(task_token=task.task_token, cancelled={})
    request = workers.CompleteTasksRequest(results=[other])
    assert api("WorkerService.CompleteTasks", request).response.statuses[0].reason == "LEASE_ENDED"


def test_one_bad_item_among_a_hundred(api: Api) -> None:
    before = run_count(api)
    items = [start(workflow_id=f"batch-{number}") for number in range(100)]
    items[50] = start(workflow_id="bad ")
    answer = api("RunService.BatchStartRuns", runs.BatchStartRunsRequest(items=items))
    codes = [item.status.code for item in answer.response.items]
    assert codes == [0] * 50 + [INVALID.value[0]] + [0] * 49
    assert answer.response.items[50].status.metadata["field"] == "items[50].workflow_id"
    assert run_count(api) == before + 99


def test_a_batch_that_names_another_namespace(api: Api) -> None:
    items = [start(), start(namespace="elsewhere")]
    answer = api("RunService.BatchStartRuns", runs.BatchStartRunsRequest(items=items))
    assert [item.status.code for item in answer.response.items] == [0, INVALID.value[0]]


def test_a_deadline_that_has_passed_writes_nothing(api: Api) -> None:
    before = run_count(api)
    call: Any = api.channel.unary_unary("/treadle.v1.RunService/StartRun")
    with pytest.raises(grpc.RpcError) as raised:
        call(start().SerializeToString(), timeout=-1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert run_count(api) == before


def test_unknown_fields_are_not_kept(api: Api) -> None:
    data = start(workflow_id="unknown-fields").SerializeToString() + b"\xfa\x3f\x03abc"
    assert api("RunService.StartRun", data).code is OK
    history = api(
        "RunService.GetRunHistory", runs.GetRunHistoryRequest(workflow_id="unknown-fields")
    )
    assert b"abc" not in history.response.SerializeToString()


# --- documents ------------------------------------------------------------------------------------


def deploy(api: Api, document: Any) -> Any:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = definitions.DeployDefinitionRequest(gzip_json=gzip.compress(text))
    return api("DefinitionService.DeployDefinition", request)


GRAPH = {"treadle": "v1", "kind": "graph", "name": "bad"}

BAD_DOCUMENTS: dict[str, tuple[Any, str]] = {
    "unknown node": (
        {"nodes": {"a": {}}, "edges": [{"from": "a", "to": "nobody"}]},
        "edges[0].to",
    ),
    "cycle without a guard": (
        {
            "nodes": {"a": {}, "b": {}},
            "edges": [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
        },
        "edges",
    ),
    "expression": (
        {"nodes": {"a": {}, "b": {}}, "edges": [{"from": "a", "to": "b", "when": "output +"}]},
        "edges[0].when",
    ),
    "unknown key": ({"nodes": {"a": {"actvity": "x"}}}, "nodes.a"),
    "backoff": ({"nodes": {"a": {"retry": {"coefficient": 0.5}}}}, "nodes.a.retry.coefficient"),
    "attempts": (
        {"nodes": {"a": {"retry": {"max_attempts": 10**9}}}},
        "nodes.a.retry.max_attempts",
    ),
    "no nodes": ({"nodes": {}}, "nodes"),
}


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
def test_a_document_with_a_fault_is_not_stored(api: Api, name: str) -> None:
    document, path = BAD_DOCUMENTS[name]
    answer = deploy(api, GRAPH | document)
    assert (answer.code, answer.reason) == (INVALID, "DEFINITION_INVALID")
    assert answer.field.startswith(path)
    missing = definitions.GetDefinitionRequest(workflow="bad")
    assert api("DefinitionService.GetDefinition", missing).code is NOT_FOUND


@pytest.mark.parametrize("text", [b"{", b"[1]", b'{"a": 1, "a": 2}', b"NaN", b'"\\ud800"'])
def test_a_document_that_is_no_json_object(api: Api, text: bytes) -> None:
    answer = deploy(api, text)
    assert answer.code is INVALID
    assert answer.reason in ("DEFINITION_INVALID", "REQUEST_INVALID")
