"""Deadlines: parked polls are woken in time, and those that end together share a timer."""

from __future__ import annotations

import asyncio

import pytest

from treadle.testing import run_in_virtual_time
from treadle_server.matching.deadlines import EXACT, SHARED_SECONDS, Deadlines
from treadle_server.matching.polls import Taker


def poll() -> tuple[Taker, asyncio.Future[None]]:
    """A poll, and what it waits for."""
    ready = asyncio.get_running_loop().create_future()
    taker = Taker(types=None, capacity=1, identity="", build_id="", session=None, ready=ready)
    return taker, ready


async def seconds_of(deadlines: Deadlines, wait: int) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    taker, ready = poll()
    deadline = deadlines.add(taker, wait)
    await ready
    deadlines.remove(taker, deadline)
    return loop.time() - began


@pytest.mark.parametrize("wait", [0, 1, 100_000, EXACT - 1])
def test_a_short_wait_is_kept_to(wait: int) -> None:
    async def world() -> float:
        return await seconds_of(Deadlines(), wait)

    assert run_in_virtual_time(world()) == pytest.approx(wait / 1e6, abs=1e-3)


def test_a_long_wait_is_never_exceeded_and_hardly_undercut() -> None:
    async def world() -> list[float]:
        deadlines, found = Deadlines(), []
        for _ in range(20):
            await asyncio.sleep(0.013)
            found.append(await seconds_of(deadlines, 20_000_000))
        return found

    found = run_in_virtual_time(world())
    assert all(20 - SHARED_SECONDS <= seconds <= 20.001 for seconds in found)


def test_polls_that_end_together_share_a_timer_which_ends_with_the_last() -> None:
    async def world() -> list[tuple[int, bool]]:
        deadlines, seen = Deadlines(), []
        await asyncio.sleep(SHARED_SECONDS / 2)
        polls = [poll() for _ in range(3)]
        at = [deadlines.add(taker, 20_000_000) for taker, _ in polls]
        for (taker, _), deadline in zip(polls[:-1], at, strict=False):
            deadlines.remove(taker, deadline)
        seen.append((len(set(at)), polls[-1][1].done()))
        await asyncio.sleep(20)
        deadlines.remove(polls[-1][0], at[-1])
        seen.append((len(deadlines), polls[-1][1].done()))
        return [*seen, (0, polls[0][1].done())]

    assert run_in_virtual_time(world()) == [(1, False), (0, True), (0, False)]


def test_who_comes_when_the_timer_has_fired_is_woken_too() -> None:
    async def world() -> list[int]:
        deadlines, seen = Deadlines(), []
        first, ready = poll()
        at = deadlines.add(first, 0)
        await ready
        later, ready = poll()
        assert deadlines.add(later, 0) == at, "virtual time stands still"
        deadlines.remove(first, at)
        seen.append(len(deadlines))
        await asyncio.wait_for(ready, 1)
        deadlines.remove(later, at)
        return [*seen, len(deadlines)]

    assert run_in_virtual_time(world()) == [1, 0]
