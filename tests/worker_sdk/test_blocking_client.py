"""The blocking client, call by call, against gRPC's fake channel: what it sends and what it reads.

The requests, values and errors are shared with the async client (test_client.py has the wire).
"""

from __future__ import annotations

import functools
import gzip
import inspect
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from examples.local_service import free_address
from tests.worker_sdk.fake_channel import DEFINITIONS, RUNS, Server
from treadle import BlockingClient, Client, Start, errors, payload
from treadle._client import requests
from treadle._client.retry import Backoff
from treadle.client import BlockingRunHandle, Held, RunHandle, RunState
from treadle.v1 import definition_service_pb2, event_pb2, payload_pb2, run_service_pb2


@pytest.fixture
def server() -> Iterator[Server]:
    playing = Server()
    yield playing
    playing.close()


def test_both_clients_have_the_same_verbs_with_the_same_arguments() -> None:
    for one, other in [(Client, BlockingClient), (RunHandle, BlockingRunHandle)]:
        verbs = {name for name in dir(one) if not name.startswith("_")}
        assert verbs == {name for name in dir(other) if not name.startswith("_")}
        for verb in verbs:
            parameters = [
                [(p.name, p.kind, p.default) for p in inspect.signature(which).parameters.values()]
                for which in (getattr(one, verb), getattr(other, verb))
            ]
            assert parameters[0] == parameters[1], verb


def test_start(server: Server) -> None:
    answer = server.call(
        lambda: server.client.start(
            "orders",
            {"id": 7},
            workflow_id="order-7",
            version=3,
            run_timeout=timedelta(minutes=2),
            conflict_policy="use_existing",
            reuse_policy="reject_duplicate",
        )
    )
    response = run_service_pb2.StartRunResponse(
        run_id="r-1", workflow_id="order-7", version=3, started=True, trace_id="ab"
    )
    request = server.answer(RUNS, "StartRun", response)
    assert request.namespace == "default"
    assert (request.workflow, request.workflow_id, request.version) == ("orders", "order-7", 3)
    assert payload.decode(request.input) == {"id": 7}
    assert request.run_timeout.ToTimedelta() == timedelta(minutes=2)
    assert request.conflict_policy == run_service_pb2.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
    assert request.reuse_policy == run_service_pb2.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
    handle = answer.result()
    assert (handle.run_id, handle.started.version, handle.started.started) == ("r-1", 3, True)


def test_a_start_that_is_tried_again_keeps_its_request_id(server: Server) -> None:
    answer = server.call(lambda: server.client.start("orders"))
    first, rpc = server.take(RUNS, "StartRun")
    rpc.terminate(None, (), grpc.StatusCode.UNAVAILABLE, "restarting")
    response = run_service_pb2.StartRunResponse(run_id="r-1")
    second = server.answer(RUNS, "StartRun", response)
    assert first.request_id
    assert second == first
    assert answer.result().run_id == "r-1"


def test_two_starts_have_different_request_ids_unless_they_are_given(server: Server) -> None:
    def request_id(given: str | None = None) -> str:
        answer = server.call(lambda: server.client.start("orders", request_id=given))
        response = run_service_pb2.StartRunResponse(run_id="r")
        request = server.answer(RUNS, "StartRun", response)
        answer.result()
        return str(request.request_id)

    assert request_id() != request_id()
    assert request_id("mine") == "mine"


def test_unavailable_is_raised_once_the_budget_is_spent() -> None:
    server = Server(retry_seconds=0.0)
    answer = server.call(lambda: server.client.start("orders"))
    server.refuse(RUNS, "StartRun", grpc.StatusCode.UNAVAILABLE, "gone")
    with pytest.raises(errors.ServerUnavailable, match=r"no server answers at 127\.0\.0\.1:\d+$"):
        answer.result()
    server.close()


def test_waits_double_up_to_a_limit_are_spread_and_end_with_the_budget() -> None:
    backoff = Backoff()
    waits = [backoff.next_delay_seconds() for _ in range(12)]
    for number, wait in enumerate(waits):
        ceiling = min(0.1 * 2**number, 5.0)
        assert wait is not None
        assert ceiling / 2 <= wait <= ceiling
    backoff.reset()
    assert (backoff.next_delay_seconds() or 1) <= 0.1
    assert Backoff(budget_seconds=0.0).next_delay_seconds() is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidRequest),
        (grpc.StatusCode.NOT_FOUND, errors.NotFound),
        (grpc.StatusCode.ALREADY_EXISTS, errors.AlreadyExists),
        (grpc.StatusCode.FAILED_PRECONDITION, errors.Conflict),
        (grpc.StatusCode.ABORTED, errors.Conflict),
        (grpc.StatusCode.PERMISSION_DENIED, errors.NotPermitted),
        (grpc.StatusCode.UNAUTHENTICATED, errors.NotPermitted),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.ServerBusy),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.RequestTimedOut),
        (grpc.StatusCode.INTERNAL, errors.ServerFault),
        (grpc.StatusCode.UNIMPLEMENTED, errors.ServerFault),
    ],
)
def test_each_status_has_its_error(
    server: Server, code: grpc.StatusCode, expected: type[errors.RequestError]
) -> None:
    answer = server.call(lambda: server.client.get_run("r-1"))
    server.refuse(RUNS, "GetRun", code, "says why")
    with pytest.raises(errors.TreadleError, match="says why") as raised:
        answer.result()
    assert type(raised.value) is expected


def test_details_of_errors_are_read(server: Server) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(
        field="nodes.charge.retry", description="max is below initial"
    )
    answer = server.call(lambda: server.client.deploy({"kind": "graph"}))
    server.refuse(
        DEFINITIONS,
        "DeployDefinition",
        grpc.StatusCode.INVALID_ARGUMENT,
        "the document has 1 fault",
        error_details_pb2.BadRequest(field_violations=[violation]),
    )
    with pytest.raises(errors.InvalidRequest) as invalid:
        answer.result()
    assert invalid.value.violations == (
        errors.FieldViolation("nodes.charge.retry", "max is below initial"),
    )
    assert str(invalid.value) == (
        "the document has 1 fault\n  nodes.charge.retry: max is below initial"
    )

    answer = server.call(lambda: server.client.start("orders", workflow_id="order-7"))
    info = error_details_pb2.ErrorInfo(reason="WORKFLOW_ID_IN_USE", metadata={"run_id": "r-9"})
    server.refuse(RUNS, "StartRun", grpc.StatusCode.ALREADY_EXISTS, "is running", info)
    with pytest.raises(errors.AlreadyExists) as exists:
        answer.result()
    assert (exists.value.reason, exists.value.run_id) == ("WORKFLOW_ID_IN_USE", "r-9")

    answer = server.call(lambda: server.client.get_run("r-1"))
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromTimedelta(timedelta(seconds=1.5))
    server.refuse(RUNS, "GetRun", grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down", retry)
    with pytest.raises(errors.ServerBusy) as busy:
        answer.result()
    assert busy.value.retry_after_seconds == 1.5


def test_deploy_takes_a_mapping_a_graph_or_text(server: Server) -> None:
    document = {"treadle": "v1", "kind": "graph", "name": "n"}

    class Built:
        def document(self) -> dict[str, str]:
            return document

    for given in (document, Built(), json.dumps(document)):
        deploy = functools.partial(server.client.deploy, given, validate_only=True)
        answer = server.call(deploy)
        message = definition_service_pb2.Definition(
            workflow="n", version=2, kind="graph", json=json.dumps(document)
        )
        request = server.answer(
            DEFINITIONS,
            "DeployDefinition",
            definition_service_pb2.DeployDefinitionResponse(definition=message, created=False),
        )
        assert json.loads(request.json) == document
        assert request.validate_only
        assert request.request_id
        definition = answer.result()
        assert (definition.workflow, definition.version, definition.created) == ("n", 2, False)
        assert definition.document() == document
    with pytest.raises(errors.InvalidRequest, match="not list"):
        server.client.deploy([])  # type: ignore[arg-type]


def test_a_large_document_travels_packed(server: Server) -> None:
    document = {"kind": "graph", "nodes": {f"n{number}": {} for number in range(200_000)}}
    answer = server.call(lambda: server.client.deploy(document))
    response = definition_service_pb2.DeployDefinitionResponse()
    request = server.answer(DEFINITIONS, "DeployDefinition", response)
    assert json.loads(gzip.decompress(request.gzip_json)) == document
    answer.result()


def test_start_many_tells_the_good_from_the_bad(server: Server) -> None:
    items = [Start(workflow="orders", input=number) for number in range(1_500)]
    answer = server.call(lambda: server.client.start_many(items))
    for size in (1_000, 500):
        good = run_service_pb2.BatchStartRunsItem(
            run=run_service_pb2.StartRunResponse(run_id="r", started=True)
        )
        bad = run_service_pb2.BatchStartRunsItem(
            status=payload_pb2.ItemStatus(
                code=grpc.StatusCode.ALREADY_EXISTS.value[0],
                message="is running",
                metadata={"run_id": "other"},
            )
        )
        request = server.answer(
            RUNS,
            "BatchStartRuns",
            run_service_pb2.BatchStartRunsResponse(items=[good] * (size - 1) + [bad]),
        )
        assert len(request.items) == size
        assert len({item.request_id for item in request.items}) == size
    outcomes = answer.result()
    assert [type(outcomes[place]) for place in (998, 999, 1_499)] == [
        BlockingRunHandle,
        errors.AlreadyExists,
        errors.AlreadyExists,
    ]
    assert outcomes[999].run_id == "other"


def test_start_many_keeps_each_call_below_what_a_server_takes() -> None:
    items = [Start(workflow="orders", input="x" * 1_000_000) for _ in range(7)]
    calls = list(requests.batches(items, "default"))
    assert [len(call.items) for call in calls] == [3, 3, 1]
    assert all(call.ByteSize() < 4 * 1024 * 1024 for call in calls)


def wait_response(state: run_service_pb2.RunState, **fields: Any) -> Message:
    run = run_service_pb2.Run(run_id="r-1", workflow="orders", state=state)
    return run_service_pb2.WaitRunResponse(ended=True, run=run, **fields)


def test_result_asks_until_the_run_has_ended(server: Server) -> None:
    answer = server.call(server.client.get_handle("r-1").result)
    request = server.answer(RUNS, "WaitRun", run_service_pb2.WaitRunResponse(ended=False))
    assert request.timeout.ToTimedelta() == timedelta(seconds=60)
    server.answer(
        RUNS,
        "WaitRun",
        wait_response(run_service_pb2.RUN_STATE_COMPLETED, output=payload.encode({"total": 5})),
    )
    assert answer.result() == {"total": 5}


def test_run_asks_once_as_a_rule(server: Server) -> None:
    answer = server.call(lambda: server.client.run("orders", {"id": 7}, workflow_id="o-7"))
    end = wait_response(run_service_pb2.RUN_STATE_COMPLETED, output=payload.encode("done"))
    started = run_service_pb2.StartRunResponse(run_id="r-1", started=True, end=cast(Any, end))
    request = server.answer(RUNS, "StartRun", started)
    assert (request.workflow_id, request.wait_timeout.seconds) == ("o-7", 60)
    assert answer.result() == "done"


def test_run_goes_on_waiting(server: Server) -> None:
    answer = server.call(lambda: server.client.run("orders"))
    started = run_service_pb2.StartRunResponse(run_id="r-1", started=True)
    started.end.ended = False
    server.answer(RUNS, "StartRun", started)
    end = wait_response(run_service_pb2.RUN_STATE_COMPLETED, output=payload.encode("done"))
    assert server.answer(RUNS, "WaitRun", end).run_id == "r-1"
    assert answer.result() == "done"


def test_result_gives_up_when_its_time_is_over(server: Server) -> None:
    answer = server.call(lambda: server.client.get_handle("r-1").result(timeout=0.01))
    request, rpc = server.take(RUNS, "WaitRun")
    assert request.timeout.ToTimedelta() <= timedelta(seconds=0.01)
    time.sleep(0.02)
    rpc.terminate(run_service_pb2.WaitRunResponse(ended=False), (), grpc.StatusCode.OK, "")
    with pytest.raises(TimeoutError, match="it goes on"):
        answer.result()


def test_no_server_is_waited_for_longer_than_the_caller_does() -> None:
    began = time.monotonic()
    with BlockingClient(free_address()) as client:
        with pytest.raises(TimeoutError, match="if it was started, it goes on"):
            client.run("orders", timeout=0.5)
        with pytest.raises(TimeoutError, match="r-1 has not ended"):
            client.get_handle("r-1").result(timeout=0.5)
    assert time.monotonic() - began < 10  # a call is otherwise tried again for 20 s


def test_an_answer_is_waited_for_no_longer_than_the_caller_does(server: Server) -> None:
    answer = server.call(lambda: server.client.run("orders", timeout=0.1))
    _, rpc = server.take(RUNS, "StartRun")
    rpc.terminate(None, (), grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    with pytest.raises(TimeoutError, match="if it was started, it goes on"):
        answer.result()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (run_service_pb2.RUN_STATE_CANCELLED, errors.RunCancelled),
        (run_service_pb2.RUN_STATE_TIMED_OUT, errors.RunTimedOut),
        (run_service_pb2.RUN_STATE_TERMINATED, errors.RunTerminated),
    ],
)
def test_a_run_that_did_not_complete_raises(
    server: Server, state: run_service_pb2.RunState, expected: type[errors.RunNotCompleted]
) -> None:
    answer = server.call(server.client.get_handle("r-1").result)
    server.answer(RUNS, "WaitRun", wait_response(state))
    with pytest.raises(expected) as raised:
        answer.result()
    assert raised.value.run_id == "r-1"


def test_a_failed_run_raises_with_its_failure(server: Server) -> None:
    answer = server.call(server.client.get_handle("r-1").result)
    failure = payload_pb2.Failure(
        kind="treadle.Timeout",
        message="too slow",
        timeout_kind=payload_pb2.TIMEOUT_KIND_START_TO_CLOSE,
        details=payload.encode([1]),
        cause=payload_pb2.Failure(kind="Inner"),
    )
    server.answer(RUNS, "WaitRun", wait_response(run_service_pb2.RUN_STATE_FAILED, failure=failure))
    with pytest.raises(errors.RunFailed, match=r"treadle\.Timeout: too slow") as raised:
        answer.result()
    read = raised.value.failure
    assert (read.timeout_kind, read.details) == ("start_to_close", [1])
    assert read.cause is not None
    assert read.cause.kind == "Inner"


def test_get_run(server: Server) -> None:
    answer = server.call(lambda: server.client.get_run(workflow_id="order-7", include_nodes=True))
    response = run_service_pb2.GetRunResponse(
        run=run_service_pb2.Run(run_id="r-1", state=run_service_pb2.RUN_STATE_RUNNING),
        input=payload.encode({"id": 7}),
        pending_activities=[
            run_service_pb2.PendingActivity(
                key="charge",
                state=run_service_pb2.ACTIVITY_STATE_BACKING_OFF,
                last_failure=payload_pb2.Failure(kind="Declined"),
            )
        ],
        pending_activity_count=1,
        nodes=[
            run_service_pb2.NodeStatus(node="a", state=run_service_pb2.NODE_STATE_COMPLETED),
        ],
    )
    request = server.answer(RUNS, "GetRun", response)
    assert (request.run_id, request.workflow_id, request.include_nodes) == ("", "order-7", True)
    described = answer.result()
    assert described.state is RunState.RUNNING
    assert not described.state.ended
    assert described.run.end_time is None
    assert described.input == {"id": 7}
    assert described.nodes == {"a": "COMPLETED"}
    (pending,) = described.pending_activities
    assert (pending.key, pending.state, pending.next_attempt_time) == (
        "charge",
        "BACKING_OFF",
        None,
    )
    assert pending.last_failure.kind == "Declined"


def test_a_run_has_one_name(server: Server) -> None:
    for run_id, workflow_id in [(None, None), ("r", "w")]:
        with pytest.raises(errors.InvalidRequest, match="one of the two"):
            server.client.get_run(run_id, workflow_id=workflow_id)


def test_pages_follow_each_other(server: Server) -> None:
    answer = server.call(
        lambda: list(server.client.list_runs(workflow="orders", state="failed", page_size=2))
    )
    tokens = ["", "next"]
    for token, following, ids in [("", "next", ["a", "b"]), ("next", "", ["c"])]:
        request, rpc = server.take(RUNS, "ListRuns")
        assert request.page_token == token in tokens
        assert request.state == run_service_pb2.RUN_STATE_FAILED
        response = run_service_pb2.ListRunsResponse(
            runs=[
                run_service_pb2.Run(run_id=name, state=run_service_pb2.RUN_STATE_FAILED)
                for name in ids
            ],
            next_page_token=following,
        )
        rpc.terminate(response, (), grpc.StatusCode.OK, "")
    assert [run.run_id for run in answer.result()] == ["a", "b", "c"]
    with pytest.raises(
        errors.InvalidRequest, match="'lost' is not a state of a run; known are RUN"
    ):
        next(server.client.list_runs(state="lost"))


def test_held_runs_say_what_for(server: Server) -> None:
    answer = server.call(lambda: list(server.client.list_runs(held=True)))
    held = event_pb2.Held(key="charge", incident="no attempt is left", incident_count=2)
    held.since_time.FromSeconds(7)
    runs = [run_service_pb2.Run(run_id="a", state=run_service_pb2.RUN_STATE_RUNNING, held=held)]
    request = server.answer(RUNS, "ListRuns", run_service_pb2.ListRunsResponse(runs=runs))
    assert request.held
    [run] = answer.result()
    since_time = datetime.fromtimestamp(7, UTC)
    assert run.held == Held("charge", "no attempt is left", since_time, 2)


def test_history_follows_its_pages_of_one_run(server: Server) -> None:
    answer = server.call(lambda: list(server.client.history(workflow_id="order-7", after_seq=1)))
    found = run_service_pb2.GetRunResponse(run=run_service_pb2.Run(run_id="r-1"))
    server.answer(RUNS, "GetRun", found)
    for after, following in [(1, 3), (3, 0)]:
        response = run_service_pb2.GetRunHistoryResponse(
            events=[event_pb2.Event(seq=after + 1), event_pb2.Event(seq=after + 2)],
            next_after_seq=following,
        )
        request = server.answer(RUNS, "GetRunHistory", response)
        assert (request.run_id, request.workflow_id, request.after_seq) == ("r-1", "", after)
    assert [event.seq for event in answer.result()] == [2, 3, 4, 5]


def test_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TREADLE_ADDRESS", raising=False)
    for expected in ("127.0.0.1:7400", "elsewhere:1"):
        with BlockingClient() as client:
            assert client.address == expected
        monkeypatch.setenv("TREADLE_ADDRESS", "elsewhere:1")
    with BlockingClient("given:2") as client:
        assert client.address == "given:2"
