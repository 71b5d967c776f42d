"""Runs with more steps, or larger ones, than one report takes."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from examples.local_service import local_service
from treadle import Client, Worker, step, workflow
from treadle.errors import ApplicationError
from treadle.testing import Kit, virtual_time

MANY = 3_000
LARGE = 1_900_000


async def number(given: int) -> int:
    return given


async def large(_given: int) -> str:
    await asyncio.sleep(0.05)
    return "x" * LARGE


async def fails_at_length(_given: int) -> None:
    error: ApplicationError | None = None
    for _ in range(10):
        cause, error = error, ApplicationError("at length", kind="Long", details="x" * LARGE)
        error.__cause__ = cause
    assert error is not None
    raise error


async def first_fails(given: int) -> int:
    if given == 0:
        raise ApplicationError("told to", kind="Told", non_retryable=True)
    with contextlib.suppress(asyncio.CancelledError):  # it succeeds all the same
        await asyncio.sleep(60)
    return given


async def undo(given: int) -> None:
    """Undoes `first_fails`."""


@workflow
async def wide(count: int) -> int:
    return sum(await asyncio.gather(*(step(number, given) for given in range(count))))


@workflow
async def heavy(count: int) -> int:
    return sum(map(len, await asyncio.gather(*(step(large, given) for given in range(count)))))


@workflow
async def heavy_failures(count: int) -> int:
    calls = [step(fails_at_length, given).retry(1) for given in range(count)]
    failed = await asyncio.gather(*calls, return_exceptions=True)
    return sum(isinstance(one, Exception) for one in failed)


@workflow
async def undone(count: int) -> None:
    calls = [step(first_fails, given).retry(1).compensate(undo) for given in range(count)]
    await asyncio.gather(*calls)


@virtual_time
async def test_a_run_has_as_many_steps_at_once_as_it_likes() -> None:
    async with Kit([wide]) as kit:
        run = await kit.run(wide, MANY)
        assert run.output == sum(range(MANY))


@virtual_time
async def test_steps_that_were_stopped_are_all_undone_if_they_succeeded() -> None:
    count = 600  # more stops than one report takes
    async with Kit() as kit, kit.worker(undone, slots=count):
        run = await kit.run(undone, count)
        assert run.state == "FAILED"
        undoing = [one for one in kit.calls if one.activity == "undo"]
        assert len(undoing) == count - 1


async def test_large_outcomes_that_come_together(tmp_path: Path) -> None:
    work = [heavy, heavy_failures, wide]
    with local_service(tmp_path) as service:
        async with Client(service.address) as client, asyncio.timeout(60):
            for one in work:
                await client.deploy(one)
            working = asyncio.create_task(Worker(work, address=service.address).run())
            try:
                assert await client.run(heavy, 10) == 10 * LARGE
                assert await client.run(heavy_failures, 3) == 3
                assert await client.run(wide, 3) == 3
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
