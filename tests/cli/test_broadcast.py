"""`treadle runs broadcast`, against a scripted server."""

from __future__ import annotations

import json

from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from treadle.v1 import run_service_pb2


def test_it_says_how_many_it_reached(treadle: Treadle, server: ScriptedServer) -> None:
    server.answers["BroadcastEvent"] = run_service_pb2.BroadcastEventResponse(receivers=3)
    line = ("runs", "broadcast", "opened", "--payload", '{"shop": 1}', "--event-id", "e1")
    done = treadle(*line)
    assert (done.exit_code, "sent to 3 runs" in done.stderr) == (0, True)
    [asked] = server.asked("BroadcastEvent")
    assert (asked.name, asked.event_id, asked.payload.data) == ("opened", "e1", b'{"shop": 1}')
    assert json.loads(treadle(*line, "-o", "json").stdout) == {"receivers": 3}
