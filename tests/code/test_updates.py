"""How code says which updates it answers."""

from __future__ import annotations

from treadle import workflow
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
