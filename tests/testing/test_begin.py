"""Runs that begin at a given time, on virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from treadle.errors import InvalidRequest, RunCancelled, RunTimedOut
from treadle.graph import Graph
from treadle.testing import Kit, virtual_time


def graph() -> Graph:
    graph = Graph("later")
    graph.node("work", "work")
    return graph


@virtual_time
async def test_a_run_exists_at_once_and_begins_at_its_time() -> None:
    async with Kit(mocks={"work": "done"}) as kit:
        begin = kit.now() + timedelta(days=3)
        handle = await kit.start(graph(), workflow_id="one", begin=begin)
        await kit.advance(timedelta(days=2))
        assert kit.calls == []
        description = await handle.describe()
        assert [one.key for one in description.message.pending_timers] == ["start"]
        await kit.crash_server()
        run = await kit.finish(handle)
        assert run.output == "done"
        assert abs(run.attempts[0].started - begin) < timedelta(seconds=1)


@virtual_time
async def test_a_delay_and_a_time_that_has_passed() -> None:
    async with Kit(mocks={"work": "done"}) as kit:
        run = await kit.run(graph(), begin=timedelta(hours=1))
        assert run.duration is not None
        assert timedelta(hours=1) <= run.duration < timedelta(hours=1, seconds=1)
        past = await kit.run(graph(), begin=datetime(2020, 1, 1, tzinfo=UTC))
        assert past.of_kind("timer_started") == []


@virtual_time
async def test_its_run_timeout_counts_from_the_beginning() -> None:
    slow = Graph("slow")
    slow.timer("sleep", "1h")
    async with Kit() as kit:
        handle = await kit.start(slow, begin=timedelta(days=1), run_timeout=60)
        with pytest.raises(RunTimedOut):
            await handle.result()
        run = await kit.record(handle)
        assert run.duration is not None
        assert timedelta(days=1, seconds=60) <= run.duration < timedelta(days=1, seconds=62)


@virtual_time
async def test_it_can_be_cancelled_before_it_begins() -> None:
    async with Kit(mocks={"work": "done"}) as kit:
        handle = await kit.start(graph(), begin=timedelta(days=1))
        await handle.cancel()
        with pytest.raises(RunCancelled):
            await handle.result()
        assert kit.calls == []
        run = await kit.record(handle)
        assert [len(run.of_kind(kind)) for kind in ("timer_cancelled", "run_cancelled")] == [1, 1]


@virtual_time
async def test_it_can_be_terminated_before_it_begins() -> None:
    # Found by the simulation: the end of the run took its beginning for a node.
    async with Kit(mocks={"work": "done"}) as kit:
        handle = await kit.start(graph(), begin=timedelta(days=1))
        await handle.terminate()
        assert (await kit.finish(handle)).state == "TERMINATED"


@virtual_time
async def test_paused_and_resumed_before_it_begins() -> None:
    async with Kit(mocks={"work": "done"}) as kit:
        handle = await kit.start(graph(), begin=timedelta(days=1))
        await kit.client.pause(handle.run_id)
        await kit.advance(timedelta(days=2))
        assert kit.calls == []
        await kit.client.resume(handle.run_id)
        assert (await kit.finish(handle)).output == "done"


@virtual_time
async def test_a_time_without_a_zone_is_refused() -> None:
    async with Kit(mocks={"work": "done"}) as kit:
        with pytest.raises(InvalidRequest, match="no time zone"):
            await kit.start(graph(), begin=datetime(2030, 1, 1))  # noqa: DTZ001
