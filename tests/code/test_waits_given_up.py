"""An event that a wait is given after the code has given that wait up goes to another one."""

from __future__ import annotations

import asyncio

from treadle import workflow
from treadle.testing import Kit, virtual_time


@workflow
async def asks_again(given: None) -> object:
    for _ in range(3):
        try:
            return await asyncio.wait_for(workflow.wait_for_event("x"), 10)
        except TimeoutError:
            pass
    return "nothing came"


@workflow
async def takes_either_then_both(given: None) -> list[object]:
    """Of two waits the second is given up when the first has its event."""
    first = asyncio.ensure_future(workflow.wait_for_event("a"))
    second = asyncio.ensure_future(workflow.wait_for_event("b"))
    done, others = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return [
        done.pop().result(),
        await workflow.wait_for_event("b"),
        await workflow.wait_for_event("b"),
    ]


@virtual_time
async def test_an_event_that_came_after_the_timeout_and_before_the_code_heard_of_it() -> None:
    async with Kit() as kit:
        async with kit.worker(asks_again):
            run = await kit.start(asks_again)
            await asyncio.sleep(5)
        await asyncio.sleep(20)  # nobody there, as in a deployment: the timer fires
        await run.send_event("x", "paid")
        async with kit.worker(asks_again):
            assert await run.result() == "paid"


@virtual_time
async def test_events_stay_in_their_order() -> None:
    async with Kit() as kit:
        async with kit.worker(takes_either_then_both):
            run = await kit.start(takes_either_then_both)
            await asyncio.sleep(5)
        await asyncio.sleep(5)
        await run.send_event("a", 0)
        await run.send_event("b", 1)
        await run.send_event("b", 2)
        async with kit.worker(takes_either_then_both):
            assert await run.result() == [0, 1, 2]
