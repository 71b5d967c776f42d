"""The asyncio corpus while server and workers are killed with SIGKILL at random moments."""

from __future__ import annotations

import time
from pathlib import Path

from examples.local_service import local_service
from tests.acceptance.chaos import Killer, Report
from tests.code.corpus import CORPUS
from treadle.client import BlockingClient
from treadle.replaying import replay

UNIT = 0.4
SEED = 11
EACH = 3
WORKERS = 2


def test_the_corpus_over_kills(tmp_path: Path) -> None:
    """Every run gives what it must, and its history is one that the code asks for again: the same
    commands in the same order. The journal is right after each death of the server.
    """
    report = Report()
    with local_service(tmp_path) as service:
        for _ in range(WORKERS):
            service.start_worker("tests.acceptance.code_worker")
        with service.client(retry_seconds=60) as client:
            _wait_for_the_workflows(client)
            killer = Killer(service, SEED, report, print)
            killer.start()
            started = [(name, client.start(name, UNIT)) for name in CORPUS for _ in range(EACH)]
            time.sleep(8)
            killer.stop()
            for name, handle in started:
                made, expected = CORPUS[name]
                assert handle.result(90) == expected, (name, handle.run_id)
                assert replay(made, list(client.history(handle.run_id))).ended
    assert report.faults == []
    assert report.server_kills >= 2
    assert report.worker_kills >= 2


def _wait_for_the_workflows(client: BlockingClient) -> None:
    give_up_at = time.monotonic() + 30
    while {one.workflow for one in client.list_definitions(page_size=100)} < CORPUS.keys():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
