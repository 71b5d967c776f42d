"""What can be a step, what it is called, and how often it can be asked for."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from treadle import step, workflow
from treadle._graph.policies import ErrorKind, Retry
from treadle.errors import DefinitionError
from treadle.testing import Kit, virtual_time


def work(value: int, more: int = 0) -> int:
    return value + more


class Worked:
    def __call__(self, value: int) -> int:
        return value


@dataclass(frozen=True)
class WorkedAs:
    how: object

    def __call__(self, value: int) -> int:
        return value


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (work, "work"),
        (lambda value: value, "step"),
        (functools.partial(work, more=1), "work"),
        (functools.partial(functools.partial(work), more=1), "work"),
        (Worked(), "Worked"),
        (WorkedAs(3), "WorkedAs(how=3)"),
        (WorkedAs(work), "WorkedAs"),
        ("abc".upper, "upper"),
    ],
)
def test_a_step_is_called_the_same_in_each_process(
    function: Callable[..., object], name: str
) -> None:
    assert step(function).name == name


@workflow
async def asks_twice_at_once(given: None) -> list[int]:
    asked = step(work, 1)
    first, second = asyncio.create_task(_awaited(asked)), asyncio.create_task(_awaited(asked))
    return [await first, await second, await asked]


async def _awaited(asked: object) -> int:
    return await asked  # type: ignore[misc, no-any-return]


@virtual_time
async def test_a_step_that_is_asked_for_again_is_another_one() -> None:
    async with Kit([asks_twice_at_once]) as kit:
        run = await kit.run(asks_twice_at_once)
        assert run.output == [1, 1, 1]
        assert run.order == ["c0", "c1", "c2"]


def test_kinds_of_failure_are_a_list() -> None:
    """A text would be its letters, and nothing would be tried again."""
    with pytest.raises(DefinitionError, match="are a list"):
        step(work, 1).retry(3, retry_on="TimeoutError")


def test_a_policy_can_be_used_again() -> None:
    kinds: Iterator[ErrorKind] = iter(["b", TimeoutError])
    policy = Retry(retry_on=kinds, not_on={"z", "a", "y", "x"})
    for _ in range(2):
        message = step(work, 1).retry(policy).command.retry
        assert list(message.retry_on) == ["b", "TimeoutError"]
        assert list(message.non_retryable_kinds) == ["a", "x", "y", "z"]
        assert policy.document()["retry_on"] == ["b", "TimeoutError"]


async def spell(number: int, *, style: str = "plain") -> str:
    return f"{number} {style}"


@workflow
async def spells(given: None) -> list[str]:
    said: list[str] = []
    for style in ("plain", "bold"):
        said.append(await step(spell, 1, style=style).cached("1h", by="one"))
        said.append(await step(spell, 1, style=style).cached("1h"))
    return said


@virtual_time
async def test_what_makes_a_kept_result_the_same_is_all_that_counts() -> None:
    async with Kit([spells]) as kit:
        assert (await kit.run(spells)).output == ["1 plain", "1 plain", "1 plain", "1 bold"]


fetched = contextvars.ContextVar("fetched", default="nothing")


async def fetch(number: int) -> str:
    """In the step's own context, and on the worker's loop."""
    await asyncio.sleep(1)
    if number > 1:
        raise ValueError("no such number")
    return f"{number} after {fetched.get()}"


def fetches(number: int) -> Coroutine[Any, Any, str]:
    fetched.set("a call")
    return fetch(number)


@workflow
async def fetches_by_and_by(given: None) -> list[object]:
    said: list[object] = [
        await step(lambda: fetch(0)),
        await step(fetches, 1).timeout("5s"),
        await step(lambda: fetch(2)).retry(2, "1s").optional("nothing"),
    ]
    try:
        async with asyncio.timeout(0.1):
            await step(lambda: fetch(0))
    except TimeoutError:
        said.append("too late")
    return said


@virtual_time
async def test_what_a_step_returns_is_awaited_if_it_is_a_coroutine() -> None:
    async with Kit([fetches_by_and_by]) as kit:
        run = await kit.run(fetches_by_and_by)
        assert run.output == ["0 after nothing", "1 after a call", "nothing", "too late"]
        assert run.count("c2") == 2


def test_a_workflow_is_no_step_and_undoes_none() -> None:
    with pytest.raises(DefinitionError, match=r"a workflow is run by workflow\.run_child"):
        step(spells, None)
    with pytest.raises(DefinitionError, match="cannot undo"):
        step(spell, 1).compensate(spells)
