"""`treadle runs watch`: lines, messages, the live tree, and what it is folded from."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from google.protobuf import json_format
from google.rpc import code_pb2

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import Refusal, ScriptedServer
from treadle.v1 import event_pb2
from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli.progress import RunProgress, from_description
from treadle_server.cli.states import Look


def watching(server: ScriptedServer, events: list[event_pb2.Event]) -> None:
    """The stream brings an event at a time."""
    server.answers["GetRun"] = sample_run.waiting_run()
    server.answers["WatchRun"] = lambda request: [
        runs_pb.WatchRunResponse(events=[event])
        for event in events
        if event.seq > request.after_seq
    ]


def test_lines_name_every_event(server: ScriptedServer, treadle: Treadle) -> None:
    watching(server, sample_run.declined_order())

    result = treadle("runs", "watch", "order-17", "--utc")

    assert result.exit_code == 10
    *lines, end = result.stdout.splitlines()
    assert len(lines) == 15
    assert lines[6].startswith("09:26:53.629  AttemptFailed           charge_payment  in 26ms")
    assert end == "failed at failed: OrderFailed: order 17: the card was declined"


def test_a_completed_run_ends_with_its_output(server: ScriptedServer, treadle: Treadle) -> None:
    log = sample_run.EventLog()
    output = sample_run.payload({"order": 17})
    log.add(5, run_completed=event_pb2.RunCompleted(output=output, started_time=sample_run.at(0)))
    watching(server, log.events)

    result = treadle("runs", "watch", "order-17")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == 'output {"order": 17}'


def test_jsonl_is_an_event_per_line(server: ScriptedServer, treadle: Treadle) -> None:
    watching(server, sample_run.declined_order())

    result = treadle("runs", "watch", "order-17", "-o", "jsonl")

    events = [json_format.Parse(line, event_pb2.Event()) for line in result.stdout.splitlines()]
    assert events == sample_run.declined_order()
    assert result.exit_code == 10


def test_a_lost_stream_is_resumed_without_a_gap(server: ScriptedServer, treadle: Treadle) -> None:
    events = sample_run.declined_order()
    lost = Refusal(code_pb2.UNAVAILABLE, "the server is stopping")

    def answer(request: runs_pb.WatchRunRequest) -> Iterator[object]:
        left = [event for event in events if event.seq > request.after_seq]
        yield runs_pb.WatchRunResponse(events=left[:5])
        if left[5:]:
            yield lost

    watching(server, events)
    server.answers["WatchRun"] = answer

    result = treadle("runs", "watch", "order-17", "-o", "jsonl")

    seqs = [int(json.loads(line)["seq"]) for line in result.stdout.splitlines()]
    assert seqs == list(range(1, 16))
    assert [request.after_seq for request in server.asked("WatchRun")] == [0, 5, 10]


def test_the_fold_says_what_the_events_say() -> None:
    progress = RunProgress()
    events = sample_run.declined_order()
    for event in events[:7]:
        progress.apply(event)
    charge = progress.nodes["charge_payment"]
    assert (charge.look, charge.attempt, charge.max_attempts) == (Look.BACKING_OFF, 1, 2)
    assert charge.next_attempt is not None
    assert progress.look is Look.RUNNING

    for event in events[7:]:
        progress.apply(event)
    assert {key: node.look for key, node in progress.nodes.items()} == {
        "validate_order": Look.COMPLETED,
        "charge_payment": Look.FAILED,
        "send_mail": Look.UNREACHED,
        "print_label": Look.UNREACHED,
        "release_stock": Look.COMPLETED,
    }
    assert (progress.look, progress.failed_node, progress.last_seq) == (Look.FAILED, "failed", 15)
    assert sum(progress.counts.values()) == len(progress.nodes)


def looked_at(log: sample_run.EventLog, node: str) -> tuple[RunProgress, list[Look]]:
    """A run once it has seen all of this, and how the node stood after each event."""
    progress, looks = RunProgress(), []
    for event in log.events:
        progress.apply(event)
        looks.append(progress.nodes[node].look)
    return progress, looks


def test_every_kind_of_event_has_its_effect() -> None:
    """Incidents, requeues, cancellation and skips, which the sample order does not have."""
    log = sample_run.EventLog()
    log.schedule(0, "charge")
    log.start(1, "charge")
    log.add(2, activity_requeued=event_pb2.ActivityRequeued(key="charge"))
    log.add(3, run_held=event_pb2.RunHeld(key="charge", incident="no worker fits"))
    log.add(4, incident_answered=event_pb2.IncidentAnswered(key="charge"))
    log.start(5, "charge")
    log.add(6, node_skipped=event_pb2.NodeSkipped(node="gift"))
    log.add(7, cancel_requested=event_pb2.CancelRequested())
    log.add(8, activity_cancel_requested=event_pb2.ActivityCancelRequested(key="charge"))
    log.add(9, activity_cancelled=event_pb2.ActivityCancelled(key="charge"))
    log.add(10, run_cancelled=event_pb2.RunCancelled())

    progress, looks = looked_at(log, "charge")

    assert looks == [
        Look.READY, Look.RUNNING, Look.READY, Look.HELD, Look.READY, Look.RUNNING, Look.RUNNING,
        Look.RUNNING, Look.CANCELLING, Look.CANCELLED, Look.CANCELLED,
    ]  # fmt: skip
    assert progress.nodes["gift"].look is Look.SKIPPED
    assert progress.look is Look.CANCELLED


def test_a_decision_is_done_when_the_code_has_said_what_comes_next() -> None:
    log = sample_run.EventLog()
    log.schedule(0, "decision")
    log.start(1, "decision")
    log.add(2, decision_completed=event_pb2.DecisionCompleted(key="decision", keeps=True))
    log.add(3, decision_completed=event_pb2.DecisionCompleted(key="decision"))
    log.add(3, run_completed=event_pb2.RunCompleted())

    _, looks = looked_at(log, "decision")

    assert looks == [Look.READY, Look.RUNNING, Look.RUNNING, Look.COMPLETED, Look.COMPLETED]


def test_the_end_of_a_run_closes_what_was_open() -> None:
    log = sample_run.EventLog()
    log.schedule(0, "charge")
    log.start(1, "charge")
    log.add(2, run_terminated=event_pb2.RunTerminated())

    progress = RunProgress()
    for event in log.events:
        progress.apply(event)

    assert progress.nodes["charge"].look is Look.CANCELLED
    assert progress.look is Look.TERMINATED


def test_what_needs_attention_is_shown_first() -> None:
    progress = RunProgress()
    progress.expect(f"node-{number}" for number in range(100))
    log = sample_run.EventLog()
    for number in (7, 50, 93):
        log.schedule(number, f"node-{number}")
    log.add(100, node_failed=event_pb2.NodeFailed(node="node-50"))
    log.complete(101, "node-7", None)
    for event in log.events:
        progress.apply(event)

    assert [node.key for node in progress.shown(2)] == ["node-93", "node-50"]
    assert [node.key for node in progress.shown(3)] == ["node-93", "node-50", "node-7"]
    assert len(progress.shown(100)) == 100


def test_a_description_gives_the_same_picture() -> None:
    progress = from_description(sample_run.waiting_run())

    assert [(node.key, node.look) for node in progress.nodes.values()] == [
        ("validate_order", Look.COMPLETED),
        ("charge_payment", Look.HELD),
        ("send_mail", Look.READY),
        ("print_label", Look.BACKING_OFF),
        ("update_crm", Look.RUNNING),
        ("gift_wrap", Look.SKIPPED),
        ("notify", Look.PENDING),
    ]
    assert sum(progress.counts.values()) == 7


def on_a_terminal(
    server: ScriptedServer, *arguments: str, variables: dict[str, str] | None = None
) -> tuple[int, str]:
    """Runs the real command on a terminal of 100 columns; its exit code and all it wrote."""
    ours, theirs = pty.openpty()
    environment = {
        **os.environ, "TREADLE_ADDRESS": server.address, "TERM": "xterm-256color",
        "COLUMNS": "100", "LINES": "30",
    }  # fmt: skip
    environment.pop("NO_COLOR", None)
    environment.update(variables or {})
    process = subprocess.Popen(
        [sys.executable, "-c", "from treadle_server.cli.main import main; main()", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    give_up_at = time.monotonic() + 60
    try:
        while time.monotonic() < give_up_at:
            readable, _, _ = select.select([ours], [], [], 1.0)
            if not readable:
                continue
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not part:
                break
            written += part
        return process.wait(timeout=10), written.decode()
    finally:
        process.kill()
        os.close(ours)


def test_a_terminal_gets_a_live_tree(server: ScriptedServer) -> None:
    watching(server, sample_run.declined_order())

    code, written = on_a_terminal(server, "runs", "watch", "order-17")

    assert code == 10
    assert "\x1b[?25l" in written  # the cursor is hidden while the tree is drawn again and again
    last_frame = written.rsplit("\x1b[2K", 1)[-1]  # what was not wiped to be drawn again
    last_frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last_frame).replace("\r", "")
    assert "✗ order_processing v3  failed  1.1s  order-17" in last_frame
    assert re.search(r"├─ ✓ validate_order +completed +13ms", last_frame)
    assert re.search(r"├─ ✗ charge_payment +failed +1\.1s +2 attempts", last_frame)
    assert re.search(r"├─ - send_mail +unreached", last_frame)
    assert all(len(line) <= 100 for line in last_frame.splitlines())


def test_a_dumb_terminal_gets_a_line_per_event(server: ScriptedServer) -> None:
    watching(server, sample_run.declined_order())

    code, written = on_a_terminal(server, "runs", "watch", "order-17", variables={"TERM": "dumb"})

    assert code == 10
    assert "ActivityScheduled" in written


@pytest.mark.parametrize(("options", "variables"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_colours_can_be_switched_off(
    server: ScriptedServer, options: list[str], variables: dict[str, str]
) -> None:
    server.answers["ListRuns"] = runs_pb.ListRunsResponse(runs=[sample_run.run_message()])

    _, coloured = on_a_terminal(server, "runs", "list")
    _, plain = on_a_terminal(server, "runs", "list", *options, variables=variables)

    colour = re.compile(r"\x1b\[(?:\d+;)*3[0-7]m")
    assert colour.search(coloured)
    assert not colour.search(plain)
