"""State machines and run groups from the command line, against a real server and a real worker."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from examples.local_service import REPOSITORY, TREADLE, LocalService, local_service
from treadle.v1 import run_service_pb2 as runs_pb

SECONDS = 60
"""Longer than anything here takes; what hangs fails."""

ACTIVITIES = """\
import treadle

@treadle.activity
def waiting_for_payment() -> None:
    pass

@treadle.activity
def process_payment(event: dict) -> dict:
    return {"payment_id": f"p-{event['payment']}"}

@treadle.activity
def create_shipment(payment_id: str) -> None:
    pass
"""

INSTANCE = """\
treadle: v1
kind: machine
name: instance
states:
  begun:
    always:
      - {target: refused, guard: params == 'refuse'}
      - {target: napping, guard: params == 'nap'}
    on: {finish: done}
  napping:
    after: {10ms: done}
  refused:
    final: {fail: {kind: Refused, message: "'not this one'"}}
  done:
    final: {output: params}
"""
"""Needs no worker. What is neither to be refused nor to nap waits for somebody."""

RUN_ID = r"[0-9a-f-]{36}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    folder = tmp_path_factory.mktemp("machines")
    (folder / "machine_activities.py").write_text(ACTIVITIES)
    (folder / "instance.yaml").write_text(INSTANCE)
    with local_service(folder) as running:
        running.start_worker(str(folder / "machine_activities.py"))
        for file in (REPOSITORY / "examples" / "order_machine.yaml", folder / "instance.yaml"):
            treadle(running, "deploy", str(file))
        yield running


def treadle(service: LocalService, *line: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, which must be this exit code."""
    done = subprocess.run(
        [str(TREADLE), *line],
        env={**os.environ, "TREADLE_ADDRESS": service.address},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == code, (
        f"{line} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done


def shown(service: LocalService, *line: str, code: int = 0) -> str:
    """What a command prints."""
    return treadle(service, *line, code=code).stdout


def fact(text: str, name: str) -> str:
    """What `runs get` says under this name; empty if nothing."""
    found = re.search(rf"^  {name} {{2,}}(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def until_in(service: LocalService, run: str, state: str) -> str:
    """What `runs get` says once the machine is there: its actions may go on for a moment."""
    with service.client() as client:
        run_id = client.get_run(workflow_id=run).run_id
        for event in client.watch(run_id):
            settled = event.transition_taken.settled or event.HasField("configuration_settled")
            active = [*event.transition_taken.active, *event.configuration_settled.active]
            if settled and state in active:
                return shown(service, "runs", "get", run)
    raise AssertionError(f"the run ended, and was never in {state}")


def test_an_order_from_draft_to_returned(service: LocalService) -> None:
    given = '{"id": "o-1", "items": ["tea"]}'
    treadle(service, "start", "order", "--id", "cli-order", "--input", given)
    draft = until_in(service, "cli-order", "draft")
    assert (fact(draft, "in state"), fact(draft, "accepts")) == ("draft", "submit")

    refused = treadle(service, "runs", "send", "cli-order", "pay", code=1)
    assert "'pay' leads nowhere from draft; possible: submit" in refused.stderr
    steps = {
        "submit": ("pending", "cancel, pay"),
        "pay": ("processing", "fail, fulfill"),
        "fulfill": ("completed", "return"),
    }
    for event, (state, accepted) in steps.items():
        treadle(service, "runs", "send", "cli-order", event, "--payload", '{"payment": 7}')
        got = until_in(service, "cli-order", state)
        assert (fact(got, "in state"), fact(got, "accepts")) == (state, accepted)
    assert re.match(r"the timer completed/4/after0, for \d\dd \d\dh more", fact(got, "waits for"))

    marked = shown(service, "runs", "picture", "cli-order").splitlines()
    assert marked[-2:] == ["    classDef RUNNING fill:#cfe8ff,stroke:#555", "    class s4 RUNNING"]
    assert marked[:-2] == shown(service, "definitions", "picture", "order").splitlines()
    assert "    s2 --> s3 : pay / process_payment" in marked
    as_dot = shown(service, "runs", "picture", "cli-order", "--as", "dot")
    assert (
        '    s4 [label="completed\\nentry / assign completed_at", fillcolor="#cfe8ff"];' in as_dot
    )

    treadle(service, "runs", "send", "cli-order", "return")
    output = json.loads(shown(service, "runs", "wait", "cli-order"))
    assert output["payment_id"] == "p-7"
    ended = shown(service, "runs", "get", "cli-order")
    assert (fact(ended, "in state"), fact(ended, "accepts")) == ("returned", "")
    assert shown(service, "runs", "picture", "cli-order").endswith("    class s7 COMPLETED\n")


def test_the_lines_of_a_watch(service: LocalService) -> None:
    treadle(service, "start", "order", "--id", "cli-watched", "--input", '{"id": 1, "items": [1]}')
    until_in(service, "cli-watched", "draft")
    treadle(service, "runs", "send", "cli-watched", "submit")
    until_in(service, "cli-watched", "pending")
    treadle(service, "runs", "send", "cli-watched", "cancel")

    lines = shown(service, "runs", "watch", "cli-watched", "--lines").splitlines()

    told = [re.split(r"  +", line)[1:] for line in lines[:-1]]
    moves = [rest for name, *rest in told if name in ("TransitionTaken", "ConfigurationSettled")]
    assert moves == [
        ["begins in draft"],
        ["draft on submit -> pending"],
        ["now in pending"],
        ["pending on cancel -> cancelled"],
    ]
    assert ["MemoryChanged", "id, items"] in told
    assert any(rest[:1] == ["pending/2/entry0"] for name, *rest in told if name[:8] == "Activity")
    assert json.loads(lines[-1].removeprefix("output ")) == {"id": 1, "items": [1]}


def test_a_machine_that_fails(service: LocalService) -> None:
    line = ("start", "instance", "--id", "cli-refused", "--input", '"refuse"', "--wait")
    failed = treadle(service, *line, code=10)

    assert "kind:     Refused" in failed.stderr
    assert "message:  not this one" in failed.stderr
    assert "node:     refused" in failed.stderr
    watched = shown(service, "runs", "watch", "cli-refused", code=10)
    assert watched.endswith("failed at refused: Refused: not this one\n")
    picture = shown(service, "runs", "picture", "cli-refused")
    assert "    s3 --> [*] : fails with Refused\n" in picture
    assert picture.endswith("    class s3 FAILED\n")


# --- groups --------------------------------------------------------------------------------------


def test_a_group_until_all_have_ended(service: LocalService) -> None:
    """That some of its runs failed is no failure of the group."""
    line = ("groups", "start", "instance", "--inputs", '["nap", "refuse"]', "--wait")
    done = treadle(service, *line)

    head, *rows = done.stdout.splitlines()
    assert head.split() == ["#", "run", "id", "state", "result"]
    assert re.fullmatch(rf'0  {RUN_ID}  completed  "nap"', rows[0])
    assert re.fullmatch(rf"1  {RUN_ID}  failed     Refused: not this one", rows[1])
    assert done.stderr.endswith("all have ended\n1 completed, 1 failed of 2\n")


def test_a_quota_as_json(service: LocalService) -> None:
    """What has not ended is cancelled."""
    inputs = '["refuse", "nap", "nap", "wait"]'
    line = ("groups", "start", "instance", "--inputs", inputs, "--quota", "2", "--wait")
    answer = json.loads(shown(service, *line, "-o", "json"))

    status = answer["status"]
    counts = {name: int(status[name]) for name in ("completed", "failed", "cancelled", "running")}
    assert counts == {"completed": 2, "failed": 1, "cancelled": 1, "running": 0}
    assert (status["state"], status["reason"], status["quota"]) == (
        "RUN_STATE_COMPLETED", "quota", "2",
    )  # fmt: skip
    assert [member["state"].removeprefix("RUN_STATE_") for member in answer["members"]] == [
        "FAILED", "COMPLETED", "COMPLETED", "CANCELLED",
    ]  # fmt: skip


def test_a_group_that_is_cancelled(service: LocalService) -> None:
    started = treadle(service, "groups", "start", "instance", "-n", "2", "--id", "cli-group")
    group = started.stdout.strip()
    assert re.fullmatch(RUN_ID, group)
    assert f"started 2 runs of instance as group {group}" in started.stderr

    gave_up = treadle(service, "groups", "wait", "cli-group", "--timeout", "200ms", code=1)
    assert "has not ended; it goes on" in gave_up.stderr
    got = shown(service, "groups", "get", "cli-group")
    assert re.search(r"^state  running$", got, re.MULTILINE)
    assert re.search(r"^runs   0 completed, 2 running of 2$", got, re.MULTILINE)
    members = shown(service, "groups", "get", "cli-group", "--members", "-o", "jsonl")
    states = [json.loads(line)["state"] for line in members.splitlines()]
    assert states == [runs_pb.RunState.Name(runs_pb.RUN_STATE_RUNNING)] * 2

    treadle(service, "runs", "cancel", "cli-group")
    ended = treadle(service, "groups", "wait", "cli-group", code=11)
    assert [line.split()[2] for line in ended.stdout.splitlines()[1:]] == ["cancelled"] * 2
    assert "the group did not come to its end\n0 completed, 2 cancelled of 2" in ended.stderr
    listed = shown(service, "runs", "list", "--workflow", "treadle.group", "--state", "cancelled")
    assert group in listed


def test_a_duration_and_the_rest_goes_on(service: LocalService) -> None:
    line = ("groups", "start", "instance", "--inputs", '["nap", "wait"]', "--id", "cli-left")
    ended = treadle(service, *line, "--duration", "2s", "--leave", "--wait")

    assert ended.stderr.endswith("the time is up\n1 completed, 1 running of 2\n")
    left = ended.stdout.splitlines()[2].split()[1]
    treadle(service, "runs", "send", left, "finish")
    treadle(service, "runs", "wait", left)


def test_what_is_no_group(service: LocalService) -> None:
    missing = treadle(service, "groups", "wait", "nobody", code=4)
    assert "no run with workflow id 'nobody'" in missing.stderr
    refusals = {
        ("instance",): "say either --inputs, an array, or -n, how many",
        ("instance", "--inputs", "{}"): "must be an array",
        ("instance", "-n", "2", "--quota", "3"): "quota: is 3, and there are 2 runs",
        ("instance", "-n", "2", "--quota", "0"): "'--quota'",
        ("unknown", "-n", "2"): "there is no workflow 'unknown'",
    }
    for line, said in refusals.items():
        assert said in treadle(service, "groups", "start", *line, code=2).stderr
