"""A whole world out of one seed: a server that crashes, a network that loses, workers that die,
people who change their minds. In the end the weather clears up, and every run must end by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from structlog.testing import capture_logs

from tests.simulation import laws
from tests.simulation.graphs import graph
from tests.simulation.journey import Journey
from tests.simulation.machines import machine
from tests.simulation.network import Network, Weather
from tests.simulation.people import Client
from tests.simulation.server import Server
from tests.simulation.worker import Worker
from treadle.testing import run_in_virtual_time
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import JournalError, RunRow

GRAPHS = 4
WORKFLOWS = 6
"""The others are state machines."""
RUNS = 30
WORKERS = 3
STORM_SECONDS = 120.0
CALM_SECONDS = 3_600.0
"""Longer than anything in a document lasts, all retries included."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What happened. `faults` must be empty; `trace` is the same for the same seed."""

    seed: int
    runs: int = 0
    crashes: int = 0
    worker_deaths: int = 0
    reports: int = 0
    seconds: float = 0.0
    trace: str = ""
    faults: list[str] = field(default_factory=list)


def simulate(seed: int, say: Say = lambda text: None) -> Report:
    """One world from its beginning to its end."""
    with capture_logs() as logs:
        report = run_in_virtual_time(_World(seed, say).run())
    report.faults += [f"the server logged {one}" for one in logs if one["log_level"] == "error"]
    return report


class _World:
    def __init__(self, seed: int, say: Say) -> None:
        self._seed = seed
        self._say = say
        self._trace = hashlib.blake2b(digest_size=16)
        self._draw = random.Random(seed)

    async def run(self) -> Report:
        journal = MemoryJournal()
        self._journey = Journey(journal)
        self._server = Server(journal, self._source(), self._note)
        asyncio.get_running_loop().set_exception_handler(self._callback_failed)
        self._network = Network(self._server, self._source(), self._journey.answered)
        self._client = Client(self._network, self._source(), self._journey)
        self._workers: list[asyncio.Task[None]] = []
        self._report = Report(self._seed)
        self._server.queue_units = self._draw.choice((4, 10, 10_000, 10_000))
        self._server.start()
        names: list[str] = []
        for number in range(WORKFLOWS):
            name = f"workflow-{number}"
            make = graph if number < GRAPHS else machine
            await self._client.deploy(make(self._draw, name, names))
            names.append(name)
        for number in range(WORKERS):
            self._workers.append(self._new_worker(number))
        await self._storm()
        await self._calm()
        self._server.crash()
        for worker in self._workers:
            worker.cancel()
        return self._conclude(journal)

    def _source(self) -> random.Random:
        """Randomness of one's own, so that what one part draws does not move the others."""
        return random.Random(self._draw.getrandbits(64))

    def _note(self, text: str) -> None:
        line = f"{asyncio.get_running_loop().time():10.6f}  {text}"
        self._trace.update(line.encode())
        self._say(line)

    def _callback_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        named = "".join(traceback.format_exception(error)) if isinstance(error, Exception) else ""
        self._journey.fault(f"{context['message']}: {named}")

    # --- accidents --------------------------------------------------------------------------------

    async def _storm(self) -> None:
        draw = self._draw
        self._network.weather = Weather(
            lost_before=draw.choice((0.0, 0.02, 0.1)),
            lost_after=draw.choice((0.0, 0.02, 0.1)),
            twice=draw.choice((0.0, 0.05)),
            longest_delay_seconds=draw.choice((0.001, 0.05, 0.5)),
        )
        self._server.crash_share = draw.choice((0.0, 0.002, 0.01))
        jobs = [
            asyncio.get_running_loop().create_task(job)
            for job in (self._start_runs(), self._accidents(), self._decide())
        ]
        await jobs[0]
        await asyncio.sleep(STORM_SECONDS)
        for job in jobs[1:]:
            job.cancel()
        # What was drawn for the server's last life must not hit it in the calm.
        self._server.crash_share = 0.0
        self._server.crash()
        self._network.weather = Weather()
        self._restart()

    async def _start_runs(self) -> None:
        draw = self._draw
        left = RUNS
        while left > 0:
            count = min(left, draw.randint(1, 5))
            workflow = f"workflow-{draw.randrange(WORKFLOWS)}"
            run_ids = await self._client.start(workflow, count)
            self._note(f"started {[run_id.hex()[-8:] for run_id in run_ids]}")
            left -= count
            if draw.random() < 0.1:
                await self._client.start_group(workflow, draw.randint(1, 6))
            if draw.random() < 0.2:
                await self._client.end(draw.choice(run_ids))
            if draw.random() < 0.2:
                await self._client.send(draw.choice(run_ids))
            if draw.random() < 0.1:
                await self._client.broadcast()
            if draw.random() < 0.2:
                await self._client.pause_for_a_while(draw.choice(run_ids))
            await asyncio.sleep(draw.uniform(0.0, 3.0))

    async def _accidents(self) -> None:
        draw = self._draw
        while True:
            await asyncio.sleep(draw.uniform(0.0, 12.0))
            if draw.random() < 0.5:
                number = draw.randrange(WORKERS)
                self._note(f"worker {number} dies")
                self._workers[number].cancel()
                self._report.worker_deaths += 1
                await asyncio.sleep(draw.choice((0.0, 0.3, 8.0)))
                self._workers[number] = self._new_worker(number)
            else:
                self._server.crash()
                await asyncio.sleep(draw.choice((0.0, 0.1, 5.0, 20.0)))
            # A commit may have crashed it, too.
            if self._server.incarnation is None:
                self._restart()

    def _restart(self) -> None:
        self._server.start()
        self._report.faults += laws.findings(self._server.journal)

    def _new_worker(self, number: int) -> asyncio.Task[None]:
        worker = Worker(f"worker-{number}", self._network, self._source(), self._journey)
        return asyncio.get_running_loop().create_task(worker.run())

    # --- the end ----------------------------------------------------------------------------------

    async def _decide(self) -> None:
        while True:
            await asyncio.sleep(20.0)
            if self._server.incarnation is not None:
                for row in self._open_runs():
                    await self._client.decide(row)

    async def _calm(self) -> None:
        """No accident any more: all runs end, as long as somebody answers what they ask."""
        decide = asyncio.get_running_loop().create_task(self._decide())
        give_up = asyncio.get_running_loop().time() + CALM_SECONDS
        # Looked at now and then, as nobody in the world tells when the last one has ended.
        while self._open_runs() and asyncio.get_running_loop().time() < give_up:  # noqa: ASYNC110
            await asyncio.sleep(5.0)
        decide.cancel()

    def _open_runs(self) -> list[RunRow]:
        try:
            return [row for row in laws.all_runs(self._server.journal) if row.end_time is None]
        except JournalError:
            return []  # the server is down

    def _conclude(self, journal: MemoryJournal) -> Report:
        report = self._report
        journal.open()
        for worker in self._workers:
            if worker.done() and not worker.cancelled() and worker.exception() is not None:
                report.faults.append(f"a worker gave up: {worker.exception()!r}")
        report.faults += self._journey.faults
        report.faults += laws.findings(journal)
        # A server whose queue is full all the time puts off what nobody waits for.
        late = laws.TIMER_MAY_BE_LATE * (1 if self._server.queue_units > 10 else 5)
        report.faults += laws.broken_promises(self._journey, self._server.starts, late=late)
        for record in journal.read_log(0, 1 << 40):
            self._trace.update(record.run_id + record.time.to_bytes(8, "big") + record.body)
        report.runs = len(laws.all_runs(journal))
        report.crashes = self._server.crashes
        report.reports = self._journey.reports
        report.seconds = asyncio.get_running_loop().time()
        report.trace = self._trace.hexdigest()
        return report
