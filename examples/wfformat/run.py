"""Deploys an instance, runs it, and proves its order from the history."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.local_service import local_service
from examples.wfformat.document import Plan, plan
from examples.wfformat.instance import Instance
from examples.wfformat.proof import CLOSING, Proof, prove
from treadle import BlockingClient

ACTIVITIES = "examples.wfformat.activities"
SLOTS = 1_000
"""Tasks that our own worker sleeps at a time: it does nothing else, so they cost little."""

LOOK_SECONDS = 0.1
SAY_SECONDS = 1.0
NO_WORKER_SECONDS = 10.0
"""After so long without any attempt a missing worker is the likely cause."""

Say = Callable[[str], None]
"""Tells the person who waits what happens."""

Check = Callable[[], None]
"""Raises `ServiceFailed` if a process of our own has ended."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run of an instance, and what its history proves."""

    run_id: str
    proof: Proof
    seconds: float
    """From the start of the run to its end, as the client saw it."""
    deploy_seconds: float


@contextmanager
def service(address: str | None, say: Say) -> Iterator[tuple[BlockingClient, Check]]:
    """A client of the server at `address`, or of one of our own with a worker; and its check."""
    if address is not None:
        say(f"using the server at {address}; it needs a worker: treadle worker {ACTIVITIES}")
        with BlockingClient(address) as client:
            yield client, lambda: None
        return
    with tempfile.TemporaryDirectory(prefix="treadle-wfformat-") as folder:
        say("starting a server and a worker of our own")
        with local_service(Path(folder)) as own:
            own.start_worker(ACTIVITIES, "--slots", str(SLOTS))
            with own.client() as client:
                yield client, own.check


def run(
    client: BlockingClient, instance: Instance, speedup: float, say: Say, check: Check
) -> Report:
    """Runs the instance and proves its order.

    Raises errors of `treadle.errors`, and what `check` raises.
    """
    made = plan(instance, speedup)
    began = time.monotonic()
    definition = client.deploy(made.document)
    deploy_seconds = time.monotonic() - began
    say(
        f"deployed {definition.workflow}, version {definition.version}: {definition.node_count} "
        f"nodes, {instance.edge_count} edges, in {deploy_seconds:.2f} s"
    )
    began = time.monotonic()
    handle = client.start(definition.workflow, version=definition.version)
    say(
        f"started run {handle.run_id}; no schedule ends in less than "
        f"{instance.critical_path_seconds / speedup:.2f} s"
    )
    ending = _follow(client, handle.run_id, made, say, check)
    seconds = time.monotonic() - began
    say(f"{ending.replace('_', ' ')} after {seconds:.2f} s")
    say("reading the history and checking every dependency of the file against it")
    proof = prove(instance, made.nodes, client.history(handle.run_id))
    return Report(handle.run_id, proof, seconds, deploy_seconds)


def _follow(client: BlockingClient, run_id: str, made: Plan, say: Say, check: Check) -> str:
    """Says how far the run is until it has ended; gives the kind of its last event."""
    results = attempts = seq = 0
    began = spoke = time.monotonic()
    while True:
        for event in client.history(run_id, after_seq=seq):
            seq, kind = event.seq, event.WhichOneof("kind") or ""
            results += kind == "activity_completed"
            attempts += kind == "attempt_started"
            if kind in CLOSING:
                return kind
        check()
        now = time.monotonic()
        if now - spoke >= SAY_SECONDS:
            spoke = now
            say(f"  {results} of {len(made.nodes)} tasks have a result, {attempts} attempts began")
        if not attempts and now - began > NO_WORKER_SECONDS:
            began = now
            say(f"  nobody takes a task; is there a worker? treadle worker {ACTIVITIES}")
        time.sleep(LOOK_SECONDS)
