"""`treadle replay`: where the history comes from."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from google.protobuf import json_format

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from treadle.v1 import event_pb2
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


CODE = """
import asyncio
from treadle import step, workflow

async def pack(order: int) -> int:
    return order

@workflow(name="order_processing", version=3)
async def orders(order: object) -> int:
    {body}
"""


def replayed(treadle: Treadle, folder: Path, body: str, *options: str, name: str = "") -> Result:
    """A history of one step, fed to code with this body."""
    log = sample_run.EventLog()
    log.events = sample_run.declined_order()[:1]
    log.schedule(0, "decision")
    log.start(1, "decision")
    log.add(
        2,
        decision_completed=event_pb2.DecisionCompleted(
            key="decision", seen_seq=3, commands=["step pack"]
        ),
    )
    log.add(2, activity_scheduled=event_pb2.ActivityScheduled(key="c0", type="pack", local=True))
    history = folder / "order.json"
    response = runs_pb.GetRunHistoryResponse(events=log.events)
    history.write_text(json_format.MessageToJson(response))
    code = folder / f"code_{len(body)}.py"
    code.write_text(CODE.format(body=body))
    return treadle("replay", str(history), "--code", f"{code}{name}", *options)


def test_code_that_does_not_fit_is_told_in_lines(treadle: Treadle, tmp_path: Path) -> None:
    result = replayed(treadle, tmp_path, "await asyncio.sleep(5)")

    assert result.exit_code == 1
    assert "  recorded: step pack" in result.stdout.splitlines()
    assert "  produced: timer" in result.stdout.splitlines()


def test_machines_are_told_whether_it_fits(treadle: Treadle, tmp_path: Path) -> None:
    fits = replayed(treadle, tmp_path, "return await step(pack, 1)", "-o", "json")
    differs = replayed(treadle, tmp_path, "await asyncio.sleep(5)", "-o", "json")

    assert (fits.exit_code, json.loads(fits.stdout)) == (0, {"fits": True, "next": []})
    assert differs.exit_code == 1
    assert "recorded: step pack" in json.loads(differs.stdout)["mismatch"]


def test_the_workflow_that_is_named_is_the_one(treadle: Treadle, tmp_path: Path) -> None:
    body = "return await step(pack, 1)"

    assert replayed(treadle, tmp_path, body, name=":orders").exit_code == 0
    assert replayed(treadle, tmp_path, body, name=":pack").exit_code == 2
