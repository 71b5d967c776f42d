"""A wait for an event that comes too late, or never: what the code is given, also at a replay."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_type

import pytest

from treadle import workflow
from treadle.client import StartEvent
from treadle.testing import Kit, virtual_time

NEVER = "nobody answered"


@dataclass
class Answer:
    by: str


@workflow
async def asks(given: None) -> list[object]:
    """One wait after the other, with a wait for time behind, so that each is replayed."""
    answers: list[object] = []
    for _ in range(3):
        answers.append(await workflow.wait_for_event("answer", timeout=60, otherwise=NEVER))
        await asyncio.sleep(60)
    answers.append(await workflow.wait_for_event("answer", timeout=60))
    return answers


@workflow
async def asks_for_more(given: None) -> list[object]:
    """What types are known, for type checkers."""
    surely = await workflow.wait_for_event("answer", returns=Answer)
    assert_type(surely, Answer)
    maybe = await workflow.wait_for_event("answer", returns=Answer, timeout=1)
    assert_type(maybe, Answer | None)
    word = await workflow.wait_for_event("answer", returns=Answer, timeout=1, otherwise="none")
    assert_type(word, Answer | str)
    return [surely.by, maybe is None, word]


@pytest.mark.parametrize("forgetful", [False, True])
@virtual_time
async def test_no_event_is_not_an_event_without_a_payload(*, forgetful: bool) -> None:
    async with Kit([asks], forgetful=forgetful) as kit:
        run = await kit.start(asks)
        await run.send_event("answer")
        await asyncio.sleep(200)
        await run.send_event("answer", "yes")
        assert await run.result() == [None, NEVER, "yes", None]


@virtual_time
async def test_what_counts_otherwise_is_not_read_as_a_payload() -> None:
    async with Kit([asks_for_more]) as kit:
        run = await kit.start(asks_for_more)
        await run.send_event("answer", {"by": "Ada"})
        assert await run.result() == ["Ada", True, "none"]


@workflow
async def asks_in_no_time(given: None) -> list[object]:
    answers: list[object] = []
    for seconds in (0, -5, timedelta(0)):
        answers.append(await workflow.wait_for_event("answer", timeout=seconds, otherwise=NEVER))
    return answers


@virtual_time
async def test_a_time_that_has_passed_takes_what_came_before() -> None:
    async with Kit([asks_in_no_time]) as kit:
        run = await kit.start(asks_in_no_time, events=[StartEvent("answer", "early")])
        assert await run.result(timeout=60) == ["early", NEVER, NEVER]


@workflow
async def waits_for_ever(given: None) -> str:
    sleeping = asyncio.ensure_future(asyncio.sleep(math.inf))
    try:
        async with asyncio.timeout(math.inf), asyncio.timeout(60):
            await asyncio.sleep(1e15)
    except TimeoutError:
        return "woken" if not sleeping.done() else "slept"
    return "slept"


@virtual_time
async def test_a_sleep_may_be_without_end() -> None:
    async with Kit([waits_for_ever]) as kit:
        assert (await kit.run(waits_for_ever)).output == "woken"
