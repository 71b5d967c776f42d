"""State machines and run groups through a real server and real workers that are killed.

Many senders send events to one machine at the same time, each in its order and each again until it
has an answer: whatever was killed meanwhile, every event must have been taken once, in one order
that has each sender's in it. Beside that, groups of many runs must come to their end.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from examples.local_service import LocalService, local_service
from tests.acceptance.chaos import WORKERS, Killer, Report, Say
from tests.acceptance.machine_worker import desk, instance
from treadle import Start, TreadleError
from treadle.client import BlockingClient, BlockingRunHandle
from treadle.errors import RunNotCompleted, ServerBusy

SENDERS = 4
EVENTS = 400
"""Of each sender: enough for a recorded state in the history."""
WORK_SHARE = 0.02
MEMBERS = 40
RESULT_SECONDS = 300.0


def machines_over_kills(
    folder: Path, seed: int, seconds: float, say: Say, *, events: int = EVENTS
) -> Report:
    """Goes on for so long; the last round ends without kills."""
    report = Report()
    with local_service(folder) as service:
        for _ in range(WORKERS):
            service.start_worker("tests.acceptance.machine_worker")
        with service.client(retry_seconds=60) as client:
            client.deploy(desk())
            client.deploy(instance())
            killer = Killer(service, seed, report, say)
            killer.start()
            end = time.monotonic() + seconds
            try:
                while time.monotonic() < end and killer.error is None:
                    _round(service, client, report, seed, events)
                    report.runs += 1
                    done = f"{SENDERS * events} events in order, {MEMBERS} members"
                    say(f"round {report.runs}: {done}")
            finally:
                killer.stop()
        service.stop()
        killer.check_journal()
    return report


def _round(
    service: LocalService, client: BlockingClient, report: Report, seed: int, events: int
) -> None:
    run = client.start("desk")
    group = client.start_group(
        [Start(workflow="instance", input=number) for number in range(MEMBERS)]
    )
    worked = [0] * SENDERS
    threads = [
        threading.Thread(
            target=_send,
            args=(service, run.run_id, sender, seed, events, worked, report),
            name=f"sender {sender}",
        )
        for sender in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _insist(client, "stop", run.run_id, "stop")
    _look_at(client, run, SENDERS * events, sum(worked), report)
    outputs = group.wait(RESULT_SECONDS).outputs()
    if outputs != [number * number for number in range(MEMBERS)]:
        report.faults.append(f"group {group.run_id} gave {outputs}")


def _send(
    service: LocalService,
    run_id: str,
    sender: int,
    seed: int,
    events: int,
    worked: list[int],
    report: Report,
) -> None:
    drawn = random.Random(f"{seed} {sender}")
    with service.client(retry_seconds=120) as client:
        for number in range(events):
            name = "work" if drawn.random() < WORK_SHARE else "count"
            worked[sender] += name == "work"
            try:
                _insist(client, name, run_id, f"{sender}-{number}")
            except TreadleError as error:
                report.faults.append(f"event {sender}-{number}: {error}")
                return


def _insist(client: BlockingClient, name: str, run_id: str, event_id: str) -> None:
    """Sends an event; again later while the machine keeps as many as it may."""
    while True:
        try:
            client.send_event(name, run_id=run_id, event_id=event_id)
            return
        except ServerBusy:
            time.sleep(0.2)


def _look_at(
    client: BlockingClient, run: BlockingRunHandle, count: int, worked: int, report: Report
) -> None:
    try:
        result = run.result(RESULT_SECONDS)
    except RunNotCompleted as error:
        report.faults.append(f"desk (run {run.run_id}): {error}")
        return
    if result != {"count": count, "worked": worked}:
        report.faults.append(f"desk (run {run.run_id}) counted {result}, not {count}, {worked}")
    received, taken, recorded = [], [], 0
    for event in client.history(run.run_id):
        recorded += event.HasField("state_recorded")
        if event.HasField("event_received"):
            received.append(event.event_received.event_id)
        elif event.HasField("transition_taken") and event.transition_taken.event_id:
            taken.append(event.transition_taken.event_id)
    if taken != received:
        report.faults.append(f"desk (run {run.run_id}) took events in another order than they came")
    for sender in range(SENDERS):
        of_sender = [one for one in taken if one.startswith(f"{sender}-")]
        wanted = [f"{sender}-{number}" for number in range(count // SENDERS)]
        if of_sender != wanted:
            report.faults.append(f"desk (run {run.run_id}): events of sender {sender} are wrong")
    if count >= SENDERS * EVENTS and not recorded:
        report.faults.append(f"desk (run {run.run_id}) has no recorded state")
