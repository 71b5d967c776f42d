"""Twins of `seeds/001`: state machines whose states are tasks and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest

from tests.twins.conftest import Bench, events
from tests.twins.fakes import Outside
from treadle import Context, activity
from treadle.errors import ApplicationError, InvalidRequest, RunFailed
from treadle.graph import Retry
from treadle.machine import Assign, Do, Machine


class Flow(Enum):
    START = "start"
    CHECK = "check"
    WORK = "work"
    DONE = "done"
    REJECTED = "rejected"


@dataclass
class Cart:
    """What is bought."""

    items: list[str]
    total: float = 0.0


class Unstable(ApplicationError):
    """The outside does not answer this time."""


async def test_s001_01_states_of_an_enum_each_with_its_task(bench: Bench) -> None:
    @activity
    async def begin(memory: dict[str, Any]) -> Literal[Flow.CHECK]:
        return Flow.CHECK

    @activity
    async def check(number: int) -> Literal[Flow.WORK, Flow.REJECTED]:
        return Flow.WORK if number > 0 else Flow.REJECTED

    @activity
    async def work(ctx: Context) -> Literal[Flow.DONE]:
        ctx.memory.set("answer", 42)
        return Flow.DONE

    flow = Machine("flow-1", Flow, memory={"number": "params.number"})
    flow.task(Flow.START, begin)
    flow.task(Flow.CHECK, check)
    flow.task(Flow.WORK, work)
    flow.final(Flow.DONE, output="memory.answer")
    flow.final(Flow.REJECTED, output="'no'")
    async with bench.worker(begin, check, work):
        assert await (await bench.start(flow, {"number": 1})).result(20) == 42
        rejected = await bench.start(flow, {"number": -1})
        assert await rejected.result(20) == "no"
        assert [one.entered[0] for one in await events(rejected, "transition_taken")] == [
            *("start", "check", "rejected"),
        ]


async def test_s001_02_a_task_that_returns_what_nothing_handles(bench: Bench) -> None:
    @activity
    async def anything() -> str:
        return "somewhere"

    class Small(Enum):
        ONLY = "only"
        END = "end"

    flow = Machine("flow-2", Small)
    flow.task(Small.ONLY, anything)
    flow.final(Small.END)
    failure = await bench.failure(flow, None, anything)
    assert failure.kind == "treadle.ResultUnhandled"
    assert "'only' returned 'somewhere'" in failure.message


async def test_s001_03_nodes_prepare_execute_and_pick_the_next_state(bench: Bench) -> None:
    """Only execute is tried again, and what was prepared is not prepared again."""
    outside = Outside()
    outside.fails("execute", Unstable("again"), Unstable("again"))

    @activity
    async def load(number: int) -> list[int]:
        outside.call("load", number)
        return [number, number + 1]

    @activity
    async def add_up(numbers: list[int]) -> int:
        outside.call("execute", numbers)
        return sum(numbers)

    @activity
    async def store(prepared: list[int], executed: int, ctx: Context) -> Literal[Flow.DONE]:
        outside.call("store", executed)
        ctx.memory.set("sum", executed)
        return Flow.DONE

    class Two(Enum):
        ADD = "add"
        DONE = "done"

    flow = Machine("flow-3", Two, memory={"number": "params.number"})
    again = Retry(max_attempts=3, initial="10ms", jitter=0)
    sums = Do(activity=add_up, retry=again)
    flow.node(Two.ADD, prepare=load, execute=sums, post=store)
    flow.final(Two.DONE, output="memory.sum")
    async with bench.worker(load, add_up, store):
        assert await (await bench.start(flow, {"number": 3})).result(20) == 7
    assert outside.done == [("load", 3), ("execute", [3, 4]), ("store", 7)]
    assert [name for name, _ in outside.attempts] == ["load", *["execute"] * 3, "store"]


async def test_s001_04_tasks_and_nodes_in_one_machine(bench: Bench) -> None:
    @activity
    async def first() -> Literal["second"]:
        return "second"

    @activity
    async def second() -> str:
        return "value"

    @activity
    async def choose(executed: str) -> Literal["done"]:
        assert executed == "value"
        return "done"

    class Mixed(Enum):
        FIRST = "first"
        SECOND = "second"
        DONE = "done"

    flow = Machine("flow-4", Mixed)
    flow.task(Mixed.FIRST, first)
    flow.node(Mixed.SECOND, execute=second, post=Do(activity=choose, input="executed"))
    flow.final(Mixed.DONE)
    async with bench.worker(first, second, choose):
        assert await (await bench.start(flow)).result(20) == {}


async def test_s001_05_what_is_returned_is_checked_before_any_run(bench: Bench) -> None:
    @activity
    async def check() -> Literal["wrok", Flow.DONE]:
        return Flow.DONE

    class Short(Enum):
        CHECK = "check"
        WORK = "work"
        DONE = "done"

    flow = Machine("flow-5", Short)
    flow.task(Short.CHECK, check)
    flow.state(Short.WORK).on("go", Short.DONE)
    flow.final(Short.DONE)
    with pytest.raises(InvalidRequest) as refused:
        await bench.client.deploy(flow)
    assert "states.check.returns" in str(refused.value)
    assert "Did you mean 'work'?" in str(refused.value)


async def test_s001_05_states_that_cannot_be_right(bench: Bench) -> None:
    class Odd(Enum):
        HERE = "here"
        STUCK = "stuck"
        NOWHERE = "nowhere"
        DONE = "done"

    flow = Machine("flow-6", Odd)
    flow.state(Odd.HERE).on("go", Odd.STUCK).on("end", Odd.DONE)
    flow.state(Odd.STUCK)
    flow.state(Odd.NOWHERE).on("end", Odd.DONE, guard="memory.")
    flow.final(Odd.DONE)
    with pytest.raises(InvalidRequest, match=r"states.nowhere.on.end.guard"):
        await bench.client.deploy(flow)
    flow.state(Odd.NOWHERE).body["on"]["end"][0]["guard"] = "true"
    with pytest.raises(InvalidRequest) as refused:
        await bench.client.deploy(flow)
    faults = {violation.field: violation.description for violation in refused.value.violations}
    assert "can never be left" in faults["states.stuck"]
    assert "can never be entered" in faults["states.nowhere"]


async def test_s001_06_how_a_run_ends(bench: Bench) -> None:
    class Ends(Enum):
        OPEN = "open"
        GOOD = "good"
        BAD = "bad"

    flow = Machine("flow-7", Ends)
    flow.state(Ends.OPEN).on("yes", Ends.GOOD).on("no", Ends.BAD)
    flow.final(Ends.GOOD, output="{'said': event}")
    flow.final(Ends.BAD, fails="Declined", message="'because ' + event.why")
    good = await bench.start(flow)
    await good.send_event("yes", "please")
    assert await good.result(20) == {"said": "please"}
    bad = await bench.start(flow)
    await bad.send_event("no", {"why": "it rains"})
    with pytest.raises(RunFailed, match="because it rains"):
        await bad.result(20)
    failure = (await bad.describe()).failure
    assert failure is not None
    assert failure.kind == "Declined"


async def test_s001_07_grouped_states(bench: Bench) -> None:
    """A transition of the group holds in all of its states."""

    class Grouped(Enum):
        ACTIVE = "active"
        CHECKING = "checking"
        RUNNING = "running"
        STOPPED = "stopped"

    flow = Machine("flow-8", Grouped)
    flow.state(Grouped.ACTIVE, initial=Grouped.CHECKING).on("stop", Grouped.STOPPED)
    flow.state(Grouped.CHECKING, within=Grouped.ACTIVE).on("ok", Grouped.RUNNING)
    flow.state(Grouped.RUNNING, within=Grouped.ACTIVE).on("again", Grouped.CHECKING)
    flow.final(Grouped.STOPPED)
    run = await bench.start(flow)
    await run.send_event("ok")
    described = await run.describe()
    assert described.active_states == ("active", "running")
    assert described.accepted_events == ("again", "stop")
    await run.send_event("stop")
    await run.result(20)


async def test_s001_08_error_states(bench: Bench) -> None:
    """The failure is readable where it is handled; one that nothing handles fails the run."""

    class Broken(ApplicationError):
        """It cannot be mended."""

    @activity
    async def breaks(how: str) -> str:
        if how == "broken":
            raise Broken("to pieces", details={"piece": 3})
        raise Unstable("again")

    class Errors(Enum):
        TRY = "try"
        MENDING = "mending"
        DONE = "done"

    flow = Machine("flow-9", Errors, memory={"how": "params.how"})
    flow.task(Errors.TRY, Do(activity=breaks, retry=Retry(max_attempts=2, initial="10ms"))).error(
        Errors.MENDING, kinds=[Broken]
    ).returns("fine", Errors.DONE)
    flow.state(Errors.MENDING, entry=Assign({"seen": "error"})).always(Errors.DONE)
    flow.final(Errors.DONE, output="memory.seen")
    async with bench.worker(breaks):
        seen: Any = await (await bench.start(flow, {"how": "broken"})).result(20)
        assert (seen["kind"], seen["message"], seen["details"]) == (
            "Broken",
            "to pieces",
            {"piece": 3},
        )
        assert seen["node"] == "try"
        with pytest.raises(RunFailed, match="again"):
            await (await bench.start(flow, {"how": "unstable"})).result(20)


async def test_s001_09_a_typed_store(bench: Bench) -> None:
    """What a state writes goes with its result, and the next one reads it in its own type."""

    @activity
    async def fill(cart: Cart, ctx: Context) -> Literal["paying"]:
        ctx.memory.set("cart", Cart([*cart.items, "tea"], cart.total + 3.5))
        return "paying"

    @activity
    async def pay(cart: Cart) -> Literal["done"]:
        assert cart == Cart(["milk", "tea"], 4.5)
        return "done"

    class Shop(Enum):
        FILLING = "filling"
        PAYING = "paying"
        DONE = "done"

    flow = Machine("flow-10", Shop, memory={"cart": "params"})
    flow.task(Shop.FILLING, fill)
    flow.task(Shop.PAYING, pay)
    flow.final(Shop.DONE, output="memory.cart.total")
    async with bench.worker(fill, pay):
        assert await (await bench.start(flow, {"items": ["milk"], "total": 1.0})).result(20) == 4.5
