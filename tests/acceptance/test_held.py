"""Runs that wait for a person, found from the command line: a real server, a real worker, restarts,
and a journal from before such runs had rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.local_service import TREADLE, LocalService, local_service
from tests.journal.make import forget_held_rows
from treadle.client import BlockingClient

SECONDS = 60
"""Longer than anything here takes; what hangs fails."""

MODULE = """\
import treadle

@treadle.activity
def charge(order: int) -> str:
    raise treadle.ApplicationError("the card was declined", kind="Declined", non_retryable=True)

@treadle.workflow
async def counted(count: int) -> int:
    return count
"""

PAYMENT = {
    "treadle": "v1",
    "kind": "graph",
    "name": "payment",
    "params": {"order": {"type": "integer"}},
    "nodes": {"charge": {"input": "params.order", "on_failure": "hold"}},
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalService]:
    (tmp_path / "payments.py").write_text(MODULE)
    with local_service(tmp_path) as running:
        yield running


def treadle(service: LocalService, *line: str, code: int = 0) -> str:
    """Runs a command to its end, which must be this exit code; what it prints."""
    done = subprocess.run(
        [str(TREADLE), *line],
        env={**os.environ, "TREADLE_ADDRESS": service.address},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def listed(service: LocalService, *options: str) -> list[dict[str, Any]]:
    """What the command lists."""
    lines = treadle(service, "runs", "list", "--held", *options, "-o", "jsonl").splitlines()
    return [json.loads(line) for line in lines]


def until_held(client: BlockingClient, run_id: str, times: int = 1) -> None:
    """Follows the run until it has been held so often."""
    for event in client.watch(run_id):
        times -= event.HasField("run_held")
        if times == 0:
            return
    raise AssertionError("the run ended")


def until(true: Callable[[], bool]) -> None:
    """Asks again and again; what is asked takes its time."""
    give_up_at = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < give_up_at, "it does not come true"


def said(service: LocalService) -> list[dict[str, Any]]:
    """The server's lines about runs that are held, of all its lives."""
    lines = [json.loads(line) for line in service.server.log.read_text().splitlines()]
    return [line for line in lines if line["message"].startswith("a run is held")]


def test_held_runs_from_the_first_failure_to_the_answer(service: LocalService) -> None:
    service.start_worker(str(service.folder / "payments.py"))
    with service.client() as client:
        client.deploy(PAYMENT)
        held = [client.start("payment", {"order": n}).run_id for n in range(3)]
        for run_id in held:
            until_held(client, run_id)
        wrong = client.start("counted", "many").run_id
        until_held(client, wrong)

        newest_first = [wrong, *reversed(held)]
        assert [run["runId"] for run in listed(service)] == newest_first
        assert [run["runId"] for run in listed(service, "--workflow", "payment")] == held[::-1]
        assert [run.run_id for run in client.list_runs(held=True, page_size=1)] == newest_first
        [run] = client.list_runs(workflow="counted", held=True)
        assert run.held is not None
        assert (run.state, run.held.key) == ("RUNNING", "decision")
        assert run.start_time <= run.held.since_time
        table = treadle(service, "runs", "list", "--held")
        assert table.count("no attempt is left (Declined: the card was declined)") == 3
        assert "held" in treadle(service, "runs", "list", "--workflow", "counted")
        refused = treadle(service, "runs", "list", "--held", "--state", "failed", code=2)
        assert refused == ""

        # Killed and started again: the list is the same, and nothing is said twice, though the
        # worker comes back and the code is tried with it once more.
        before = listed(service, "--workflow", "payment")
        service.server.kill()
        service.start_server()
        until_held(client, wrong, times=2)
        assert listed(service, "--workflow", "payment") == before
        assert sorted(line["run_id"] for line in said(service)) == sorted(newest_first)
        line = next(line for line in said(service) if line["run_id"] == held[0])
        assert (line["level"], line["workflow"], line["key"]) == ("warning", "payment", "charge")
        assert line["answer_with"] == f"treadle runs answer {held[0]} charge ANSWER"

        treadle(service, "runs", "answer", held[0], "charge", "skip")
        treadle(service, "runs", "answer", held[1], "charge", "fail")
        treadle(service, "runs", "terminate", wrong)
        for run_id in (held[0], held[1]):
            assert list(client.watch(run_id)), "followed to its end"
        assert [run["runId"] for run in listed(service)] == [held[2]]
        treadle(service, "runs", "delete", held[1])
    treadle(service, "journal", "check", "--data-dir", str(service.data_dir))


def test_runs_that_were_held_before_an_upgrade(service: LocalService) -> None:
    worker = service.start_worker(str(service.folder / "payments.py"))
    with service.client() as client:
        client.deploy(PAYMENT)
        run_id = client.start("payment", {"order": 1}).run_id
        until_held(client, run_id)
        before = [run.held for run in client.list_runs(held=True)]
        worker.stop()
        service.server.stop()
        forget_held_rows(service.data_dir / "treadle.db")
        service.start_server()
        until(lambda: bool(list(client.list_runs(held=True))))
        assert [run.held for run in client.list_runs(held=True)] == before
        assert len(said(service)) == 1
    treadle(service, "journal", "check", "--data-dir", str(service.data_dir))
