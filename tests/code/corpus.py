"""asyncio's words, each in a workflow of its own: what must work inside workflow code.

Each takes `unit`, the seconds that its shortest wait lasts, and gives a value that depends on
nothing else. `CORPUS` has them all with what they give.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from treadle import Workflow, step, workflow
from treadle.errors import ApplicationError, StepFailed

CORPUS: dict[str, tuple[Workflow[..., Any], Any]] = {}


def gives(expected: Any) -> Callable[[Any], Workflow[..., Any]]:
    """Puts a workflow into the corpus, with what it gives."""

    def add(function: Any) -> Workflow[..., Any]:
        made = workflow(function)
        CORPUS[made.name] = (made, expected)
        return made

    return add


async def echo(value: Any) -> Any:
    return value


def twice(value: int) -> int:
    return 2 * value


def fail(kind: str) -> None:
    raise ApplicationError("as told", kind=kind)


@gives([2, 4, 6])
async def gather(unit: float) -> list[int]:
    return list(await asyncio.gather(*(step(twice, n) for n in (1, 2, 3))))


@gives([1, "Sour", 3])
async def gather_with_exceptions(unit: float) -> list[Any]:
    outcomes = await asyncio.gather(
        step(echo, 1), step(fail, "Sour"), step(echo, 3), return_exceptions=True
    )
    return [one.kind if isinstance(one, StepFailed) else one for one in outcomes]


@gives(["first failed", "other went on"])
async def gather_raises_the_first(unit: float) -> list[str]:
    said = []

    async def other() -> None:
        await asyncio.sleep(2 * unit)
        said.append("other went on")

    try:
        await asyncio.gather(step(fail, "Sour"), other())
    except StepFailed:
        said.append("first failed")
    await asyncio.sleep(4 * unit)
    return said


@gives({"a": 1, "b": 2})
async def task_group(unit: float) -> dict[str, int]:
    async with asyncio.TaskGroup() as group:
        a = group.create_task(step(echo, 1).named("a"))
        b = group.create_task(step(echo, 2).named("b"))
    return {"a": a.result(), "b": b.result()}


@gives(["cancelled", ["Sour"]])
async def task_group_that_fails(unit: float) -> list[Any]:
    said: list[Any] = []

    async def other() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            said.append("cancelled")
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(other())
            group.create_task(step(fail, "Sour"))
    except* StepFailed as failed:
        said.append([one.kind for one in failed.exceptions])  # type: ignore[union-attr]
    return said


@gives({"done": ["fast"], "pending": ["slow"]})
async def wait_for_the_first(unit: float) -> dict[str, list[str]]:
    fast = asyncio.create_task(asyncio.sleep(unit), name="fast")
    slow = asyncio.create_task(asyncio.sleep(5 * unit), name="slow")
    done, pending = await asyncio.wait({fast, slow}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return {
        "done": [task.get_name() for task in done],
        "pending": [task.get_name() for task in pending],
    }


@gives(2)
async def wait_with_a_timeout(unit: float) -> int:
    tasks = [asyncio.create_task(asyncio.sleep(n * unit)) for n in (1, 2, 60)]
    done, pending = await asyncio.wait(tasks, timeout=10 * unit)
    for task in pending:
        task.cancel()
    return len(done)


@gives(["in time", "too late"])
async def wait_for(unit: float) -> list[str]:
    said = [await asyncio.wait_for(asyncio.sleep(unit, "in time"), 30 * unit)]
    try:
        await asyncio.wait_for(asyncio.sleep(1000), unit)
    except TimeoutError:
        said.append("too late")
    return said


@gives(["inner", "outer goes on"])
async def nested_timeouts(unit: float) -> list[str]:
    said = []
    async with asyncio.timeout(60 * unit) as outer:
        try:
            async with asyncio.timeout(unit):
                await asyncio.sleep(1000)
        except TimeoutError:
            said.append("inner")
        outer.reschedule(asyncio.get_running_loop().time() + 90 * unit)
        await asyncio.sleep(unit)
        said.append("outer goes on")
    return said


@gives([0, 1, 2, 3])
async def created_tasks_begin_in_order(unit: float) -> list[int]:
    begun: list[int] = []

    async def begin(number: int) -> None:
        begun.append(number)
        await step(echo, number).named(f"step {number}")

    tasks = [asyncio.create_task(begin(number)) for number in range(4)]
    for task in tasks:
        await task
    return begun


@gives(["set", "woken", "woken"])
async def event(unit: float) -> list[str]:
    said: list[str] = []
    flag = asyncio.Event()

    async def waiter() -> None:
        await flag.wait()
        said.append("woken")

    waiting = [asyncio.create_task(waiter()) for _ in range(2)]
    await asyncio.sleep(unit)
    said.append("set")
    flag.set()
    await asyncio.gather(*waiting)
    return said


@gives([0, 2, 4, 6, 8, 10, 12])
async def queue(unit: float) -> list[int]:
    jobs: asyncio.Queue[int] = asyncio.Queue(maxsize=2)
    results: dict[int, int] = {}

    async def consume() -> None:
        while True:
            number = await jobs.get()
            results[number] = await step(twice, number).named(f"twice {number}")
            jobs.task_done()

    consumers = [asyncio.create_task(consume()) for _ in range(3)]
    for number in range(7):
        await jobs.put(number)
    await jobs.join()
    for consumer in consumers:
        consumer.cancel()
    return [results[number] for number in sorted(results)]


@gives([1, 2, 3])
async def priority_queue(unit: float) -> list[int]:
    waiting: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
    for number in (3, 1, 2):
        waiting.put_nowait(number)
    return [await waiting.get() for _ in range(3)]


@gives(1)
async def lock(unit: float) -> int:
    guard = asyncio.Lock()
    inside = most = 0

    async def enter() -> None:
        nonlocal inside, most
        async with guard:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(unit)
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(3)))
    return most


@gives({"most": 2, "done": 5})
async def semaphore(unit: float) -> dict[str, int]:
    places = asyncio.Semaphore(2)
    inside = most = 0

    async def enter(number: int) -> int:
        nonlocal inside, most
        async with places:
            inside += 1
            most = max(most, inside)
            await step(echo, number).named(f"work {number}")
            inside -= 1
        return number

    done = await asyncio.gather(*(enter(number) for number in range(5)))
    return {"most": most, "done": len(done)}


@gives(["waiting", "notified"])
async def condition(unit: float) -> list[str]:
    said: list[str] = []
    there = asyncio.Condition()

    async def wait() -> None:
        async with there:
            said.append("waiting")
            await there.wait()
            said.append("notified")

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(unit)
    async with there:
        there.notify_all()
    await waiting
    return said


@gives([3, 3, 3])
async def barrier(unit: float) -> list[int]:
    meeting = asyncio.Barrier(3)
    met: list[int] = []

    async def come(number: int) -> int:
        await asyncio.sleep(number * unit)
        met.append(number)
        await meeting.wait()
        return len(met)

    return list(await asyncio.gather(*(come(number) for number in range(3))))


@gives(["a year", "and a day"])
async def sleep(unit: float) -> list[str]:
    days = 366 if unit >= 1 else 0
    first = await asyncio.sleep(unit + days * 86_400, "a year")
    await asyncio.sleep(0)
    return [first, await asyncio.sleep(unit, "and a day")]


@gives([1, 2, 3])
async def as_completed(unit: float) -> list[int]:
    async def after(number: int) -> int:
        return await asyncio.sleep(5 * number * unit, number)

    return [await one for one in asyncio.as_completed([after(3), after(1), after(2)])]


@gives(["not waited for", "done all the same"])
async def shielded(unit: float) -> list[str]:
    said = []

    async def inner() -> str:
        await asyncio.sleep(3 * unit)
        return "done all the same"

    task = asyncio.create_task(inner())
    try:
        await asyncio.wait_for(asyncio.shield(task), unit)
    except TimeoutError:
        said.append("not waited for")
    return [*said, await task]


@gives(["asked", "cleaned up", "cancelled"])
async def cancelled_task(unit: float) -> list[str]:
    said: list[str] = []

    async def long() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            said.append("asked")
            raise
        finally:
            await step(echo, "clean")
            said.append("cleaned up")

    task = asyncio.create_task(long())
    await asyncio.sleep(unit)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        said.append("cancelled")
    return said


@gives(["refused to stop", "went on"])
async def cancellation_that_is_caught(unit: float) -> list[str]:
    said: list[str] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            said.append("refused to stop")
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
        await step(echo, "more")
        said.append("went on")

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(unit)
    task.cancel()
    await task
    return said


@gives({"sour": 1, "bitter": 2})
async def exception_groups(unit: float) -> dict[str, int]:
    counted = {"sour": 0, "bitter": 0}

    async def raise_group() -> None:
        try:
            raise ExceptionGroup(
                "all", [ValueError("a"), TypeError("b"), ExceptionGroup("in", [TypeError("c")])]
            )
        except* ValueError as sour:
            counted["sour"] += len(sour.exceptions)
        except* TypeError as bitter:
            counted["bitter"] += len(bitter.exceptions)

    await raise_group()
    return counted


@contextlib.asynccontextmanager
async def opened(said: list[str], name: str) -> AsyncIterator[str]:
    said.append(await step(echo, f"open {name}").named(f"open {name}"))
    try:
        yield name
    finally:
        said.append(await step(echo, f"close {name}").named(f"close {name}"))


@gives(["open a", "open b", "inside a b", "close b", "close a"])
async def async_with(unit: float) -> list[str]:
    said: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        a = await stack.enter_async_context(opened(said, "a"))
        b = await stack.enter_async_context(opened(said, "b"))
        said.append(f"inside {a} {b}")
    return said


@gives([0, 1, 4, 9])
async def generators(unit: float) -> list[int]:
    def numbers() -> Iterator[int]:
        yield from range(4)

    async def squares() -> AsyncIterator[int]:
        for number in numbers():
            yield await step(echo, number * number).named(f"square {number}")

    return [one async for one in squares()]


request: contextvars.ContextVar[str] = contextvars.ContextVar("request")


@gives([["inner", "outer"], "outer"])
async def context_variables(unit: float) -> list[Any]:
    request.set("outer")

    async def inner() -> str:
        request.set("inner")
        await asyncio.sleep(unit)
        return request.get()

    async def same() -> str:
        await asyncio.sleep(unit)
        return request.get()

    return [list(await asyncio.gather(inner(), same())), request.get()]


@gives(["one", "two", "three"])
async def callbacks(unit: float) -> list[str]:
    loop = asyncio.get_running_loop()
    said: list[str] = []
    done = loop.create_future()

    def third() -> None:
        said.append("three")
        done.set_result(None)

    loop.call_later(3 * unit, third)
    loop.call_at(loop.time() + 2 * unit, said.append, "two")
    loop.call_soon(said.append, "one")
    never = loop.call_later(2 * unit, said.append, "never")
    never.cancel()
    await done
    return said


@gives(True)
async def same_chance_and_time(unit: float) -> bool:
    ids = [str(workflow.uuid4()) for _ in range(3)]
    chance = workflow.random().random()
    before = workflow.now()
    seen = await step(echo, [*ids, chance, before.isoformat()])
    await asyncio.sleep(unit)
    passed = (workflow.now() - before).total_seconds()
    return seen == [*ids, chance, before.isoformat()] and passed >= unit and len(set(ids)) == 3


@gives(["Sour", "kept"])
async def failures_are_values_too(unit: float) -> list[Any]:
    try:
        await step(fail, "Sour")
    except StepFailed as failed:
        kind = failed.kind
    return [kind, await step(fail, "Bitter").optional("kept")]


@gives(["before", "after"])
async def what_is_sent_is_received(unit: float) -> list[Any]:
    mine = workflow.info().workflow_id
    workflow.send_event("note", {"n": 1, "text": "before"}, to=mine)
    await asyncio.sleep(unit)
    first = await workflow.wait_for_event("note", where=lambda e: e.n == 1)
    second = asyncio.create_task(workflow.wait_for_event("note", where="event.n == 2"))
    await asyncio.sleep(unit)
    workflow.send_event("note", {"n": 2, "text": "after"}, to=mine)
    return [first["text"], (await second)["text"]]


@gives([None, "other"])
async def waits_time_out(unit: float) -> list[Any]:
    none = await workflow.wait_for_event("never", timeout=unit)
    either = {
        asyncio.create_task(workflow.wait_for_event("never"), name="event"),
        asyncio.create_task(asyncio.sleep(unit), name="other"),
    }
    done, pending = await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return [none, *(task.get_name() for task in done)]
