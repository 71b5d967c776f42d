"""A record that a disk has damaged is the trouble of its own run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import grpc

from examples.local_service import local_service
from tests.api.conftest import ONE_STEP, Api
from treadle.v1 import run_service_pb2 as runs


def test_the_server_starts_and_the_other_runs_can_be_read(tmp_path: Path) -> None:
    request = runs.StartRunRequest(workflow="one_step")
    with local_service(tmp_path) as running:
        with running.client() as client:
            client.deploy(ONE_STEP)
        api = Api(running.address)
        run_ids = [api("RunService.StartRun", request).response.run_id for _ in range(3)]
        api.channel.close()
    [path] = tmp_path.rglob("treadle.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        [(position, body)] = file.execute(
            "SELECT position, body FROM record ORDER BY position LIMIT 1"
        ).fetchall()
        damaged = bytearray(body)
        damaged[len(body) // 2] ^= 0x80
        file.execute("UPDATE record SET body = ? WHERE position = ?", (damaged, position))
    with local_service(tmp_path) as running:
        api = Api(running.address)
        assert api("RunService.StartRun", request).code is grpc.StatusCode.OK
        codes = [
            api("RunService.GetRunHistory", runs.GetRunHistoryRequest(run_id=run_id)).code
            for run_id in run_ids
        ]
        assert codes == [grpc.StatusCode.INTERNAL, grpc.StatusCode.OK, grpc.StatusCode.OK]
        api.channel.close()
