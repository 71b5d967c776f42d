"""Those who start runs, ask for their end, and decide what a run asks a person."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

from tests.simulation.graphs import EVENT_NAME
from tests.simulation.journey import Journey
from tests.simulation.network import ConnectionLost, Network
from tests.simulation.worker import NAMESPACE
from treadle_server.engine import events as e
from treadle_server.engine.errors import Refusal
from treadle_server.engine.values import IncidentAnswer, Payload
from treadle_server.journal.port import RunRow
from treadle_server.runs.errors import Busy, Stopping
from treadle_server.runs.model import (
    AnswerRequest,
    GroupItem,
    GroupRequest,
    RunReference,
    Started,
    StartRequest,
)

_REPEATED = (ConnectionLost, Stopping, Busy)


class Client:
    """Repeats each call with the same request id until it is answered."""

    def __init__(self, network: Network, source: random.Random, journey: Journey) -> None:
        self._network = network
        self._random = source
        self._journey = journey
        self._requests = 0
        self._starts = 0

    async def deploy(self, document: dict[str, Any]) -> None:
        """Stores a definition."""
        await self._until_answered(
            "deploy", NAMESPACE, document, request_id=self._request_id(), validate_only=False
        )

    async def start(self, workflow: str, count: int) -> list[bytes]:
        """Starts some runs in one call; their ids."""
        requests = [
            StartRequest(
                namespace=NAMESPACE,
                workflow=workflow,
                workflow_id=self._workflow_id(),
                input=Payload(b'{"n": 1}'),
                request_id=self._request_id(),
                content_hash=b"the same",
                begin_delay=self._random.choice((0, 0, 0, 0, 20 * 1_000_000)),
            )
            for _ in range(count)
        ]
        run_ids: list[bytes] = []
        for request in requests if self._random.random() < 0.3 else [requests]:
            batch = request if isinstance(request, list) else [request]
            run_ids += await self._start(batch)
        return run_ids

    async def _start(self, batch: list[StartRequest]) -> list[bytes]:
        open_requests = {request.request_id: request for request in batch}
        started: dict[str, bytes] = {}
        while open_requests:
            asked = list(open_requests.values())
            for request, answer in zip(
                asked, await self._until_answered("start", asked), strict=True
            ):
                if isinstance(answer, Started):
                    started[request.request_id] = answer.run_id
                    del open_requests[request.request_id]
                elif not isinstance(answer, _REPEATED):
                    raise AssertionError(f"a start was answered with {answer!r}")
        return [started[request.request_id] for request in batch]

    def _workflow_id(self) -> str:
        self._starts += 1
        return f"peer-{self._starts - 1}"

    async def start_group(self, workflow: str, members: int) -> None:
        """Starts some runs as a group."""
        draw = self._random
        request = GroupRequest(
            namespace=NAMESPACE,
            items=[GroupItem(workflow=workflow, input={"n": 1}) for _ in range(members)],
            request_id=self._request_id(),
            content_hash=b"the same",
            quota=draw.choice((0, 0, draw.randint(1, members))),
            counts_ended=draw.random() < 0.5,
            leaves=draw.random() < 0.3,
            duration=draw.choice((None, 30 * 1_000_000)),
        )
        await self._until_answered("start_group", request)

    async def send(self, run_id: bytes) -> None:
        """Sends a run an event, of the kind that runs wait for."""
        with contextlib.suppress(Refusal):
            await self._until_answered(
                "send",
                RunReference(namespace=NAMESPACE, run_id=run_id),
                event_id=self._request_id(),
                name=EVENT_NAME,
                payload=Payload(b'{"n": 4, "again": false}'),
                actor="somebody",
            )

    async def broadcast(self) -> None:
        """Tells all runs that wait."""
        await self._until_answered(
            "broadcast",
            NAMESPACE,
            event_id=self._request_id(),
            name=EVENT_NAME,
            payload=Payload(b'{"n": 5, "again": false}'),
            actor="somebody",
        )

    async def pause_for_a_while(self, run_id: bytes) -> None:
        """Pauses a run, and resumes it."""
        reference = RunReference(namespace=NAMESPACE, run_id=run_id)
        said = {"reason": "drawn", "actor": "somebody"}
        with contextlib.suppress(Refusal):
            await self._until_answered("pause", reference, request_id=self._request_id(), **said)
            await asyncio.sleep(self._random.uniform(0.0, 10.0))
            await self._until_answered("resume", reference, request_id=self._request_id(), **said)

    async def end(self, run_id: bytes) -> None:
        """Cancels or terminates a run that may have ended meanwhile."""
        method = self._random.choice(("cancel", "cancel", "terminate"))
        reference = RunReference(namespace=NAMESPACE, run_id=run_id)
        with contextlib.suppress(Refusal):
            await self._until_answered(
                method, reference, reason="drawn", actor="somebody", request_id=self._request_id()
            )

    async def decide(self, row: RunRow) -> None:
        """Answers what a run asks, if it asks anything."""
        for key in open_incidents(self._journey.events(row.run_id)):
            request = AnswerRequest(
                reference=RunReference(namespace=NAMESPACE, run_id=row.run_id),
                key=key,
                answer=self._random.choice((IncidentAnswer.RETRY, IncidentAnswer.FAIL)),
                reason="drawn",
                request_id=self._request_id(),
            )
            with contextlib.suppress(Refusal):
                await self._until_answered("answer", request)

    async def _until_answered(self, method: str, *arguments: Any, **named: Any) -> Any:
        while True:
            try:
                return await self._network.call(method, *arguments, **named)
            except _REPEATED:
                await asyncio.sleep(self._random.uniform(0.05, 1.0))

    def _request_id(self) -> str:
        self._requests += 1
        return f"request-{self._requests}"


def open_incidents(history: list[e.Event]) -> list[str]:
    """The keys about which a run waits for a person."""
    keys: dict[str, None] = {}
    for event in history:
        if isinstance(event, e.RunHeld):
            keys[event.key] = None
        elif isinstance(event, e.IncidentAnswered):
            keys.pop(event.key, None)
    return list(keys)
