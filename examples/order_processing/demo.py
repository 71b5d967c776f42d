"""The demo: a real server, two real workers, and every order of a file through them.

Each phase says what it does. At the end every order is held against what must have become of it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.local_service import LocalService, ServiceFailed
from examples.order_processing.display import Display
from examples.order_processing.expected import Expected, expected
from examples.order_processing.orders import Order
from examples.order_processing.outcome import Outcome, differences, read_outcome
from examples.order_processing.services import LEDGER_VARIABLE, Ledger
from examples.order_processing.workflow import order_processing
from treadle import BlockingClient, Start, TreadleError

ACTIVITIES = "examples.order_processing.activities"
WORKERS = 2
BATCH = 100
"""Orders that are started in one call."""

LOOK_SECONDS = 0.2
STUCK_SECONDS = 120.0
"""Without any progress for so long, something is wrong."""

KILL_SERVER_AT, KILL_WORKER_AT = 0.2, 0.5
"""With chaos: the share of ended orders at which the server and then a worker are killed."""


@dataclass(slots=True)
class Result:
    """One order: what had to become of it, what did, and the differences."""

    order: Order
    wanted: Expected
    outcome: Outcome
    differences: list[str]


class Demo:
    """One demo over one service. `folder` gets the journal, the ledger and the logs."""

    def __init__(self, folder: Path, orders: Sequence[Order], display: Display) -> None:
        self.orders = orders
        self.display = display
        self.ledger_file = folder / "ledger.db"
        self.service = LocalService(folder, environment={LEDGER_VARIABLE: str(self.ledger_file)})
        self._run_ids: list[str] = []

    # --- phases ----------------------------------------------------------------------------------

    def start_processes(self) -> None:
        """A server and two workers."""
        say = self.display.say
        say(f"starting a server at {self.service.address}, its journal in {self.service.data_dir}")
        self.service.start_server()
        for _ in range(WORKERS):
            worker = self.service.start_worker(ACTIVITIES)
            say(f"starting {worker.name} (pid {worker.pid}), which long-polls it for activities")

    def deploy(self, client: BlockingClient) -> None:
        """Stores the workflow."""
        definition = client.deploy(order_processing)
        self.display.say(
            f"deployed {definition.workflow}, version {definition.version}, "
            f"{definition.node_count} nodes (examples/order_processing/workflow.yaml)"
        )

    def start_orders(self, client: BlockingClient) -> None:
        """Starts a run for every order, a batch at a time. Raises `ServiceFailed`."""
        self.display.say(f"starting a run for each of {len(self.orders)} orders, {BATCH} per call")
        for first in range(0, len(self.orders), BATCH):
            batch = self.orders[first : first + BATCH]
            starts = [
                Start(
                    workflow=order_processing.name,
                    input=order.to_json(),
                    workflow_id=order.order_id,
                    request_id=f"demo/{order.order_id}",
                )
                for order in batch
            ]
            for order, started in zip(batch, client.start_many(starts), strict=True):
                if isinstance(started, TreadleError):
                    raise ServiceFailed(f"{order.order_id} was not started: {started}")
                self._run_ids.append(started.run_id)

    def wait(self, client: BlockingClient, *, chaos: bool) -> float:
        """Shows progress until every run has ended; gives the seconds. Raises `ServiceFailed`."""
        began = moved = time.monotonic()
        ended_before = -1
        accidents = iter(self._accidents() if chaos else ())
        next_accident = next(accidents, None)
        with self.display.progress("orders", len(self.orders)) as progress:
            while True:
                states = Counter(
                    str(run.state).lower()
                    for run in client.list_runs(workflow=order_processing.name, page_size=1_000)
                )
                running = states.pop("running", 0)
                ended = sum(states.values())
                progress.update(ended, ", ".join(f"{n} {state}" for state, n in states.items()))
                if not running and ended >= len(self.orders):
                    return time.monotonic() - began
                if next_accident and ended >= next_accident[0] * len(self.orders):
                    next_accident[1]()
                    next_accident = next(accidents, None)
                if ended != ended_before:
                    ended_before, moved = ended, time.monotonic()
                if time.monotonic() - moved > STUCK_SECONDS:
                    raise ServiceFailed(
                        f"no order has ended for {STUCK_SECONDS:g} s; {running} are running. "
                        f"Logs: {self.service.folder}"
                    )
                self.service.check()
                time.sleep(LOOK_SECONDS)

    def results(self, client: BlockingClient) -> list[Result]:
        """Reads every run's history and the ledger, and compares."""
        self.display.say("reading every run's history, and the ledger of what was done outside")
        ledger = Ledger(self.ledger_file)
        effects, all_calls = ledger.effects(), ledger.calls()
        ledger.close()
        calls: dict[str, dict[str, int]] = {}
        for (run_id, activity), count in all_calls.items():
            calls.setdefault(run_id, {})[activity] = count
        results = []
        with self.display.progress("histories", len(self.orders)) as progress:
            for order, run_id in zip(self.orders, self._run_ids, strict=True):
                outcome = read_outcome(run_id, client.history(run_id))
                wanted = expected(order)
                found = differences(
                    outcome, wanted, effects.get(order.order_id, {}), calls.get(run_id, {})
                )
                results.append(Result(order, wanted, outcome, found))
                progress.update(len(results))
        return results

    # --- accidents -------------------------------------------------------------------------------

    def _accidents(self) -> Iterator[tuple[float, Callable[[], None]]]:
        yield KILL_SERVER_AT, self._kill_server
        yield KILL_WORKER_AT, self._kill_worker

    def _kill_server(self) -> None:
        self.display.warn(f"kill -9 {self.service.server.pid}: the server is gone")
        self.service.server.kill()
        self.service.start_server()
        self.display.say(f"the server is back (pid {self.service.server.pid}), from its journal")

    def _kill_worker(self) -> None:
        worker = self.service.workers[0]
        self.display.warn(f"kill -9 {worker.pid}: {worker.name} is gone, with all it was doing")
        worker.kill()
        worker.start()
        self.display.say(f"{worker.name} is back (pid {worker.pid})")
