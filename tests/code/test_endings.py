"""A run whose code cannot be ended as it says ends all the same, and says why."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from treadle import step, workflow
from treadle.testing import Kit, RunRecord, run_in_virtual_time, virtual_time


def says_the_wrong_thing() -> int:
    return "abc"  # type: ignore[return-value]


def works() -> int:
    return 1


undone: list[object] = []


def undo(given: object) -> None:
    undone.append(given)


def undo_says_the_wrong_thing(given: object) -> int:
    return "undone"  # type: ignore[return-value]


@workflow
async def continues_with_what_cannot_be_written() -> None:
    workflow.continue_as_new(object())


@workflow
async def continues_with_too_much() -> None:
    workflow.continue_as_new("x" * 3_000_000)


@workflow
async def undoes_what_cannot_be_read() -> None:
    await step(works).compensate(undo)
    await step(says_the_wrong_thing).compensate(undo)


@workflow
async def is_undone_by_what_gives_something_else() -> None:
    await step(works).compensate(undo_says_the_wrong_thing)
    raise ValueError("x")


@workflow
async def is_undone_by_no_function() -> None:
    await step(works).compensate(42)


def record_of(code: Any) -> RunRecord:
    async def main() -> RunRecord:
        async with Kit([code]) as kit:
            return await kit.run(code)

    return run_in_virtual_time(main())


@pytest.mark.parametrize("code", [continues_with_what_cannot_be_written, continues_with_too_much])
def test_what_cannot_be_continued_with_fails_the_run(code: Any) -> None:
    run = record_of(code)
    assert run.state == "FAILED"
    assert run.failure is not None
    assert run.failure.kind == "PayloadError"


def test_what_cannot_be_called_to_undo_is_not_undone_and_the_rest_is() -> None:
    undone.clear()
    run = record_of(undoes_what_cannot_be_read)
    assert run.state == "FAILED"
    [ended] = run.of_kind("compensation_ended")
    assert (len(ended.compensation_ended.undone), len(ended.compensation_ended.not_undone)) == (
        1,
        1,
    )
    assert undone == [1]


def test_what_an_undo_gives_is_nobodys_business() -> None:
    run = record_of(is_undone_by_what_gives_something_else)
    [ended] = run.of_kind("compensation_ended")
    assert not ended.compensation_ended.not_undone


def test_what_can_undo_nothing_is_refused_where_it_is_said() -> None:
    run = record_of(is_undone_by_no_function)
    assert run.failure is not None
    assert run.failure.kind == "DefinitionError"
    assert "42 cannot undo step 'works'" in run.failure.message


@workflow
async def continues_within_a_group(turn: int) -> int:
    async def leave() -> None:
        workflow.continue_as_new(turn + 1)

    if turn < 2:
        async with asyncio.TaskGroup() as group:
            if turn == 0:
                workflow.continue_as_new(1)
            group.create_task(leave())
    return turn


@virtual_time
async def test_code_may_go_on_as_a_new_run_from_within_a_group() -> None:
    async with Kit([continues_within_a_group]) as kit:
        handle = await kit.start(continues_within_a_group, 0, workflow_id="turns")
        assert (await kit.finish(handle)).state == "CONTINUED"
        await kit.advance(1)
        last = await kit.client.get_run(workflow_id="turns")
        assert last.output == 2
