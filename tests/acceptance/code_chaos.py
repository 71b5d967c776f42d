"""The asyncio corpus through a real server and real workers that are killed at random moments.

Every run must give what it must, and its history must be one that the code asks for again: the same
commands in the same order. The journal must be right after each death of the server.
"""

from __future__ import annotations

import time
from pathlib import Path

from examples.local_service import local_service
from tests.acceptance.chaos import WORKERS, Killer, Report, Say
from tests.code.corpus import CORPUS
from treadle.client import BlockingClient, BlockingRunHandle
from treadle.errors import RunNotCompleted
from treadle.replaying import replay

UNIT = 0.4
"""Seconds by which the corpus counts."""

DEPLOY_SECONDS = 30.0
RESULT_SECONDS = 300.0


def code_over_kills(folder: Path, seed: int, seconds: float, say: Say) -> Report:
    """Goes on for so long; the last round ends without kills."""
    report = Report()
    with local_service(folder) as service:
        for _ in range(WORKERS):
            service.start_worker("tests.acceptance.code_worker")
        with service.client(retry_seconds=60) as client:
            _wait_for_the_workflows(client)
            killer = Killer(service, seed, report, say)
            killer.start()
            end = time.monotonic() + seconds
            number = 0
            while time.monotonic() < end and killer.error is None:
                number += 1
                started = [(name, client.start(name, UNIT)) for name in CORPUS]
                time.sleep(min(5.0, max(0.0, end - time.monotonic())))
                if time.monotonic() >= end:
                    killer.stop()
                for name, handle in started:
                    _look_at(client, name, handle, report)
                report.runs += len(started)
                say(f"round {number}: {report.runs} runs of code ended as they should")
            killer.stop()
        service.stop()
        killer.check_journal()
    return report


def _look_at(client: BlockingClient, name: str, handle: BlockingRunHandle, report: Report) -> None:
    made, expected = CORPUS[name]
    try:
        result = handle.result(RESULT_SECONDS)
    except RunNotCompleted as error:
        report.faults.append(f"{name} (run {handle.run_id}): {error}")
        return
    if result != expected:
        report.faults.append(f"{name} (run {handle.run_id}) gave {result!r}, not {expected!r}")
    elif not replay(made, list(client.history(handle.run_id))).ended:
        report.faults.append(f"{name} (run {handle.run_id}) does not come to its end in a replay")


def _wait_for_the_workflows(client: BlockingClient) -> None:
    give_up_at = time.monotonic() + DEPLOY_SECONDS
    while {one.workflow for one in client.list_definitions(page_size=100)} < CORPUS.keys():
        if time.monotonic() > give_up_at:
            raise TimeoutError("the workers have not deployed their workflows")
        time.sleep(0.1)
