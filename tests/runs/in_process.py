"""A server's `Runs` on a journal in memory and virtual time, without API and workers; it can be
killed at a commit.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from tests.simulation.clock import VirtualClock
from treadle._ids import uuid7
from treadle_server.engine.values import Instant, Payload
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import JournalError, Outcome, Row, Table, Unit
from treadle_server.journal.writer import InlineWriter
from treadle_server.runs.model import (
    CompleteRequest,
    PollRequest,
    Result,
    RunReference,
    StartRequest,
    TaskView,
)
from treadle_server.runs.service import Runs

ONE = {"treadle": "v1", "kind": "graph", "name": "one", "nodes": {"a": {"activity": "a"}}}
CHILD = ONE | {"name": "child"}
PARENT = ONE | {"name": "parent", "nodes": {"c": {"workflow": "child"}}}


class Ids:
    def run_id(self, now: Instant) -> bytes:
        return uuid7(now // 1_000, os.urandom(10))


class MortalJournal(MemoryJournal):
    """Its process is killed right after the first commit for which `dies` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.dead = False
        self.info = self.open()

    def dies(self) -> bool:
        return False

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        if self.dead:
            raise JournalError("killed")
        outcomes = super().commit(units)
        if self.dies():
            self.dead = True
            raise JournalError("killed after the commit, before anybody was told")
        return outcomes

    def letters(self) -> list[Row]:
        """What runs have to tell each other."""
        return self.scan(Table.INBOX, ("",), ("\U0010ffff",), 10_000)

    def state_of(self, run_id: bytes) -> int:
        [row] = self.get_runs([run_id])
        assert row is not None
        return row.state


class Process:
    """One life of the server."""

    def __init__(self, journal: MortalJournal, *documents: dict[str, Any]) -> None:
        self.journal = journal
        self._documents = documents
        writer = InlineWriter(journal, on_failure=lambda error: None, delay_seconds=0.002)
        self.runs = Runs(
            clock=VirtualClock(),
            ids=Ids(),
            journal=journal,
            writer=writer,
            token_secret=b"x" * 32,
            upkeep=False,
        )

    async def __aenter__(self) -> Process:
        self.runs.start_serving(self.journal.info)
        for document in self._documents:
            await self.runs.deploy("default", document, request_id="", validate_only=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runs.stop()

    async def start(self, workflow: str, **named: Any) -> bytes:
        request = StartRequest(
            namespace="default", workflow=workflow, input=Payload(b"{}"), **named
        )
        [answer] = await self.runs.start([request])
        if isinstance(answer, Exception):
            raise answer
        return answer.run_id

    async def poll(self) -> list[TaskView]:
        request = PollRequest(namespace="default", queue="default", max_tasks=100, wait=100_000)
        tasks: list[Any] = (await self.runs.poll(request)).tasks
        return tasks

    async def complete(self, *tasks: TaskView) -> None:
        results = [Result(token=task.token, output=Payload(b"1")) for task in tasks]
        answer = await self.runs.complete(CompleteRequest(namespace="default", results=results))
        for refusal in answer.refusals:
            if refusal is not None:
                raise refusal

    def tells_nobody(self) -> None:
        """Messages between runs stay where they are: killed before one was delivered."""
        self.runs._turns.post = lambda letters: None


def reference(run_id: bytes) -> RunReference:
    return RunReference(namespace="default", run_id=run_id)


async def a_while(seconds: float = 600.0) -> None:
    await asyncio.sleep(seconds)
