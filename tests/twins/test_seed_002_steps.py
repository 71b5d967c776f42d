"""Twins of `seeds/002`, workflows with compensation: steps, undoing, waiting."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.twins.conftest import Bench
from tests.twins.fakes import Outside
from treadle import Workflow, current_context, step, workflow
from treadle.errors import ApplicationError, StepFailed
from treadle.testing import Kit, virtual_time

CODE = True


@dataclass
class Onboarding:
    email: str
    name: str


@dataclass
class Onboarded:
    user: str
    customer: str
    resources: list[str]
    welcomed: bool


def onboarding_with(outside: Outside) -> Workflow[..., Any]:
    """Users, their customer at the payment service, resources, an optional mail."""
    create, delete = outside.service("create_user", {"id": "u-1"}), outside.service("delete_user")
    setup, remove = outside.service("setup_stripe", {"id": "c-1"}), outside.service("delete_stripe")
    save = outside.service("save_stripe_customer")
    provision = outside.service("provision_resources", ["r-1"])
    deprovision = outside.service("deprovision_resources")
    welcome = outside.service("send_welcome", "sent")

    @workflow(name="user-onboarding")
    async def onboarding(given: Onboarding) -> Onboarded:
        user = await step(create, given.email).compensate(delete)
        customer = await step(setup, user).compensate(remove)
        await step(save, {"user": user["id"], "customer": customer["id"]})
        resources = await step(provision, user).compensate(deprovision)
        sent = await step(welcome, given.email).optional()
        return Onboarded(user["id"], customer["id"], resources, sent is not None)

    return onboarding


ADA = {"email": "ada@example.com", "name": "Ada"}


async def test_s002_01_half_done_without_a_workflow() -> None:
    """Wrong on purpose: four outside effects in a function leave a user without resources."""
    outside = Outside()

    async def onboard() -> None:
        for name in ("create_user", "setup_stripe", "save_stripe_customer"):
            outside.done.append((name, None))
            if name == "save_stripe_customer":
                raise ConnectionError("crash")
        outside.done.append(("provision_resources", None))

    with pytest.raises(ConnectionError):
        await onboard()
    assert "create_user" in outside.names()
    assert "provision_resources" not in outside.names()


async def test_s002_02_steps_with_compensation(bench: Bench) -> None:
    outside = Outside()
    outside.fails("send_welcome", ApplicationError("mail is down"))
    record = await bench.record(onboarding_with(outside), ADA)
    assert record.output == {
        "user": "u-1",
        "customer": "c-1",
        "resources": ["r-1"],
        "welcomed": False,
    }
    assert "delete_user" not in outside.names()


async def test_s002_03_undone_newest_first(bench: Bench) -> None:
    """The failed step itself is not undone; the run's error is the step's; compensation gets the
    step's recorded result.
    """
    outside = Outside()
    outside.fails("provision_resources", ApplicationError("no room", kind="QuotaExceeded"))
    record = await bench.record(onboarding_with(outside), ADA)
    assert outside.done[-2:] == [("delete_stripe", {"id": "c-1"}), ("delete_user", {"id": "u-1"})]
    assert record.failure is not None
    assert record.failure.kind == "QuotaExceeded"
    assert record.description.status == "compensated"


@virtual_time
async def test_s002_04_a_checkpoint_after_each_step() -> None:
    """Server and worker die after step 2: it goes on at step 3, and nothing ran twice."""
    outside = Outside()

    @workflow(name="long-running")
    async def long(given: None) -> str:
        for number in (1, 2):
            await step(outside.service(f"step {number}"), number).named(f"step-{number}")
        await asyncio.sleep(3600)
        await step(outside.service("step 3"), 3).named("step-3")
        return "done"

    async with Kit([long]) as kit:
        handle = await kit.start(long)
        await kit.settle()
        kit.kill_worker("step-3")
        await kit.crash_server()
        record = await kit.finish(handle)
    assert record.output == "done"
    assert [record.count(f"step-{number}") for number in (1, 2, 3)] == [1, 1, 1]
    assert outside.names() == ["step 1", "step 2", "step 3"]


async def test_s002_05_and_06_the_state_as_facts(bench: Bench) -> None:
    """Name, version, input, state, what is open, result and times of each step."""

    @workflow(name="stateful", version=3)
    async def stateful(given: dict[str, int]) -> int:
        first = await step(lambda: 7).named("seven")
        await workflow.wait_for_event("go")
        return first  # type: ignore[no-any-return]

    async with bench.worker(stateful):
        handle = await bench.start(stateful, {"n": 1})
        for _ in range(100):
            described = await handle.describe()
            if described.message.pending_waits:
                break
            await asyncio.sleep(0.02)
        assert (described.run.workflow, described.run.version) == ("stateful", 3)
        assert described.input == {"n": 1}
        assert described.status == "waiting"
        [nodes] = [[one async for one in bench.client.list_nodes(handle.run_id)]]
        by_type = {one.type: one for one in nodes}
        assert by_type["seven"].output == 7
        assert by_type["seven"].end_time is not None
        assert by_type["go"].kind == "wait"
        await handle.send_event("go")
        assert await handle.result(20) == 7


async def test_s002_09_parallel_steps(bench: Bench) -> None:
    """`gather`: the first failure is raised, the others run on; at the run's end they are asked to
    stop, and one that succeeds all the same is undone, too. `TaskGroup`: the others are cancelled.
    """
    outside = Outside()
    undo = outside.service("undo")

    def slow(value: int) -> int:
        time.sleep(0.2)  # hears nothing of being asked to stop
        return value

    def broken(value: int) -> int:
        raise ApplicationError("no", kind="Broken")

    @workflow(name="parallel")
    async def parallel(given: str) -> list[int]:
        calls = [
            step(slow, 1).named("slow").compensate(undo),
            step(broken, 2).named("broken"),
        ]
        if given == "good":
            return list(await asyncio.gather(step(slow, 1), step(slow, 2), step(slow, 3)))
        if given == "gather":
            return list(await asyncio.gather(*calls))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in calls]
        return [task.result() for task in tasks]

    async with bench.worker(parallel):
        good = await bench.start(parallel, "good")
        assert await good.result(20) == [1, 2, 3]
        gathered = await bench.finish(await bench.start(parallel, "gather"))
        assert gathered.failure is not None
        assert gathered.failure.kind == "Broken"
        assert outside.done == [("undo", 1)]
        grouped = await bench.finish(await bench.start(parallel, "group"))
        assert grouped.state == "FAILED"


async def test_s002_10_conditional_steps(bench: Bench) -> None:
    outside = Outside()
    user = outside.service("get_user", lambda plan: {"plan": plan})
    premium, teardown = outside.service("premium"), outside.service("teardown")
    basic = outside.service("basic")

    @workflow(name="conditional")
    async def conditional(plan: str) -> None:
        found = await step(user, plan)
        if found["plan"] == "premium":
            await step(premium, found).compensate(teardown)
        await step(basic, found)

    async with bench.worker(conditional):
        await (await bench.start(conditional, "premium")).result(20)
        await (await bench.start(conditional, "free")).result(20)
    assert outside.names() == ["get_user", "premium", "basic", "get_user", "basic"]


async def test_s002_11_waiting_for_an_event(bench: Bench) -> None:
    """Approved, rejected, timed out; the answer may come before the wait begins; each run gets its
    own; a sender that repeats is heard once.
    """
    outside = Outside()
    notify = outside.service("notify")

    @workflow(name="approval-workflow")
    async def approval(request: dict[str, Any]) -> str:
        await step(notify, request["approver"])
        event = await workflow.wait_for_event(
            "approval", where=lambda e: e.request == request["id"], timeout=request["timeout"]
        )
        if event is None:
            return "timeout"
        return "approved" if event["approved"] else f"rejected: {event['reason']}"

    def request(number: int, timeout: str = "7d") -> dict[str, Any]:
        return {"id": number, "approver": "mia", "timeout": timeout}

    async with bench.worker(approval):
        early = await bench.start(approval, request(1))
        for _ in range(2):
            await early.send_event("approval", {"request": 1, "approved": True}, event_id="once")
        assert await early.result(20) == "approved"
        second, third = [await bench.start(approval, request(number)) for number in (2, 3)]
        no = {"request": 3, "approved": False, "reason": "too dear"}
        yes = {"request": 2, "approved": True}
        # What ends a run comes last: an event to a run that has ended is refused.
        for handle, events in ((second, (no, yes)), (third, (yes, no))):
            for event in events:
                await handle.send_event("approval", event)
        assert await second.result(20) == "approved"
        assert await third.result(20) == "rejected: too dear"
        silent = await bench.start(approval, request(4, "200ms"))
        assert await silent.result(20) == "timeout"


async def test_s002_12_timeouts_and_retries(bench: Bench) -> None:
    """3 retries are 4 attempts, 5 are 6; a timeout holds for each attempt."""
    outside = Outside()
    outside.fails("unreliable", *(ApplicationError("again") for _ in range(3)))
    outside.fails("critical", *(ApplicationError("again") for _ in range(5)))
    unreliable, critical = outside.service("unreliable", 1), outside.service("critical", 2)
    waits: dict[str, Any] = {"initial": "20ms", "backoff": "fixed", "jitter": 0}

    @workflow(name="robust")
    async def robust(given: None) -> int:
        first = await step(unreliable).retry(4, **waits)
        return first + await step(critical).timeout("10m").retry(6, **waits)  # type: ignore[no-any-return]

    record = await bench.record(robust, None)
    assert record.output == 3
    assert (record.count("unreliable"), record.count("critical")) == (4, 6)
    [scheduled] = [
        one.activity_scheduled
        for one in record.of_kind("activity_scheduled")
        if one.activity_scheduled.type == "critical"
    ]
    assert scheduled.start_to_close_timeout.seconds == 600


@virtual_time
async def test_s002_20_tests_with_mocks() -> None:
    """`step_completed`, `compensation_ran`; one attempt by default: a rate limit fails at once."""
    onboarding = onboarding_with(Outside())
    async with Kit([onboarding], mocks={"create_user": {"id": "123"}}) as kit:
        run = await kit.run(onboarding, ADA)
        assert run.state == "COMPLETED"
        assert run.step_completed("create_user")
        assert run.step_completed("setup_stripe")
    limited = ApplicationError("slow down", kind="RateLimit")
    mocks = {"create_user": {"id": "123"}, "delete_user": None}
    async with Kit([onboarding], mocks=mocks) as kit:
        kit.fail("setup_stripe", limited)
        run = await kit.run(onboarding, ADA)
        assert run.failure is not None
        assert run.failure.kind == "RateLimit"
        assert run.compensation_ran("create_user")
        assert kit.mock("delete_user").inputs == [{"id": "123"}]


async def test_s002_37_idempotency_keys(bench: Bench) -> None:
    """The same for every attempt at a step, and another one for another step."""
    outside = Outside()
    outside.fails("charge", ApplicationError("lost the answer"))
    charge = outside.service("charge", "paid")

    @workflow(name="charging")
    async def charging(given: None) -> None:
        await step(charge, 1).retry(2, "10ms")
        await step(charge, 2)

    await bench.result(charging, None)
    (_, first), (_, again), (_, second) = outside.attempts
    assert first == again != second
    assert outside.done == [("charge", 1), ("charge", 2)]


async def test_s002_38_undoing_looks_at_the_present(bench: Bench) -> None:
    """The recorded status is that of creation: the undo step reads the current one."""
    orders = {"o-1": "draft"}

    async def create() -> dict[str, str]:
        return {"id": "o-1", "status": orders["o-1"]}

    async def ship(order: str) -> None:
        orders[order] = "shipped"

    async def undo(order: dict[str, str]) -> str:
        assert order["status"] == "draft"
        key = current_context().idempotency_key
        assert key
        orders["o-1"] = "deleted" if orders["o-1"] == "draft" else "cancelled"
        return orders["o-1"]

    @workflow(name="state-aware")
    async def aware(given: None) -> None:
        order = await step(create).compensate(undo)
        await step(ship, order["id"])
        raise ApplicationError("too late")

    record = await bench.record(aware, None)
    assert record.compensation_ran("create")
    assert orders == {"o-1": "cancelled"}


async def test_compensation_by_hand_sees_a_typed_failure(bench: Bench) -> None:
    @workflow(name="by-hand")
    async def by_hand(given: None) -> str:
        try:
            await step(_declined)
        except StepFailed as failed:
            return f"{failed.name} {failed.kind}"
        return ""

    assert await bench.result(by_hand, None) == "_declined Declined"


def _declined() -> None:
    raise ApplicationError("card refused", kind="Declined")
