"""A worker that withdraws its poll and sends another one lives on; one whose last poll breaks is
taken for dead.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.runs.in_process import ONE, MortalJournal, Process, reference
from treadle.testing import virtual_time
from treadle.v1 import conversation_service_pb2 as messages
from treadle_server.api.conversation import Conversation
from treadle_server.engine.transitions import ActivityStage
from treadle_server.runs.model import PollAnswer, PollRequest

COME_BACK_SECONDS = 6.0
TWO = ONE | {"name": "two", "nodes": {"a": {"activity": "a"}, "b": {"activity": "a"}}}


async def poll(process: Process, *, held: list[bytes] | None) -> PollAnswer:
    request = PollRequest(
        namespace="default",
        queue="default",
        max_tasks=10,
        wait=20_000_000,
        session_id="one",
        types=frozenset(["a"]),
        held_tokens=held,
    )
    return await process.runs.poll(request)


async def stages(process: Process, run_id: bytes) -> list[ActivityStage]:
    view = await process.runs.describe(reference(run_id), include_nodes=False)
    return [activity.stage for activity in view.activities]


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("successor_first", [True, False])
@virtual_time
async def test_a_withdrawn_poll_has_a_successor(held: bool, successor_first: bool) -> None:
    async with Process(MortalJournal(), TWO) as process:
        run_id = await process.start("two")
        [task, other] = (await poll(process, held=[])).tasks
        old = asyncio.ensure_future(poll(process, held=None))
        await asyncio.sleep(1)

        async def work() -> None:
            if not held:  # it never arrived: it is delivered again
                [again] = (await poll(process, held=[])).tasks
                assert again.token == task.token
            await poll(process, held=[task.token])

        # The successor waits until this is on the disk.
        reporting = asyncio.ensure_future(process.complete(other))
        if successor_first:
            new = asyncio.ensure_future(work())
            await asyncio.sleep(0)
            assert not reporting.done()
            old.cancel()
        else:
            old.cancel()
            new = asyncio.ensure_future(work())
        await asyncio.sleep(COME_BACK_SECONDS)
        assert old.cancelled()
        assert not new.done()
        assert await stages(process, run_id) == [ActivityStage.LEASED]
        new.cancel()
        await asyncio.sleep(COME_BACK_SECONDS)
        assert await stages(process, run_id) == [ActivityStage.QUEUED]


@pytest.mark.parametrize("comes_back", [True, False])
@virtual_time
async def test_what_a_dead_worker_had_is_lost_even_if_its_time_is_up(comes_back: bool) -> None:
    """That its worker died does not count as an attempt; that it was slow does."""
    slow = {"activity": "a", "start_to_close": "3s", "retry": {"max_attempts": 1}}
    async with Process(MortalJournal(), ONE | {"nodes": {"a": slow}}) as process:
        run_id = await process.start("one")
        [task] = (await poll(process, held=[])).tasks
        parked = asyncio.ensure_future(poll(process, held=[task.token]))
        await asyncio.sleep(1)
        parked.cancel()  # the connection breaks
        await asyncio.sleep(1)
        again = asyncio.ensure_future(poll(process, held=[task.token])) if comes_back else None
        await asyncio.sleep(2)
        expected = [] if comes_back else [ActivityStage.QUEUED]
        assert await stages(process, run_id) == expected
        if again is not None:
            again.cancel()


@virtual_time
async def test_what_travels_with_its_own_end_is_not_begun() -> None:
    asked: list[str] = []

    async def answer(request: bytes, _context: Any) -> bytes:
        asked.append(request.decode())
        try:
            await asyncio.sleep(10)
        finally:
            asked.append(f"no more {request.decode()}")
        return b""

    def call(number: int) -> messages.CarriedCall:
        return messages.CarriedCall(number=number, method="ask", request=str(number).encode())

    conversation = Conversation({"ask": answer}, lambda: None, lambda: None)
    conversation.hear(messages.ConverseRequest(calls=[call(1)]))
    await asyncio.sleep(1)
    conversation.hear(messages.ConverseRequest(calls=[call(2), call(3)], withdrawn=[1, 3]))
    await asyncio.sleep(1)
    assert asked == ["1", "no more 1", "2"]
    conversation.close()
