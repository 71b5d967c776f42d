"""`treadle replay`: where the history comes from."""

from __future__ import annotations

from pathlib import Path

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from treadle.v1 import run_service_pb2 as runs_pb


def test_a_workflow_id_may_look_like_a_file(
    server: ScriptedServer, treadle: Treadle, tmp_path: Path
) -> None:
    events = sample_run.declined_order()
    server.answers["GetRun"] = runs_pb.GetRunResponse(run=sample_run.run_message())
    server.answers["GetRunHistory"] = runs_pb.GetRunHistoryResponse(events=events)
    code = tmp_path / "nothing_to_replay.py"
    code.write_text("")

    result = treadle("replay", "order.json", "--by-workflow-id", "--code", str(code))

    assert "does not have order_processing version 3" in result.stderr
    assert server.asked("GetRun")[0].workflow_id == "order.json"


def test_a_file_that_is_no_text_is_said_to_be_none(treadle: Treadle, tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_bytes(b"\xff")

    result = treadle("replay", str(file), "--code", "nosuch")

    assert result.exit_code == 2
    assert f"{file}: " in result.stderr
