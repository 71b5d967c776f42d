"""A record that a disk has damaged is the trouble of its own run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner

from examples.local_service import local_service
from tests.api.conftest import ONE_STEP, Api
from treadle.client import BlockingClient
from treadle.errors import DataLost
from treadle.v1 import run_service_pb2 as runs
from treadle.v1 import worker_service_pb2 as worker
from treadle_server.cli.exit_codes import ExitCode
from treadle_server.cli.main import cli

OK, DATA_LOSS = grpc.StatusCode.OK, grpc.StatusCode.DATA_LOSS


@dataclass
class Damaged:
    """A server that found a damaged record at its start: the first of these runs needs it."""

    api: Api
    client: BlockingClient
    address: str
    run_ids: list[str]
    tokens: list[bytes]
    """Of tasks that were taken before."""


@contextmanager
def damaged(folder: Path, *, taken: int = 0) -> Iterator[Damaged]:
    tokens: list[bytes] = []
    with local_service(folder) as running:
        with running.client() as client:
            client.deploy(ONE_STEP)
        api = Api(running.address)
        run_ids = [
            api("RunService.StartRun", runs.StartRunRequest(workflow="one_step", workflow_id=name))
            for name in ("first", "second", "third")
        ]
        if taken:
            tokens = _tokens(api, taken)
            assert len(tokens) == taken
        api.channel.close()
    [path] = folder.rglob("treadle.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        [(position, body)] = file.execute(
            "SELECT position, body FROM record ORDER BY position LIMIT 1"
        ).fetchall()
        changed = bytearray(body)
        changed[len(body) // 2] ^= 0x80
        file.execute("UPDATE record SET body = ? WHERE position = ?", (changed, position))
    with local_service(folder) as running, running.client() as client:
        api = Api(running.address)
        names = [one.response.run_id for one in run_ids]
        yield Damaged(api, client, running.address, names, tokens)
        api.channel.close()


def _tokens(api: Api, most: int) -> list[bytes]:
    poll = worker.PollTasksRequest(queue="default", max_tasks=most)
    poll.wait.FromMilliseconds(1)
    answer = api("WorkerService.PollTasks", poll)
    assert answer.code is OK, answer
    return [task.task_token for task in answer.response.tasks]


def test_the_server_starts_and_the_other_runs_can_be_read(tmp_path: Path) -> None:
    with damaged(tmp_path) as found:
        again = runs.StartRunRequest(workflow="one_step")
        assert found.api("RunService.StartRun", again).code is OK
        for method, request in (
            ("RunService.GetRunHistory", runs.GetRunHistoryRequest),
            ("RunService.GetRun", runs.GetRunRequest),
            ("RunService.ListRunNodes", runs.ListRunNodesRequest),
            ("RunService.WatchRun", runs.WatchRunRequest),
            ("RunService.CancelRun", runs.CancelRunRequest),
        ):
            if method == "RunService.WatchRun":
                answers = [found.api(method, request(run_id=found.run_ids[0]))]
            else:
                answers = [found.api(method, request(run_id=one)) for one in found.run_ids]
            codes = [answer.code for answer in answers]
            assert codes == [DATA_LOSS, OK, OK][: len(codes)], method
            _names_it(answers[0], found.run_ids[0])


def _names_it(answer: Any, run_id: str) -> None:
    assert answer.reason == "RECORD_UNREADABLE"
    assert answer.metadata == {"run_id": run_id, "seq": "1", "position": "1"}
    assert run_id in answer.message
    assert "position 1 of the journal" in answer.message
    assert "treadle journal check" in answer.message


def test_workers_get_the_tasks_of_the_others(tmp_path: Path) -> None:
    with damaged(tmp_path) as found:
        assert len(_tokens(found.api, 10)) == 2
        assert _tokens(found.api, 10) == []


def test_workers_report_on_the_others(tmp_path: Path) -> None:
    with damaged(tmp_path, taken=3) as found:
        done, beats = worker.CompleteTasksRequest(), worker.HeartbeatRequest()
        for token in found.tokens:
            done.results.add(task_token=token).completed.output_json.string_value = "done"
            beats.heartbeats.add(task_token=token)
        codes = [15, 0, 0]
        statuses = found.api("WorkerService.Heartbeat", beats).response.statuses
        assert [one.status.code for one in statuses] == codes
        statuses = found.api("WorkerService.CompleteTasks", done).response.statuses
        assert [status.code for status in statuses] == codes
        assert found.client.get_run(run_id=found.run_ids[1]).run.state == "COMPLETED"


def test_a_person_is_told_what_to_do(tmp_path: Path) -> None:
    with damaged(tmp_path) as found:
        with pytest.raises(DataLost, match="only a backup") as raised:
            found.client.get_run(run_id=found.run_ids[0])
        assert raised.value.run_id == found.run_ids[0]
        line = ["runs", "get", "first", "--address", found.address]
        result = CliRunner().invoke(cli, line, prog_name="treadle")
        assert result.exit_code == ExitCode.DATA_LOST
        assert "treadle journal check" in result.stderr
