"""The blocking client's steering verbs: what they send and what they read."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from google.rpc import error_details_pb2

from tests.worker_sdk.fake_channel import RUNS, Server
from treadle import errors, payload
from treadle.client import RunState
from treadle.v1 import event_pb2, run_service_pb2


@pytest.fixture
def server() -> Iterator[Server]:
    playing = Server()
    yield playing
    playing.close()


def test_steering(server: Server) -> None:
    client = server.client
    run = run_service_pb2.Run(run_id="r-1", state=run_service_pb2.RUN_STATE_CANCELLED)

    answer = server.call(lambda: client.cancel("r-1", reason="typo"))
    request = server.answer(RUNS, "CancelRun", run_service_pb2.CancelRunResponse(run=run))
    assert (request.run_id, request.reason, bool(request.request_id)) == ("r-1", "typo", True)
    assert answer.result().state is RunState.CANCELLED

    answer = server.call(lambda: client.terminate(workflow_id="order-7"))
    request = server.answer(RUNS, "TerminateRun", run_service_pb2.TerminateRunResponse(run=run))
    assert (request.workflow_id, bool(request.request_id)) == ("order-7", True)
    answer.result()

    answer = server.call(lambda: client.answer("r-1", key="charge", answer="retry"))
    request = server.answer(RUNS, "AnswerIncident", run_service_pb2.AnswerIncidentResponse(run=run))
    assert (request.key, request.answer) == ("charge", event_pb2.INCIDENT_ANSWER_RETRY)
    answer.result()


def test_what_people_decide(server: Server) -> None:
    client = server.client
    run = run_service_pb2.Run(run_id="r-1")

    answer = server.call(lambda: client.answer("r-1", key="charge", answer="skip", output=7))
    request = server.answer(RUNS, "AnswerIncident", run_service_pb2.AnswerIncidentResponse(run=run))
    assert (request.answer, request.output.data) == (event_pb2.INCIDENT_ANSWER_SKIP, b"7")
    answer.result()

    answer = server.call(lambda: client.skip("r-1", key="charge", reason="known"))
    request = server.answer(RUNS, "SkipActivity", run_service_pb2.SkipActivityResponse(run=run))
    assert (request.key, request.reason, request.HasField("output")) == ("charge", "known", False)
    answer.result()

    answer = server.call(lambda: client.pause("r-1", reason="night"))
    request = server.answer(RUNS, "PauseRun", run_service_pb2.PauseRunResponse(run=run))
    assert (request.run_id, request.reason, bool(request.request_id)) == ("r-1", "night", True)
    answer.result()

    answer = server.call(lambda: client.resume("r-1"))
    request = server.answer(RUNS, "ResumeRun", run_service_pb2.ResumeRunResponse(run=run))
    assert request.run_id == "r-1"
    answer.result()


def test_what_a_run_is_told(server: Server) -> None:
    client = server.client
    run = run_service_pb2.Run(run_id="r-1")

    answer = server.call(lambda: client.send_event("paid", {"by": "Ada"}, workflow_id="order-7"))
    request = server.answer(RUNS, "SendEvent", run_service_pb2.SendEventResponse(run=run))
    assert (request.name, request.workflow_id, bool(request.event_id)) == ("paid", "order-7", True)
    assert payload.decode(request.payload) == {"by": "Ada"}
    answer.result()

    answer = server.call(lambda: client.retry("r-1", new_input=3))
    response = run_service_pb2.RetryRunResponse(run_id="r-2", started=True)
    request = server.answer(RUNS, "RetryRun", response)
    assert (request.run_id, request.input.data) == ("r-1", b"3")
    assert answer.result().run_id == "r-2"

    with pytest.raises(errors.InvalidRequest, match="known are retry, skip, fail"):
        client.answer("r-1", key="charge", answer="later")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidRequest, match="not a conflict policy"):
        client.start("orders", conflict_policy="terminate")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidRequest, match="not a reuse policy"):
        client.start("orders", reuse_policy="maybe")  # type: ignore[arg-type]


def test_a_reset_with_a_request_id_asks_the_other_way_first(server: Server) -> None:
    """The run may stand otherwise than when the request id was used."""
    ended = run_service_pb2.Run(run_id="r-1", state=run_service_pb2.RUN_STATE_FAILED)
    answer = server.call(lambda: server.client.reset("r-1", key="charge", request_id="q"))
    server.answer(RUNS, "GetRun", run_service_pb2.GetRunResponse(run=ended))
    info = error_details_pb2.ErrorInfo(reason="RUN_ENDED")
    code = grpc.StatusCode.FAILED_PRECONDITION
    server.refuse(RUNS, "AnswerIncident", code, "has ended", info)
    response = run_service_pb2.RetryRunResponse(run_id="r-2")
    request = server.answer(RUNS, "RetryRun", response)
    assert (request.request_id, request.from_key) == ("q", "charge")
    assert answer.result() == "r-2"
