"""A decision is kept by reports: those that have nothing to say write nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests.runs.in_process import MortalJournal, Process
from treadle.testing import run_in_virtual_time
from treadle_server.engine.events import AttemptFailed, AttemptStarted, Event
from treadle_server.engine.inputs import ReportDecision
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import TimeoutKind
from treadle_server.journal.codec import decode_batch
from treadle_server.runs.check import check_journal
from treadle_server.runs.errors import SessionUnknown
from treadle_server.runs.model import CompleteRequest, PollRequest, Result, TaskView

CODE = {"treadle": "v1", "kind": "code", "name": "coded", "version": 1}
EVERY_SECONDS = 5
"""As a worker does it; without a report, the decision is taken away after ten seconds."""


def events_of(journal: MortalJournal, run_id: bytes) -> list[Event]:
    return [
        event
        for record in journal.read_run(run_id, 0, 1 << 20)
        for event in decode_batch(record.body)
    ]


class Worker:
    """One that polls all the time, as sessions do, or none of that (`session_id` empty)."""

    def __init__(self, process: Process, session_id: str) -> None:
        self.process = process
        self.session_id = session_id

    async def poll(self, *, held: list[bytes] | None = None) -> list[TaskView]:
        request = PollRequest(
            namespace="default",
            queue="default",
            max_tasks=1,
            wait=EVERY_SECONDS * 1_000_000,
            session_id=self.session_id,
            held_tokens=held,
            types=frozenset({"workflow coded 1"}),
        )
        tasks: list[TaskView] = (await self.process.runs.poll(request)).tasks
        return tasks

    async def keep(self, task: TaskView) -> None:
        report = ReportDecision(lease=0, seen_seq=1, first_index=0, keep=True)
        request = CompleteRequest(
            namespace="default",
            results=[Result(token=task.token, report=report)],
            session_id=self.session_id,
        )
        answer = await self.process.runs.complete(request)
        assert answer.refusals == [None]

    async def waits(self, task: TaskView, times: int) -> None:
        for _ in range(times):
            await self.keep(task)
            if self.session_id:
                await self.poll()
            else:
                await asyncio.sleep(EVERY_SECONDS)


@pytest.mark.parametrize("session_id", ["", "a worker's life"], ids=["without", "with a session"])
def test_reports_without_news_keep_it_and_write_nothing(session_id: str) -> None:
    async def world() -> None:
        journal = MortalJournal()
        async with Process(journal, CODE) as process:
            worker = Worker(process, session_id)
            run_id = await process.start("coded")
            [task] = await worker.poll(held=[])
            await worker.keep(task)
            before = len(events_of(journal, run_id))
            await worker.waits(task, 20)
            assert len(events_of(journal, run_id)) == before
            assert journal.state_of(run_id) == RunStage.RUNNING
            assert list(check_journal(journal)) == []
            # It reports no more, but lives.
            for _ in range(4):
                if session_id:
                    await worker.poll()
                else:
                    await asyncio.sleep(EVERY_SECONDS)
            events = events_of(journal, run_id)
            [failed] = [event for event in events if isinstance(event, AttemptFailed)]
            assert failed.failure.timeout_kind is TimeoutKind.START_TO_CLOSE

    run_in_virtual_time(world())


def test_it_is_kept_over_a_restart_of_the_server() -> None:
    async def world() -> None:
        journal = MortalJournal()
        async with Process(journal, CODE) as process:
            worker = Worker(process, "a worker's life")
            run_id = await process.start("coded")
            [task] = await worker.poll(held=[])
            await worker.waits(task, 20)
        async with Process(journal) as process:
            worker = Worker(process, "a worker's life")
            with pytest.raises(SessionUnknown):
                await worker.poll()
            await worker.poll(held=[task.token])
            await worker.waits(task, 20)
            events = events_of(journal, run_id)
            assert len([one for one in events if isinstance(one, AttemptStarted)]) == 1

    run_in_virtual_time(world())
