"""People steer machines as they steer other runs: the same verbs, the same rules."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from enum import Enum
from typing import Any, Literal

import pytest

from treadle import Machine, activity
from treadle.errors import (
    ApplicationError,
    Conflict,
    RunCancelled,
    RunFailed,
    RunTimedOut,
)
from treadle.graph import Retry
from treadle.machine import Assign, Child, Do
from treadle.testing import Kit, virtual_time

ONCE = Retry(max_attempts=1)


class Order(Enum):
    NEW = "new"
    PAYING = "paying"
    SHIPPING = "shipping"
    DONE = "done"
    REFUSED = "refused"


class Works:
    """Activities that fail for as long as they are told to; what was called is noted."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.broken: set[str] = set()

    def make(self, name: str) -> Any:
        @activity(name=name)
        async def work() -> str:
            self.calls.append(name)
            if name in self.broken:
                raise ApplicationError(f"{name} is broken")
            return "ok"

        return work


def order(works: Works, **options: Any) -> tuple[Machine, list[Any]]:
    """new --go--> paying --ok--> shipping --ok--> done"""
    pay, ship, refund = (works.make(name) for name in ("pay", "ship", "refund"))
    machine = Machine("order", Order, memory={"n": "0"}, **options)
    count = Assign({"n": "memory.n + 1"})
    machine.state(Order.NEW).on("go", Order.PAYING, action=count).on("refuse", Order.REFUSED)
    machine.task(
        Order.PAYING, Do(activity=pay, retry=ONCE, on_failure="hold", compensate=refund)
    ).returns("ok", Order.SHIPPING, action=count)
    machine.task(Order.SHIPPING, Do(activity=ship, retry=ONCE)).returns("ok", Order.DONE)
    machine.final(Order.DONE, output="memory.n")
    machine.final(Order.REFUSED, fails="Refused")
    return machine, [pay, ship, refund]


async def begun(kit: Kit, machine: Machine) -> Any:
    await kit.client.deploy(machine)
    run = await kit.client.start(machine.name)
    await run.send_event("go")
    return run


@virtual_time
async def test_a_task_that_is_held_is_tried_again_or_skipped() -> None:
    answers: list[tuple[Literal["retry", "skip"], str | None]] = [("retry", None), ("skip", "ok")]
    for answer, output in answers:
        works = Works()
        works.broken.add("pay")
        machine, activities = order(works)
        async with Kit() as kit, kit.worker(*activities):
            run = await begun(kit, machine)
            await kit.settle()
            described = await run.describe()
            assert described.active_states == ("paying",)
            works.broken.clear()
            [held] = described.pending_activities
            await kit.client.answer(run.run_id, key=held.key, answer=answer, output=output)
            assert await run.result() == 2


@virtual_time
async def test_a_failed_machine_is_taken_up_where_it_failed() -> None:
    works = Works()
    works.broken.add("ship")
    machine, activities = order(works)
    async with Kit() as kit, kit.worker(*activities):
        run = await begun(kit, machine)
        with pytest.raises(RunFailed, match="ship is broken"):
            await run.result()
        assert works.calls[-1] == "refund"  # what was done was undone, so all of it begins anew
        again = kit.client.get_handle((await kit.client.retry(run.run_id)).run_id)
        assert (await again.describe()).active_states == ("new",)
        works.broken.clear()
        await again.send_event("go")
        assert await again.result() == 2


@virtual_time
async def test_taken_up_with_its_memory_and_in_its_states() -> None:
    works = Works()
    works.broken.add("ship")
    machine, activities = order(works)
    document = machine.document()
    del document["states"]["paying"]["task"]["compensate"]  # type: ignore[index]
    async with Kit() as kit, kit.worker(*activities):
        await kit.client.deploy(document)
        run = await kit.client.start("order")
        await run.send_event("go")
        with pytest.raises(RunFailed):
            await run.result()
        works.broken.clear()
        works.calls.clear()
        again = kit.client.get_handle((await kit.client.retry(run.run_id)).run_id)
        assert await again.result() == 2
        assert works.calls == ["ship"]
        run = await kit.client.start("order")
        await run.send_event("refuse")
        with pytest.raises(RunFailed):
            await run.result()
        again = kit.client.get_handle((await kit.client.retry(run.run_id)).run_id)
        assert (await again.describe()).active_states == ("new",), "not in the end once more"
        await again.cancel()


@virtual_time
async def test_cancelled_it_undoes_what_its_tasks_did() -> None:
    works = Works()
    works.broken.add("ship")
    machine, activities = order(works)
    held = machine.document()
    held["states"]["shipping"]["task"]["on_failure"] = "hold"  # type: ignore[index]
    async with Kit() as kit, kit.worker(*activities):
        await kit.client.deploy(held)
        run = await kit.client.start("order")
        await run.send_event("go")
        await kit.settle()
        await run.cancel()
        with pytest.raises(RunCancelled):
            await run.result()
        assert works.calls == ["pay", "ship", "refund"]


@virtual_time
async def test_paused_it_keeps_events_for_later() -> None:
    works = Works()
    machine, activities = order(works)
    async with Kit() as kit, kit.worker(*activities):
        await kit.client.deploy(machine)
        run = await kit.client.start("order")
        await kit.client.pause(run.run_id)
        await run.send_event("go")
        assert (await run.describe()).active_states == ("new",)
        await kit.client.resume(run.run_id)
        assert await run.result() == 2


@virtual_time
async def test_resumed_after_a_crash_it_begins() -> None:
    """Its time to begin came while it was paused; then the server was killed."""
    works = Works()
    machine, activities = order(works)
    async with Kit() as kit, kit.worker(*activities):
        await kit.client.deploy(machine)
        run = await kit.client.start("order", begin=timedelta(seconds=20))
        await kit.client.pause(run.run_id)
        await kit.advance(30)
        await kit.crash_server()
        await kit.client.resume(run.run_id)
        await kit.settle()
        assert (await run.describe()).active_states == ("new",)
        await run.send_event("go")
        assert await run.result() == 2


@virtual_time
async def test_it_times_out() -> None:
    machine, _ = order(Works(), run_timeout="1h")
    async with Kit() as kit:
        await kit.client.deploy(machine)
        run = await kit.client.start("order")
        with pytest.raises(RunTimedOut):
            await run.result()


class Parent(Enum):
    ASKING = "asking"
    DONE = "done"
    SORRY = "sorry"


@virtual_time
async def test_a_state_that_runs_another_workflow() -> None:
    works = Works()
    machine, activities = order(works)
    parent = Machine("parent", Parent)
    parent.task(Parent.ASKING, Child("order", workflow_id="'the-order'")).returns(
        "*", Parent.DONE
    ).error(Parent.SORRY)
    parent.final(Parent.DONE, output="result")
    parent.final(Parent.SORRY, output="error.kind")
    async with Kit() as kit, kit.worker(*activities):
        await kit.client.deploy(machine)
        await kit.client.deploy(parent)
        run = await kit.client.start("parent")
        await kit.client.send_event("go", workflow_id="the-order")
        assert await run.result() == 2
        works.broken.add("ship")
        run = await kit.client.start("parent")
        await kit.client.send_event("go", workflow_id="the-order")
        assert await run.result() == "ApplicationError"


def looping(name: str, states: dict[str, Any]) -> dict[str, Any]:
    """A document of these states, which end in `end`."""
    return {
        "treadle": "v1",
        "kind": "machine",
        "name": name,
        "states": states | {"end": {"final": True}},
    }


@virtual_time
async def test_a_way_out_of_a_failure_that_fails_is_not_taken_for_ever() -> None:
    """What a state does on exit fails; its `error` way leads out of it as well."""
    works = Works()
    works.broken.add("leave")
    once = {"activity": "leave", "retry": {"max_attempts": 1}}
    states = {"here": {"exit": once, "error": "end", "on": {"go": "end"}}}
    async with Kit() as kit, kit.worker(works.make("leave")):
        await kit.client.deploy(looping("leaver", states))
        run = await kit.client.start("leaver")
        await run.send_event("go")
        with pytest.raises(RunFailed, match="leave is broken"):
            await run.result()
    assert works.calls == ["leave", "leave"]


@virtual_time
async def test_what_a_left_state_waited_for_leads_nowhere() -> None:
    """Its time was up while the machine was on its way out of it."""

    @activity
    async def slow() -> None:
        await asyncio.sleep(10)

    states = {
        "here": {"after": {"5s": "wrong"}, "on": {"go": {"target": "there", "action": "slow"}}},
        "there": {"after": {"1h": "end", "2h": "wrong"}},
        "wrong": {"final": {"fail": {"kind": "Wrong"}}},
    }
    async with Kit() as kit, kit.worker(slow):
        await kit.client.deploy(looping("late", states))
        run = await kit.client.start("late")
        await run.send_event("go")
        assert await run.result() == {}
        history = [event async for event in run.history()]
    assert [event.event_ignored.key for event in history if event.HasField("event_ignored")] == [
        "here/1/after0"
    ]


@virtual_time
async def test_what_fails_in_a_state_that_is_being_left_changes_nothing() -> None:
    """Its task fails while the machine is on its way out of it."""

    @activity
    async def slow() -> None:
        await asyncio.sleep(10)

    @activity
    async def failing() -> None:
        await asyncio.sleep(5)
        raise ApplicationError("too late to matter", non_retryable=True)

    here = {"task": "failing", "results": {"*": "end"}}
    states = {
        "here": here | {"on": {"go": {"target": "there", "action": "slow"}}},
        "there": {"after": {"1h": "end"}},
    }
    async with Kit() as kit, kit.worker(slow, failing):
        await kit.client.deploy(looping("leaving", states))
        run = await kit.client.start("leaving")
        await run.send_event("go")
        assert await run.result() == {}


@virtual_time
async def test_a_failed_entry_goes_before_what_leads_on_by_itself() -> None:
    works = Works()
    works.broken.add("enter")
    once = {"activity": "enter", "retry": {"max_attempts": 1}}
    states = {
        "here": {"on": {"go": "there"}},
        "there": {"entry": once, "always": "wrong", "error": "end"},
        "wrong": {"final": {"fail": {"kind": "Wrong"}}},
    }
    async with Kit() as kit, kit.worker(works.make("enter")):
        await kit.client.deploy(looping("enterer", states))
        run = await kit.client.start("enterer")
        await run.send_event("go")
        assert await run.result() == {}


@virtual_time
async def test_nobody_else_raises_what_a_machine_says_of_itself() -> None:
    inner = {"working": {"on": {"ready": "over"}}, "over": {"final": True}}
    states = {"job": {"states": inner, "on": {"done.job": "end"}}}
    async with Kit() as kit:
        await kit.client.deploy(looping("sayer", states))
        run = await kit.client.start("sayer")
        assert (await run.describe()).accepted_events == ("ready",)
        with pytest.raises(Conflict, match="raised by the machine itself"):
            await run.send_event("done.job")
        await run.send_event("ready")
        await run.result()


@virtual_time
@pytest.mark.parametrize(
    ("result", "named"),
    [
        ("paid", "paid"),
        (True, "true"),
        ({"card": "4111"}, ""),
        (["4111"], ""),
        ("x" * 101, ""),
    ],
)
async def test_a_result_names_a_transition_only_if_it_is_a_word(result: Any, named: str) -> None:
    """A value stands in the history once, and not in traces, where the name goes."""

    @activity
    async def work() -> Any:
        return result

    async with Kit() as kit, kit.worker(work):
        await kit.client.deploy(looping("any", {"only": {"task": "work", "results": {"*": "end"}}}))
        run = await kit.client.start("any")
        await run.result()
        history = [event async for event in run.history()]
        await kit.client.deploy(
            looping("none", {"only": {"task": "work", "results": {"no": "end"}}})
        )
        lost = await kit.client.start("none")
        with pytest.raises(RunFailed) as failed:
            await lost.result()
    taken = [event.transition_taken for event in history if event.HasField("transition_taken")]
    assert taken[-1].name == named
    said = f"returned {named!r}," if named else "returned a value,"
    assert said in failed.value.failure.message
