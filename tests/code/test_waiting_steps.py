"""A step that waits for a slot of its worker does not run: none of its times has begun, it is no
reason to lease it, and it is stopped at once.
"""

from __future__ import annotations

import asyncio

import pytest

from treadle import Context, step, workflow
from treadle.errors import ApplicationError
from treadle.testing import Kit, RunRecord, virtual_time

LONG = 60.0

MANY = 150
"""More runs than a worker decides for at a time."""


async def take(seconds: float, context: Context) -> float:
    for _ in range(round(seconds)):
        context.heartbeat()
        await asyncio.sleep(1.0)
    return seconds


async def undo(given: object) -> None:
    """Undoes `take`."""


@workflow
async def timed(given: list[float]) -> list[float]:
    calls = [step(take, seconds).timeout(seconds + 1).retry(1) for seconds in given]
    return await asyncio.gather(*calls)


@workflow
async def beating(given: list[float]) -> list[float]:
    calls = [step(take, seconds).heartbeat(5.0).retry(1) for seconds in given]
    return await asyncio.gather(*calls)


@workflow
async def loses_patience(seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await step(take, LONG).compensate(undo)
    except TimeoutError:
        raise ApplicationError("it took too long", kind="Slow") from None


@workflow
async def nothing() -> None: ...


def seconds(run: RunRecord) -> float:
    assert run.duration is not None
    return run.duration.total_seconds()


@pytest.mark.parametrize("made", [timed, beating], ids=lambda made: str(made.name))
@virtual_time
async def test_no_time_of_a_step_runs_while_it_waits(made: object) -> None:
    async with Kit() as kit, kit.worker(made, slots=2):  # type: ignore[arg-type]
        run = await kit.run(made, [LONG] * 6)  # type: ignore[arg-type]
        assert run.output == [LONG] * 6
        assert run.count("take") == 6
        assert 3 * LONG <= seconds(run) < 3 * LONG + 10


@virtual_time
async def test_other_runs_are_decided_for_while_as_many_long_steps_run_as_there_are_slots() -> None:
    async with Kit() as kit, kit.worker(timed, nothing, slots=MANY):
        await kit.client.deploy(timed)
        long = [await kit.start("timed", [LONG]) for _ in range(MANY)]
        await kit.advance(2.0)
        assert seconds(await kit.run(nothing)) < 1
        assert max([seconds(await kit.finish(one)) for one in long]) < LONG + 10


@virtual_time
async def test_a_step_that_waits_is_stopped_at_once() -> None:
    async with Kit() as kit, kit.worker(timed, loses_patience, slots=1):
        other = await kit.start(timed, [LONG])
        await kit.advance(1.0)
        run = await kit.run(loses_patience, 1.0)
        assert run.state == "FAILED"
        assert seconds(run) < LONG / 2
        assert not run.compensation_ran("take")
        assert (await kit.finish(other)).output == [LONG]


@virtual_time
async def test_a_step_that_waits_writes_nothing() -> None:
    async with Kit() as kit, kit.worker(timed, slots=1):
        first = await kit.start(timed, [LONG])
        second = await kit.start(timed, [1.0])
        await kit.finish(first)
        waited = await kit.finish(second)
        assert waited.output == [1.0]
        assert seconds(waited) > LONG
        assert len(waited.of_kind("decision_completed")) <= 4
        assert waited.of_kind("attempt_failed") == []


@virtual_time
async def test_a_step_waits_on_over_a_crash_of_the_server() -> None:
    async with Kit() as kit, kit.worker(timed, slots=1):
        first = await kit.start(timed, [LONG])
        second = await kit.start(timed, [1.0])
        await kit.advance(LONG / 2)
        await kit.crash_server()
        await kit.finish(first)
        waited = await kit.finish(second)
        assert waited.output == [1.0]
        assert waited.count("take") == 1
        assert waited.of_kind("attempt_failed") == []
