"""A worker that polls with a session, as the protocol asks of one: it says what it holds, takes a
task once however often it comes, and repeats a result until it is answered.

The rules that matter are written here once more, apart from the SDK, so that the server is held
against the protocol and not against its own client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any

from tests.simulation.graphs import ACTIVITY_TYPES
from tests.simulation.journey import Journey
from tests.simulation.network import ConnectionLost, Network
from treadle_server.engine.errors import Refusal
from treadle_server.engine.values import Failure, MemoryOperation, Payload
from treadle_server.runs.errors import Busy, SessionUnknown, Stopping
from treadle_server.runs.model import (
    Beat,
    CompleteRequest,
    PollRequest,
    Result,
    TaskView,
)

NAMESPACE = "default"
QUEUE = "default"
_WAIT = 20 * 1_000_000
_REPORTED_AT_A_TIME = 4
"""Results; more wait for the answers to these."""


class Worker:
    """One process. `run` goes on until it is cancelled, which is its death."""

    def __init__(
        self, name: str, network: Network, source: random.Random, journey: Journey
    ) -> None:
        self._name = name
        self._session_id = f"{name}-{source.getrandbits(32):08x}"
        self._network = network
        self._random = source
        self._journey = journey
        self._slots = source.randint(1, 6)
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._unreported: dict[bytes, Result] = {}
        self._on_their_way: set[bytes] = set()
        self._settled: set[bytes] = set()
        self._acknowledge: list[int] = []
        self._must_resume = True
        self._promised = 0
        self._result_came = asyncio.Event()
        self._slot_free = asyncio.Event()

    async def run(self) -> None:
        """Polls and reports."""
        reporter = asyncio.get_running_loop().create_task(self._report_all())
        try:
            await self._poll_all()
        finally:
            reporter.cancel()
            for task in list(self._running.values()):
                task.cancel()

    # --- polls ------------------------------------------------------------------------------------

    async def _poll_all(self) -> None:
        while True:
            self._slot_free.clear()
            try:
                answer = await self._network.call("poll", self._request())
            except (ConnectionLost, Refusal) as error:
                self._lost(error)
                await asyncio.sleep(self._random.uniform(0.05, 1.0))
                continue
            finally:
                self._promised = 0
            self._receive(answer.tasks, answer.delivery_id)
            for stop in answer.stops:
                self._stop(stop.token, abandon=stop.abandon)
            if not self._free:
                # Full: a poll that asks for nothing would keep the session alive as well.
                await self._network_idle()

    async def _network_idle(self) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self._slot_free.wait()
        except TimeoutError:
            pass

    @property
    def _free(self) -> int:
        return max(0, self._slots - len(self._running) - self._promised)

    def _request(self) -> PollRequest:
        resume = self._must_resume
        self._must_resume = False
        acknowledged = tuple(self._acknowledge)
        self._acknowledge.clear()
        request = PollRequest(
            namespace=NAMESPACE,
            queue=QUEUE,
            max_tasks=self._free,
            wait=_WAIT,
            identity=self._name,
            session_id=self._session_id,
            types=frozenset(ACTIVITY_TYPES) if resume else None,
            held_tokens=[*self._running, *self._unreported] if resume else None,
            acknowledged=acknowledged,
        )
        self._promised = request.max_tasks
        return request

    def _lost(self, error: Exception) -> None:
        self._must_resume = True
        self._acknowledge.clear()
        if isinstance(error, Refusal) and not isinstance(error, (SessionUnknown, Stopping, Busy)):
            raise error

    def _receive(self, tasks: list[TaskView], delivery_id: int) -> None:
        for task in tasks:
            token = task.token
            if token in self._running or token in self._unreported or token in self._settled:
                continue
            self._journey.begins(task)
            work = asyncio.get_running_loop().create_task(self._work(task))
            self._running[token] = work
        if delivery_id:
            self._acknowledge.append(delivery_id)

    def _stop(self, token: bytes, *, abandon: bool) -> None:
        work = self._running.pop(token, None)
        if work is None:
            return
        work.cancel()
        self._slot_free.set()
        if not abandon:
            self._add(Result(token=token, cancelled=True))

    # --- work -------------------------------------------------------------------------------------

    async def _work(self, task: TaskView) -> None:
        draw = self._random
        seconds = draw.choice((0.0, 0.01, 0.5, 1.0, 6.0))
        if draw.random() < 0.3:
            beat = Beat(token=task.token, details=Payload(b'"half"'))
            with contextlib.suppress(ConnectionLost, Refusal):
                await self._network.call("heartbeat", NAMESPACE, self._session_id, [beat])
        await asyncio.sleep(seconds)
        self._running.pop(task.token, None)
        self._slot_free.set()
        self._add(self._outcome(task))

    def _outcome(self, task: TaskView) -> Result:
        draw = self._random
        chance = draw.random()
        if chance < 0.15:
            kind = draw.choice(("Broken", "Busy"))
            return Result(token=task.token, failure=Failure(kind=kind, message="as drawn"))
        if chance < 0.2:
            return Result(token=task.token, returned="not now")
        output = {"n": draw.randint(0, 5), "again": draw.random() < 0.5}
        operations = (MemoryOperation(key="count", add=1.0),) if draw.random() < 0.3 else ()
        payload = Payload(json.dumps(output).encode())
        return Result(token=task.token, output=payload, memory_operations=operations)

    # --- reports ----------------------------------------------------------------------------------

    def _add(self, result: Result) -> None:
        self._unreported[result.token] = result
        self._result_came.set()

    async def _report_all(self) -> None:
        """Several reports may be under way, and overtake each other."""
        async with asyncio.TaskGroup() as calls:
            while True:
                await self._result_came.wait()
                self._result_came.clear()
                while batch := self._next_batch():
                    self._on_their_way.update(result.token for result in batch)
                    calls.create_task(self._carry(batch))

    def _next_batch(self) -> list[Result]:
        if len(self._on_their_way) >= _REPORTED_AT_A_TIME:
            return []
        tokens = [token for token in self._unreported if token not in self._on_their_way]
        waiting = [self._unreported[token] for token in tokens]
        return waiting[: self._random.randint(1, 4)]

    async def _carry(self, batch: list[Result]) -> None:
        await self._report(batch)
        self._on_their_way.difference_update(result.token for result in batch)
        self._result_came.set()

    async def _report(self, results: list[Result]) -> None:
        wanted = self._free if self._random.random() < 0.7 else 0
        self._promised += wanted
        acknowledged = tuple(self._acknowledge)
        self._acknowledge.clear()
        request = CompleteRequest(
            namespace=NAMESPACE,
            results=results,
            want_next=wanted,
            session_id=self._session_id,
            acknowledged=acknowledged,
        )
        try:
            answer = await self._network.call("complete", request)
        except (ConnectionLost, Refusal):
            self._must_resume = True
            await asyncio.sleep(self._random.uniform(0.05, 1.0))
            return
        finally:
            self._promised = max(0, self._promised - wanted)
        self._read(results, answer.refusals)
        self._receive(answer.tasks, answer.delivery_id)

    def _read(self, results: list[Result], refusals: list[Any]) -> None:
        for result, refusal in zip(results, refusals, strict=True):
            if isinstance(refusal, (Stopping, Busy)):
                continue  # it is sent again
            if not (refusal is None or isinstance(refusal, Refusal)):
                raise AssertionError(f"a report was answered with {refusal!r}")
            self._unreported.pop(result.token, None)
            self._settled.add(result.token)
