"""How code says which updates it answers."""

from __future__ import annotations

import asyncio

import pytest

from treadle import workflow
from treadle.errors import ApplicationError, UpdateFailed
from treadle.testing import Kit, virtual_time


@workflow
async def answers_three(given: None) -> None:
    @workflow.on_update
    def plainly(value: int) -> int:
        return value + 1

    @workflow.on_update()
    async def with_brackets(value: int) -> int:
        return value + 2

    @workflow.on_update("another name")
    def named(value: int) -> int:
        return value + 3

    await workflow.wait_for_event("end")


@virtual_time
async def test_the_decorator_works_with_brackets_and_without() -> None:
    async with Kit([answers_three]) as kit:
        handle = await kit.start(answers_three)
        assert await handle.update("plainly", 1, timeout=5) == 2
        assert await handle.update("with_brackets", 1, timeout=5) == 3
        assert await handle.update("another name", 1, timeout=5) == 4
        await handle.send_event("end")
        assert (await kit.finish(handle)).state == "COMPLETED"


async def small_enough(value: int) -> None:
    await asyncio.sleep(1)
    if value > 3:
        raise ApplicationError("too much", kind="TooMuch")


@workflow
async def looks_first(given: None) -> None:
    @workflow.on_update(validator=small_enough)
    def take(value: int) -> int:
        return value

    await workflow.wait_for_event("end")


@virtual_time
async def test_a_validator_may_be_async() -> None:
    """One that nobody awaits lets everything pass."""
    async with Kit([looks_first]) as kit:
        handle = await kit.start(looks_first)
        assert await handle.update("take", 3, timeout=5) == 3
        with pytest.raises(UpdateFailed, match="too much"):
            await handle.update("take", 4, timeout=5)
        await handle.send_event("end")


async def given_up() -> None:
    task = asyncio.ensure_future(workflow.wait_for_event("never"))
    asyncio.get_running_loop().call_soon(task.cancel)
    await task


@workflow
async def answers_with_what_is_no_exception(given: None) -> str:
    @workflow.on_update
    async def goes_on() -> None:
        workflow.continue_as_new(None)

    @workflow.on_update
    async def gives_up() -> None:
        await given_up()

    await workflow.wait_for_event("end")
    return "ended"


@virtual_time
async def test_an_update_is_answered_however_its_handler_ends() -> None:
    async with Kit([answers_with_what_is_no_exception]) as kit:
        handle = await kit.start(answers_with_what_is_no_exception)
        with pytest.raises(UpdateFailed, match="cannot continue its run as a new one"):
            await handle.update("goes_on", timeout=5)
        with pytest.raises(UpdateFailed, match="CancelledError"):
            await handle.update("gives_up", timeout=5)
        await handle.send_event("end")
        assert await handle.result() == "ended"
