"""Steps that take longer than a decision waits for them go on under leases of their own; the run
goes on deciding meanwhile.
"""

from __future__ import annotations

import asyncio

from treadle import step, workflow
from treadle._worker.runs import LONG_SECONDS
from treadle.testing import Kit, RunRecord, virtual_time

LONG = 100 * LONG_SECONDS


async def take(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@workflow
async def answers_meanwhile(given: float) -> float:
    asked = 0

    @workflow.on_update
    async def ask() -> int:
        nonlocal asked
        asked += 1
        return asked

    taken: float = await step(take, given)
    return taken


@workflow
async def side_by_side(given: list[float]) -> list[float]:
    return await asyncio.gather(*(step(take, seconds) for seconds in given))


@workflow
async def the_first_counts(given: list[float]) -> float:
    running = [asyncio.ensure_future(step(take, seconds)) for seconds in given]
    done, others = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    first: float = done.pop().result()
    return first


def seconds(run: RunRecord) -> float:
    assert run.duration is not None
    return run.duration.total_seconds()


@virtual_time
async def test_an_update_is_answered_while_a_step_runs() -> None:
    async with Kit([answers_meanwhile]) as kit:
        handle = await kit.start(answers_meanwhile, LONG)
        await kit.advance(1.0)
        assert await handle.update("ask", timeout=5) == 1
        assert (await handle.describe()).run.state == "RUNNING"
        assert await handle.update("ask", timeout=5) == 2
        run = await kit.finish(handle)
        assert run.output == LONG
        assert LONG <= seconds(run) < LONG + 1


@virtual_time
async def test_steps_of_all_lengths_run_side_by_side() -> None:
    given: list[float] = [LONG, 0.1, LONG / 2, LONG_SECONDS * 2, 0.0]
    async with Kit([side_by_side]) as kit:
        run = await kit.run(side_by_side, given)
        assert run.output == given
        assert LONG <= seconds(run) < LONG + 1


@virtual_time
async def test_a_long_step_that_is_not_wanted_any_more_is_stopped() -> None:
    async with Kit([the_first_counts]) as kit:
        run = await kit.run(the_first_counts, [LONG, LONG_SECONDS * 2])
        assert run.output == LONG_SECONDS * 2
        assert seconds(run) < LONG / 2
