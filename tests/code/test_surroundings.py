"""What workflow code finds around it does not depend on where it runs: on a thread of its own, or
within the worker's loop and one of its tasks.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from asyncio import events
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from treadle import Workflow, step, workflow
from treadle._code.mismatch import Suspended
from treadle._code.replayer import Replayer
from treadle._code.run import RunInfo
from treadle.v1 import event_pb2

caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")


class Notes(list[str]):
    """What code has done that does not go into the history."""


noted = Notes()


def work(value: int) -> int:
    return value


async def numbers(seen: list[int]) -> AsyncIterator[int]:
    try:
        for number in range(3):
            yield number
    finally:
        seen.append(0)


@workflow
async def gives_a_generator_up(given: None) -> None:
    seen: list[int] = []
    async for _ in numbers(seen):
        break
    await step(work, 1).named(f"after {len(seen)}")


@workflow
async def answers_who_calls(given: None) -> None:
    @workflow.on_update
    def who() -> None:
        noted.append(caller.get())

    await workflow.wait_for_event("end")


@workflow
async def ends_with_a_task(given: None) -> None:
    async def late() -> None:
        noted.append("late")

    try:
        await workflow.wait_for_event("end")
    finally:
        noted.append(type(asyncio.get_running_loop()).__name__)
        asyncio.create_task(late())  # noqa: RUF006 - what is tested


@workflow
async def ends_by_exit(given: None) -> None:
    try:
        await workflow.wait_for_event("end")
    finally:
        noted.append("exit")
        raise SystemExit


def fed(code: Workflow[..., Any], *more: event_pb2.Event) -> Replayer:
    replayer = Replayer(code, RunInfo("run", "workflow id", code.name, 1))
    started = event_pb2.RunStarted(workflow=code.name, version=1)
    replayer.feed([event_pb2.Event(seq=1, run_started=started), *more])
    return replayer


@pytest.fixture(autouse=True)
def nothing_noted() -> None:
    noted.clear()


def wanted(code: Workflow[..., Any]) -> list[str]:
    return [one.name for one in fed(code).take().steps]


async def test_a_generator_that_is_given_up_ends_at_the_same_place() -> None:
    """A loop would end it later, when the code has gone on without."""
    hooks = sys.get_asyncgen_hooks()
    assert any(hooks)
    here = wanted(gives_a_generator_up)
    assert here == await asyncio.to_thread(wanted, gives_a_generator_up) == ["after 1"]
    assert sys.get_asyncgen_hooks() == hooks


async def test_the_task_that_feeds_code_is_not_the_current_one_meanwhile() -> None:
    """Python 3.14 refuses to run a task inside another one."""
    outside = asyncio.get_running_loop()
    before = asyncio.current_task()
    seen: list[object] = []

    @workflow
    async def looks(given: None) -> None:
        seen.extend([asyncio.current_task(outside), asyncio.current_task()])

    fed(looks).evict()
    assert seen[0] is None
    assert getattr(seen[1], "get_name", str)() == "workflow"
    assert asyncio.current_task() is before


def test_updates_do_not_see_the_variables_of_who_feeds_them() -> None:
    update = event_pb2.UpdateReceived(update_id="1", name="who")
    context = contextvars.copy_context()
    context.run(caller.set, "the worker")
    context.run(fed, answers_who_calls, event_pb2.Event(seq=2, update_received=update))
    assert noted == ["nobody"]


async def test_code_that_is_let_go_of_begins_nothing_on_the_loop_of_the_worker() -> None:
    fed(ends_with_a_task).evict()
    await asyncio.sleep(0)
    assert noted == ["WorkflowLoop"]


def test_code_that_is_let_go_of_may_raise_anything() -> None:
    fed(ends_by_exit).evict()
    assert noted == ["exit"]


CHANGING = [
    (asyncio.tasks, "_leave_task"),
    (sys, "set_asyncgen_hooks"),
    (events, "_set_running_loop"),
    (events, "_set_running_loop"),
    (asyncio.tasks, "_enter_task"),
    (sys, "set_asyncgen_hooks"),
]
"""What changes what the thread finds around it, in order."""


def surroundings() -> tuple[object, ...]:
    loop = events._get_running_loop()
    return loop, asyncio.current_task(loop), sys.get_asyncgen_hooks()


@pytest.mark.parametrize("call", range(len(CHANGING)))
async def test_the_thread_is_as_before_whenever_code_is_stopped(
    call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stops it comes between any two instructions: here after one of these calls."""
    replayer = fed(answers_who_calls)
    before = surroundings()
    called: list[str] = []

    def stopping(function: Callable[..., None], name: str) -> Callable[..., None]:
        def change(*args: object) -> None:
            function(*args)
            called.append(name)
            if len(called) == call + 1:
                raise Suspended

        return change

    for module, name in set(CHANGING):
        monkeypatch.setattr(module, name, stopping(getattr(module, name), name))
    with pytest.raises(Suspended):
        replayer.loop.drain()
    monkeypatch.undo()
    assert surroundings() == before
    assert called[: call + 1] == [name for _, name in CHANGING][: call + 1]
