"""Where decisions wait, and where the work that code asks for does."""

from __future__ import annotations

import pytest

from treadle import activity, workflow
from treadle.errors import DefinitionError
from treadle.testing import Kit, virtual_time


@activity
async def greet(name: str) -> str:
    return f"Hello, {name}"


@workflow
async def greets(name: str) -> str:
    return str(await workflow.activity(greet, name).queue("labels"))


@workflow(queue="slow")
async def greets_slowly(name: str) -> str:
    return str(await workflow.activity(greet, name).queue("labels"))


@activity
async def take_back(greeting: str) -> str:
    return f"not {greeting}"


@workflow
async def takes_back(name: str) -> None:
    greeting = workflow.activity(greet, name).queue("labels")
    await greeting.compensate(take_back, queue="undoing")
    raise ValueError("nobody there")


@virtual_time
async def test_what_undoes_an_activity_may_wait_in_a_queue_of_its_own() -> None:
    async with (
        Kit([takes_back]) as kit,
        kit.worker(greet, queue="labels"),
        kit.worker(take_back, queue="undoing"),
    ):
        run = await kit.run(takes_back, "Ada")
        [undone] = run.of_kind("compensation_ended")
        assert list(undone.compensation_ended.undone) == ["c0"]


def test_an_activity_has_the_name_that_workers_ask_for() -> None:
    with pytest.raises(DefinitionError, match="its name is its type, for which workers ask"):
        workflow.activity(greet, "Ada").named("greet Ada")
    assert workflow.activity(greet, "Ada").named("greet").name == "greet"


def test_a_function_waits_in_no_queue() -> None:
    with pytest.raises(DefinitionError, match="waits in no queue"):
        workflow.activity(greet, "Ada").compensate(print, queue="undoing")


@virtual_time
async def test_a_worker_of_another_queue_decides_for_the_workflows_that_it_deploys() -> None:
    async with Kit() as kit, kit.worker(greets, greets_slowly, greet, queue="labels"):
        for one in (greets, greets_slowly):
            run = await kit.start(one, "Ada")
            assert await run.result(timeout=60) == "Hello, Ada"
