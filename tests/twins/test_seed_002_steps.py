"""Twins of `seeds/002`, workflows with compensation: steps, undoing, waiting, people."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.twins.conftest import Bench
from tests.twins.fakes import Outside
from treadle import Workflow, current_context, step, workflow
from treadle.errors import ApplicationError, Conflict, RunFailed, StepFailed
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
        for handle in (second, third):
            await handle.send_event("approval", no)
            await handle.send_event("approval", {"request": 2, "approved": True})
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


async def test_s002_13_the_words_of_the_life_cycle(bench: Bench) -> None:
    """created, running, waiting, compensating, completed, compensated, failed (needs a person)."""
    outside = Outside()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def blocking() -> None:
        begun.set()
        await go_on.wait()

    outside.fails("undo", *(ApplicationError("cannot", non_retryable=True) for _ in range(1)))
    undo = outside.service("undo")

    @workflow(name="life")
    async def life(given: str) -> None:
        await step(blocking)
        await workflow.wait_for_event("go")
        if given == "fails":
            await step(lambda: None).named("done").compensate(undo)
            raise ApplicationError("no")

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
