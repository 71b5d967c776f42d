"""`treadle runs`: lists, descriptions, histories and steering."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from google.rpc import code_pb2

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import NOT_FOUND, Refusal, ScriptedServer
from treadle.replaying import read_history
from treadle.v1 import event_pb2, payload_pb2
from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli.states import Look, activity_look, node_look


def pages(sizes: Sequence[int]) -> dict[str, runs_pb.ListRunsResponse]:
    """Pages of runs by their token."""
    answers: dict[str, runs_pb.ListRunsResponse] = {}
    for number, size in enumerate(sizes):
        following = str(number + 1) if number + 1 < len(sizes) else ""
        answers[str(number) if number else ""] = runs_pb.ListRunsResponse(
            runs=[sample_run.run_message(runs_pb.RUN_STATE_COMPLETED)] * size,
            next_page_token=following,
        )
    return answers


def lists(server: ScriptedServer, *sizes: int) -> None:
    by_token = pages(sizes)
    server.answers["ListRuns"] = lambda request: by_token[request.page_token]


def test_list_shows_a_line_per_run(server: ScriptedServer, treadle: Treadle) -> None:
    lists(server, 2)

    result = treadle("runs", "list", "--workflow", "orders", "--state", "timed_out")

    head, *lines = result.stdout.splitlines()
    assert head.split() == ["RUN", "WORKFLOW", "WORKFLOW", "ID", "STATE", "STARTED", "TOOK"]
    assert len(lines) == 2
    assert lines[0].startswith(f"{sample_run.RUN_ID}  order_processing v3  order-17")
    assert "✓ completed" in lines[0]
    (request,) = server.asked("ListRuns")
    assert (request.workflow, request.state) == ("orders", runs_pb.RUN_STATE_TIMED_OUT)


def test_list_says_that_there_are_more(server: ScriptedServer, treadle: Treadle) -> None:
    lists(server, 2, 2)

    result = treadle("runs", "list", "-n", "3")

    assert len(result.stdout.splitlines()) == 1 + 3
    assert "there are more" in result.stderr
    assert "more" not in treadle("runs", "list", "-n", "4").stderr


@pytest.mark.parametrize("output", ["json", "jsonl", "yaml"])
def test_scripts_are_told_that_there_are_more(
    server: ScriptedServer, treadle: Treadle, output: str
) -> None:
    lists(server, 2, 2)
    nodes = [runs_pb.NodeExecution(key=f"{number}") for number in range(4)]
    server.answers["ListRunNodes"] = runs_pb.ListRunNodesResponse(executions=nodes)

    listed = treadle("runs", "list", "-n", "3", "-o", output)
    nodes_listed = treadle("runs", "nodes", "order-17", "-n", "3", "-o", output)

    assert "there are more" in listed.stderr
    assert "there are more" in nodes_listed.stderr
    assert listed.stdout.count(sample_run.TRACE_ID) == 3


def test_every_state_can_be_asked_for(server: ScriptedServer, treadle: Treadle) -> None:
    lists(server, 0)

    asked = [state.removeprefix("RUN_STATE_").lower() for state in runs_pb.RunState.keys()[1:]]
    codes = {state: treadle("runs", "list", "--state", state).exit_code for state in asked}

    assert codes == dict.fromkeys(asked, 0)


def test_list_without_limit_reads_all_pages(server: ScriptedServer, treadle: Treadle) -> None:
    lists(server, 2, 2, 1)

    result = treadle("runs", "list", "--all", "-o", "jsonl")

    runs = [json_format.Parse(line, runs_pb.Run()) for line in result.stdout.splitlines()]
    assert runs == [sample_run.run_message(runs_pb.RUN_STATE_COMPLETED)] * 5


def test_json_is_the_message(server: ScriptedServer, treadle: Treadle) -> None:
    lists(server, 2)

    result = treadle("-o", "json", "runs", "list")

    assert json_format.Parse(result.stdout, runs_pb.ListRunsResponse()) == pages([2])[""]
    assert result.stderr == ""


def test_yaml_says_what_json_says(server: ScriptedServer, treadle: Treadle) -> None:
    server.answers["GetRun"] = sample_run.waiting_run()

    as_json = treadle("runs", "get", "order-17", "-o", "json").stdout
    as_yaml = treadle("runs", "get", "order-17", "-o", "yaml").stdout

    assert yaml.safe_load(as_yaml) == json.loads(as_json)


def test_absent_fields_are_there_for_scripts(server: ScriptedServer, treadle: Treadle) -> None:
    server.answers["GetRun"] = runs_pb.GetRunResponse(run=sample_run.run_message())

    described = json.loads(treadle("runs", "get", "order-17", "-o", "json").stdout)

    assert described["cancelRequested"] is False
    assert described["pendingActivities"] == []


def test_no_runs_is_a_message_not_data(server: ScriptedServer, treadle: Treadle) -> None:
    lists(server, 0)

    result = treadle("runs", "list")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No runs.\n")


def test_get_says_why_each_activity_waits(server: ScriptedServer, treadle: Treadle) -> None:
    server.answers["GetRun"] = sample_run.waiting_run()

    result = treadle("runs", "get", "order-17", "--utc")

    lines = {line.split()[2]: line for line in result.stdout.splitlines() if line[:1] in "├└"}
    assert "waits for a person: charge_payment used up its attempts" in lines["charge_payment"]
    assert "waits for a worker on queue 'mail'" in lines["send_mail"]
    assert "attempt 3 of 4 in " in lines["print_label"]
    assert "PrinterOffline: no answer from printer 3" in lines["print_label"]
    assert "attempt 1 on shop-1/4711" in lines["update_crm"]
    assert "skipped" in lines["gift_wrap"]
    assert "pending" in lines["notify"]
    assert "2026-03-14 09:26:53.589 UTC" in result.stdout
    assert f"treadle runs answer {sample_run.RUN_ID} charge_payment" in result.stderr


def test_get_shows_status_warnings_and_what_code_published(
    server: ScriptedServer, treadle: Treadle
) -> None:
    answer = runs_pb.GetRunResponse(
        run=sample_run.run_message(), status="waiting", warnings=["the history has 20,000 events"]
    )
    answer.attributes["progress"].data = b'"step 2 of 5"'
    server.answers["GetRun"] = answer

    shown = treadle("runs", "get", "order-17").stdout

    facts = dict(line.split(maxsplit=1) for line in shown.splitlines() if line.startswith("  "))
    assert facts["status"] == "waiting"
    assert facts["warning"] == "the history has 20,000 events"
    assert facts["progress"] == '"step 2 of 5"'


def test_get_shows_few_of_many_nodes_unless_asked(server: ScriptedServer, treadle: Treadle) -> None:
    nodes = [
        runs_pb.NodeStatus(node=f"node-{number}", state=runs_pb.NODE_STATE_COMPLETED)
        for number in range(1000)
    ]
    nodes[500].state = runs_pb.NODE_STATE_FAILED
    server.answers["GetRun"] = runs_pb.GetRunResponse(run=sample_run.run_message(), nodes=nodes)

    short = treadle("runs", "get", "order-17").stdout
    full = treadle("runs", "get", "order-17", "--full").stdout

    assert "node-500 " in short
    assert "and 960 more" in short
    assert "999 completed, 1 failed" in short
    assert sum("node-" in line for line in full.splitlines()) == 1000


@pytest.mark.parametrize(
    ("named", "options", "run_id", "workflow_id"),
    [
        (sample_run.RUN_ID, [], sample_run.RUN_ID, ""),
        (sample_run.RUN_ID.upper(), [], sample_run.RUN_ID, ""),
        (sample_run.RUN_ID, ["--by-workflow-id"], "", sample_run.RUN_ID),
        ("order-17", [], "", "order-17"),
        # A UUID of another version is nobody's run id.
        ("5f0c9d3e-8a51-4c0e-9d0b-6f6e7c118a52", [], "", "5f0c9d3e-8a51-4c0e-9d0b-6f6e7c118a52"),
    ],
)
def test_a_run_is_named_by_either_id(
    server: ScriptedServer,
    treadle: Treadle,
    named: str,
    options: list[str],
    run_id: str,
    workflow_id: str,
) -> None:
    server.answers["GetRun"] = sample_run.waiting_run()

    treadle("runs", "get", named, *options)

    (request,) = server.asked("GetRun")
    assert (request.run_id, request.workflow_id) == (run_id, workflow_id)


@pytest.mark.parametrize("verb", ["get", "history", "wait", "watch", "cancel", "terminate"])
def test_an_unknown_run_has_its_code(server: ScriptedServer, treadle: Treadle, verb: str) -> None:
    methods = ("GetRun", "GetRunHistory", "WatchRun", "WaitRun", "CancelRun", "TerminateRun")
    server.answers = dict.fromkeys(methods, NOT_FOUND)

    result = treadle("runs", verb, "order-17")

    assert (result.exit_code, result.stdout) == (4, "")
    assert "there is no such run" in result.stderr


def history(server: ScriptedServer, events: list[event_pb2.Event]) -> None:
    """In pages of four events."""
    server.answers["GetRun"] = sample_run.waiting_run()

    def answer(request: runs_pb.GetRunHistoryRequest) -> runs_pb.GetRunHistoryResponse:
        left = [event for event in events if event.seq > request.after_seq]
        following = left[3].seq if len(left) > 4 else 0
        return runs_pb.GetRunHistoryResponse(events=left[:4], next_after_seq=following)

    server.answers["GetRunHistory"] = answer


def test_history_words_every_event(server: ScriptedServer, treadle: Treadle) -> None:
    history(server, sample_run.declined_order())

    result = treadle("runs", "history", "order-17", "--utc")

    assert [line.split()[2] for line in result.stdout.splitlines()[1:]] == [
        "RunStarted",
        "ActivityScheduled",
        "AttemptStarted",
        "ActivityCompleted",
        "ActivityScheduled",
        "AttemptStarted",
        "AttemptFailed",
        "AttemptStarted",
        "ActivityFailed",
        "EdgesDecided",
        "NodesUnreached",
        "ActivityScheduled",
        "AttemptStarted",
        "ActivityCompleted",
        "RunFailed",
    ]
    line = result.stdout.splitlines()[7]
    assert line.split()[:2] == ["7", "09:26:53.629"]
    assert "charge_payment" in line
    assert "in 26ms, attempt 1, next at 09:26:54.629, PaymentProviderDown: 503" in line


def test_history_can_begin_later(server: ScriptedServer, treadle: Treadle) -> None:
    history(server, sample_run.declined_order())

    result = treadle("runs", "history", "order-17", "--after", "12", "-o", "jsonl")

    events = [json_format.Parse(line, event_pb2.Event()) for line in result.stdout.splitlines()]
    assert events == sample_run.declined_order()[12:]


@pytest.mark.parametrize("run", ["order-17", sample_run.RUN_ID])
def test_a_history_for_a_replay_has_the_runs_id(
    server: ScriptedServer, treadle: Treadle, run: str
) -> None:
    history(server, sample_run.declined_order())

    read = read_history(treadle("runs", "history", run, "-o", "json").stdout)

    assert read.run_id == sample_run.RUN_ID
    assert read == sample_run.declined_order()


def test_long_values_are_shortened_unless_asked(server: ScriptedServer, treadle: Treadle) -> None:
    log = sample_run.EventLog()
    log.complete(12, "big", "x" * 5000)
    history(server, log.events)

    short = treadle("runs", "history", "order-17").stdout
    full = treadle("runs", "history", "order-17", "--full").stdout

    assert "xxx…" in short
    assert len(short) < 400
    assert "x" * 5000 in full


def test_what_came_from_outside_cannot_steer_the_terminal(
    server: ScriptedServer, treadle: Treadle
) -> None:
    log = sample_run.EventLog()
    nasty = "\x1b[2J\x07evil\u202etxt"
    log.add(
        1,
        node_failed=event_pb2.NodeFailed(node=nasty, failure=sample_run.failure(nasty, nasty)),
    )
    history(server, log.events)

    result = treadle("runs", "history", "order-17")

    assert "\\x1b[2J\\x07evil\\u202etxt" in result.stdout
    assert not set("\x1b\x07\u202e") & set(result.stdout)


def test_steering_sends_the_reason(server: ScriptedServer, treadle: Treadle) -> None:
    run = sample_run.run_message(runs_pb.RUN_STATE_TERMINATED)
    server.answers = {
        "CancelRun": runs_pb.CancelRunResponse(run=run),
        "TerminateRun": runs_pb.TerminateRunResponse(run=run),
        "AnswerIncident": runs_pb.AnswerIncidentResponse(run=run),
    }

    results = [
        treadle("runs", "cancel", "order-17", "--reason", "twice"),
        treadle("runs", "terminate", "order-17", "--reason", "twice"),
        treadle("runs", "answer", "order-17", "charge", "retry", "--reason", "twice"),
    ]

    assert [result.exit_code for result in results] == [0, 0, 0]
    assert [result.stdout for result in results] == ["", "", ""]
    assert [request.reason for _, request in server.requests] == ["twice"] * 3
    (answered,) = server.asked("AnswerIncident")
    assert (answered.key, answered.answer) == ("charge", event_pb2.INCIDENT_ANSWER_RETRY)


def test_a_reset_says_which_run_goes_on(server: ScriptedServer, treadle: Treadle) -> None:
    run = sample_run.run_message(runs_pb.RUN_STATE_RUNNING)
    server.answers = {
        "GetRun": runs_pb.GetRunResponse(run=run),
        "AnswerIncident": runs_pb.AnswerIncidentResponse(run=run),
    }

    table = treadle("runs", "reset", "order-17", "charge")
    plain = treadle("runs", "reset", "order-17", "charge", "-o", "json")

    assert (table.exit_code, table.stdout) == (0, "")
    assert run.run_id in table.stderr
    assert json.loads(plain.stdout) == {"runId": run.run_id}


def test_an_unknown_answer_is_refused_here(server: ScriptedServer, treadle: Treadle) -> None:
    result = treadle("runs", "answer", "order-17", "charge", "perhaps")

    assert result.exit_code == 2
    assert server.requests == []


def test_what_limits_an_activity_is_shown_in_full(server: ScriptedServer, treadle: Treadle) -> None:
    log = sample_run.EventLog()
    log.schedule(0, "charge", max_attempts=4)
    log.schedule(0, "mail", max_attempts=0)
    history(server, log.events)

    short = treadle("runs", "history", "order-17").stdout
    full = treadle("runs", "history", "order-17", "--full").stdout

    assert 'charge  input {"order": 17}\n' in short
    assert 'charge  input {"order": 17}, up to 4 attempts, start_to_close 10.0s\n' in full
    assert "attempts without limit" in full


@pytest.mark.parametrize("verb", ["get", "nodes"])
def test_values_in_another_encoding_are_told_by_it(
    server: ScriptedServer, treadle: Treadle, verb: str
) -> None:
    sealed = payload_pb2.Payload(metadata={"encoding": b"binary/sealed"}, data=b"????")
    described = runs_pb.GetRunResponse(run=sample_run.run_message(), input=sealed)
    described.attributes["progress"].CopyFrom(sealed)
    executed = runs_pb.NodeExecution(key="charge", kind="activity", input=sealed, output=sealed)
    server.answers["GetRun"] = described
    server.answers["ListRunNodes"] = runs_pb.ListRunNodesResponse(executions=[executed])

    result = treadle("runs", verb, "order-17")

    assert result.exit_code == 0
    assert "<4 bytes, binary/sealed>" in result.stdout


def test_nothing_is_merged_into_an_input_that_cannot_be_read(
    server: ScriptedServer, treadle: Treadle
) -> None:
    sealed = payload_pb2.Payload(metadata={"encoding": b"binary/sealed"}, data=b"????")
    server.answers["GetRun"] = runs_pb.GetRunResponse(run=sample_run.run_message(), input=sealed)

    result = treadle("runs", "retry", "order-17", "--merge-input", '{"a": 1}')

    assert result.exit_code == 1
    assert "give a new one with --input" in result.stderr
    assert server.asked("RetryRun") == []


@pytest.mark.parametrize("command", ["list", "nodes"])
def test_a_limit_may_be_as_large_as_a_number_gets(
    server: ScriptedServer, treadle: Treadle, command: str
) -> None:
    lists(server, 2)
    server.answers["ListRunNodes"] = runs_pb.ListRunNodesResponse()
    run = ["order-17"] if command == "nodes" else []

    assert treadle("runs", command, *run, "-n", f"{2**53 - 1}").exit_code == 0
    assert treadle("runs", command, *run, "-n", f"{2**63 - 1}").exit_code == 2


def test_machines_are_told_which_run_goes_on_after_a_reset(
    server: ScriptedServer, treadle: Treadle
) -> None:
    failed = sample_run.run_message(runs_pb.RUN_STATE_FAILED)
    server.answers["GetRun"] = runs_pb.GetRunResponse(run=failed)
    server.answers["RetryRun"] = runs_pb.RetryRunResponse(run_id=sample_run.RUN_ID)

    result = treadle("runs", "reset", "order-17", "charge", "-o", "json")

    assert json.loads(result.stdout) == {"runId": sample_run.RUN_ID}


def test_the_answer_that_is_proposed_can_be_typed(server: ScriptedServer, treadle: Treadle) -> None:
    waiting = sample_run.waiting_run()
    waiting.pending_activities[0].key = "charge card[0]"
    server.answers["GetRun"] = waiting

    result = treadle("runs", "get", "order-17")

    assert f"treadle runs answer {sample_run.RUN_ID} 'charge card[0]' " in result.stderr


def test_get_shows_few_of_many_waits_unless_asked(server: ScriptedServer, treadle: Treadle) -> None:
    children = [
        runs_pb.PendingChild(key=f"{number}", workflow="ship", run_id=sample_run.RUN_ID)
        for number in range(1000)
    ]
    server.answers["GetRun"] = runs_pb.GetRunResponse(
        run=sample_run.run_message(), pending_children=children
    )

    short = treadle("runs", "get", "order-17").stdout
    full = treadle("runs", "get", "order-17", "--full").stdout

    assert short.count("waits for") == 40
    assert "and 960 more" in short
    assert full.count("waits for") == 1000


def test_what_a_server_quotes_cannot_steer_the_terminal(
    server: ScriptedServer, treadle: Treadle
) -> None:
    server.answers["GetRun"] = Refusal(code_pb2.NOT_FOUND, "there is no run '\x1b[2J\u202e'")

    result = treadle("runs", "get", "order-17")

    assert result.stderr == "Error: there is no run '\\x1b[2J\\u202e'\n"


def test_what_a_newer_server_knows_is_shown_by_its_number(
    server: ScriptedServer, treadle: Treadle
) -> None:
    newer: Any = 99
    failure = payload_pb2.Failure(kind="treadle.Timeout", timeout_kind=newer)
    log = sample_run.EventLog()
    log.add(
        1, activity_failed=event_pb2.ActivityFailed(key="a", failure=failure, retry_state=newer)
    )
    log.add(2, child_ended=event_pb2.ChildEnded(key="b", end=newer))
    log.add(3, incident_answered=event_pb2.IncidentAnswered(key="c", answer=newer))
    history(server, log.events)

    failed, ended, answered = treadle("runs", "history", "order-17").stdout.splitlines()[1:]

    assert "treadle.Timeout (99) (99)" in failed
    assert ended.endswith("99")
    assert answered.endswith("99")
    assert node_look(newer) is activity_look(newer) is Look.UNKNOWN
