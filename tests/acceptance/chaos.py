"""Orders through a real server and real workers that are killed at random moments.

A second thread kills the server or a worker (`kill -9`), looks at the journal while the server is
down, and starts what it killed again. Orders are started and awaited meanwhile, by a client that
only knows that calls may fail. At the end every order is held against what must have become of it,
and every history against the ledger of what the activities did.

What is killed and when is drawn from the seed; where that hits the processes is up to the machine,
so a seed repeats the plan and not the outcome.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from examples.local_service import TREADLE, LocalService, Process
from examples.order_processing.expected import expected
from examples.order_processing.orders import Order, read_orders
from examples.order_processing.outcome import differences, read_outcome
from examples.order_processing.services import LEDGER_VARIABLE, Ledger
from examples.order_processing.workflow import order_processing
from treadle import BlockingClient, Start, TreadleError

ACTIVITIES = "examples.order_processing.activities"
WORKERS = 2
ORDERS_PER_ROUND = 50
STUCK_SECONDS = 300.0
"""A worker that died while the server was down is found out when its attempt's 60 s are over."""
CHECK_SECONDS = 120.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What was done, and what was wrong. `faults` must be empty."""

    orders: int = 0
    runs: int = 0
    """Of code."""
    server_kills: int = 0
    worker_kills: int = 0
    checks: int = 0
    faults: list[str] = field(default_factory=list)


class Killer(threading.Thread):
    """Kills the server or a worker now and then, until it is told to stop. What it started is up
    when it ends.
    """

    def __init__(self, service: LocalService, seed: int, report: Report, say: Say) -> None:
        super().__init__(name="killer", daemon=True)
        self._service = service
        self._random = random.Random(seed)
        self._report = report
        self._say = say
        self._enough = threading.Event()
        self.error: BaseException | None = None

    def stop(self) -> None:
        """No more kills; waits until everything runs again. Raises what went wrong."""
        self._enough.set()
        self.join()
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        """One accident after the other."""
        try:
            while not self._enough.wait(self._random.uniform(0.1, 2.0)):
                if self._random.random() < 0.5:
                    self._kill_server()
                else:
                    self._kill_worker(self._random.choice(self._service.workers))
        except BaseException as error:
            self.error = error
            raise

    def _kill_server(self) -> None:
        self._service.server.kill()
        self._report.server_kills += 1
        self.check_journal()
        while self._random.random() < 0.25:
            # Also while it starts: recovery must not mind being interrupted.
            self._service.server.start()
            time.sleep(self._random.uniform(0.0, 1.0))
            self._service.server.kill()
            self._report.server_kills += 1
        self._service.start_server()

    def _kill_worker(self, worker: Process) -> None:
        worker.kill()
        self._report.worker_kills += 1
        time.sleep(self._random.uniform(0.0, 0.5))
        worker.start()

    def check_journal(self) -> None:
        """Looks at the journal of a server that does not run."""
        command = [str(TREADLE), "journal", "check", "--data-dir", str(self._service.data_dir)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
        )
        self._report.checks += 1
        if done.returncode != 0:
            self._report.faults.append(f"treadle journal check: {done.stdout}{done.stderr}")
            self._say(self._report.faults[-1])


class Chaos:
    """One run of it. `folder` gets the journal, the ledger and the logs."""

    def __init__(self, folder: Path, seed: int, say: Say) -> None:
        self.report = Report()
        self._seed = seed
        self._say = say
        self._ledger_file = folder / "ledger.db"
        self._service = LocalService(folder, environment={LEDGER_VARIABLE: str(self._ledger_file)})
        self._started: list[tuple[Order, str]] = []

    def run(self, seconds: float) -> Report:
        """Goes on for so long, then lets every order end, and looks at all of them."""
        service = self._service
        try:
            service.start_server()
            for _ in range(WORKERS):
                service.start_worker(ACTIVITIES)
            with service.client(retry_seconds=60.0) as client:
                client.deploy(order_processing)
                killer = Killer(service, self._seed, self.report, self._say)
                killer.start()
                self._rounds(client, killer, time.monotonic() + seconds)
                killer.stop()
                self._wait(client, killer, [run_id for _, run_id in self._started])
                self._compare(client)
            service.stop()
            killer.check_journal()
        finally:
            service.stop()
        return self.report

    def _rounds(self, client: BlockingClient, killer: Killer, end: float) -> None:
        orders = list(read_orders())
        number = 0
        while time.monotonic() < end and killer.error is None:
            number += 1
            first = number * ORDERS_PER_ROUND % len(orders)
            batch = [
                replace(order, order_id=f"{order.order_id}-{number}")
                for order in orders[first : first + ORDERS_PER_ROUND]
            ]
            run_ids = self._start(client, batch)
            self._started += zip(batch, run_ids, strict=True)
            self.report.orders = len(self._started)
            self._wait(client, killer, run_ids)
            self._say(
                f"round {number}: {len(self._started)} orders ended; killed so far: the server "
                f"{self.report.server_kills} times, workers {self.report.worker_kills} times"
            )

    def _start(self, client: BlockingClient, orders: Sequence[Order]) -> list[str]:
        run_ids = []
        starts = [
            Start(
                workflow=order_processing.name,
                input=order.to_json(),
                workflow_id=order.order_id,
                request_id=f"chaos/{order.order_id}",
            )
            for order in orders
        ]
        for start, started in zip(starts, client.start_many(starts), strict=True):
            if isinstance(started, TreadleError):
                # An item may have met the kill; the same request id makes a repeat harmless.
                [started] = client.start_many([start])
            if isinstance(started, TreadleError):
                raise started
            run_ids.append(started.run_id)
        return run_ids

    def _wait(self, client: BlockingClient, killer: Killer, run_ids: Sequence[str]) -> None:
        give_up_at = time.monotonic() + STUCK_SECONDS
        for run_id in run_ids:
            while (run := client.get_run(run_id)).state == "RUNNING":
                if time.monotonic() > give_up_at or killer.error is not None:
                    raise TimeoutError(f"run {run_id} has not ended: {run.message}")
                time.sleep(0.05)

    def _compare(self, client: BlockingClient) -> None:
        self._say(f"reading the histories of {len(self._started)} orders, and the ledger")
        ledger = Ledger(self._ledger_file)
        effects, all_calls = ledger.effects(), ledger.calls()
        ledger.close()
        calls: dict[str, dict[str, int]] = {}
        for (run_id, activity), count in all_calls.items():
            calls.setdefault(run_id, {})[activity] = count
        for order, run_id in self._started:
            outcome = read_outcome(run_id, client.history(run_id))
            found = differences(
                outcome, expected(order), effects.get(order.order_id, {}), calls.get(run_id, {})
            )
            self.report.faults += [f"{order.order_id} (run {run_id}): {fault}" for fault in found]
