"""What is left of a run that a worker has let go of: nothing, at once."""

from __future__ import annotations

import asyncio
import gc
from asyncio import events
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from treadle import step, workflow
from treadle._code.mismatch import Suspended
from treadle._code.replayer import Replayer
from treadle._code.run import RunInfo
from treadle.testing import Kit, run_in_virtual_time


def work(value: int) -> int:
    return value + 1


@workflow
async def steps_and_a_sleep(given: int) -> int:
    found = await asyncio.gather(step(work, given), step(work, given + 1))
    await asyncio.sleep(1)
    last: int = await step(work, sum(found))
    return last


def test_runs_that_ended_leave_no_cycles() -> None:
    async def main() -> Counter[str]:
        async with Kit([steps_and_a_sleep]) as kit:
            for number in range(3):
                await kit.run(steps_and_a_sleep, number)
            gc.collect()
            gc.set_debug(gc.DEBUG_SAVEALL)
            try:
                for number in range(10):
                    await kit.run(steps_and_a_sleep, number)
                gc.collect()
                return Counter(type(one).__qualname__ for one in gc.garbage)
            finally:
                gc.set_debug(0)
                gc.garbage.clear()

    found = run_in_virtual_time(main())
    # The run that is under way when the collector looks may be in a cycle still.
    assert found["Replayer"] <= 1
    assert found["WorkflowLoop"] <= 1


async def _ask_for_a_step() -> None:
    await step(work, 1)


async def _sleep() -> None:
    await asyncio.sleep(1)


@pytest.mark.parametrize("word", [_ask_for_a_step, _sleep], ids=lambda one: one.__name__)
def test_code_that_runs_all_the_same_is_refused(
    word: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """As that of a thread which hung, and was given up."""
    replayer = Replayer(steps_and_a_sleep, RunInfo("run", "workflow id", "steps_and_a_sleep", 1))
    replayer.evict()
    coroutine = word()
    events._set_running_loop(replayer.loop)
    try:
        with pytest.raises(Suspended):
            coroutine.send(None)
    finally:
        events._set_running_loop(None)
