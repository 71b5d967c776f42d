"""Runs that sleep leave memory; histories that grow long are said, then held for a person."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from treadle import step, workflow
from treadle.testing import Kit, virtual_time
from treadle_server.engine import code
from treadle_server.runs import words

DAY = 86_400


def nothing() -> None:
    """As little as a step can do."""


@workflow
async def sleeper(days: int) -> str:
    await step(nothing)
    await asyncio.sleep(days * DAY)
    return "rested"


@workflow
async def long_one(steps: int) -> int:
    for _ in range(steps):
        await step(nothing)
    return steps


def server_of(kit: Kit) -> Any:
    return kit._server


@virtual_time
async def test_a_run_that_sleeps_is_on_disk_only_and_wakes_when_it_should() -> None:
    async with Kit([sleeper]) as kit:
        run = await kit.start(sleeper, 30)
        await asyncio.sleep(60)
        runs = server_of(kit)._runs
        assert len(runs._hot) == 0
        # To the microsecond: a row that is early has every sleeper woken and read for nothing.
        description = await run.describe()
        [timer] = description.message.pending_timers
        [row] = server_of(kit)._journal.get_runs([bytes.fromhex(run.run_id.replace("-", ""))])
        assert row.wake_time == timer.due_time.ToMicroseconds()
        assert len(runs._hot) == 1, "it was read to be described"
        await asyncio.sleep(10)
        assert len(runs._hot) == 0
        assert await run.result() == "rested"


@virtual_time
async def test_reading_a_sleeping_run_again_and_again_changes_nothing() -> None:
    async with Kit([sleeper]) as kit:
        run = await kit.start(sleeper, 1)
        for _ in range(20):
            await asyncio.sleep(3)
            assert (await run.describe()).status == "waiting"
        await kit.client.pause(run.run_id)
        await kit.client.resume(run.run_id)
        assert await run.result() == "rested"


@virtual_time
async def test_a_long_history_is_said_then_held_and_grows_when_a_person_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(words, "EVENTS_WARN", 40)
    monkeypatch.setattr(code, "EVENTS_LIMIT", 100)
    monkeypatch.setattr(code, "EVENTS_MORE", 60)
    async with Kit([long_one]) as kit:
        run = await kit.start(long_one, 50)
        for held_at in (100, 170):
            await asyncio.sleep(60)
            message = (await run.describe()).message
            assert message.status == "held"
            assert message.run.last_seq >= held_at
            [warning] = message.warnings
            assert "should continue as new" in warning
            [pending] = message.pending_activities
            assert "events" in message.incident
            await kit.client.answer(
                run.run_id, key=pending.key, answer="retry", reason="it is nearly through"
            )
        assert await run.result() == 50
        assert not (await run.describe()).message.warnings
