"""Runs that begin together may be more than fits into the answer of the poll that waits."""

from __future__ import annotations

import asyncio

import pytest

from tests.runs.in_process import MortalJournal, Process
from treadle import workflow
from treadle.testing import virtual_time
from treadle_server.engine.entities import decision_type
from treadle_server.engine.values import Payload
from treadle_server.matching.polls import ANSWER_BYTES
from treadle_server.runs.model import PollAnswer, PollRequest, StartRequest

LARGE = 2_000_000


@workflow
async def coded(text: str) -> int:
    return len(text)


@pytest.mark.parametrize("session", ["", "one"])
@virtual_time
async def test_the_rest_comes_with_the_next_polls(session: str) -> None:
    async with Process(MortalJournal(), coded.document()) as process:

        async def poll() -> PollAnswer:
            request = PollRequest(
                namespace="default",
                queue="default",
                max_tasks=50,
                wait=10_000_000,
                session_id=session,
                types=frozenset([decision_type("coded", 1)]),
                held_tokens=None if told else [],
            )
            return await process.runs.poll(request)

        told: list[bytes] = []
        polling = asyncio.ensure_future(poll())
        await asyncio.sleep(0.1)
        one = StartRequest(namespace="default", workflow="coded", input=Payload(b"x" * LARGE))
        started = await process.runs.start([one] * 20)
        assert not any(isinstance(answer, Exception) for answer in started)
        while len(told) < 20:
            answer = await polling
            views = [task.decision() for task in answer.tasks if task.decision is not None]
            size = sum(len(body) for view in views for body in view.batches)
            assert LARGE < size < ANSWER_BYTES + LARGE
            told += [task.run_id for task in answer.tasks]
            polling = asyncio.ensure_future(poll())
        polling.cancel()
        assert len(set(told)) == 20
