"""`treadle runs nodes`, against a scripted server."""

from __future__ import annotations

import json

from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from treadle.v1 import payload_pb2, run_service_pb2


def listed() -> run_service_pb2.ListRunNodesResponse:
    response = run_service_pb2.ListRunNodesResponse()
    done = response.executions.add(key="charge", kind="activity", state="NODE_STATE_COMPLETED")
    done.attempts = 2
    done.scheduled_time.FromJsonString("2026-11-20T10:00:00Z")
    done.started_time.FromJsonString("2026-11-20T10:00:01.5Z")
    done.end_time.FromJsonString("2026-11-20T10:00:05Z")
    done.output.CopyFrom(payload_pb2.Payload(data=b'{"id": 7}'))
    failed = response.executions.add(key="ship#2", kind="activity", state="NODE_STATE_FAILED")
    failed.scheduled_time.FromJsonString("2026-11-20T10:00:05Z")
    failed.end_time.FromJsonString("2026-11-20T10:00:06Z")
    failed.failure.CopyFrom(payload_pb2.Failure(kind="NoTruck", message="all are out"))
    return response


def test_a_table_says_where_the_time_went(treadle: Treadle, server: ScriptedServer) -> None:
    server.answers["ListRunNodes"] = lambda request: listed()
    done = treadle("runs", "nodes", "order-17")
    assert done.exit_code == 0, done.stderr
    charge, ship = done.stdout.splitlines()[1:]
    assert charge.split()[:7] == ["charge", "activity", "✓", "completed", "2", "1.5s", "3.5s"]
    assert '{"id": 7}' in charge
    assert "ship#2" in ship
    assert "NoTruck: all are out" in ship


def test_what_the_key_does_not_say_stands_beside_the_kind(
    treadle: Treadle, server: ScriptedServer
) -> None:
    response = run_service_pb2.ListRunNodesResponse()
    for key, kind, name in (
        ("c0", "activity", "charge"),
        ("c4", "wait", "approved"),
        ("ship[3]", "activity", "ship"),
        ("ship!undo", "activity", "send\n_back"),
    ):
        one = response.executions.add(key=key, kind=kind, type=name, state="NODE_STATE_COMPLETED")
        one.scheduled_time.FromJsonString("2026-11-20T10:00:00Z")
        one.end_time.FromJsonString("2026-11-20T10:00:01Z")
    server.answers["ListRunNodes"] = lambda request: response
    done = treadle("runs", "nodes", "order-17")
    assert [line.partition("✓")[0].split() for line in done.stdout.splitlines()[1:]] == [
        ["c0", "activity", "charge"],
        ["c4", "wait", "approved"],
        ["ship[3]", "activity"],
        ["ship!undo", "activity", "send\\n_back"],
    ]


def test_machines_get_the_messages(treadle: Treadle, server: ScriptedServer) -> None:
    server.answers["ListRunNodes"] = lambda request: listed()
    done = treadle("runs", "nodes", "order-17", "-o", "json")
    assert [one["key"] for one in json.loads(done.stdout)["executions"]] == ["charge", "ship#2"]
