"""A task that fails with nobody awaiting it is said once, when the run has ended, and never while
garbage is collected: a traceback written there broke what was being parsed (CPython 3.11.7).
"""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from treadle import step, workflow
from treadle.errors import ApplicationError, StepFailed
from treadle.testing import Kit, run_in_virtual_time


async def fails(value: int) -> None:
    raise ApplicationError(f"told to, by {value}", kind="Told")


async def _alone(value: int) -> None:
    await step(fails, value)


@workflow
async def careless(given: int) -> str:
    task = asyncio.create_task(_alone(given), name="left alone")
    await asyncio.sleep(60)
    del task
    return "done"


@workflow
async def careful(given: int) -> str:
    task = asyncio.create_task(_alone(given))
    await asyncio.sleep(60)
    try:
        await task
    except StepFailed as error:
        return type(error).__name__
    return "no failure"


@workflow
async def never_ends(given: int) -> None:
    asyncio.create_task(_alone(given))  # noqa: RUF006 - that nobody has it is what is tested
    await workflow.wait_for_event("never")


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    gc.collect()
    return [one.getMessage() for one in caplog.records if one.name == "treadle.workflow"]


@pytest.mark.parametrize("forgetful", [False, True], ids=["kept in memory", "replayed each time"])
def test_what_nobody_awaited_is_said_once(
    caplog: pytest.LogCaptureFixture, forgetful: bool
) -> None:
    async def main() -> object:
        async with Kit([careless], forgetful=forgetful) as kit:
            return (await kit.run(careless, 7, workflow_id="w")).output

    with caplog.at_level(logging.WARNING, "treadle.workflow"):
        assert run_in_virtual_time(main()) == "done"
    (said,) = _said(caplog)
    assert said.endswith("left alone has failed, and nobody awaited it")
    assert caplog.records[-1].exc_info is not None


def test_what_was_awaited_late_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> object:
        async with Kit([careful]) as kit:
            return (await kit.run(careful, 7, workflow_id="w")).output

    assert run_in_virtual_time(main()) == "StepFailed"
    assert _said(caplog) == []


def test_a_run_that_is_let_go_of_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Kit([never_ends]) as kit:
            await kit.start(never_ends, 7, workflow_id="w")
            await asyncio.sleep(60)

    run_in_virtual_time(main())
    assert _said(caplog) == []
