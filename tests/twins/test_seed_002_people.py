"""Twins of `seeds/002`, workflows with compensation: what people see of a run, and do to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.twins.conftest import Bench, events
from tests.twins.fakes import Outside
from treadle import step, workflow
from treadle.errors import ApplicationError, Conflict, RunFailed

CODE = True


async def test_s002_08_and_15_reset_and_skip(bench: Bench) -> None:
    """What a held run is stuck at: tried again in place, or skipped with a result. An earlier step:
    a new run, which takes over what came before it.
    """
    outside = Outside()
    outside.fails("second", *(ApplicationError("corrupt") for _ in range(2)))
    first, second = outside.service("first", 1), outside.service("second", 2)

    @workflow(name="resettable")
    async def resettable(given: None) -> list[int]:
        return [await step(first), await step(second).hold()]

    async with bench.worker(resettable):
        handle = await bench.start(resettable)
        assert await _held(bench, handle) == "c1"
        assert await bench.client.reset(handle.run_id, key="c1") == handle.run_id
        assert await _held(bench, handle) == "c1"
        await bench.client.answer(
            handle.run_id, key="c1", answer="skip", output=22, reason="as the books say"
        )
        assert await handle.result(20) == [1, 22]
        assert outside.names() == ["first"]
        ended = await bench.start(resettable)
        assert await ended.result(20) == [1, 2]
        with pytest.raises(Conflict):
            await bench.client.reset(ended.run_id, key="c1")  # a completed run is done


async def _held(bench: Bench, handle: Any) -> str:
    for _ in range(200):
        described = await handle.describe()
        held = [one.key for one in described.pending_activities if one.state == "HELD"]
        if held:
            return str(held[0])
        await asyncio.sleep(0.02)
    raise AssertionError("it is not held")


async def test_s002_13_the_words_of_the_life_cycle(bench: Bench) -> None:
    """created, running, waiting, compensating, completed, compensated, failed (needs a person)."""
    outside = Outside()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def blocking() -> None:
        begun.set()
        await go_on.wait()

    outside.fails("undo", *(ApplicationError("cannot", non_retryable=True) for _ in range(2)))
    undo = outside.service("undo")

    @workflow(name="life")
    async def life(given: str) -> None:
        await step(blocking)
        await workflow.wait_for_event("go")
        if given == "fails":
            await step(lambda: None).named("done").compensate(undo)
            raise ApplicationError("no")
        if given == "waits":
            await step(lambda: None).named("done").compensate(undo)
            await workflow.wait_for_event("never")

    handle = await bench.start(life, "fine")
    assert (await handle.describe()).status == "created"
    async with bench.worker(life):
        await begun.wait()
        assert (await handle.describe()).status == "running"
        go_on.set()
        await _status(handle, "waiting")
        await handle.send_event("go")
        await handle.result(20)
        assert (await handle.describe()).status == "completed"
        poor = await bench.start(life, "fails")
        await poor.send_event("go")
        await _status(poor, "held")
        key = await _held(bench, poor)
        await bench.client.answer(poor.run_id, key=key, answer="fail")
        record = await bench.finish(poor)
        assert record.description.status == "failed (needs a person)"
        assert record.of_kind("compensation_ended")[0].compensation_ended.not_undone == ["c2"]
        asked = await bench.start(life, "waits")
        await asked.send_event("go")
        await _status(asked, "waiting")
        await _waited(asked, 2)
        await asked.cancel("enough")
        await _status(asked, "held")
        await bench.client.answer(asked.run_id, key=await _held(bench, asked), answer="fail")
        record = await bench.finish(asked)
        assert record.description.status == "failed (needs a person)"
        failure = record.description.failure
        assert failure is not None
        assert failure.kind == "treadle.NotUndone"


async def _waited(handle: Any, times: int) -> None:
    for _ in range(200):
        if len(await events(handle, "wait_started")) == times:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"it has not waited {times} times")


async def _status(handle: Any, word: str) -> None:
    for _ in range(200):
        if (await handle.describe()).status == word:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"it is {(await handle.describe()).status}, not {word}")


async def test_s002_14_a_handle_at_once(bench: Bench) -> None:
    """A start returns when it is on disk; a result can be waited for with a limit, past which the
    run goes on.
    """

    @workflow(name="slow-one")
    async def slow(given: int) -> int:
        await asyncio.sleep(0.3)
        return given

    async with bench.worker(slow):
        handle = await bench.start(slow, 5)
        with pytest.raises(TimeoutError):
            await handle.result(0.05)
        assert await handle.result(20) == 5


async def test_s002_17_retry_a_failed_run(bench: Bench) -> None:
    """A new run takes over what was done and not undone; with changed input, up to the first
    difference.
    """
    outside = Outside()
    outside.fails("pay", ApplicationError("declined", kind="Declined"))
    reserve, release = outside.service("reserve", "r"), outside.service("release")
    check = outside.service("check", lambda given: given)
    pay = outside.service("pay", "paid")

    @workflow(name="retryable")
    async def retryable(given: dict[str, Any]) -> list[Any]:
        checked = await step(check, given["order"]).named(f"check {given['order']}")
        reserved = await step(reserve, checked).compensate(release)
        await asyncio.sleep(0.05)
        return [reserved, await step(pay, given["card"])]

    async with bench.worker(retryable):
        handle = await bench.start(retryable, {"order": 1, "card": "old"})
        with pytest.raises(RunFailed):
            await handle.result(20)
        assert outside.names() == ["check", "reserve", "release"]
        again = await bench.client.retry(handle.run_id)
        taken_up = bench.client.get_handle(again.run_id)
        assert await taken_up.result(20) == ["r", "paid"]
        # Checked and not undone: taken over. Reserved and undone: done again, under a new key.
        assert outside.names()[3:] == ["reserve", "pay"]
        outside.fails("pay", ApplicationError("declined", kind="Declined"))
        other = await bench.start(retryable, {"order": 2, "card": "old"})
        with pytest.raises(RunFailed):
            await other.result(20)
        changed = await bench.client.retry(other.run_id, new_input={"order": 3, "card": "new"})
        assert await bench.client.get_handle(changed.run_id).result(20) == ["r", "paid"]
    assert outside.done[-3:] == [("check", 3), ("reserve", 3), ("pay", "new")]
    keys = [key for name, key in outside.attempts if name == "reserve"]
    assert len(set(keys)) == len(keys)


async def test_s002_18_skip_a_step(bench: Bench) -> None:
    """Whoever has it: the step counts with a given result, or with null."""

    async def never() -> None:
        await asyncio.sleep(3600)

    @workflow(name="skippable")
    async def skippable(given: None) -> list[Any]:
        return [await step(never).named("payment"), await step(never).named("other")]

    async with bench.worker(skippable):
        handle = await bench.start(skippable)
        await _open(handle, "c0")
        await bench.client.skip(handle.run_id, key="c0", output={"manual": True}, reason="paid")
        await _open(handle, "c1")
        await bench.client.skip(handle.run_id, key="c1")
        record = await bench.finish(handle)
    assert record.output == [{"manual": True}, None]
    [first, _] = record.of_kind("activity_overridden")
    assert (first.activity_overridden.actor, first.activity_overridden.reason) == ("local", "paid")


async def _open(handle: Any, key: str) -> None:
    for _ in range(200):
        if key in [one.key for one in (await handle.describe()).pending_activities]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{key} is not open")


async def test_s002_19_cancel(bench: Bench) -> None:
    """With compensation by default, without by a flag; by force nothing runs after it; code may
    catch it.
    """
    outside = Outside()
    book, unbook = outside.service("book"), outside.service("unbook")

    @workflow(name="cancellable")
    async def cancellable(given: str) -> str:
        await step(book).compensate(unbook)
        try:
            await workflow.wait_for_event("never")
        except asyncio.CancelledError:
            if given != "stubborn":
                raise
        return "went on"

    async with bench.worker(cancellable):
        plain, bare, forced, stubborn = [
            await bench.start(cancellable, given) for given in ("a", "b", "c", "stubborn")
        ]
        for handle in (plain, bare, forced, stubborn):
            await _status(handle, "waiting")
        await plain.cancel("changed my mind")
        record = await bench.finish(plain)
        assert (record.state, outside.names().count("unbook")) == ("CANCELLED", 1)
        await bench.client.cancel(bare.run_id, compensate=False)
        assert (await bench.finish(bare)).state == "CANCELLED"
        await forced.terminate()
        assert (await bench.finish(forced)).state == "TERMINATED"
        await stubborn.cancel()
        assert await stubborn.result(20) == "went on"
    assert outside.names().count("unbook") == 1
