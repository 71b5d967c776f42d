"""`treadle runs list`: runs that wait for a person."""

from __future__ import annotations

import json
from typing import Any

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from treadle.v1 import event_pb2
from treadle.v1 import run_service_pb2 as runs_pb


def held_run(**fields: Any) -> runs_pb.Run:
    run = sample_run.run_message()
    given = {"key": "charge_payment", "incident": "no attempt is left\n(Declined)"} | fields
    run.held.CopyFrom(event_pb2.Held(since_time=sample_run.at(60_000), **given))
    return run


def test_list_says_what_runs_are_held_for(server: ScriptedServer, treadle: Treadle) -> None:
    runs = [held_run(incident_count=1), held_run(incident_count=3)]
    server.answers["ListRuns"] = runs_pb.ListRunsResponse(runs=runs)

    result = treadle("runs", "list", "--held", "--utc")
    as_json = json.loads(treadle("runs", "list", "--held", "-o", "json").stdout)

    head, one, three = (line.split("  ") for line in result.stdout.splitlines())
    found = [[cell.strip() for cell in line if cell.strip()] for line in (head, one, three)]
    assert found[0] == ["RUN", "WORKFLOW", "WORKFLOW ID", "SINCE", "KEY", "INCIDENT"]
    assert found[1][0] == sample_run.RUN_ID
    assert found[1][3:] == ["03-14 09:27", "charge_payment", "no attempt is left (Declined)"]
    assert found[2][-1] == "and 2 more; no attempt is left (Declined)"
    assert "treadle runs answer RUN KEY" in result.stderr
    assert [run["held"]["incidentCount"] for run in as_json["runs"]] == [1, 3]
    assert all(request.held for request in server.asked("ListRuns"))


def test_a_held_run_is_shown_as_held_among_others(server: ScriptedServer, treadle: Treadle) -> None:
    runs = [held_run(), sample_run.run_message()]
    server.answers["ListRuns"] = runs_pb.ListRunsResponse(runs=runs)

    lines = treadle("runs", "list").stdout.splitlines()[1:]

    assert ["held" in line for line in lines] == [True, False]
    assert "running" in lines[1]


def test_no_held_runs_is_a_message(server: ScriptedServer, treadle: Treadle) -> None:
    server.answers["ListRuns"] = runs_pb.ListRunsResponse()

    result = treadle("runs", "list", "--held")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No runs are held.\n")
