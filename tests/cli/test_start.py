"""`treadle start` and `runs wait`: what is sent, what is printed, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.rpc import code_pb2

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import Refusal, ScriptedServer
from treadle.v1 import payload_pb2
from treadle.v1 import run_service_pb2 as runs_pb

STARTED = runs_pb.StartRunResponse(
    run_id=sample_run.RUN_ID, workflow_id="order-17", version=3, started=True
)


@pytest.fixture
def orders(server: ScriptedServer) -> ScriptedServer:
    server.answers["StartRun"] = STARTED
    return server


def ends_as(server: ScriptedServer, state: runs_pb.RunState) -> None:
    """The run of the script ends so."""
    events = sample_run.declined_order()
    run = sample_run.run_message(state, last_seq=len(events))
    completed = state == runs_pb.RUN_STATE_COMPLETED
    server.answers["WaitRun"] = runs_pb.WaitRunResponse(
        ended=True,
        run=run,
        output=sample_run.payload({"order": 17}) if completed else None,
        failure=events[-1].run_failed.failure if state == runs_pb.RUN_STATE_FAILED else None,
    )
    server.answers["GetRun"] = runs_pb.GetRunResponse(run=run)
    server.answers["GetRunHistory"] = lambda request: runs_pb.GetRunHistoryResponse(
        events=[event for event in events if event.seq > request.after_seq]
    )


def test_prints_the_run_id_alone_on_stdout(orders: ScriptedServer, treadle: Treadle) -> None:
    result = treadle("start", "orders", "--input", '{"id": 17}')

    assert result.exit_code == 0
    assert result.stdout == f"{sample_run.RUN_ID}\n"
    assert "started orders v3 as order-17" in result.stderr


def test_sends_what_the_options_say(orders: ScriptedServer, treadle: Treadle) -> None:
    treadle(
        "start", "orders", "--input", "7", "--version", "3", "--id", "order-17",
        "--request-id", "first", "--run-timeout", "1h30m", "--namespace", "shop",
    )  # fmt: skip

    (request,) = orders.asked("StartRun")
    assert (request.workflow, request.version, request.namespace) == ("orders", 3, "shop")
    assert (request.workflow_id, request.request_id) == ("order-17", "first")
    assert request.run_timeout.seconds == 5400


def test_what_becomes_of_an_id_that_is_taken_may_be_said(
    orders: ScriptedServer, treadle: Treadle
) -> None:
    treadle("start", "orders", "--id", "order-17")
    treadle(
        "start", "orders", "--id", "order-17", "--conflict-policy", "use_existing",
        "--reuse-policy", "reject_duplicate",
    )  # fmt: skip

    plain, said = orders.asked("StartRun")
    assert (plain.conflict_policy, plain.reuse_policy) == (0, 0)
    assert said.conflict_policy == runs_pb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
    assert said.reuse_policy == runs_pb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE


def test_the_input_arrives_as_it_was_typed(orders: ScriptedServer, treadle: Treadle) -> None:
    treadle("start", "orders", "--input", '{"price": 1.10, "big": 12345678901234567890}')

    (request,) = orders.asked("StartRun")
    assert request.input.data == b'{"price": 1.10, "big": 12345678901234567890}'


def test_the_input_comes_from_a_file_or_stdin(
    orders: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"from": "file"}')

    treadle("start", "orders", "--input", f"@{file}")
    treadle("start", "orders", "--input", "-", stdin='{"from": "stdin"}')

    assert [json.loads(request.input.data)["from"] for request in orders.asked("StartRun")] == [
        "file",
        "stdin",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,, "b": 2}', "line 1, column 9"),
        ('{\n  "a": tru\n}', "line 2, column 8"),
        ('{"a":\n', "line 2, column 1"),
        ('"a\n"', "Invalid control character at line 1, column 3"),
        ("", "line 1, column 1"),
        ("NaN", "NaN is not JSON"),
        ("@no/such/file", "cannot read no/such/file: No such file"),
        ("[" * 100_000, "recursion"),
        (json.dumps("x" * 2 * 1024 * 1024), "at most 2,097,152 are allowed"),
    ],
)
def test_input_that_cannot_be_read_is_refused_before_anything_is_sent(
    orders: ScriptedServer, treadle: Treadle, text: str, said: str
) -> None:
    result = treadle("start", "orders", "--input", text)

    assert result.exit_code == 2
    assert said in result.stderr
    assert orders.requests == []


@pytest.mark.parametrize(
    ("written", "code", "sent"),
    [
        (b'\xef\xbb\xbf{"a": 1}', 0, b'{"a": 1}'),
        ('{"a": 1}'.encode("utf-16"), 2, None),
        (b'"\xff"', 2, None),
    ],
)
def test_a_file_is_sent_as_utf_8_alone(
    orders: ScriptedServer,
    treadle: Treadle,
    tmp_path: Path,
    written: bytes,
    code: int,
    sent: bytes | None,
) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(written)

    result = treadle("start", "orders", "--input", f"@{file}")

    assert result.exit_code == code
    assert [request.input.data for request in orders.asked("StartRun")] == ([sent] if sent else [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--id", "order-\udcff"], "'order-\\udcff' is not UTF-8"),
        (["--input", '"\udcff"'], "not JSON"),
        (["--version", "9" * 30], "is too large; at most 9,007,199,254,740,991 is allowed"),
        (["--at", "0001-01-01"], "is not a time"),
        (["--at", "2026-12-24", "--delay", "1h"], "give --at or --delay, one of the two"),
        (["--delay", "200000d"], "is not a duration longer than 0 and up to 100 years"),
    ],
)
def test_what_the_api_cannot_take_is_refused_here(
    orders: ScriptedServer, treadle: Treadle, line: list[str], said: str
) -> None:
    result = treadle("start", "orders", *line)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert orders.requests == []


@pytest.mark.parametrize("text", ["", "0", "-5s", "soon", "5 parsecs"])
def test_a_duration_that_cannot_be_one_is_refused(
    orders: ScriptedServer, treadle: Treadle, text: str
) -> None:
    result = treadle("start", "orders", f"--run-timeout={text}")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not a duration" in result.stderr
    assert orders.requests == []


def test_machines_get_the_message(orders: ScriptedServer, treadle: Treadle) -> None:
    result = treadle("start", "orders", "-o", "json", "-q")

    assert json_format.Parse(result.stdout, runs_pb.StartRunResponse()) == STARTED
    assert result.stderr == ""


def test_wait_prints_the_output(orders: ScriptedServer, treadle: Treadle) -> None:
    ends_as(orders, runs_pb.RUN_STATE_COMPLETED)

    result = treadle("start", "orders", "--wait")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"order": 17}


def test_wait_prints_bytes_as_they_are(orders: ScriptedServer, treadle: Treadle) -> None:
    ends_as(orders, runs_pb.RUN_STATE_COMPLETED)
    picture = payload_pb2.Payload(metadata={"encoding": b"binary/plain"}, data=b"\x89PNG\n")
    orders.answers["WaitRun"].output.CopyFrom(picture)

    assert treadle("start", "orders", "--wait").stdout_bytes == b"\x89PNG\n"


def test_a_failed_run_says_kind_message_and_node(orders: ScriptedServer, treadle: Treadle) -> None:
    ends_as(orders, runs_pb.RUN_STATE_FAILED)

    result = treadle("start", "orders", "--wait")

    assert (result.exit_code, result.stdout) == (10, "")
    assert "kind:     OrderFailed" in result.stderr
    assert "message:  order 17: the card was declined" in result.stderr
    assert "node:     failed" in result.stderr


def test_values_that_cannot_be_read_change_no_ending(
    orders: ScriptedServer, treadle: Treadle
) -> None:
    ends_as(orders, runs_pb.RUN_STATE_FAILED)
    sealed = payload_pb2.Payload(metadata={"encoding": b"binary/sealed"}, data=b"?")
    orders.answers["GetRun"].input.CopyFrom(sealed)
    orders.answers["WaitRun"].failure.details.CopyFrom(sealed)

    result = treadle("start", "orders", "--wait")

    assert result.exit_code == 10
    assert "node:     failed" in result.stderr


def test_an_output_that_cannot_be_printed_is_said_to_be_there(
    orders: ScriptedServer, treadle: Treadle
) -> None:
    ends_as(orders, runs_pb.RUN_STATE_COMPLETED)
    orders.answers["WaitRun"].output.data = b"{"

    result = treadle("start", "orders", "--wait")

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"run {sample_run.RUN_ID} completed" in result.stderr
    assert f"treadle runs get {sample_run.RUN_ID} -o json" in result.stderr


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        (runs_pb.RUN_STATE_CANCELLED, 11, "was cancelled"),
        (runs_pb.RUN_STATE_TIMED_OUT, 12, "reached its run timeout"),
        (runs_pb.RUN_STATE_TERMINATED, 13, "was terminated"),
    ],
)
def test_every_other_ending_has_its_code(
    orders: ScriptedServer, treadle: Treadle, state: runs_pb.RunState, code: int, said: str
) -> None:
    ends_as(orders, state)

    result = treadle("runs", "wait", sample_run.RUN_ID)

    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_waiting_has_an_end_of_its_own(orders: ScriptedServer, treadle: Treadle) -> None:
    orders.answers["GetRun"] = runs_pb.GetRunResponse(run=sample_run.run_message())
    orders.answers["WaitRun"] = runs_pb.WaitRunResponse(ended=False)

    result = treadle("runs", "wait", "order-17", "--timeout", "50ms")

    assert result.exit_code == 1
    assert "has not ended; it goes on" in result.stderr


def test_an_open_run_in_the_way_is_named(orders: ScriptedServer, treadle: Treadle) -> None:
    orders.answers["StartRun"] = Refusal(
        code_pb2.ALREADY_EXISTS,
        "an open run has the workflow id order-17",
        reason="WORKFLOW_ID_IN_USE",
        metadata={"run_id": sample_run.RUN_ID},
    )

    result = treadle("start", "orders", "--id", "order-17")

    assert result.exit_code == 1
    assert f"treadle runs get {sample_run.RUN_ID}" in result.stderr


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal(code_pb2.INVALID_ARGUMENT, "no", violations=(("input.id", "no number"),)), 2),
        (Refusal(code_pb2.NOT_FOUND, "there is no workflow 'orders'"), 4),
        (Refusal(code_pb2.RESOURCE_EXHAUSTED, "too much"), 1),
        (Refusal(code_pb2.INTERNAL, "error 4711"), 1),
        (Refusal(code_pb2.DEADLINE_EXCEEDED, "too slow"), 3),
    ],
)  # fmt: skip
def test_refusals_have_their_codes(
    orders: ScriptedServer, treadle: Treadle, refusal: Refusal, code: int
) -> None:
    orders.answers["StartRun"] = refusal

    result = treadle("start", "orders")

    assert (result.exit_code, result.stdout) == (code, "")
    assert refusal.message in result.stderr
    for path, description in refusal.violations:
        assert f"{path}: {description}" in result.stderr


def test_an_absent_server_is_said_to_be_so(treadle: Treadle) -> None:
    result = treadle("start", "orders", "--address", "127.0.0.1:1")

    assert result.exit_code == 3
    assert "no server answers at 127.0.0.1:1" in result.stderr
    assert "treadle server" in result.stderr
